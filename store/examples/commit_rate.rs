//! How many deliveries a second the door makes durable, beside what the same rows cost without its decisions.
//!
//! `cargo run --release -p store --features testing --example commit_rate [seconds]`, on SQLite and (where it is
//! installed) on a throw-away PostgreSQL with `fsync` on.
//!
//! "raw" is one writer that gathers what waits and inserts the rows of a delivery, its intake and its job with
//! multi-row inserts into tables of the same shape, in one transaction per batch: the ceiling of group commit.

use chrono::{DateTime, SubsecRound, Utc};
use domain::{PsaKind, TenantId};
use futures::future::join_all;
use sqlx::{PgPool, QueryBuilder, SqlitePool};
use std::time::{Duration, Instant};
use store::accounts::NewTenant;
use store::door::{Disposition, NewDelivery};
use store::testing::TestStore;
use store::{Store, TenantStore};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

const CALLERS: [usize; 2] = [64, 512];
const TENANTS: usize = 10;
const BODY: usize = 1_000;

#[tokio::main]
async fn main() {
    let seconds = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok()).unwrap_or(4);
    let span = Duration::from_secs(seconds);
    let sqlite = TestStore::sqlite().await;
    run(&sqlite, span).await;
    match TestStore::postgres_durable().await {
        Some(postgres) => run(&postgres, span).await,
        None => println!("postgres: not installed"),
    }
}

async fn run(store: &TestStore, span: Duration) {
    let tenants = join_all((0..TENANTS).map(|index| tenant(store, index))).await;
    for callers in CALLERS {
        let raw = raw(store, &tenants, callers, span).await;
        let door = door(store, &tenants, callers, span).await;
        println!(
            "{:<9} {callers:>4} callers: door {:>7.0}/s (p50 {:.2} ms, p99 {:.2} ms), raw {:>7.0}/s (p50 {:.2} ms, p99 {:.2} ms), ratio {:.2}",
            store.engine_name(),
            door.rate,
            door.p50,
            door.p99,
            raw.rate,
            raw.p50,
            raw.p99,
            door.rate / raw.rate,
        );
    }
}

async fn tenant(store: &Store, index: usize) -> TenantStore {
    let new = NewTenant {
        name: format!("tenant {index}"),
        owner_email: format!("owner{index}@example.com"),
        owner_name: "Owner".into(),
        password_hash: "none".into(),
    };
    let (tenant, _) = store.tenant_create(new, now()).await.expect("a fresh database takes a tenant");
    store.tenant(tenant)
}

#[expect(clippy::disallowed_methods, reason = "a measurement runs by the real clock")]
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

struct Measured {
    rate: f64,
    p50: f64,
    p99: f64,
}

/// Calls `one` from all callers, over and over, until the time is up.
async fn measure(callers: usize, span: Duration, one: impl AsyncFn(usize)) -> Measured {
    let start = Instant::now();
    let mut waits: Vec<Duration> = join_all((0..callers).map(async |caller| {
        let mut waits = Vec::new();
        while start.elapsed() < span {
            let begun = Instant::now();
            one(caller).await;
            waits.push(begun.elapsed());
        }
        waits
    }))
    .await
    .concat();
    let elapsed = start.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1_000.0;
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let rate = waits.len() as f64 / elapsed;
    Measured { rate, p50: at(50), p99: at(99) }
}

async fn door(store: &Store, tenants: &[TenantStore], callers: usize, span: Duration) -> Measured {
    measure(callers, span, async |caller| {
        let delivery = delivery(tenants[caller % TENANTS].tenant_id());
        store.accept(delivery).await.expect("the door takes it");
    })
    .await
}

fn delivery(tenant: TenantId) -> NewDelivery {
    let key = Uuid::now_v7().to_string();
    NewDelivery {
        tenant,
        psa: PsaKind::Autotask,
        disposition: Disposition::Analyse { external_ticket: key.clone() },
        dedupe_key: key,
        headers: serde_json::json!({"content-type": "application/json"}),
        body: vec![b'x'; BODY],
        verified: true,
        received_at: now(),
    }
}

struct Row {
    delivery: NewDelivery,
    done: oneshot::Sender<()>,
}

async fn raw(store: &TestStore, tenants: &[TenantStore], callers: usize, span: Duration) -> Measured {
    let (sender, receiver) = mpsc::channel(10_000);
    let url = store.url().to_owned();
    let is_sqlite = store.engine_name() == "sqlite";
    #[expect(clippy::disallowed_methods, reason = "the writer of the measurement")]
    let writer = tokio::spawn(async move {
        if is_sqlite { raw_sqlite(&url, receiver).await } else { raw_postgres(&url, receiver).await }
    });
    let measured = measure(callers, span, async |caller| {
        let (done, answer) = oneshot::channel();
        let delivery = delivery(tenants[caller % TENANTS].tenant_id());
        assert!(sender.send(Row { delivery, done }).await.is_ok(), "the writer is there");
        answer.await.expect("the writer answers");
    })
    .await;
    drop(sender);
    writer.await.expect("the writer ends");
    measured
}

/// The same for both engines: three multi-row inserts a batch.
macro_rules! raw_writer {
    ($name:ident, $db:ty, $pool:ty, $options:expr, $begin:ident ( $($how:expr)? )) => {
        async fn $name(url: &str, mut receiver: mpsc::Receiver<Row>) {
            let pool: $pool = $options(url).await;
            let mut rows: Vec<Row> = Vec::new();
            while receiver.recv_many(&mut rows, 256).await > 0 {
                let mut transaction = pool.$begin($($how)?).await.expect("a transaction begins");
                for chunk in rows.chunks(64) {
                    let mut deliveries: QueryBuilder<$db> = QueryBuilder::new(
                        "INSERT INTO deliveries (tenant_id, id, psa, dedupe_key, state, external_ticket, repeats,
                           attempts, verified, received_at, headers, body) ");
                    let mut intake: QueryBuilder<$db> = QueryBuilder::new(
                        "INSERT INTO intake (tenant_id, psa, external_ticket, delivery_id, taken_in_at) ");
                    let mut jobs: QueryBuilder<$db> = QueryBuilder::new(
                        "INSERT INTO jobs (id, tenant_id, psa, external_ticket, stage, delivery_id, replay, again, due_at,
                           attempts, total_attempts, created_at) ");
                    let ids: Vec<Uuid> = chunk.iter().map(|_| Uuid::now_v7()).collect();
                    let rows = || chunk.iter().map(|row| &row.delivery).zip(&ids);
                    deliveries.push_values(rows(), |mut row, (new, id)| {
                        row.push_bind(new.tenant.0).push_bind(*id).push_bind(new.psa.slug()).push_bind(new.dedupe_key.clone())
                            .push_bind("queued").push_bind(new.dedupe_key.clone()).push_bind(0_i64).push_bind(0_i64)
                            .push_bind(new.verified).push_bind(new.received_at).push_bind(new.headers.to_string())
                            .push_bind(new.body.clone());
                    });
                    intake.push_values(rows(), |mut row, (new, id)| {
                        row.push_bind(new.tenant.0).push_bind(new.psa.slug()).push_bind(new.dedupe_key.clone())
                            .push_bind(*id).push_bind(new.received_at);
                    });
                    jobs.push_values(rows(), |mut row, (new, id)| {
                        row.push_bind(Uuid::now_v7()).push_bind(new.tenant.0).push_bind(new.psa.slug())
                            .push_bind(new.dedupe_key.clone()).push_bind("read").push_bind(*id).push_bind(false)
                            .push_bind(false).push_bind(new.received_at).push_bind(0_i64).push_bind(0_i64)
                            .push_bind(new.received_at);
                    });
                    for query in [&mut deliveries, &mut intake, &mut jobs] {
                        query.build().execute(&mut *transaction).await.expect("the rows are taken");
                    }
                }
                transaction.commit().await.expect("a transaction commits");
                for row in rows.drain(..) {
                    assert!(row.done.send(()).is_ok(), "the caller waits");
                }
            }
            pool.close().await;
        }
    };
}
raw_writer!(raw_sqlite, sqlx::Sqlite, SqlitePool, open_sqlite, begin_with("BEGIN IMMEDIATE"));
raw_writer!(raw_postgres, sqlx::Postgres, PgPool, open_postgres, begin());

async fn open_sqlite(url: &str) -> SqlitePool {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
    let options: SqliteConnectOptions = url.parse().expect("the address of the test's store");
    let options =
        options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full).foreign_keys(true);
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.expect("the file opens")
}

async fn open_postgres(url: &str) -> PgPool {
    PgPool::connect(url).await.expect("the database opens")
}
