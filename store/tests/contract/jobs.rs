//! The queue: leases, turns, fairness, and how jobs end.

use crate::support::{self, LEASE, arrive, at, claim, plan, read, tenant};
use domain::backoff::Pace;
use domain::{JobId, Mode, ModelSettings, PsaSettings, Secret};
use futures::future::join_all;
use std::collections::HashSet;
use std::time::Duration;
use store::connections::Which;
use store::door::DeliveryState;
use store::jobs::{Job, QueueHealth, Share, Stage};
use store::testing::TestStore;
use store::tickets::TicketState;
use store::{Actor, Store, StoreError, TenantStore};

support::on_both_engines! {
    eight_claimers_never_get_one_job_twice,
    a_job_is_claimed_once_until_its_lease_runs_out,
    the_holder_of_an_expired_lease_can_no_longer_write,
    a_renewed_lease_is_kept,
    the_oldest_comes_first_and_work_in_progress_before_new_work,
    no_tenant_holds_more_than_its_share,
    a_flood_of_one_tenant_does_not_hide_the_others,
    the_last_leases_of_a_claim_go_to_tenants_that_hold_none,
    who_holds_the_least_goes_first,
    what_is_late_takes_its_part_of_a_share_and_no_more,
    one_tenants_late_work_takes_nothing_from_anothers,
    fresh_work_is_found_behind_any_number_of_retries,
    a_fresh_ticket_is_a_newcomer_beside_its_own_tenants_late_ones,
    each_node_has_a_share_of_its_own,
    a_job_put_off_comes_back_at_its_time,
    a_refund_gives_the_attempt_back,
    each_stage_counts_its_own_attempts,
    a_paused_psa_holds_back_reading_and_acting_but_not_scoring,
    a_paused_model_holds_back_scoring_alone,
    a_buried_job_leaves_a_dead_delivery_and_a_failed_ticket,
    a_finished_job_is_gone_and_its_delivery_done,
    a_replay_asked_for_under_way_follows_the_present_run,
    a_replay_asked_for_twice_is_one_job,
    what_a_clock_that_ran_ahead_put_off_is_brought_forward,
    queue_health_tells_depth_and_age,
    news_of_work_wakes_the_one_who_waits,
    news_of_work_on_another_node_is_heard,
}

async fn a_job_is_claimed_once_until_its_lease_runs_out(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    assert!(
        store.job_claim(at(-1), LEASE, 10, Share::of(10)).await.unwrap().is_empty(),
        "not due before it arrived"
    );
    let first = claim(&store, 0).await;
    assert!(store.job_claim(at(59), LEASE, 10, Share::of(10)).await.unwrap().is_empty());
    let second = claim(&store, 60).await;
    assert_eq!(first.id(), second.id());
    assert_ne!(first.lease, second.lease);
    assert_eq!((first.attempts, second.attempts), (1, 2), "a job that kills its process is counted too");
}

async fn eight_claimers_never_get_one_job_twice(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let tickets: Vec<String> = (0..200).map(|index| index.to_string()).collect();
    join_all(tickets.iter().map(|ticket| arrive(&acme, ticket, 0))).await;
    let nodes = join_all((0..8).map(|_| store.reopen())).await;
    let claimed = join_all(nodes.iter().map(claim_all)).await.concat();
    let distinct: HashSet<JobId> = claimed.iter().map(Job::id).collect();
    assert_eq!((claimed.len(), distinct.len()), (200, 200));
}

/// Until nothing is left for anyone: a claim may come back empty because others hold the rows just now.
async fn claim_all(node: &Store) -> Vec<Job> {
    let mut mine = Vec::new();
    loop {
        mine.extend(node.job_claim(at(1), LEASE, 7, Share::of(1000)).await.unwrap());
        if node.queue_health().await.unwrap().ready == 0 {
            return mine;
        }
    }
}

async fn the_holder_of_an_expired_lease_can_no_longer_write(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let old = claim(&store, 0).await.lease;
    let new = claim(&store, 61).await.lease;
    let lost = |outcome: Result<(), StoreError>| {
        assert!(matches!(outcome, Err(StoreError::LeaseLost)), "{outcome:?}")
    };
    lost(acme.ticket_read(old, &read("7", "c"), at(62)).await.map(drop));
    lost(acme.ticket_skip(old, &read("7", "c"), "no", at(62)).await.map(drop));
    lost(store.job_retry(old, at(70), "slow", false).await);
    lost(store.job_bury(old, "gone", at(62)).await);
    lost(store.job_finish(old, at(62)).await);
    assert_eq!(store.job_renew(&[old, new], at(200)).await.unwrap(), [new.job]);
    assert!(
        acme.ticket_list(&store::tickets::TicketFilter::default(), 10, None).await.unwrap().rows.is_empty()
    );
    acme.ticket_read(new, &read("7", "c"), at(62)).await.unwrap();
}

async fn a_renewed_lease_is_kept(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    assert_eq!(store.job_renew(&[job.lease], at(300)).await.unwrap(), [job.id()]);
    assert!(store.job_claim(at(299), LEASE, 10, Share::of(10)).await.unwrap().is_empty());
    assert_eq!(claim(&store, 300).await.id(), job.id());
    assert!(store.job_renew(&[], at(300)).await.unwrap().is_empty());
}

async fn the_oldest_comes_first_and_work_in_progress_before_new_work(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (ticket, second) in [("3", 30), ("1", 10), ("2", 20)] {
        arrive(&acme, ticket, second).await;
    }
    let first = store.job_claim(at(40), LEASE, 1, Share::of(10)).await.unwrap().remove(0);
    assert_eq!(first.external_ticket, "1");
    support::end_read(&acme, &first, &read("1", "c"), 41).await;
    let turns = store.job_claim(at(42), LEASE, 2, Share::of(10)).await.unwrap();
    let turns: Vec<(&str, Stage)> =
        turns.iter().map(|job| (job.external_ticket.as_str(), job.stage)).collect();
    assert_eq!(turns, [("1", Stage::Score), ("2", Stage::Read)]);
}

async fn no_tenant_holds_more_than_its_share(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for index in 0..9 {
        arrive(&acme, &index.to_string(), 0).await;
    }
    let first = store.job_claim(at(1), LEASE, 10, Share::of(3)).await.unwrap();
    assert_eq!(first.len(), 3);
    assert!(
        store.job_claim(at(1), LEASE, 10, Share::of(3)).await.unwrap().is_empty(),
        "those already held count"
    );
    store.job_finish(first[0].lease, at(2)).await.unwrap();
    assert_eq!(store.job_claim(at(2), LEASE, 10, Share::of(3)).await.unwrap().len(), 1);
    // Jobs whose lease ran out are nobody's.
    assert_eq!(store.job_claim(at(100), LEASE, 10, Share::of(3)).await.unwrap().len(), 3);
}

async fn a_flood_of_one_tenant_does_not_hide_the_others(store: TestStore) {
    let (flood, quiet) = (tenant(&store, "flood").await, tenant(&store, "quiet").await);
    let tickets: Vec<String> = (0..100).map(|index| index.to_string()).collect();
    join_all(tickets.iter().map(|ticket| arrive(&flood, ticket, 0))).await;
    arrive(&quiet, "1", 50).await;
    let jobs = store.job_claim(at(60), LEASE, 10, Share::of(5)).await.unwrap();
    let of = |tenant: &TenantStore| jobs.iter().filter(|job| job.tenant == tenant.tenant_id()).count();
    assert_eq!((of(&flood), of(&quiet)), (5, 1));
}

async fn the_last_leases_of_a_claim_go_to_tenants_that_hold_none(store: TestStore) {
    let (flood, quiet) = (tenant(&store, "flood").await, tenant(&store, "quiet").await);
    let tickets: Vec<String> = (0..9).map(|index| index.to_string()).collect();
    join_all(tickets.iter().map(|ticket| arrive(&flood, ticket, 0))).await;
    let share = Share { reserved: 2, ..Share::of(100) };
    assert_eq!(store.job_claim(at(1), LEASE, 5, share).await.unwrap().len(), 3);
    join_all(["1", "2"].iter().map(|ticket| arrive(&quiet, ticket, 2))).await;
    let jobs = store.job_claim(at(3), LEASE, 2, share).await.unwrap();
    let of: Vec<_> = jobs.iter().map(|job| job.tenant).collect();
    assert_eq!(of, [quiet.tenant_id()], "its second ticket is no newcomer's");
}

async fn who_holds_the_least_goes_first(store: TestStore) {
    let (early, late) = (tenant(&store, "early").await, tenant(&store, "late").await);
    join_all(["1", "2", "3"].iter().map(|ticket| arrive(&early, ticket, 0))).await;
    assert_eq!(store.job_claim(at(1), LEASE, 2, Share::of(10)).await.unwrap().len(), 2);
    join_all(["1", "2"].iter().map(|ticket| arrive(&late, ticket, 2))).await;
    let jobs = store.job_claim(at(3), LEASE, 2, Share::of(10)).await.unwrap();
    assert!(jobs.iter().all(|job| job.tenant == late.tenant_id()), "{jobs:?}");
}

/// Tickets of a tenant on their second attempt, due at 2.
async fn retries(store: &Store, tenant: &TenantStore, count: usize) {
    let tickets: Vec<String> = (0..count).map(|index| format!("late {index}")).collect();
    join_all(tickets.iter().map(|ticket| arrive(tenant, ticket, 0))).await;
    for job in store.job_claim(at(0), LEASE, 1_000, Share::of(1_000)).await.unwrap() {
        store.job_retry(job.lease, at(2), "the PSA did not answer", false).await.unwrap();
    }
}

fn are_late(jobs: &[Job]) -> Vec<bool> {
    jobs.iter().map(|job| job.attempts > 1).collect()
}

async fn what_is_late_takes_its_part_of_a_share_and_no_more(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    retries(&store, &acme, 5).await;
    join_all(["1", "2", "3"].iter().map(|ticket| arrive(&acme, ticket, 3))).await;
    let share = Share { late: 2, ..Share::of(4) };
    let jobs = store.job_claim(at(4), LEASE, 10, share).await.unwrap();
    assert_eq!(are_late(&jobs), [true, true, false, false]);
    // Those that are held count, and what was left out goes on being due.
    store.job_finish(jobs[3].lease, at(5)).await.unwrap();
    assert_eq!(are_late(&store.job_claim(at(5), LEASE, 10, share).await.unwrap()), [false]);
    store.job_finish(jobs[0].lease, at(6)).await.unwrap();
    assert_eq!(are_late(&store.job_claim(at(6), LEASE, 10, share).await.unwrap()), [true]);
    // A ticket that came a minute ago is late on its first attempt.
    let other = tenant(&store, "other").await;
    join_all(["1", "2", "3"].iter().map(|ticket| arrive(&other, ticket, 0))).await;
    let jobs = store.job_claim(at(59), LEASE, 10, Share { late: 1, ..Share::of(2) }).await.unwrap();
    assert_eq!(jobs.iter().filter(|job| job.tenant == other.tenant_id()).count(), 2);
    store
        .job_finish(jobs.iter().find(|job| job.tenant == other.tenant_id()).unwrap().lease, at(60))
        .await
        .unwrap();
    assert!(store.job_claim(at(60), LEASE, 10, Share { late: 1, ..Share::of(2) }).await.unwrap().is_empty());
}

async fn one_tenants_late_work_takes_nothing_from_anothers(store: TestStore) {
    let (slow, quiet) = (tenant(&store, "slow").await, tenant(&store, "quiet").await);
    retries(&store, &slow, 9).await;
    retries(&store, &quiet, 1).await;
    let jobs = store.job_claim(at(4), LEASE, 4, Share { late: 3, ..Share::of(4) }).await.unwrap();
    let of = |tenant: &TenantStore| jobs.iter().filter(|job| job.tenant == tenant.tenant_id()).count();
    assert_eq!((of(&slow), of(&quiet)), (3, 1));
}

async fn fresh_work_is_found_behind_any_number_of_retries(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    retries(&store, &acme, 100).await;
    arrive(&acme, "fresh", 3).await;
    let jobs = store.job_claim(at(4), LEASE, 10, Share { late: 3, ..Share::of(4) }).await.unwrap();
    assert_eq!(are_late(&jobs), [true, true, true, false]);
    // Not before its time.
    arrive(&acme, "later", 9).await;
    store.job_finish(jobs[3].lease, at(5)).await.unwrap();
    assert!(store.job_claim(at(8), LEASE, 10, Share { late: 3, ..Share::of(4) }).await.unwrap().is_empty());
}

async fn a_fresh_ticket_is_a_newcomer_beside_its_own_tenants_late_ones(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    retries(&store, &acme, 3).await;
    let share = Share { reserved: 2, ..Share::of(100) };
    assert_eq!(store.job_claim(at(3), LEASE, 3, share).await.unwrap().len(), 1);
    join_all(["1", "2"].iter().map(|ticket| arrive(&acme, ticket, 3))).await;
    assert_eq!(are_late(&store.job_claim(at(4), LEASE, 2, share).await.unwrap()), [false]);
}

async fn each_node_has_a_share_of_its_own(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    join_all(["1", "2", "3"].iter().map(|ticket| arrive(&acme, ticket, 0))).await;
    let other = store.reopen().await;
    assert_eq!(store.job_claim(at(1), LEASE, 10, Share::of(1)).await.unwrap().len(), 1);
    assert!(store.job_claim(at(1), LEASE, 10, Share::of(1)).await.unwrap().is_empty());
    assert_eq!(other.job_claim(at(1), LEASE, 10, Share::of(2)).await.unwrap().len(), 2);
}

async fn a_job_put_off_comes_back_at_its_time(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let accepted = arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    store.job_retry(job.lease, at(30), "the PSA did not answer", false).await.unwrap();
    assert!(store.job_claim(at(29), LEASE, 10, Share::of(10)).await.unwrap().is_empty());
    let again = claim(&store, 30).await;
    assert_eq!((again.id(), again.attempts), (job.id(), 2));
    assert!(
        matches!(store.job_finish(job.lease, at(31)).await, Err(StoreError::LeaseLost)),
        "given back is given back"
    );
    let delivery = acme.delivery_fetch(accepted.delivery).await.unwrap().unwrap().delivery;
    assert_eq!((delivery.attempts, delivery.state), (1, DeliveryState::Queued));
    assert_eq!(delivery.reason.as_deref(), Some("the PSA did not answer"), "why it waits");
    store.job_finish(again.lease, at(31)).await.unwrap();
    let delivery = acme.delivery_fetch(accepted.delivery).await.unwrap().unwrap().delivery;
    assert_eq!((delivery.attempts, delivery.state, delivery.reason), (2, DeliveryState::Done, None));
}

async fn a_refund_gives_the_attempt_back(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    for second in 0..3 {
        let job = claim(&store, second).await;
        assert_eq!(job.attempts, 1);
        store.job_retry(job.lease, at(second + 1), "shutting down", true).await.unwrap();
    }
}

async fn each_stage_counts_its_own_attempts(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    store.job_retry(job.lease, at(1), "slow", false).await.unwrap();
    let job = claim(&store, 1).await;
    assert_eq!(job.attempts, 2);
    let ticket = acme.ticket_read(job.lease, &read("7", "c"), at(2)).await.unwrap();
    assert!(
        store.job_claim(at(3), LEASE, 10, Share::of(10)).await.unwrap().is_empty(),
        "it goes on under its lease"
    );
    // The process dies, and another takes over in the stage that was reached.
    let job = claim(&store, 61).await;
    assert_eq!((job.stage, job.attempts, job.ticket), (Stage::Score, 2, Some(ticket)));
    support::give_back(&store, &job).await;
    let job = claim(&store, 62).await;
    assert_eq!((job.stage, job.attempts), (Stage::Score, 2), "an attempt that is given back does not count");
}

async fn connect(tenant: &TenantStore) {
    let psa = PsaSettings::Autotask {
        username: "api@acme.example".into(),
        secret: Secret::new("s3cret"),
        integration_code: "X".into(),
        zone_url: None,
    };
    tenant.psa_connection_put(psa, &Actor::System, at(0)).await.unwrap();
    tenant.model_connection_put(ModelSettings::Builtin {}, &Actor::System, at(0)).await.unwrap();
}

async fn pause(tenant: &TenantStore, which: Which, second: i64) {
    tenant
        .connection_paused(
            tenant.newest_save(which).await,
            "the key was revoked",
            Pace::USUAL,
            0.5,
            at(second),
        )
        .await
        .unwrap();
}

/// A tenant with one ticket to read, one to score, one to act on; all due at 10.
async fn one_of_each_stage(store: &Store) -> TenantStore {
    let acme = tenant(store, "acme").await;
    connect(&acme).await;
    support::scored(&acme, "act", "c", 5, &plan(Mode::Live, 5, &["update"]), 0).await;
    arrive(&acme, "score", 3).await;
    let jobs = store.job_claim(at(3), LEASE, 10, Share::of(10)).await.unwrap();
    for job in jobs {
        match job.stage {
            Stage::Read => drop(support::end_read(&acme, &job, &read("score", "c"), 4).await),
            _ => store.job_retry(job.lease, at(10), "later", true).await.unwrap(),
        }
    }
    arrive(&acme, "read", 5).await;
    acme
}

async fn stages(store: &Store, second: i64) -> Vec<Stage> {
    let mut stages: Vec<Stage> = store
        .job_claim(at(second), LEASE, 10, Share::of(10))
        .await
        .unwrap()
        .iter()
        .map(|job| job.stage)
        .collect();
    stages.sort_by_key(|stage| *stage as u8);
    stages
}

async fn a_paused_psa_holds_back_reading_and_acting_but_not_scoring(store: TestStore) {
    let acme = one_of_each_stage(&store).await;
    pause(&acme, Which::Psa, 5).await;
    assert_eq!(stages(&store, 20).await, [Stage::Score]);
}

async fn a_paused_model_holds_back_scoring_alone(store: TestStore) {
    let acme = one_of_each_stage(&store).await;
    pause(&acme, Which::Model, 5).await;
    assert_eq!(stages(&store, 20).await, [Stage::Read, Stage::Act]);
}

async fn a_buried_job_leaves_a_dead_delivery_and_a_failed_ticket(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let accepted = arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    let ticket = acme.ticket_read(job.lease, &read("7", "c"), at(1)).await.unwrap();
    store.job_bury(job.lease, "the model refused three times", at(2)).await.unwrap();
    let story = acme.ticket_story(ticket).await.unwrap().unwrap();
    assert_eq!(story.row.state, TicketState::Failed);
    assert_eq!(story.row.reason.as_deref(), Some("the model refused three times"));
    assert_eq!(story.events.last().unwrap().what, "failed");
    let delivery = acme.delivery_fetch(accepted.delivery).await.unwrap().unwrap().delivery;
    assert_eq!((delivery.state, delivery.attempts, delivery.ticket), (DeliveryState::Dead, 2, Some(ticket)));
    assert_eq!(store.queue_health().await.unwrap().dead, 1);
    assert!(store.job_claim(at(9999), LEASE, 10, Share::of(10)).await.unwrap().is_empty());
}

async fn a_finished_job_is_gone_and_its_delivery_done(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let accepted = arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    store.job_finish(job.lease, at(1)).await.unwrap();
    assert_eq!(store.queue_health().await.unwrap(), QueueHealth::default());
    let delivery = acme.delivery_fetch(accepted.delivery).await.unwrap().unwrap().delivery;
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Done, 1));
    assert!(matches!(store.job_finish(job.lease, at(2)).await, Err(StoreError::LeaseLost)));
}

async fn a_replay_asked_for_under_way_follows_the_present_run(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    let ticket = acme.ticket_read(job.lease, &read("7", "c"), at(1)).await.unwrap();
    let running = job;
    assert!(acme.ticket_replay(ticket, &Actor::System, at(2)).await.unwrap());
    assert!(
        store.job_claim(at(3), LEASE, 10, Share::of(10)).await.unwrap().is_empty(),
        "never two jobs of one ticket together"
    );
    let plan = plan(Mode::Shadow, 5, &["update"]);
    acme.analysis_scored(
        running.lease,
        ticket,
        &support::assessment(5),
        &plan,
        1,
        &support::provenance(),
        at(4),
    )
    .await
    .unwrap();
    let again = claim(&store, 4).await;
    assert_eq!(
        (again.stage, again.replay, again.ticket, again.attempts),
        (Stage::Read, true, Some(ticket), 1)
    );
    store.job_bury(again.lease, "no", at(5)).await.unwrap();
    assert_eq!(store.queue_health().await.unwrap().dead, 1, "once asked, once done");
}

async fn a_replay_asked_for_twice_is_one_job(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket = support::scored(&acme, "7", "c", 3, &plan(Mode::Live, 3, &[]), 0).await;
    for second in [5, 6] {
        assert!(acme.ticket_replay(ticket, &Actor::System, at(second)).await.unwrap());
    }
    let job = claim(&store, 6).await;
    assert!(job.replay && job.delivery.is_some());
    store.job_finish(job.lease, at(7)).await.unwrap();
    assert_eq!(store.queue_health().await.unwrap(), QueueHealth::default());
}

async fn what_a_clock_that_ran_ahead_put_off_is_brought_forward(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let day = 86_400;
    arrive(&acme, "1", day).await;
    arrive(&acme, "2", day).await;
    let mut taken = store.job_claim(at(day), LEASE, 1, Share::of(10)).await.unwrap();
    let leased = taken.remove(0);
    arrive(&acme, "3", 30).await;
    assert!(store.job_claim(at(0), LEASE, 10, Share::of(10)).await.unwrap().is_empty());

    assert_eq!(store.job_bring_forward(at(1_200), at(60)).await.unwrap(), 2);
    assert_eq!(store.job_bring_forward(at(1_200), at(60)).await.unwrap(), 0);
    // What was put off for a good reason stays.
    assert_eq!(claim(&store, 30).await.external_ticket, "3");
    assert_eq!(store.job_claim(at(60), LEASE, 10, Share::of(10)).await.unwrap().len(), 2);
    let lost = store.job_finish(leased.lease, at(61)).await;
    assert!(matches!(lost, Err(StoreError::LeaseLost)), "{lost:?}");
}

async fn queue_health_tells_depth_and_age(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme).await;
    for (ticket, second) in [("1", 1), ("2", 2), ("3", 3)] {
        arrive(&acme, ticket, second).await;
    }
    let jobs = store.job_claim(at(4), LEASE, 1, Share::of(10)).await.unwrap();
    let health = store.queue_health().await.unwrap();
    assert_eq!(health, QueueHealth { ready: 2, leased: 1, dead: 0, oldest_ready_at: Some(at(2)) });
    store.job_bury(jobs[0].lease, "gone", at(5)).await.unwrap();
    // Work that waits for a tenant's own connection is not late.
    pause(&acme, Which::Psa, 5).await;
    let health = store.queue_health().await.unwrap();
    assert_eq!(health, QueueHealth { ready: 2, leased: 0, dead: 1, oldest_ready_at: None });
}

const SOON: Duration = Duration::from_secs(10);

async fn news_of_work_wakes_the_one_who_waits(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (woken, _) = tokio::join!(tokio::time::timeout(SOON, store.work_arrived()), arrive(&acme, "7", 0));
    woken.unwrap();
    // News that came while nobody waited is kept.
    arrive(&acme, "8", 0).await;
    tokio::time::timeout(SOON, store.work_arrived()).await.unwrap();
}

async fn news_of_work_on_another_node_is_heard(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    if store.engine_name() == "sqlite" {
        return; // One file, one machine, one server: there is no other node.
    }
    let node = store.reopen().await;
    let heard = node.work_arrived();
    tokio::pin!(heard);
    // The listener may not have begun to listen at the first call: call until it hears.
    let calls = async {
        for index in 0.. {
            arrive(&acme, &index.to_string(), 0).await;
        }
    };
    let heard = async {
        tokio::select! { () = &mut heard => {}, () = calls => {} }
    };
    tokio::time::timeout(SOON, heard).await.unwrap();
}
