//! A key that is revoked: what needs it waits, nothing is lost, and everything goes on once a key works.

use super::app::TestApp;
use super::for_each_psa;
use super::trouble::{answer, much_later};
use chrono::{DateTime, Utc};
use std::time::Duration;
use store::Actor;
use store::connections::{ConnectionState, Which};
use store::door::DeliveryState;

for_each_psa!(
    a_connection_works_from_its_first_success_on,
    a_revoked_model_key_pauses_the_model_and_a_new_one_resumes,
    revoked_credentials_pause_the_psa_and_new_ones_resume,
    a_psa_key_that_works_again_lets_everything_through_by_itself,
    a_model_key_that_works_again_lets_everything_through_by_itself,
    a_right_that_is_granted_later_lets_the_waiting_notes_through_by_itself,
);

async fn state(app: &TestApp, which: Which) -> ConnectionState {
    match which {
        Which::Psa => app.tenant.psa_connection().await.unwrap().unwrap().state,
        Which::Model => app.tenant.model_connection().await.unwrap().state,
    }
}

/// When it is tried next.
async fn paused(app: &TestApp, which: Which) -> DateTime<Utc> {
    match state(app, which).await {
        ConnectionState::Paused { reason, next_try, .. } if !reason.is_empty() => next_try,
        other => panic!("{which:?} is not paused: {other:?}"),
    }
}

/// Lets time pass until the next try is over.
async fn next_try(app: &TestApp, which: Which) {
    let wait = paused(app, which).await - app.clock.now();
    app.after(wait.to_std().unwrap() + Duration::from_secs(1)).await;
}

async fn works(app: &TestApp, which: Which) -> bool {
    matches!(state(app, which).await, ConnectionState::Working { .. })
}

async fn a_connection_works_from_its_first_success_on(app: TestApp) {
    for which in [Which::Psa, Which::Model] {
        assert_eq!(state(&app, which).await, ConnectionState::Untested);
    }
    let since = app.clock.now();
    app.ticket("3/3/3").await;
    app.after(Duration::from_secs(60)).await;
    app.ticket("5/5/5").await;
    for which in [Which::Psa, Which::Model] {
        assert_eq!(state(&app, which).await, ConnectionState::Working { since }, "{which:?}");
    }
}

async fn a_revoked_model_key_pauses_the_model_and_a_new_one_resumes(app: TestApp) {
    app.model.watch.faults.add(None, "/chat/completions", 1_000, answer(401, None));
    let tickets = [app.ticket("3/5/3").await, app.ticket("3/5/3").await];
    let asked = app.model.asked();
    assert_eq!(asked, 1, "the second ticket, read meanwhile, waits without asking");
    much_later(&app).await;
    paused(&app, Which::Model).await;
    // Eighty minutes hold six growing waits.
    assert!((1..=7).contains(&(app.model.asked() - asked)), "a paused model is left alone but for a try");

    app.model.watch.faults.clear();
    app.tenant.model_connection_put(app.model.settings(), &Actor::System, app.clock.now()).await.unwrap();
    app.settle().await;
    for ticket in tickets {
        assert_eq!(app.desk.our_notes(&ticket).len(), 1);
    }
    assert!(works(&app, Which::Model).await);
}

async fn revoked_credentials_pause_the_psa_and_new_ones_resume(app: TestApp) {
    app.desk.revoke(answer(401, None));
    let ticket = app.ticket("5/5/5").await;
    paused(&app, Which::Psa).await;
    let asked = app.desk.watch().recorder.all().len();
    much_later(&app).await;
    // Each try asks for little, as the first refusal ends it.
    let tried = app.desk.watch().recorder.all().len() - asked;
    assert!((1..=30).contains(&tried), "a paused PSA is left alone but for a try: {tried} requests");

    app.desk.watch().faults.clear();
    app.tenant.psa_connection_put(app.desk.settings(), &Actor::System, app.clock.now()).await.unwrap();
    app.settle().await;
    app.assert_moved(&ticket, app.desk.escalations());
    assert_eq!(app.desk.our_notes(&ticket).len(), 2);
    assert!(works(&app, Which::Psa).await);
}

async fn a_psa_key_that_works_again_lets_everything_through_by_itself(app: TestApp) {
    app.desk.revoke(answer(401, None));
    let mut tickets = vec![app.ticket("5/5/5").await, app.ticket("5/5/5").await];
    next_try(&app, Which::Psa).await;
    let first = paused(&app, Which::Psa).await;
    tickets.push(app.ticket("5/5/5").await);
    assert!(first > app.clock.now(), "a refused try is followed by another one");
    assert_eq!(app.desk.writes(), (0, 0));
    let deliveries = app.tenant.delivery_list(&Default::default(), 100, None).await.unwrap().rows;
    assert_eq!(deliveries.len(), 3, "nothing is lost");
    assert!(deliveries.iter().all(|one| one.state == DeliveryState::Queued), "{deliveries:#?}");

    app.desk.watch().faults.clear();
    next_try(&app, Which::Psa).await;
    assert!(works(&app, Which::Psa).await);
    everything_once(&app, &tickets).await;
}

async fn a_model_key_that_works_again_lets_everything_through_by_itself(app: TestApp) {
    app.model.watch.faults.add(None, "/chat/completions", 1_000, answer(401, None));
    let tickets = [app.ticket("5/5/5").await, app.ticket("5/5/5").await, app.ticket("5/5/5").await];
    next_try(&app, Which::Model).await;
    paused(&app, Which::Model).await;

    app.model.watch.faults.clear();
    next_try(&app, Which::Model).await;
    assert!(works(&app, Which::Model).await);
    everything_once(&app, &tickets).await;
}

/// The sign-in is good, so each try resumes; the waits grow all the same, and what was written is not written again.
async fn a_right_that_is_granted_later_lets_the_waiting_notes_through_by_itself(app: TestApp) {
    app.desk.break_notes(1_000, answer(403, None));
    let tickets = [app.ticket("5/5/5").await, app.ticket("5/5/5").await];
    let before = paused(&app, Which::Psa).await - app.clock.now();
    for _ in 0..3 {
        next_try(&app, Which::Psa).await;
    }
    let after = paused(&app, Which::Psa).await - app.clock.now();
    assert!(after > before * 3, "the waits grow from {before} to {after}");
    assert!(tickets.iter().all(|ticket| app.desk.our_notes(ticket).is_empty()));
    // The notes that were refused are among the requests; from here on only new ones count.
    app.desk.watch().faults.clear();
    app.desk.watch().recorder.clear();
    next_try(&app, Which::Psa).await;
    assert!(works(&app, Which::Psa).await);
    for ticket in &tickets {
        app.assert_moved(ticket, app.desk.updates());
        app.assert_moved(ticket, app.desk.escalations());
        assert_eq!(app.desk.our_notes(ticket).len(), 2);
    }
    let (changes, notes) = app.desk.writes();
    assert!(changes <= 2 && notes == 4, "{changes} changes and {notes} notes");
}

async fn everything_once(app: &TestApp, tickets: &[String]) {
    for ticket in tickets {
        app.assert_moved(ticket, app.desk.updates());
        app.assert_moved(ticket, app.desk.escalations());
        assert_eq!(app.desk.our_notes(ticket).len(), 2);
    }
    assert_eq!(app.desk.writes(), (tickets.len() * 2, tickets.len() * 2), "each effect once");
    let deliveries = app.tenant.delivery_list(&Default::default(), 100, None).await.unwrap().rows;
    let done = deliveries.iter().filter(|one| one.state == DeliveryState::Done).count();
    assert_eq!(done, tickets.len(), "{deliveries:#?}");
}
