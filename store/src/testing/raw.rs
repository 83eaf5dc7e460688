//! What group commit of the same rows costs without the door's decisions: the ceiling that its rate is held against.
//!
//! One writer gathers what waits and inserts the rows of a delivery, its intake and its job with multi-row inserts into
//! the door's own tables, in one transaction a batch.

use super::TestStore;
use crate::door::{Disposition, NewDelivery};
use chrono::{DateTime, SubsecRound, Utc};
use domain::{PsaKind, TenantId};
use futures::future::join_all;
use sqlx::{PgPool, QueryBuilder, SqlitePool};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Bytes of a call's body.
const BODY: usize = 1_000;

/// Calls a second, and what a caller waited, in milliseconds.
pub struct Rate {
    pub rate: f64,
    pub p50: f64,
    pub p99: f64,
}

/// Calls `one` from all callers, over and over, until the time is up.
pub async fn rate_of(callers: usize, span: Duration, one: impl AsyncFn(usize)) -> Rate {
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
    Rate { rate, p50: at(50), p99: at(99) }
}

/// A new ticket's call, about a kilobyte.
pub fn delivery(tenant: TenantId) -> NewDelivery {
    let key = Uuid::now_v7().to_string();
    #[expect(clippy::disallowed_methods, reason = "a measurement runs by the real clock")]
    let now: DateTime<Utc> = Utc::now().trunc_subsecs(6);
    NewDelivery {
        tenant,
        psa: PsaKind::Autotask.into(),
        disposition: Disposition::Analyse { external_ticket: key.clone() },
        dedupe_key: key,
        headers: serde_json::json!({"content-type": "application/json"}),
        body: vec![b'x'; BODY],
        verified: true,
        received_at: now,
    }
}

struct Row {
    delivery: NewDelivery,
    done: oneshot::Sender<()>,
}

/// The rate of the raw writer on the store's own database.
pub async fn measure(store: &TestStore, tenants: &[TenantId], callers: usize, span: Duration) -> Rate {
    let (sender, receiver) = mpsc::channel(10_000);
    let url = store.url().to_owned();
    let is_sqlite = store.engine_name() == "sqlite";
    #[expect(clippy::disallowed_methods, reason = "the writer of the measurement")]
    let writer = tokio::spawn(async move {
        if is_sqlite { raw_sqlite(&url, receiver).await } else { raw_postgres(&url, receiver).await }
    });
    let measured = rate_of(callers, span, async |caller| {
        let (done, answer) = oneshot::channel();
        let delivery = delivery(tenants[caller % tenants.len()]);
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
                        row.push_bind(new.tenant.0).push_bind(*id).push_bind(new.psa.to_string()).push_bind(new.dedupe_key.clone())
                            .push_bind("queued").push_bind(new.dedupe_key.clone()).push_bind(0_i64).push_bind(0_i64)
                            .push_bind(new.verified).push_bind(new.received_at).push_bind(new.headers.to_string())
                            .push_bind(new.body.clone());
                    });
                    intake.push_values(rows(), |mut row, (new, id)| {
                        row.push_bind(new.tenant.0).push_bind(new.psa.to_string()).push_bind(new.dedupe_key.clone())
                            .push_bind(*id).push_bind(new.received_at);
                    });
                    jobs.push_values(rows(), |mut row, (new, id)| {
                        row.push_bind(Uuid::now_v7()).push_bind(new.tenant.0).push_bind(new.psa.to_string())
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
    let options: sqlx::postgres::PgConnectOptions = url.parse().expect("the address of the test's store");
    // It writes for all tenants, as the door does.
    let options = options.options([("undertone.tenant", "every")]);
    PgPool::connect_with(options).await.expect("the database opens")
}
