//! Importing the past: listed first, allowed by a person, read in shadow, and each ticket once.

use super::app::{NOTE, TestApp, title};
use super::for_each_psa;
use super::trouble::answer;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Mode, PsaKind};
use server::queue::Checkpoints;
use std::time::Duration;
use store::Actor;
use store::imports::{Import, ImportAct, ImportLimits, ImportState};
use store::tickets::TicketState;

for_each_psa!(
    past_tickets_are_listed_and_then_read_in_shadow,
    no_more_is_read_than_was_allowed,
    an_import_goes_on_after_a_pause_and_a_restart,
    a_new_ticket_is_acted_on_while_the_past_is_read,
    an_outage_of_the_list_is_told_and_waited_out,
    an_import_that_is_cancelled_reads_no_more,
    an_import_of_another_system_ends,
);

/// So many tickets a day apart, the newest first, from before the connection was made.
fn past(app: &TestApp, count: i64) -> Vec<(String, DateTime<Utc>)> {
    let day = |days: i64| app.clock.now() - TimeDelta::days(days) - TimeDelta::hours(1);
    let made: Vec<_> = (1..=count)
        .rev()
        .map(|days| (app.desk.silent_ticket(&title("5/5/5"), NOTE, day(days)), day(days)))
        .collect();
    made.into_iter().rev().collect()
}

async fn import(app: &TestApp) -> Import {
    app.tenant.import().await.unwrap().unwrap()
}

async fn act(app: &TestApp, act: ImportAct) {
    assert!(app.tenant.import_act(act, &Actor::System, app.clock.now()).await.unwrap(), "{act:?}");
}

fn freely() -> ImportAct {
    ImportAct::Start(ImportLimits::default())
}

async fn begin(app: &TestApp, days: u16) {
    app.tenant.import_begin(days, &Actor::System, app.clock.now()).await.unwrap();
}

/// Lets steps pass until it stands as expected.
async fn until(app: &TestApp, state: ImportState) -> Import {
    for _ in 0..60 {
        app.settle().await;
        let import = import(app).await;
        if import.state == state {
            return import;
        }
        app.after(Duration::from_secs(16)).await;
    }
    panic!("it is {:?} and never {state:?}", import(app).await);
}

async fn past_tickets_are_listed_and_then_read_in_shadow(app: TestApp) {
    let past = past(&app, 5);
    begin(&app, 5).await;
    let listed = until(&app, ImportState::Listed).await;
    assert_eq!((listed.counts.waiting, listed.counts.listed()), (4, 4), "the oldest is from before");
    assert_eq!((app.model.asked(), app.stories().await.len()), (0, 0), "nobody has allowed it yet");
    assert!(app.tenant.import_begin(9, &Actor::System, app.clock.now()).await.is_err(), "one at a time");

    act(&app, freely()).await;
    let done = until(&app, ImportState::Done).await;
    assert_eq!((done.counts.scored, done.counts.listed()), (4, 4));
    assert_eq!((app.desk.writes(), app.model.asked()), ((0, 0), 4));
    for (ticket, created_at) in &past[..4] {
        let story = app.story_of(ticket).await;
        assert_eq!((story.row.state, story.row.mode), (TicketState::Shadowed, Some(Mode::Shadow)));
        let apart = (story.row.created_at - *created_at).abs();
        assert!(apart <= TimeDelta::seconds(1), "it stands where it belongs: {apart}");
    }
    // A late call tells of what is here, and a person who asks again gets no write either.
    app.desk.late_webhook(&past[0].0);
    app.settle().await;
    assert_eq!(app.model.asked(), 4);
    let id = app.story_of(&past[0].0).await.row.id;
    assert!(app.tenant.ticket_replay(id, &Actor::System, app.clock.now()).await.unwrap());
    app.settle().await;
    assert_eq!((app.model.asked(), app.desk.writes()), (5, (0, 0)));
    assert_eq!(import(&app).await.counts, done.counts);

    begin(&app, 30).await;
    let again = until(&app, ImportState::Listed).await;
    assert_eq!((again.counts.waiting, again.counts.known), (1, 4));
}

async fn no_more_is_read_than_was_allowed(app: TestApp) {
    let past = past(&app, 5);
    begin(&app, 30).await;
    until(&app, ImportState::Listed).await;
    act(&app, ImportAct::Start(ImportLimits { tickets: Some(2), cost: None })).await;
    let reached = until(&app, ImportState::Paused).await;
    assert_eq!((reached.counts.scored, reached.counts.waiting, app.model.asked()), (2, 3, 2));
    assert!(reached.reason.unwrap().contains("number of tickets"));
    let mut read: Vec<String> = app.stories().await.into_iter().map(|story| story.row.external_id).collect();
    read.sort();
    let mut newest: Vec<String> = past[..2].iter().map(|(ticket, _)| ticket.clone()).collect();
    newest.sort();
    assert_eq!(read, newest);
    act(&app, freely()).await;
    let done = until(&app, ImportState::Done).await;
    assert_eq!((done.counts.scored, app.model.asked()), (5, 5));
}

async fn an_import_goes_on_after_a_pause_and_a_restart(mut app: TestApp) {
    past(&app, 9);
    begin(&app, 30).await;
    app.restart(Checkpoints::default()).await;
    until(&app, ImportState::Listed).await;
    act(&app, freely()).await;
    app.settle().await;
    app.kill();
    app.restart(Checkpoints::default()).await;
    app.after_lease().await;
    let paused = app.tenant.import_act(ImportAct::Pause, &Actor::System, app.clock.now()).await.unwrap();
    app.after(Duration::from_secs(600)).await;
    if paused {
        let asked = app.model.asked();
        app.after(Duration::from_secs(3_600)).await;
        assert_eq!((import(&app).await.state, app.model.asked()), (ImportState::Paused, asked));
        act(&app, freely()).await;
    }
    let done = until(&app, ImportState::Done).await;
    assert_eq!((done.counts.scored, done.counts.used(), app.stories().await.len()), (9, 9, 9));
    assert_eq!(app.desk.writes(), (0, 0));
}

async fn a_new_ticket_is_acted_on_while_the_past_is_read(app: TestApp) {
    past(&app, 6);
    begin(&app, 30).await;
    until(&app, ImportState::Listed).await;
    act(&app, freely()).await;
    let fresh = app.desk.ticket(&title("5/5/5"), NOTE);
    let done = until(&app, ImportState::Done).await;
    assert_eq!(done.counts.scored, 6);
    app.assert_moved(&fresh, app.desk.escalations());
    assert_eq!(app.desk.writes(), (2, 2), "to the new one alone");
}

async fn an_outage_of_the_list_is_told_and_waited_out(app: TestApp) {
    past(&app, 2);
    app.desk.break_lists(3, answer(503, None));
    begin(&app, 30).await;
    app.settle().await;
    let stuck = import(&app).await;
    assert_eq!(stuck.state, ImportState::Listing);
    assert!(stuck.reason.is_some(), "{stuck:?}");
    app.after(Duration::from_secs(900)).await;
    app.after(Duration::from_secs(900)).await;
    let listed = until(&app, ImportState::Listed).await;
    assert_eq!((listed.counts.waiting, listed.reason), (2, None));
}

async fn an_import_that_is_cancelled_reads_no_more(app: TestApp) {
    past(&app, 8);
    begin(&app, 30).await;
    until(&app, ImportState::Listed).await;
    act(&app, ImportAct::Start(ImportLimits { tickets: Some(3), cost: None })).await;
    until(&app, ImportState::Paused).await;
    act(&app, ImportAct::Cancel).await;
    app.after(Duration::from_secs(3_600)).await;
    let over = import(&app).await;
    assert_eq!((over.state, over.counts.scored, over.counts.waiting), (ImportState::Cancelled, 3, 5));
    assert_eq!(app.model.asked(), 3);
    for act in [freely(), ImportAct::Pause, ImportAct::Cancel] {
        assert!(!app.tenant.import_act(act, &Actor::System, app.clock.now()).await.unwrap());
    }
}

async fn an_import_of_another_system_ends(app: TestApp) {
    past(&app, 3);
    begin(&app, 30).await;
    until(&app, ImportState::Listed).await;
    let kind = if app.desk.kind() == PsaKind::HaloPsa { PsaKind::Autotask } else { PsaKind::HaloPsa };
    let other = super::desk::Desk::serve(kind).await;
    app.tenant.psa_connection_put(other.settings(), &Actor::System, app.clock.now()).await.unwrap();
    act(&app, freely()).await;
    let over = until(&app, ImportState::Cancelled).await;
    assert!(over.reason.unwrap().contains("another ticketing system"));
    assert_eq!((app.model.asked(), other.writes()), (0, (0, 0)));
}
