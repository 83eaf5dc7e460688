//! How many deliveries a second the door makes durable, beside what the same rows cost without its decisions.
//!
//! `cargo run --release -p store --features testing --example commit_rate [seconds]`, on SQLite and (where it is
//! installed) on a throw-away PostgreSQL with `fsync` on. What "raw" is: [`store::testing::raw`].

use chrono::{SubsecRound, Utc};
use domain::TenantId;
use futures::future::join_all;
use std::time::Duration;
use store::Store;
use store::accounts::NewTenant;
use store::testing::TestStore;
use store::testing::raw::{self, delivery, rate_of};

const CALLERS: [usize; 2] = [64, 512];
const TENANTS: usize = 10;

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
        let raw = raw::measure(store, &tenants, callers, span).await;
        let door = rate_of(callers, span, async |caller| {
            let delivery = delivery(tenants[caller % TENANTS]);
            store.accept(delivery).await.expect("the door takes it");
        })
        .await;
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

async fn tenant(store: &Store, index: usize) -> TenantId {
    let new = NewTenant {
        name: format!("tenant {index}"),
        owner_email: format!("owner{index}@example.com"),
        owner_name: "Owner".into(),
        password_hash: "none".into(),
    };
    #[expect(clippy::disallowed_methods, reason = "a measurement runs by the real clock")]
    let now = Utc::now().trunc_subsecs(6);
    store.tenant_create(new, now).await.expect("a fresh database takes a tenant").0
}
