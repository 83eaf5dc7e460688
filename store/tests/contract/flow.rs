//! A ticket's whole way, as the stages walk it.

use crate::support::{self, arrive, at, claim, plan, read, tenant};
use domain::{ActionState, Choice, Effect, Lever, Mode};
use store::jobs::{Share, Stage};
use store::ledger::{Outcome, Rest};
use store::testing::TestStore;
use store::tickets::TicketState;

support::on_both_engines! {
    a_ticket_walks_from_the_door_to_its_last_note,
}

async fn a_ticket_walks_from_the_door_to_its_last_note(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let accepted = arrive(&acme, "7", 0).await;
    assert!(!accepted.repeated);

    let job = claim(&store, 1).await;
    assert_eq!((job.stage, job.attempts, job.delivery), (Stage::Read, 1, Some(accepted.delivery)));
    let ticket = acme.ticket_read(job.lease, &read("7", "c1"), at(2)).await.unwrap();

    let job = job.at(Stage::Score, ticket, None);
    let plan = plan(Mode::Live, 5, &["update", "note:update"]);
    let decided = acme
        .analysis_scored(job.lease, ticket, &support::assessment(5), &plan, 1, &support::provenance(), at(4))
        .await
        .unwrap();

    assert!(decided.left);
    let job = job.at(Stage::Act, ticket, Some(decided.id));
    let rows = acme.action_list(decided.id).await.unwrap();
    let handed = decided.rows.unwrap();
    assert_eq!(
        handed.iter().map(|row| (row.id, &row.action, &row.reference)).collect::<Vec<_>>(),
        rows.iter().map(|row| (row.id, &row.action, &row.reference)).collect::<Vec<_>>(),
        "what is handed on is what is stored"
    );
    assert_eq!(
        rows.iter().map(|row| row.action.key.0.as_str()).collect::<Vec<_>>(),
        ["update", "note:update"]
    );
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    assert!(acme.actions_begin(job.lease, &ids).await.unwrap().is_empty());
    let effect = Effect {
        lever: Lever::Priority,
        before: None,
        asked: Choice::new("1", "Critical"),
        after: Some(Choice::new("1", "Critical")),
        left_alone: None,
    };
    let done = Outcome { state: ActionState::Done, effects: vec![effect], detail: None, receipt: None };
    let noted = Outcome {
        state: ActionState::Done,
        effects: vec![],
        detail: Some("told".into()),
        receipt: Some("n1".into()),
    };
    let ended = [(ids[0], done), (ids[1], noted)];
    acme.actions_end(job.lease, ticket, &ended, Rest::Finished, at(8)).await.unwrap();

    let story = acme.ticket_story(ticket).await.unwrap().unwrap();
    assert_eq!(story.row.state, TicketState::Acted);
    assert!(story.row.updated && !story.row.escalated);
    assert_eq!(story.deliveries.len(), 1);
    let what: Vec<&str> = story.events.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(what, ["received", "read", "scored", "decided", "acted", "acted"]);
    let today = acme.today(at(0)).await.unwrap();
    let overview = acme.overview(today, today.succ_opt().unwrap()).await.unwrap();
    assert_eq!((overview.tally.analysed, overview.tally.negative, overview.tally.updated), (1, 1, 1));
    assert_eq!(overview.median_seconds, Some(8.0));
    assert!(store.job_claim(at(100), support::LEASE, 10, Share::of(10)).await.unwrap().is_empty());
}
