//! One workspace's flood and its retries keep nobody else waiting.

use super::app::{NOTE, TestApp, Unsubscribed, eventually, title};
use super::for_each_psa;
use domain::PsaKind;
use http::Method;
use sandbox::Fault;
use server::queue::Checkpoints;
use std::time::{Duration, Instant};

for_each_psa!(
    fresh_tickets_do_not_wait_behind_their_own_tenants_retries,
    late_tickets_do_not_wait_behind_another_workspaces
);

#[tokio::test]
async fn a_flood_is_overtaken_on_sqlite() {
    a_flood_of_twenty_thousand_is_overtaken(TestApp::sqlite(PsaKind::Autotask).await.unwrap()).await;
}

#[tokio::test]
async fn a_flood_is_overtaken_on_postgres() {
    // `None`: the engine is not on this machine, and that was said.
    if let Some(app) = TestApp::postgres(PsaKind::Autotask).await {
        a_flood_of_twenty_thousand_is_overtaken(app).await;
    }
}

const FLOOD: usize = 20_000;
/// Tickets of the flood that may be worked off while one of another workspace is: it waits for none of them, and all slots
/// are busy meanwhile. Behind the flood it would be twenty thousand.
const MEANWHILE: i64 = 200;

async fn a_flood_of_twenty_thousand_is_overtaken(app: TestApp) {
    let once = async || {
        let begun = Instant::now();
        let ticket = app.desk.ticket(&title("5/5/5"), NOTE);
        eventually("the notes", || app.desk.our_notes(&ticket).len() == 2).await;
        begun.elapsed()
    };
    let mut idle = Vec::new();
    for _ in 0..5 {
        idle.push(once().await);
    }
    let loud = app.unsubscribed("Loud MSP").await;
    app.flood(&loud, FLOOD).await;
    let waiting = async || loud.tenant.pipeline_health(app.clock.now()).await.unwrap().waiting;
    let (mut beside, mut passed) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let before = waiting().await;
        beside.push(once().await);
        let after = waiting().await;
        assert!(after > 0, "the flood was over too soon to tell");
        passed.push(before - after);
    }
    println!(
        "a ticket alone: {idle:?}; beside {FLOOD} of another workspace: {beside:?}, of which {passed:?} meanwhile"
    );
    assert!(passed.iter().all(|count| *count <= MEANWHILE), "{passed:?}");
}

/// A workspace with tickets that came ten minutes ago, of which none can be read: its PSA hangs.
async fn with_a_slow_backlog(app: &mut TestApp) -> Unsubscribed {
    app.stop().await;
    let loud = app.unsubscribed("Late MSP").await;
    let hangs = Fault::Delay(Duration::from_secs(3_600));
    for ticket in app.flood(&loud, 60).await {
        loud.desk.watch().faults.add(Some(Method::GET), &format!("/{ticket}"), 10, hangs.clone());
    }
    app.clock.advance(Duration::from_secs(600));
    loud
}

async fn fresh_tickets_do_not_wait_behind_their_own_tenants_retries(mut app: TestApp) {
    let loud = with_a_slow_backlog(&mut app).await;
    app.restart(Checkpoints::default()).await;
    eventually("work on what is late", || app.busy() > 0).await;
    let fresh = app.flood(&loud, 1).await.remove(0);
    eventually("the fresh ticket's notes", || loud.desk.our_notes(&fresh).len() == 2).await;
}

async fn late_tickets_do_not_wait_behind_another_workspaces(mut app: TestApp) {
    with_a_slow_backlog(&mut app).await;
    let quiet = app.unsubscribed("Quiet MSP").await;
    let ticket = app.flood(&quiet, 1).await.remove(0);
    app.clock.advance(Duration::from_secs(600));
    app.restart(Checkpoints::default()).await;
    eventually("the late ticket's notes", || quiet.desk.our_notes(&ticket).len() == 2).await;
}
