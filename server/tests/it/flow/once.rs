//! Each effect once, whatever is delivered twice, crashes or is replayed.

use super::app::{NOTE, TestApp, stop_at, title};
use super::for_each_psa;
use domain::ActionState;
use server::queue::{Checkpoints, STEPS};
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};
use store::Actor;
use store::tickets::TicketState;

for_each_psa!(
    the_same_call_again_changes_nothing,
    a_ticket_passes_every_step_of_the_list_and_no_other,
    killed_anywhere_and_started_again_each_effect_is_there_once,
    a_soft_stop_finishes_the_stage_and_loses_no_time,
    a_replay_writes_nothing_twice,
    a_flood_of_tickets_is_worked_off_each_once,
);

async fn the_same_call_again_changes_nothing(mut app: TestApp) {
    let ticket = app.ticket("5/5/5").await;
    let first = app.analysed_delivery().await;
    let call = app.desk.calls().pop().unwrap();
    let writes = app.desk.writes();

    let answers = futures::future::join_all((0..8).map(|_| app.send(&call))).await;
    app.restart(Checkpoints::default()).await;
    let after_restart = app.send(&call).await;
    app.settle().await;

    for answer in answers.into_iter().chain([after_restart]) {
        assert_eq!(answer.status, 202);
        assert_eq!(answer.json::<serde_json::Value>().unwrap()["delivery_id"], first.to_string());
    }
    assert_eq!((app.desk.writes(), app.model.asked()), (writes, 1));
    assert_eq!(app.desk.our_notes(&ticket).len(), 2);
    let story = app.story().await;
    assert_eq!(story.analyses.len(), 1);
    let delivery = story.deliveries.iter().find(|delivery| delivery.id == first).unwrap();
    assert_eq!(delivery.repeats, 9);
}

async fn a_ticket_passes_every_step_of_the_list_and_no_other(mut app: TestApp) {
    let passed = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&passed);
    app.restart(Checkpoints::new(move |step| {
        seen.lock().unwrap().insert(step.to_owned());
        false
    }))
    .await;
    app.ticket("5/5/5").await;
    assert_eq!(*passed.lock().unwrap(), BTreeSet::from(STEPS.map(str::to_owned)));
}

async fn killed_anywhere_and_started_again_each_effect_is_there_once(mut app: TestApp) {
    for (number, point) in (1..).zip(STEPS) {
        let before = app.desk.writes();
        let (checkpoints, reached) = stop_at(point);
        app.restart(checkpoints).await;
        let ticket = app.desk.ticket(&title("5/5/5"), NOTE);
        if point == "claiming" {
            // It is there already when the program starts.
            app.desk.delivered().await;
        }
        reached.wait().await;
        app.restart(Checkpoints::default()).await;
        app.after_lease().await;

        app.assert_moved(&ticket, app.desk.updates());
        app.assert_moved(&ticket, app.desk.escalations());
        let notes = app.desk.our_notes(&ticket);
        let distinct: HashSet<&str> = notes.iter().map(|note| note.text.as_str()).collect();
        assert_eq!((notes.len(), distinct.len()), (2, 2), "killed at step {number}, “{point}”: {notes:#?}");
        let after = app.desk.writes();
        assert_eq!(
            (after.0 - before.0, after.1 - before.1),
            (2, 2),
            "killed at step {number}, “{point}”: requests that write"
        );
        let story = app.story_of(&ticket).await;
        assert_eq!(
            story.row.state,
            TicketState::Acted,
            "killed at step {number}, “{point}”: {:?}",
            story.row.reason
        );
        assert!(
            story.actions.iter().all(|action| action.state == ActionState::Done),
            "killed at step {number}, “{point}”"
        );
    }
}

async fn a_soft_stop_finishes_the_stage_and_loses_no_time(mut app: TestApp) {
    app.model.watch.faults.add(
        None,
        "/chat/completions",
        1,
        sandbox::Fault::Delay(std::time::Duration::from_millis(500)),
    );
    let ticket = app.desk.ticket(&title("5/5/5"), NOTE);
    app.desk.delivered().await;
    let model = &app.model;
    super::app::eventually("a running job", || app.busy() > 0 || model.asked() > 0).await;
    app.stop().await;
    app.restart(Checkpoints::default()).await;
    // No lease has to run out first.
    app.settle().await;
    app.assert_moved(&ticket, app.desk.updates());
    assert_eq!(app.desk.our_notes(&ticket).len(), 2);
    assert_eq!(app.model.asked(), 1, "the finished stage was not repeated");
}

async fn a_replay_writes_nothing_twice(app: TestApp) {
    let ticket = app.ticket("5/5/5").await;
    let writes = app.desk.writes();
    let row = app.story().await.row;
    assert!(app.tenant.ticket_replay(row.id, &Actor::System, app.clock.now()).await.unwrap());
    app.settle().await;

    let story = app.story().await;
    assert_eq!(story.analyses.len(), 2);
    assert_eq!(story.row.state, TicketState::Analysed, "the second time there was nothing left to do");
    assert!(story.row.updated && story.row.escalated);
    assert_eq!(app.desk.writes(), writes);
    assert_eq!(app.desk.our_notes(&ticket).len(), 2);
}

async fn a_flood_of_tickets_is_worked_off_each_once(app: TestApp) {
    let tickets: Vec<String> = (0..30).map(|_| app.desk.ticket(&title("5/5/5"), NOTE)).collect();
    app.settle().await;
    for ticket in &tickets {
        app.assert_moved(ticket, app.desk.updates());
        app.assert_moved(ticket, app.desk.escalations());
        assert_eq!(app.desk.our_notes(ticket).len(), 2);
    }
    assert_eq!(app.desk.writes(), (60, 60));
}
