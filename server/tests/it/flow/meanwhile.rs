//! What people change while a ticket is under way.

use super::app::{NOTE, TestApp, stop_at, title};
use super::for_each_psa;
use domain::{ActionState, Mode};
use server::queue::Checkpoints;

for_each_psa!(
    shadow_mode_stops_what_was_about_to_be_sent,
    shadow_mode_stops_what_is_left_and_tells_what_had_been_sent,
);

/// Kills the program at `point` of an angry ticket; the workspace is in shadow mode when it starts again.
async fn switched_at(app: &mut TestApp, point: &str) -> String {
    let (checkpoints, reached) = stop_at(point);
    app.restart(checkpoints).await;
    let ticket = app.desk.ticket(&title("5/5/5"), NOTE);
    reached.wait().await;
    app.kill();
    app.set_policy(|policy| policy.mode = Mode::Shadow).await;
    app.restart(Checkpoints::default()).await;
    app.after_lease().await;
    ticket
}

async fn shadow_mode_stops_what_was_about_to_be_sent(mut app: TestApp) {
    let ticket = switched_at(&mut app, "begun").await;
    app.assert_unmoved(&ticket, app.desk.updates());
    app.assert_unmoved(&ticket, app.desk.escalations());
    assert!(app.desk.our_notes(&ticket).is_empty());
    // A row in flight may have reached the PSA: what was found there decides, and here nothing was.
    for action in app.story_of(&ticket).await.actions {
        assert_eq!(action.state, ActionState::Superseded, "{action:#?}");
        let told = action.detail.into_iter().chain(action.effects.into_iter().filter_map(|e| e.left_alone));
        assert!(told.into_iter().any(|words| words.contains("shadow mode")), "{}", action.action.key.0);
    }
    assert_eq!(app.desk.writes(), (0, 0));
}

async fn shadow_mode_stops_what_is_left_and_tells_what_had_been_sent(mut app: TestApp) {
    let ticket = switched_at(&mut app, "called update").await;
    app.assert_moved(&ticket, app.desk.updates());
    app.assert_unmoved(&ticket, app.desk.escalations());
    assert!(app.desk.our_notes(&ticket).is_empty());
    let story = app.story_of(&ticket).await;
    let states: Vec<(&str, ActionState)> =
        story.actions.iter().map(|action| (action.action.key.0.as_str(), action.state)).collect();
    assert!(states.contains(&("update", ActionState::Done)), "{states:?}");
    let rest = states.iter().filter(|(key, _)| *key != "update");
    assert!(rest.clone().count() == 3, "{states:?}");
    assert!(rest.clone().all(|(_, state)| *state == ActionState::Superseded), "{states:?}");
}
