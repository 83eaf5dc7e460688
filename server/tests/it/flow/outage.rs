//! A workspace that chose the built-in analyser for the time its model is out.

use super::app::{NOTE, TestApp, title};
use super::for_each_psa;
use super::trouble::answer;
use domain::Outage;
use std::time::Duration;
use store::Actor;
use store::connections::ConnectionState;
use store::tickets::{TicketFilter, TicketRow, TicketState};

for_each_psa!(
    a_refused_key_lets_the_built_in_analyser_read_and_the_model_reads_again_later,
    a_model_that_does_not_answer_is_stood_in_for_once_it_failed_in_a_row,
    a_model_that_fails_with_500_for_hours_buries_no_ticket,
    without_that_choice_tickets_wait,
    tickets_that_wait_already_are_read_when_the_choice_is_made,
);

async fn degraded(app: &TestApp) -> Vec<TicketRow> {
    let filter = TicketFilter { degraded: true, ..TicketFilter::default() };
    app.tenant.ticket_list(&filter, 100, None).await.unwrap().rows
}

async fn fall_back(app: &TestApp) {
    app.set_policy(|policy| policy.outage = Outage::Builtin).await;
}

fn refuse(app: &TestApp) {
    app.model.watch.faults.add(None, "/chat/completions", 1_000, answer(401, None));
}

async fn a_refused_key_lets_the_built_in_analyser_read_and_the_model_reads_again_later(app: TestApp) {
    fall_back(&app).await;
    refuse(&app);
    let tickets = [app.ticket("5/5/5").await, app.ticket("5/5/5").await];
    assert_eq!(app.model.asked(), 1, "a refused key is not tried with each ticket");
    let state = app.tenant.model_connection().await.unwrap().state;
    assert!(matches!(state, ConnectionState::Paused { .. }), "the Overview says so all the same: {state:?}");
    assert_eq!(degraded(&app).await.len(), 2);
    for ticket in &tickets {
        let story = app.story_of(ticket).await;
        let how = &story.analyses[0].provenance;
        assert_eq!(how.model, "built-in analyser");
        let why = how.degraded.as_deref().unwrap();
        assert!(why.contains("scripted") && why.contains("refused the key"), "{why}");
        assert!(story.events.iter().any(|event| event.what == "scored" && event.detail.contains("was out")));
        for note in app.desk.our_notes(ticket) {
            assert!(note.text.contains("Read by the built-in analyser, because"), "{}", note.text);
        }
    }

    app.model.watch.faults.clear();
    app.tenant.model_connection_put(app.model.settings(), &Actor::System, app.clock.now()).await.unwrap();
    let again = app.tenant.tickets_replay_degraded(100, &Actor::System, app.clock.now()).await.unwrap();
    app.settle().await;
    assert_eq!((again, degraded(&app).await.len()), (2, 0));
    for ticket in &tickets {
        let story = app.story_of(ticket).await;
        assert_eq!((story.analyses.len(), &story.analyses[0].provenance.degraded), (2, &None));
        app.assert_moved(ticket, app.desk.updates());
        app.assert_moved(ticket, app.desk.escalations());
    }
    let again = app.tenant.tickets_replay_degraded(100, &Actor::System, app.clock.now()).await.unwrap();
    assert_eq!(again, 0, "nothing is left to read again");
}

async fn a_model_that_does_not_answer_is_stood_in_for_once_it_failed_in_a_row(app: TestApp) {
    fall_back(&app).await;
    app.model.watch.faults.add(None, "/chat/completions", 1_000, answer(503, None));
    app.ticket("5/5/5").await;
    assert!(degraded(&app).await.is_empty(), "one failure is no outage");
    for _ in 0..6 {
        app.desk.ticket(&title("5/5/5"), NOTE);
    }
    app.settle().await;
    app.after(Duration::from_secs(60)).await;
    let rows = degraded(&app).await;
    assert_eq!(rows.len(), 7, "everything that waited is read");
    assert!(rows.iter().all(|row| row.state != TicketState::Reading && row.sentiment.is_some()));
    let why = app.story_of(&rows[0].external_id).await.analyses.remove(0).provenance.degraded.unwrap();
    assert!(why.contains("did not answer several times in a row"), "{why}");
}

async fn a_model_that_fails_with_500_for_hours_buries_no_ticket(app: TestApp) {
    app.model.watch.faults.add(None, "/chat/completions", 100_000, answer(500, None));
    for _ in 0..6 {
        app.desk.ticket(&title("5/5/5"), NOTE);
    }
    app.settle().await;
    for _ in 0..30 {
        app.after(Duration::from_secs(20 * 60)).await;
    }
    let stories = app.stories().await;
    let states: Vec<TicketState> = stories.iter().map(|story| story.row.state).collect();
    assert_eq!(states, [TicketState::Reading; 6], "they wait");
    app.model.watch.faults.clear();
    // The pause after the last failure; those that wait would wait for a quarter of an hour.
    app.after(Duration::from_secs(60)).await;
    app.desk.ticket(&title("5/5/5"), NOTE);
    app.settle().await;
    let states: Vec<TicketState> = app.stories().await.iter().map(|story| story.row.state).collect();
    assert_eq!(states, [TicketState::Acted; 7], "with the first that the model reads again");
}

async fn without_that_choice_tickets_wait(app: TestApp) {
    refuse(&app);
    app.ticket("5/5/5").await;
    app.after(Duration::from_secs(30)).await;
    assert!(degraded(&app).await.is_empty());
    assert_eq!(app.story().await.row.state, TicketState::Reading);
}

async fn tickets_that_wait_already_are_read_when_the_choice_is_made(app: TestApp) {
    refuse(&app);
    app.ticket("5/5/5").await;
    app.ticket("3/3/3").await;
    fall_back(&app).await;
    app.after(Duration::from_secs(2)).await;
    assert_eq!(degraded(&app).await.len(), 2);
}
