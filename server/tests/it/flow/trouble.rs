//! Models and PSAs that fail, and heal.

use super::app::{NOTE, TestApp, title};
use super::for_each_psa;
use domain::ActionState;
use sandbox::Fault;
use std::time::Duration;
use store::door::DeliveryState;
use store::tickets::TicketState;

for_each_psa!(
    a_model_that_fails_for_a_while_is_asked_again,
    a_model_that_talks_nonsense_twice_is_not_believed,
    a_psa_that_cannot_be_read_for_a_while_is_asked_again,
    a_write_that_was_cut_after_it_acted_is_not_repeated,
    a_write_that_was_cut_before_it_acted_is_repeated,
    a_throttled_write_waits_as_asked,
    a_refused_request_loses_only_the_refused_part_and_says_so,
    a_refused_escalation_is_told_and_the_rest_stays,
    a_ticket_that_is_not_there_is_skipped_with_the_reason,
    one_tenants_dead_psa_leaves_the_other_tenant_alone,
);

pub fn answer(status: u16, retry_after: Option<u64>) -> Fault {
    let body = r#"{"error":{"message":"something is wrong","type":"server_error","param":null,"code":null}}"#;
    Fault::Answer { status, content_type: "application/json", body: body.into(), retry_after }
}

/// As long as an outage's longest wait, several times.
pub async fn much_later(app: &TestApp) {
    for _ in 0..4 {
        app.after(Duration::from_secs(20 * 60)).await;
    }
}

async fn a_model_that_fails_for_a_while_is_asked_again(app: TestApp) {
    for fault in
        [answer(429, Some(7)), answer(429, None), answer(500, None), answer(503, None), Fault::CutAfterActing]
    {
        app.model.watch.faults.add(None, "/chat/completions", 2, fault.clone());
        let ticket = app.ticket("3/5/3").await;
        much_later(&app).await;
        assert_eq!(app.desk.our_notes(&ticket).len(), 1, "{fault:?}");
    }
}

async fn a_model_that_talks_nonsense_twice_is_not_believed(app: TestApp) {
    let nonsense = r#"{"id":"1","object":"chat.completion","created":1,"model":"scripted-1","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Sure! Sentiment is 11 out of 10.","refusal":null}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
    let fault = Fault::Answer {
        status: 200,
        content_type: "application/json",
        body: nonsense.into(),
        retry_after: None,
    };
    app.model.watch.faults.add(None, "/chat/completions", 2, fault);
    app.ticket("5/5/5").await;
    let story = app.story().await;
    assert_eq!(story.row.state, TicketState::Skipped);
    assert!(story.row.reason.is_some_and(|reason| reason.contains("could not be used")));
    assert_eq!(app.desk.writes(), (0, 0));
}

async fn a_psa_that_cannot_be_read_for_a_while_is_asked_again(app: TestApp) {
    for fault in [answer(429, Some(7)), answer(503, None), Fault::CutBeforeActing, Fault::Garbage] {
        app.desk.break_reads(3, fault.clone());
        let ticket = app.ticket("3/5/3").await;
        much_later(&app).await;
        assert_eq!(app.desk.our_notes(&ticket).len(), 1, "{fault:?}");
    }
}

async fn a_write_that_was_cut_after_it_acted_is_not_repeated(app: TestApp) {
    for fault in [Fault::CutAfterActing, Fault::Garbage] {
        let before = app.desk.writes();
        app.desk.break_changes(1, fault.clone());
        app.desk.break_notes(1, fault.clone());
        let ticket = app.ticket("3/5/5").await;
        much_later(&app).await;
        app.assert_moved(&ticket, app.desk.updates());
        let notes = app.desk.our_notes(&ticket);
        assert_eq!(notes.len(), 1, "{fault:?}: {notes:#?}");
        assert!(notes[0].text.contains("Undertone updated this ticket"), "{}", notes[0].text);
        let after = app.desk.writes();
        assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1), "{fault:?}");
    }
}

async fn a_write_that_was_cut_before_it_acted_is_repeated(app: TestApp) {
    app.desk.break_changes(1, Fault::CutBeforeActing);
    app.desk.break_notes(1, Fault::CutBeforeActing);
    let ticket = app.ticket("5/5/5").await;
    much_later(&app).await;
    app.assert_moved(&ticket, app.desk.updates());
    app.assert_moved(&ticket, app.desk.escalations());
    assert_eq!(app.desk.our_notes(&ticket).len(), 2);
}

async fn a_throttled_write_waits_as_asked(app: TestApp) {
    app.desk.break_changes(1, answer(429, Some(60)));
    let ticket = app.ticket("3/5/5").await;
    app.after(Duration::from_secs(50)).await;
    app.assert_unmoved(&ticket, app.desk.updates());
    app.after(Duration::from_secs(30)).await;
    app.assert_moved(&ticket, app.desk.updates());
    assert_eq!(app.desk.our_notes(&ticket).len(), 1);
}

async fn a_refused_request_loses_only_the_refused_part_and_says_so(app: TestApp) {
    // The whole request, then its first part: the priority. The other parts are taken.
    app.desk.break_changes(2, app.desk.refusal());
    let ticket = app.ticket("3/5/5").await;
    let (priority, others): (Vec<_>, Vec<_>) =
        app.desk.updates().iter().cloned().partition(|(lever, ..)| *lever == domain::Lever::Priority);
    app.assert_unmoved(&ticket, &priority);
    app.assert_moved(&ticket, &others);
    let notes = app.desk.our_notes(&ticket);
    assert_eq!(notes.len(), 1);
    assert!(notes[0].text.contains(app.desk.refusal_words()), "{}", notes[0].text);
    assert_eq!(app.story().await.row.state, TicketState::Acted);
}

async fn a_refused_escalation_is_told_and_the_rest_stays(app: TestApp) {
    app.set_policy(|policy| {
        policy.escalation.board = None;
        policy.escalation.team = None;
        policy.escalation.status = None;
    })
    .await;
    app.desk.break_changes(1, app.desk.refusal());
    let ticket = app.ticket("5/3/3").await;
    app.assert_unmoved(&ticket, app.desk.escalations());
    let notes = app.desk.our_notes(&ticket);
    assert_eq!(notes.len(), 1);
    assert!(notes[0].text.contains(app.desk.refusal_words()), "{}", notes[0].text);
    let story = app.story().await;
    assert_eq!(
        story.actions.iter().map(|row| row.state).collect::<Vec<_>>(),
        [ActionState::Refused, ActionState::Done]
    );
    assert!(!story.row.escalated);
}

async fn a_ticket_that_is_not_there_is_skipped_with_the_reason(app: TestApp) {
    if app.desk.kind() == domain::PsaKind::ConnectWise {
        let gone = r#"{"code":"NotFound","message":"Service Ticket not found","errors":null}"#;
        let fault = Fault::Answer {
            status: 404,
            content_type: "application/json",
            body: gone.into(),
            retry_after: None,
        };
        app.desk.break_reads(1_000, fault);
    } else {
        app.desk.hide_new_tickets(1_000);
    }
    app.desk.ticket(&title("5/5/5"), NOTE);
    app.settle().await;
    for seconds in [2, 5, 10] {
        app.after(Duration::from_secs(seconds)).await;
    }
    let story = app.story().await;
    assert_eq!(story.row.state, TicketState::Skipped);
    assert!(
        story.row.reason.as_ref().is_some_and(|reason| reason.contains("no such ticket")),
        "{:?}",
        story.row.reason
    );
    assert!(story.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Done));
    assert_eq!(app.model.asked(), 0);
}

async fn one_tenants_dead_psa_leaves_the_other_tenant_alone(app: TestApp) {
    let other = app.another_tenant().await;
    let flood: Vec<String> = (0..10).map(|_| other.desk.ticket(&title("5/5/5"), NOTE)).collect();
    other.desk.watch().faults.add(None, "", 10_000, Fault::Delay(Duration::from_secs(3_600)));
    other.desk.delivered().await;

    // All of the other's jobs hang, and this one's is done all the same.
    let ticket = app.desk.ticket(&title("5/5/5"), NOTE);
    let desk = &app.desk;
    super::app::eventually("the notes", || desk.our_notes(&ticket).len() == 2).await;
    assert!(flood.iter().all(|ticket| other.desk.our_notes(ticket).is_empty()));
}
