//! Plans, analyses and the ledger: each effect once.

use crate::support::{self, LEASE, action, arrive, assessment, at, claim, plan, provenance, read, tenant};
use domain::{ActionId, ActionState, AnalysisId, Choice, Effect, Lever, Mode, Score, TicketId};
use std::collections::HashSet;
use store::analyses::AnalysisState;
use store::jobs::{Job, Share, Stage};
use store::ledger::{LedgerRow, Outcome, Rest};
use store::testing::TestStore;
use store::tickets::TicketState;
use store::{Actor, StoreError, TenantStore};

support::on_both_engines! {
    a_live_plan_goes_on_to_acting,
    a_plan_without_actions_finishes_the_ticket,
    a_shadow_plan_is_shown_and_not_carried_out,
    a_skipped_ticket_keeps_its_reason_and_no_scores,
    the_analysis_comes_back_as_it_was_stored,
    beginning_twice_tells_that_the_first_may_have_arrived,
    what_was_begun_and_not_sent_is_planned_again,
    several_ends_are_stored_in_their_order,
    a_final_action_stays_as_it_ended,
    an_action_of_another_ticket_is_not_ours_to_begin,
    a_replay_repeats_no_effect,
    a_replay_after_going_live_carries_out_what_was_shadow,
    a_replay_carries_out_what_was_planned_and_never_begun,
    a_replay_drops_what_is_no_longer_planned,
    what_may_have_reached_the_psa_is_brought_to_its_end,
    an_escalation_counts_once_it_may_have_left,
    references_differ_and_stay,
}

fn done(applied: bool) -> Outcome {
    let asked = Choice::new("1", "Critical");
    let after = if applied { asked.clone() } else { Choice::new("3", "Medium") };
    let effect = Effect { lever: Lever::Priority, before: None, asked, after: Some(after), left_alone: None };
    Outcome { state: ActionState::Done, effects: vec![effect], detail: None, receipt: None }
}

fn keys(rows: &[LedgerRow]) -> Vec<(&str, ActionState)> {
    rows.iter().map(|row| (row.action.key.0.as_str(), row.state)).collect()
}

async fn score(
    tenant: &TenantStore,
    job: &Job,
    ticket: TicketId,
    plan: &domain::Plan,
    second: i64,
) -> AnalysisId {
    support::end_score(tenant, job, ticket, &assessment(5), plan, second).await
}

/// Asks for a replay and walks it to the end of its score stage.
async fn replay(tenant: &TenantStore, ticket: TicketId, plan: &domain::Plan, second: i64) -> AnalysisId {
    assert!(tenant.ticket_replay(ticket, &Actor::System, at(second)).await.unwrap());
    let job = claim(tenant.store(), second).await;
    assert_eq!((job.stage, job.replay), (Stage::Read, true));
    assert_eq!(tenant.ticket_read(job.lease, &read("7", "c"), at(second)).await.unwrap(), ticket);
    score(tenant, &job, ticket, plan, second).await
}

async fn state(tenant: &TenantStore, ticket: TicketId) -> TicketState {
    tenant.ticket_story(ticket).await.unwrap().unwrap().row.state
}

async fn a_live_plan_goes_on_to_acting(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket =
        support::scored(&acme, "7", "c", 5, &plan(Mode::Live, 5, &["update", "note:update"]), 0).await;
    assert_eq!(state(&acme, ticket).await, TicketState::Acting);
    let job = claim(&store, 3).await;
    assert_eq!((job.stage, job.ticket), (Stage::Act, Some(ticket)));
    let rows = acme.action_list(job.analysis.unwrap()).await.unwrap();
    assert_eq!(keys(&rows), [("update", ActionState::Planned), ("note:update", ActionState::Planned)]);
    assert_eq!(rows[0].action, action("update"));
    assert_eq!((rows[1].position, rows[1].attempts, rows[1].decided_at), (1, 0, at(2)));
}

async fn a_plan_without_actions_finishes_the_ticket(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (external, mode) in [("7", Mode::Live), ("8", Mode::Shadow)] {
        let ticket = support::scored(&acme, external, "c", 3, &plan(mode, 3, &[]), 0).await;
        assert_eq!(state(&acme, ticket).await, TicketState::Analysed);
    }
    assert!(store.job_claim(at(9), LEASE, 10, Share::of(10)).await.unwrap().is_empty());
}

async fn a_shadow_plan_is_shown_and_not_carried_out(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket =
        support::scored(&acme, "7", "c", 5, &plan(Mode::Shadow, 5, &["update", "note:update"]), 0).await;
    let story = acme.ticket_story(ticket).await.unwrap().unwrap();
    assert_eq!((story.row.state, story.row.mode), (TicketState::Shadowed, Some(Mode::Shadow)));
    assert_eq!(keys(&story.actions), [("update", ActionState::Shadow), ("note:update", ActionState::Shadow)]);
    assert!(store.job_claim(at(9), LEASE, 10, Share::of(10)).await.unwrap().is_empty());
    assert!(!acme.escalated_before(ticket).await.unwrap());
}

async fn a_skipped_ticket_keeps_its_reason_and_no_scores(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    let ticket = acme.ticket_read(job.lease, &read("7", "c"), at(1)).await.unwrap();
    let analysis =
        acme.analysis_skipped(job.lease, ticket, "the model refused", 4, &provenance(), at(2)).await.unwrap();
    let story = acme.ticket_story(ticket).await.unwrap().unwrap();
    assert_eq!(
        (story.row.state, story.row.reason.as_deref()),
        (TicketState::Skipped, Some("the model refused"))
    );
    assert_eq!((story.row.label, story.row.sentiment, story.row.analysed_at), (None, None, None));
    let kept = &story.analyses[0];
    assert_eq!((kept.id, kept.state, kept.policy_version), (analysis, AnalysisState::Skipped, 4));
    assert!(kept.assessment.is_none() && kept.plan.is_none());
    assert_eq!(store.queue_health().await.unwrap().ready, 0);
}

async fn the_analysis_comes_back_as_it_was_stored(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let plan = plan(Mode::Live, 5, &["update"]);
    let ticket = support::scored(&acme, "7", "c", 5, &plan, 0).await;
    let kept = acme.analysis_latest(ticket).await.unwrap().unwrap();
    assert_eq!((kept.ticket, kept.at, kept.state, kept.reason), (ticket, at(2), AnalysisState::Scored, None));
    assert_eq!(
        (kept.assessment, kept.plan, kept.provenance),
        (Some(assessment(5)), Some(plan), provenance())
    );
    let row = acme.ticket_story(ticket).await.unwrap().unwrap().row;
    assert_eq!((row.sentiment, row.urgency), (Some(Score::MAX), Some(Score::NEUTRAL)));
    assert_eq!(row.analysed_at, Some(at(2)));
}

/// A live ticket whose job is leased in the act stage.
async fn acting(tenant: &TenantStore, actions: &[&str]) -> (TicketId, Job, Vec<LedgerRow>) {
    let ticket = support::scored(tenant, "7", "c", 5, &plan(Mode::Live, 5, actions), 0).await;
    let job = claim(tenant.store(), 3).await;
    let rows = tenant.action_list(job.analysis.unwrap()).await.unwrap();
    (ticket, job, rows)
}

async fn beginning_twice_tells_that_the_first_may_have_arrived(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (_, job, rows) = acting(&acme, &["update", "note:update"]).await;
    assert!(acme.actions_begin(job.lease, &[rows[0].id]).await.unwrap().is_empty());
    // The process dies here, and another takes over.
    let job = claim(&store, 100).await;
    let ids = [rows[0].id, rows[1].id];
    assert_eq!(acme.actions_begin(job.lease, &ids).await.unwrap(), HashSet::from([rows[0].id]));
    let rows = acme.action_list(job.analysis.unwrap()).await.unwrap();
    assert_eq!((rows[0].state, rows[0].attempts), (ActionState::InFlight, 2));
}

async fn what_was_begun_and_not_sent_is_planned_again(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (ticket, job, rows) = acting(&acme, &["update", "note:update", "escalate"]).await;
    let ids: Vec<ActionId> = rows.iter().map(|row| row.id).collect();
    // An earlier life of the program began the last one.
    acme.actions_begin(job.lease, &ids[2..]).await.unwrap();
    assert_eq!(acme.actions_begin(job.lease, &ids).await.unwrap(), HashSet::from([ids[2]]));
    let rest = Rest::Unsent(ids[1..].to_vec());
    acme.actions_end(job.lease, ticket, &[(ids[0], done(true))], rest, at(5)).await.unwrap();
    let rows = acme.action_list(job.analysis.unwrap()).await.unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.state, row.attempts)).collect();
    assert_eq!(seen, [(ActionState::Done, 1), (ActionState::Planned, 0), (ActionState::InFlight, 2)]);
    assert_eq!(state(&acme, ticket).await, TicketState::Acting);
    assert!(acme.ticket_story(ticket).await.unwrap().unwrap().row.updated);
}

async fn several_ends_are_stored_in_their_order(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (ticket, job, rows) = acting(&acme, &["update", "escalate", "note:update"]).await;
    let ids: Vec<ActionId> = rows.iter().map(|row| row.id).collect();
    acme.actions_begin(job.lease, &ids).await.unwrap();
    let refused = |words: &str| Outcome {
        state: ActionState::Refused,
        effects: vec![],
        detail: Some(words.into()),
        receipt: None,
    };
    let noted = Outcome { detail: Some("told\0".into()), receipt: Some("n1".into()), ..done(true) };
    let ended = [(ids[0], done(true)), (ids[1], refused("no such member")), (ids[2], noted)];
    acme.actions_end(job.lease, ticket, &ended, Rest::Finished, at(5)).await.unwrap();
    let story = acme.ticket_story(ticket).await.unwrap().unwrap();
    let details: Vec<_> = story.actions.iter().map(|row| (row.state, row.detail.as_deref())).collect();
    let (done, refused) = (ActionState::Done, ActionState::Refused);
    let expected = [(done, None), (refused, Some("no such member")), (done, Some("told\u{fffd}"))];
    assert_eq!(details, expected);
    assert_eq!(story.actions[2].receipt.as_deref(), Some("n1"));
    assert_eq!((story.row.updated, story.row.escalated), (true, false));
    let told: Vec<&str> = story
        .events
        .iter()
        .filter(|event| event.what == "acted")
        .map(|event| event.detail.as_str())
        .collect();
    assert_eq!(told, ["update: done", "escalate: refused", "note:update: done"]);
}

async fn a_final_action_stays_as_it_ended(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (ticket, job, rows) = acting(&acme, &["update", "note:update"]).await;
    acme.actions_begin(job.lease, &[rows[0].id]).await.unwrap();
    let refused = Outcome {
        state: ActionState::Refused,
        effects: vec![],
        detail: Some("no such value".into()),
        receipt: None,
    };
    let rest = || Rest::Unsent(vec![]);
    acme.actions_end(job.lease, ticket, &[(rows[0].id, refused)], rest(), at(5)).await.unwrap();
    let begun = acme.actions_begin(job.lease, &[rows[0].id]).await;
    assert!(matches!(begun, Err(StoreError::LeaseLost)), "{begun:?}");
    acme.actions_end(job.lease, ticket, &[(rows[0].id, done(true))], rest(), at(7)).await.unwrap();
    let row = &acme.action_list(job.analysis.unwrap()).await.unwrap()[0];
    assert_eq!(
        (row.state, row.detail.as_deref(), row.finished_at),
        (ActionState::Refused, Some("no such value"), Some(at(5)))
    );
    assert!(!acme.ticket_story(ticket).await.unwrap().unwrap().row.updated);
}

async fn an_action_of_another_ticket_is_not_ours_to_begin(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (_ticket, job, rows) = acting(&acme, &["update"]).await;
    let other = support::scored(&acme, "8", "c", 5, &plan(Mode::Live, 5, &["update"]), 3).await;
    let theirs = acme.ticket_story(other).await.unwrap().unwrap().actions[0].id;
    for id in [theirs, ActionId(uuid::Uuid::nil())] {
        let both = acme.actions_begin(job.lease, &[rows[0].id, id]).await;
        assert!(matches!(both, Err(StoreError::LeaseLost)));
    }
    let mine = acme.action_list(job.analysis.unwrap()).await.unwrap();
    assert_eq!(mine[0].state, ActionState::Planned, "one was undone with the other");
    let ended = [(theirs, done(true))];
    acme.actions_end(job.lease, _ticket, &ended, Rest::Unsent(vec![theirs]), at(5)).await.unwrap();
    let untouched = acme.ticket_story(other).await.unwrap().unwrap();
    assert_eq!((untouched.actions[0].state, untouched.row.updated), (ActionState::Planned, false));
    let scored = acme.analysis_skipped(job.lease, other, "no", 1, &provenance(), at(6)).await;
    assert!(matches!(scored, Err(StoreError::LeaseLost)));
    let finished = acme.actions_end(job.lease, other, &[], Rest::Finished, at(6)).await;
    assert!(matches!(finished, Err(StoreError::LeaseLost)));
}

async fn finish(tenant: &TenantStore, ticket: TicketId, job: &Job, rows: &[LedgerRow], second: i64) {
    let open = |row: &&LedgerRow| matches!(row.state, ActionState::Planned | ActionState::InFlight);
    let open: Vec<ActionId> = rows.iter().filter(open).map(|row| row.id).collect();
    tenant.actions_begin(job.lease, &open).await.unwrap();
    let ended: Vec<_> = open.into_iter().map(|id| (id, done(true))).collect();
    tenant.actions_end(job.lease, ticket, &ended, Rest::Finished, at(second)).await.unwrap();
}

async fn a_replay_repeats_no_effect(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (ticket, job, rows) = acting(&acme, &["update", "note:update"]).await;
    finish(&acme, ticket, &job, &rows, 5).await;
    let analysis = replay(&acme, ticket, &plan(Mode::Live, 5, &["update", "note:update"]), 10).await;
    assert!(
        store.job_claim(at(20), LEASE, 10, Share::of(10)).await.unwrap().is_empty(),
        "nothing is left to do"
    );
    assert_eq!(state(&acme, ticket).await, TicketState::Acted);
    let after = acme.action_list(analysis).await.unwrap();
    assert_eq!(keys(&after), [("update", ActionState::Done), ("note:update", ActionState::Done)]);
    assert_eq!(after[0].analysis, job.analysis.unwrap(), "the row tells who decided it");
    assert_eq!(acme.ticket_story(ticket).await.unwrap().unwrap().analyses.len(), 2);
}

async fn a_replay_after_going_live_carries_out_what_was_shadow(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket =
        support::scored(&acme, "7", "c", 5, &plan(Mode::Shadow, 5, &["update", "note:update"]), 0).await;
    let analysis = replay(&acme, ticket, &plan(Mode::Live, 5, &["update", "note:update"]), 10).await;
    let job = claim(&store, 11).await;
    assert_eq!((job.stage, job.analysis), (Stage::Act, Some(analysis)));
    let rows = acme.action_list(analysis).await.unwrap();
    assert_eq!(keys(&rows), [("update", ActionState::Planned), ("note:update", ActionState::Planned)]);
}

async fn a_replay_carries_out_what_was_planned_and_never_begun(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (ticket, job, before) = acting(&acme, &["update", "escalate", "note:escalate"]).await;
    store.job_bury(job.lease, "the PSA is gone", at(5)).await.unwrap();
    assert!(!acme.escalated_before(ticket).await.unwrap());
    let analysis =
        replay(&acme, ticket, &plan(Mode::Live, 5, &["escalate", "update", "note:escalate"]), 10).await;
    let job = claim(&store, 11).await;
    assert_eq!(job.analysis, Some(analysis));
    let rows = acme.action_list(analysis).await.unwrap();
    let planned = ActionState::Planned;
    assert_eq!(keys(&rows), [("escalate", planned), ("update", planned), ("note:escalate", planned)]);
    assert_eq!(rows[0].reference, before[1].reference);
    assert_eq!(rows.iter().map(|row| row.position).collect::<Vec<_>>(), [0, 1, 2]);
}

async fn a_replay_drops_what_is_no_longer_planned(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (ticket, job, _) = acting(&acme, &["update", "escalate"]).await;
    store.job_bury(job.lease, "the PSA is gone", at(5)).await.unwrap();
    let analysis = replay(&acme, ticket, &plan(Mode::Live, 5, &["update"]), 10).await;
    assert_eq!(keys(&acme.action_list(analysis).await.unwrap()), [("update", ActionState::Planned)]);
    let all = acme.ticket_story(ticket).await.unwrap().unwrap().actions;
    assert!(keys(&all).contains(&("escalate", ActionState::Superseded)));
}

async fn what_may_have_reached_the_psa_is_brought_to_its_end(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (ticket, job, rows) = acting(&acme, &["update", "escalate", "note:escalate", "note:update"]).await;
    acme.actions_begin(job.lease, &[rows[1].id]).await.unwrap();
    store.job_bury(job.lease, "the PSA is gone", at(5)).await.unwrap();
    assert!(acme.escalated_before(ticket).await.unwrap());
    // The new plan knows of the escalation, and so does not repeat it.
    let analysis = replay(&acme, ticket, &plan(Mode::Live, 5, &[]), 10).await;
    assert_eq!(state(&acme, ticket).await, TicketState::Acting);
    let job = claim(&store, 11).await;
    assert_eq!((job.stage, job.analysis), (Stage::Act, Some(analysis)));
    let rows = acme.action_list(analysis).await.unwrap();
    assert_eq!(keys(&rows), [("escalate", ActionState::InFlight), ("note:escalate", ActionState::Planned)]);
    finish(&acme, ticket, &job, &rows, 12).await;
    assert_eq!(state(&acme, ticket).await, TicketState::Acted);
}

async fn an_escalation_counts_once_it_may_have_left(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (ticket, job, rows) = acting(&acme, &["escalate"]).await;
    assert!(!acme.escalated_before(ticket).await.unwrap());
    acme.actions_begin(job.lease, &[rows[0].id]).await.unwrap();
    assert!(acme.escalated_before(ticket).await.unwrap());
    let ended = [(rows[0].id, done(false))];
    acme.actions_end(job.lease, ticket, &ended, Rest::Unsent(vec![]), at(5)).await.unwrap();
    let row = acme.ticket_story(ticket).await.unwrap().unwrap().row;
    assert!(!row.escalated, "the PSA kept the old value");
    assert!(acme.escalated_before(ticket).await.unwrap());
}

async fn references_differ_and_stay(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (_, job, rows) = acting(&acme, &["update", "note:update", "escalate"]).await;
    let references: HashSet<&str> = rows.iter().map(|row| row.reference.as_str()).collect();
    assert_eq!(references.len(), 3);
    assert!(references.iter().all(|reference| reference.len() == 8));
    acme.actions_begin(job.lease, &[rows[0].id]).await.unwrap();
    let after = acme.action_list(job.analysis.unwrap()).await.unwrap();
    assert_eq!(after[0].reference, rows[0].reference);
}
