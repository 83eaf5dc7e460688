//! What happens to an angry, a happy and a neutral ticket.

use super::app::{NOTE, TestApp, title};
use super::for_each_psa;
use domain::{ActionState, Label, Mode, NoteStyle, Score};
use store::door::DeliveryState;
use store::tickets::TicketState;

for_each_psa!(
    an_angry_ticket_is_raised_escalated_and_explained,
    a_happy_ticket_gets_nothing_but_its_analysis,
    a_neutral_ticket_gets_nothing_but_its_analysis,
    in_shadow_mode_nothing_is_written,
    each_threshold_acts_alone_and_is_inclusive,
    one_folded_note_tells_all,
    what_a_person_changed_meanwhile_is_left_alone_and_said_so,
    a_ticket_that_a_rule_leaves_out_is_not_scored,
    a_note_that_is_not_there_yet_is_waited_for,
);

async fn an_angry_ticket_is_raised_escalated_and_explained(app: TestApp) {
    let ticket = app.ticket("5/5/5").await;
    app.assert_moved(&ticket, app.desk.updates());
    app.assert_moved(&ticket, app.desk.escalations());

    let notes = app.desk.our_notes(&ticket);
    assert_eq!(notes.len(), 2, "{notes:#?}");
    assert!(notes.iter().all(|note| note.internal), "{notes:#?}");
    assert!(notes[0].text.contains("Undertone updated this ticket: priority from"), "{}", notes[0].text);
    assert!(notes[0].text.contains("(urgency 5 ≥ 4)"), "{}", notes[0].text);
    assert!(notes[1].text.contains("Undertone escalated this ticket"), "{}", notes[1].text);
    assert!(notes[1].text.contains("The customer wrote: “please”"), "{}", notes[1].text);

    let story = app.story().await;
    assert_eq!(story.row.state, TicketState::Acted, "{:?}", story.row.reason);
    assert_eq!(story.row.label, Some(Label::Negative));
    assert!(story.row.updated && story.row.escalated);
    assert_eq!(story.text, NOTE);
    assert_eq!(story.analyses.len(), 1);
    assert!(story.actions.iter().all(|action| action.state == ActionState::Done), "{:#?}", story.actions);
    assert!(story.actions.iter().flat_map(|action| &action.effects).all(domain::Effect::applied));
    // Our own changes may have come back as webhook calls; they are recorded and left alone.
    let (analysed, others): (Vec<_>, Vec<_>) =
        story.deliveries.iter().partition(|delivery| delivery.state == DeliveryState::Done);
    assert_eq!(analysed.len(), 1, "{:#?}", story.deliveries);
    assert!(others.iter().all(|delivery| delivery.state == DeliveryState::Ignored), "{others:#?}");
}

async fn a_happy_ticket_gets_nothing_but_its_analysis(app: TestApp) {
    nothing_but_the_analysis(app, "1/1/1", Label::Positive).await;
}

async fn a_neutral_ticket_gets_nothing_but_its_analysis(app: TestApp) {
    nothing_but_the_analysis(app, "3/3/3", Label::Neutral).await;
}

async fn nothing_but_the_analysis(app: TestApp, scores: &str, label: Label) {
    let ticket = app.ticket(scores).await;
    app.assert_unmoved(&ticket, app.desk.updates());
    app.assert_unmoved(&ticket, app.desk.escalations());
    assert_eq!(app.desk.writes(), (0, 0));
    let story = app.story().await;
    assert_eq!((story.row.state, story.row.label), (TicketState::Analysed, Some(label)));
    assert!(story.actions.is_empty());
}

async fn in_shadow_mode_nothing_is_written(app: TestApp) {
    app.set_policy(|policy| policy.mode = Mode::Shadow).await;
    let ticket = app.ticket("5/5/5").await;
    app.assert_unmoved(&ticket, app.desk.updates());
    assert_eq!(app.desk.writes(), (0, 0));
    let story = app.story().await;
    assert_eq!(story.row.state, TicketState::Shadowed);
    assert_eq!(story.actions.len(), 4, "what would have been done is shown");
    assert!(story.actions.iter().all(|action| action.state == ActionState::Shadow));
}

async fn each_threshold_acts_alone_and_is_inclusive(app: TestApp) {
    let (updates, escalations) = (app.desk.updates(), app.desk.escalations());
    let (priority, others): (Vec<_>, Vec<_>) =
        updates.iter().cloned().partition(|(lever, ..)| *lever == domain::Lever::Priority);

    // Sentiment alone escalates, from exactly its threshold on.
    let ticket = app.ticket("4/3/3").await;
    app.assert_moved(&ticket, escalations);
    app.assert_unmoved(&ticket, updates);

    // Urgency alone raises the priority.
    let ticket = app.ticket("3/5/3").await;
    app.assert_moved(&ticket, &priority);
    app.assert_unmoved(&ticket, escalations);

    // Impact alone moves what follows impact, and not the priority.
    let ticket = app.ticket("3/3/5").await;
    app.assert_unmoved(&ticket, &priority);
    app.assert_unmoved(&ticket, escalations);
    let moved = others.iter().any(|(lever, _, to)| app.desk.field(&ticket, lever).as_deref() == Some(*to));
    assert!(moved, "a lever follows the impact");

    // One below its threshold, or with the threshold off, nothing happens.
    let writes = app.desk.writes();
    app.ticket("3/3/3").await;
    app.set_policy(|policy| policy.thresholds.sentiment = None).await;
    app.ticket("5/3/3").await;
    app.set_policy(|policy| policy.thresholds.urgency = Some(Score::MAX)).await;
    app.ticket("3/4/3").await;
    assert_eq!(app.desk.writes(), writes);
}

async fn one_folded_note_tells_all(app: TestApp) {
    app.set_policy(|policy| policy.notes = NoteStyle::Folded).await;
    let ticket = app.ticket("5/5/5").await;
    let notes = app.desk.our_notes(&ticket);
    assert_eq!(notes.len(), 1, "{notes:#?}");
    assert!(notes[0].text.contains("updated this ticket") && notes[0].text.contains("escalated this ticket"));
}

async fn what_a_person_changed_meanwhile_is_left_alone_and_said_so(mut app: TestApp) {
    let (checkpoints, reached) = super::app::stop_at("scored");
    app.restart(checkpoints).await;
    let ticket = app.desk.ticket(&title("5/5/5"), NOTE);
    reached.wait().await;
    let other = app.desk.another_priority();
    app.desk.person_sets_priority(&ticket, other);
    app.restart(server::queue::Checkpoints::default()).await;
    app.after_lease().await;

    assert_eq!(app.desk.field(&ticket, &domain::Lever::Priority).as_deref(), Some(other));
    app.assert_moved(&ticket, app.desk.escalations());
    let notes = app.desk.our_notes(&ticket);
    assert_eq!(notes.len(), 2, "{notes:#?}");
    assert!(notes[0].text.contains("after we had read the ticket"), "{}", notes[0].text);
}

async fn a_ticket_that_a_rule_leaves_out_is_not_scored(app: TestApp) {
    app.set_policy(|policy| policy.scope.min_words = 1_000).await;
    app.ticket("5/5/5").await;
    let story = app.story().await;
    assert_eq!(story.row.state, TicketState::Skipped);
    assert!(story.row.reason.is_some_and(|reason| reason.contains("too little text")));
    assert_eq!((app.model.asked(), app.desk.writes()), (0, (0, 0)));
}

async fn a_note_that_is_not_there_yet_is_waited_for(app: TestApp) {
    app.desk.hide_new_tickets(2);
    let ticket = app.desk.ticket(&title("5/5/5"), NOTE);
    app.settle().await;
    assert_eq!(app.model.asked(), 0);
    for seconds in [2, 5, 10] {
        app.after(std::time::Duration::from_secs(seconds)).await;
    }
    app.assert_moved(&ticket, app.desk.updates());
    assert_eq!(app.story().await.text, NOTE);
}
