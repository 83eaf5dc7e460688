//! Webhooks that get lost, come late or are switched off: every ticket is taken in, once.

use super::app::{NOTE, TestApp, get, send, title};
use super::for_each_psa;
use super::trouble::answer;
use bytes::Bytes;
use chrono::{NaiveDate, TimeDelta};
use domain::HookState;
use http::Method;
use serde_json::Value;
use std::time::Duration;
use store::connections::ConnectionState;
use store::sweeps::Sweep;
use store::tickets::TicketFilter;
use store::{Actor, TenantStore};

for_each_psa!(
    a_ticket_whose_webhook_got_lost_is_taken_in_once,
    a_webhook_that_comes_after_the_sweep_changes_nothing,
    a_ticket_that_a_webhook_told_of_is_counted_and_not_taken_in_again,
    an_outage_during_the_sweep_loses_nothing,
    a_webhook_that_was_switched_off_is_told_and_tickets_come_all_the_same,
    without_any_webhook_tickets_come_by_the_sweep_alone,
    a_paused_connection_is_not_swept_and_is_when_it_works_again,
    tickets_from_before_the_connection_are_left_alone,
    a_flood_of_lost_tickets_is_taken_in_by_and_by,
);

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

/// Created, seen, recovered.
async fn counts(tenant: &TenantStore) -> (i64, i64, i64) {
    let long_ago = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    let days = tenant.arrivals(long_ago).await.unwrap();
    days.iter().fold((0, 0, 0), |sum, day| (sum.0 + day.created, sum.1 + day.seen, sum.2 + day.recovered))
}

async fn sweep(tenant: &TenantStore) -> Sweep {
    tenant.sweep().await.unwrap().unwrap()
}

/// A ticket created now whose webhook gets lost.
fn lose(app: &TestApp, scores: &str) -> String {
    app.desk.silent_ticket(&title(scores), NOTE, app.clock.now())
}

/// Lets so many minutes pass, one after the other.
async fn pass(app: &TestApp, count: u64) {
    for _ in 0..count {
        app.after(minutes(1)).await;
    }
}

async fn by_sweep(tenant: &TenantStore) -> usize {
    let all = tenant.delivery_list(&Default::default(), 200, None).await.unwrap().rows;
    all.iter().filter(|one| one.by_sweep).count()
}

async fn api(app: &TestApp, method: Method, path: &str) -> Value {
    let (_, token) = app.tenant.token_create("a test", &Actor::System, app.clock.now()).await.unwrap();
    let bearer = ("authorization".to_owned(), format!("Bearer {token}"));
    let answer = send(method, &format!("{}/api/v1/{path}", app.url()), &[bearer], Bytes::new()).await;
    assert_eq!(answer.status, 200, "{}", answer.excerpt());
    answer.json().unwrap()
}

async fn a_ticket_whose_webhook_got_lost_is_taken_in_once(app: TestApp) {
    pass(&app, 3).await;
    let ticket = lose(&app, "5/5/5");
    pass(&app, 4).await;
    assert!(app.stories().await.is_empty(), "its webhook is given time");
    pass(&app, 12).await;
    app.assert_moved(&ticket, app.desk.updates());
    app.assert_moved(&ticket, app.desk.escalations());
    pass(&app, 90).await;
    assert_eq!((app.model.asked(), app.story().await.analyses.len()), (1, 1));
    assert_eq!((app.desk.our_notes(&ticket).len(), app.desk.writes()), (2, (2, 2)));
    assert_eq!((counts(&app.tenant).await, by_sweep(&app.tenant).await), ((1, 0, 1), 1));
}

async fn a_webhook_that_comes_after_the_sweep_changes_nothing(app: TestApp) {
    let ticket = lose(&app, "5/5/5");
    pass(&app, 15).await;
    assert_eq!(app.model.asked(), 1);
    app.desk.late_webhook(&ticket);
    app.settle().await;
    pass(&app, 15).await;
    assert_eq!((app.model.asked(), app.story().await.analyses.len()), (1, 1));
    assert_eq!(app.desk.our_notes(&ticket).len(), 2);
    assert_eq!(counts(&app.tenant).await, (1, 0, 1), "what took it in stays what took it in");

    // A webhook that is a little late comes first.
    let ticket = lose(&app, "5/5/5");
    pass(&app, 4).await;
    app.desk.late_webhook(&ticket);
    pass(&app, 30).await;
    assert_eq!((app.model.asked(), counts(&app.tenant).await), (2, (2, 1, 1)));
    assert_eq!(by_sweep(&app.tenant).await, 1);
}

async fn a_ticket_that_a_webhook_told_of_is_counted_and_not_taken_in_again(app: TestApp) {
    pass(&app, 3).await;
    let told = app.desk.ticket_at(&title("3/5/3"), NOTE, app.clock.now());
    app.settle().await;
    let lost = lose(&app, "3/5/3");
    pass(&app, 60).await;
    assert_eq!(
        (app.model.asked(), counts(&app.tenant).await),
        (2, (2, 1, 1)),
        "each once, however often listed"
    );
    for ticket in [told, lost] {
        assert_eq!(app.desk.our_notes(&ticket).len(), 1);
    }
    assert_eq!(by_sweep(&app.tenant).await, 1);
    let hook = sweep(&app.tenant).await.hook.unwrap();
    assert_eq!(hook.0, HookState::On);

    let told = api(&app, Method::GET, "arrivals").await;
    let sum =
        |field: &str| told["days"].as_array().unwrap().iter().map(|day| day[field].as_i64().unwrap()).sum();
    let found: [i64; 4] = ["created", "seen", "recovered", "waiting"].map(sum);
    assert_eq!((found, &told["webhook"]["state"]), ([2, 1, 1, 0], &Value::from("on")));
}

async fn an_outage_during_the_sweep_loses_nothing(app: TestApp) {
    pass(&app, 3).await;
    let through = sweep(&app.tenant).await.through;
    let ticket = lose(&app, "3/5/3");
    // One list with its repeats.
    app.desk.break_lists(3, answer(503, None));
    pass(&app, 7).await;
    let failed = sweep(&app.tenant).await;
    assert!(failed.problem.is_some() && failed.through == through, "{failed:?}");
    assert!(app.stories().await.is_empty());
    app.desk.watch().faults.clear();
    pass(&app, 20).await;
    assert_eq!(sweep(&app.tenant).await.problem, None);
    assert_eq!((app.model.asked(), counts(&app.tenant).await), (1, (1, 0, 1)));
    assert_eq!(app.desk.our_notes(&ticket).len(), 1);
}

async fn a_webhook_that_was_switched_off_is_told_and_tickets_come_all_the_same(app: TestApp) {
    pass(&app, 3).await;
    app.desk.switch_off();
    pass(&app, 8).await;
    let (state, since) = sweep(&app.tenant).await.hook.unwrap();
    assert!(state == HookState::Off && app.clock.now() - since < TimeDelta::minutes(8));
    let metrics =
        String::from_utf8(get(&format!("{}/metrics", app.metrics_url())).await.body.to_vec()).unwrap();
    assert!(metrics.lines().any(|line| line.starts_with("undertone_hooks_off ")), "{metrics}");
    assert_eq!(api(&app, Method::GET, "arrivals").await["webhook"]["state"], "off");

    let ticket = lose(&app, "3/5/3");
    pass(&app, 3).await;
    assert_eq!(app.desk.our_notes(&ticket).len(), 1, "no webhook is waited for");

    assert_eq!(api(&app, Method::POST, "hook/register").await["outcome"], "repaired");
    assert_eq!(api(&app, Method::GET, "arrivals").await["webhook"]["state"], "on");
    app.desk.ticket_at(&title("3/5/3"), NOTE, app.clock.now());
    app.settle().await;
    assert_eq!(app.model.asked(), 2, "it calls again");
    pass(&app, 15).await;
    assert_eq!(sweep(&app.tenant).await.hook.unwrap().0, HookState::On);
    assert_eq!(counts(&app.tenant).await, (2, 1, 1));
}

async fn without_any_webhook_tickets_come_by_the_sweep_alone(app: TestApp) {
    let ours = app.unsubscribed("Third MSP").await;
    pass(&app, 3).await;
    for _ in 0..2 {
        ours.desk.silent_ticket(&title("3/5/3"), NOTE, app.clock.now());
        pass(&app, 3).await;
    }
    let rows = ours.tenant.ticket_list(&TicketFilter::default(), 100, None).await.unwrap().rows;
    assert_eq!((rows.len(), counts(&ours.tenant).await), (2, (2, 0, 2)));
    assert_eq!(sweep(&ours.tenant).await.hook.unwrap().0, HookState::Absent);
    assert_eq!(ours.tenant.pipeline_health(app.clock.now()).await.unwrap().last_delivery_at, None);
    // The other workspace has nothing of it.
    assert_eq!((counts(&app.tenant).await, app.stories().await.len()), ((0, 0, 0), 0));
    assert_eq!(sweep(&app.tenant).await.hook.unwrap().0, HookState::On);
}

async fn a_paused_connection_is_not_swept_and_is_when_it_works_again(app: TestApp) {
    pass(&app, 3).await;
    let ticket = lose(&app, "3/5/3");
    app.desk.revoke(answer(401, None));
    pass(&app, 8).await;
    let paused = || async { app.tenant.psa_connection().await.unwrap().unwrap().state };
    let ConnectionState::Paused { next_try, .. } = paused().await else { panic!("a refused key pauses") };
    let swept = sweep(&app.tenant).await;
    app.after((next_try - app.clock.now()).to_std().unwrap() - Duration::from_secs(1)).await;
    assert_eq!(sweep(&app.tenant).await.next_at, swept.next_at, "nobody sweeps it");

    app.desk.watch().faults.clear();
    app.after(Duration::from_secs(2)).await;
    assert!(matches!(paused().await, ConnectionState::Working { .. }));
    app.settle().await;
    assert_eq!(app.desk.our_notes(&ticket).len(), 1, "at once, as it is late already");
    assert_eq!(counts(&app.tenant).await, (1, 0, 1));
}

async fn tickets_from_before_the_connection_are_left_alone(app: TestApp) {
    for minutes in [1, 20, 24 * 60] {
        let at = app.clock.now() - TimeDelta::minutes(minutes);
        app.desk.silent_ticket(&title("5/5/5"), NOTE, at);
    }
    pass(&app, 30).await;
    assert_eq!((app.model.asked(), counts(&app.tenant).await), (0, (0, 0, 0)));
    assert!(app.stories().await.is_empty());
}

async fn a_flood_of_lost_tickets_is_taken_in_by_and_by(app: TestApp) {
    pass(&app, 3).await;
    let tickets: Vec<String> = (0..60).map(|_| lose(&app, "3/3/3")).collect();
    let mut after_first = 0;
    for _ in 0..20 {
        app.after(minutes(1)).await;
        let taken = by_sweep(&app.tenant).await;
        if after_first == 0 {
            after_first = taken;
        }
    }
    assert_eq!(after_first, 50, "fresh tickets do not stand behind all of them");
    assert_eq!((app.model.asked(), app.stories().await.len()), (tickets.len(), tickets.len()));
    assert_eq!(counts(&app.tenant).await, (60, 0, 60));
}
