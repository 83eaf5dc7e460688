//! A million tickets, and every question that a screen, the API or a stage asks is answered by an index, from a bounded
//! number of rows: the statements that the store really sends are listened for and held against their plans.
//!
//! SQLite tells a plan by `EXPLAIN QUERY PLAN`; it knows no row counts, as nothing runs `ANALYZE` in the product.
//! PostgreSQL tells the plan it has just carried out, and how many rows it read (`auto_explain`).

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod judge;
mod listen;
mod questions;
#[path = "../contract/support.rs"]
#[expect(unused_imports, unused_macros, reason = "the makers of the contract's tests; some are enough here")]
mod support;

use chrono::{DateTime, TimeZone, Utc};
use domain::TenantId;
use store::testing::{History, TestStore};
use store::{Store, TenantStore};

/// One at a time: what is listened for is heard by the whole process.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const TICKETS: u32 = 1_000_000;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 12, 0, 0).unwrap()
}

/// A workspace with a million tickets beside two of other sizes.
async fn seeded(store: &TestStore) -> TenantId {
    let begun = std::time::Instant::now();
    let (small, large) = (support::tenant(store, "small").await, support::tenant(store, "large").await);
    support::tenant(store, "empty").await;
    let history = |tickets| History { tickets, days: 400, clients: 40, until: now() };
    store.make_history(small.tenant_id(), history(20_000)).await;
    store.make_history(large.tenant_id(), history(TICKETS)).await;
    println!("{}: {TICKETS} tickets in {:.0?}", store.engine_name(), begun.elapsed());
    large.tenant_id()
}

async fn asked(store: &Store, tenant: &TenantStore) -> listen::Heard {
    listen::begin();
    questions::of_the_screens(store, tenant).await;
    questions::of_a_ticket_on_its_way(store, tenant).await;
    questions::of_tidying(store, tenant).await;
    let heard = listen::end();
    assert!(heard.statements.len() > 60, "only {} statements were heard", heard.statements.len());
    heard
}

#[tokio::test]
async fn sqlite_answers_every_question_by_an_index_at_a_million_tickets() {
    let _turn = TURN.lock().await;
    let store = TestStore::sqlite().await;
    let tenant = seeded(&store).await;
    let heard = asked(&store, &store.tenant(tenant)).await;
    let wrong = faults(&store, &heard).await;
    assert!(wrong.is_empty(), "{} plans are wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
    // Where the operator lets it count, it must not become too clever.
    store.count_rows().await;
    let wrong = faults(&store, &heard).await;
    assert!(
        wrong.is_empty(),
        "{} plans are wrong once rows are counted:\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
    // And this test can fail: without an index, those that need it are found.
    for (index, question) in
        [("tickets_list", "ORDER BY t.taken_in_at"), ("deliveries_dead", "count(*) FROM deliveries")]
    {
        store.beside().await.run(&format!("DROP INDEX {index}")).await;
        let wrong = faults(&store, &heard).await;
        assert!(wrong.iter().any(|fault| fault.contains(question)), "{index} is not needed: {wrong:?}");
    }
}

async fn faults(store: &TestStore, heard: &listen::Heard) -> Vec<String> {
    let mut beside = store.beside().await;
    let mut wrong = Vec::new();
    for statement in &heard.statements {
        let plan: Vec<(i64, i64, i64, String)> =
            beside.rows(&format!("EXPLAIN QUERY PLAN {statement}")).await;
        let steps: Vec<String> = plan.into_iter().map(|(.., step)| step).collect();
        wrong.extend(judge::sqlite(statement, &steps));
    }
    wrong
}

#[tokio::test]
async fn postgres_answers_every_question_by_an_index_at_a_million_tickets() {
    let _turn = TURN.lock().await;
    let Some(store) = TestStore::postgres().await else { return };
    let tenant = seeded(&store).await;
    store.count_rows().await;
    let database: Vec<(String,)> = store.beside().await.rows("SELECT current_database()::text").await;
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_analyze = on",
        "auto_explain.log_timing = off",
        "auto_explain.log_format = json",
        "auto_explain.log_level = notice",
    ] {
        let Some(mut superuser) = store.superuser().await else {
            eprintln!("left out: only a superuser of the server may have its plans told");
            return;
        };
        superuser.run(&format!("ALTER DATABASE {} SET {setting}", database[0].0)).await;
    }
    let explained = store.reopen().await;
    let heard = asked(&explained, &explained.tenant(tenant)).await;
    explained.close().await;
    assert!(heard.plans.len() > 60, "only {} plans were told", heard.plans.len());
    let wrong: Vec<String> = heard.plans.iter().flat_map(judge::postgres).collect();
    assert!(wrong.is_empty(), "{} plans are wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
