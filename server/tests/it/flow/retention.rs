//! What is old goes by itself, and a ticket whose text is gone is still the ticket it was.

use super::app::{NOTE, TestApp, stop_at, until};
use super::for_each_psa;
use domain::Retention;
use server::queue::Checkpoints;
use std::time::Duration;
use store::Actor;
use store::door::DeliveryFilter;

for_each_psa!(
    a_text_goes_when_its_time_is_up_and_a_replay_reads_it_again,
    a_kill_in_the_middle_of_tidying_loses_nothing_and_the_rest_goes,
);

const DAY: Duration = Duration::from_secs(86_400);

async fn calls(app: &TestApp) -> usize {
    app.tenant.delivery_list(&DeliveryFilter::default(), 200, None).await.unwrap().rows.len()
}

async fn a_text_goes_when_its_time_is_up_and_a_replay_reads_it_again(mut app: TestApp) {
    let ticket = app.ticket("5/5/5").await;
    let (before, writes) = (app.story().await, app.desk.writes());
    assert!(before.text.contains(NOTE));
    // Its own choice is shorter than the instance's.
    let sixty = Retention::new(60).unwrap();
    app.tenant.retention_put(Some(sixty), &Actor::System, app.clock.now()).await.unwrap();
    app.clock.advance(59 * DAY);
    app.restart(Checkpoints::default()).await;
    app.settle().await;
    assert!(!app.story().await.row.text_removed);

    app.clock.advance(2 * DAY);
    app.restart(Checkpoints::default()).await;
    until("the text is removed", async || app.story().await.row.text_removed && calls(&app).await == 0).await;
    let after = app.story().await;
    assert_eq!((after.text.as_str(), after.row.title.as_str()), ("", ""));
    assert_eq!((after.row.state, after.row.sentiment), (before.row.state, before.row.sentiment));
    assert_eq!(after.actions.len(), before.actions.len());

    assert!(app.tenant.ticket_replay(after.row.id, &Actor::System, app.clock.now()).await.unwrap());
    app.settle().await;
    let again = app.story().await;
    assert!(!again.row.text_removed && again.text.contains(NOTE));
    assert_eq!((again.row.title, again.analyses.len()), (before.row.title, 2));
    assert!(again.row.updated && again.row.escalated);
    assert_eq!((app.desk.writes(), app.desk.our_notes(&ticket).len()), (writes, 2), "nothing was done twice");
}

async fn a_kill_in_the_middle_of_tidying_loses_nothing_and_the_rest_goes(mut app: TestApp) {
    let tickets = [app.ticket("5/5/5").await, app.ticket("1/1/1").await];
    let writes = app.desk.writes();
    app.clock.advance(401 * DAY);
    let (checkpoints, reached) = stop_at("tidied texts");
    app.restart(checkpoints).await;
    reached.wait().await;
    app.kill();
    for ticket in &tickets {
        assert!(app.story_of(ticket).await.row.text_removed);
    }
    assert!(calls(&app).await >= 2, "it had not come to the calls");

    // The workspace is the dead one's until its time has run out.
    app.clock.advance(Duration::from_secs(11 * 60));
    app.restart(Checkpoints::default()).await;
    until("the calls are removed", async || calls(&app).await == 0).await;
    for ticket in &tickets {
        let story = app.story_of(ticket).await;
        assert!(story.row.text_removed && story.row.sentiment.is_some());
    }
    let metrics = super::app::get(&format!("{}/metrics", app.metrics_url())).await.body;
    let metrics = String::from_utf8_lossy(&metrics);
    assert!(metrics.contains("undertone_tidied_total{what=\"deliveries\"}"), "{metrics}");
    // A late repeat of a call that is gone is no new ticket.
    for call in app.desk.calls() {
        assert_eq!(app.send(&call).await.status, 202);
    }
    app.settle().await;
    assert_eq!((app.stories().await.len(), app.desk.writes()), (2, writes));
    for ticket in &tickets {
        assert_eq!(app.story_of(ticket).await.analyses.len(), 1);
    }
}
