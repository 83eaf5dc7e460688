//! What a sweep finds is counted once, and what no webhook told of is told apart.

use crate::support::{self, arrive, at, created, delivery, tenant};
use chrono::{DateTime, NaiveDate, Utc};
use domain::backoff::Pace;
use domain::{HookState, PsaKind, PsaSettings, Secret, TenantId};
use store::connections::Which;
use store::door::{Disposition, NewDelivery};
use store::jobs::{Identified, Share};
use store::sweeps::{Arrivals, Sweep, SweepEnd, SweptTicket};
use store::testing::TestStore;
use store::{Actor, Store, TenantStore};

support::on_both_engines! {
    a_connection_is_swept_from_when_it_was_made,
    a_due_sweep_is_given_to_one_of_many_and_again_if_nothing_comes_of_it,
    a_paused_connection_is_not_swept_and_is_at_once_when_it_works_again,
    a_list_goes_on_where_it_was_left,
    a_ticket_is_counted_once_however_often_it_is_listed,
    a_webhook_and_a_sweep_make_one_job_whichever_is_first,
    a_call_by_the_number_counts_as_told,
    a_call_that_is_not_proven_does_not_count_as_told,
    what_is_missing_comes_oldest_first_and_only_of_this_connection,
    the_end_of_a_sweep_is_kept_and_a_failure_leaves_the_last_success,
    the_webhooks_state_keeps_its_time_until_it_changes,
    what_a_sweep_found_is_no_webhook,
    what_was_found_long_ago_is_forgotten,
}

const PSA: PsaKind = PsaKind::Autotask;

fn settings(zone: &str) -> PsaSettings {
    PsaSettings::Autotask {
        username: "api@acme.example".into(),
        secret: Secret::new("s"),
        integration_code: "CODE".into(),
        zone_url: Some(zone.into()),
    }
}

async fn connect(tenant: &TenantStore, zone: &str, second: i64) {
    tenant.psa_connection_put(settings(zone), &Actor::System, at(second)).await.unwrap();
}

async fn connected(store: &Store, name: &str) -> TenantStore {
    let tenant = tenant(store, name).await;
    connect(&tenant, "webservices5.autotask.net", 0).await;
    tenant
}

fn found(ticket: &str, second: i64) -> SweptTicket {
    SweptTicket {
        external_ticket: ticket.into(),
        number: Some(format!("T20260302.{ticket}")),
        created_at: at(second),
    }
}

/// The whole list at once.
async fn keep(tenant: &TenantStore, tickets: &[SweptTicket], second: i64) {
    tenant.sweep_keep(PSA.into(), tickets.to_vec(), at(second), None, at(second)).await.unwrap();
}

async fn missing(tenant: &TenantStore, before: i64) -> Vec<String> {
    let found = tenant.sweep_missing(PSA.into(), at(before), 100).await.unwrap();
    found.into_iter().map(|one| one.external_ticket).collect()
}

fn recovered(tenant: TenantId, ticket: &str, second: i64) -> NewDelivery {
    let disposition = Disposition::Recover { external_ticket: ticket.into() };
    delivery(tenant, &format!("sweep {ticket}"), disposition, second)
}

async fn recover(tenant: &TenantStore, ticket: &str, second: i64) {
    tenant.store().accept(recovered(tenant.tenant_id(), ticket, second)).await.unwrap();
}

fn monday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 2).unwrap()
}

/// Created, seen, recovered, of all days.
async fn counts(tenant: &TenantStore) -> (i64, i64, i64) {
    let days = tenant.arrivals(monday()).await.unwrap();
    days.iter().fold((0, 0, 0), |sum, day| (sum.0 + day.created, sum.1 + day.seen, sum.2 + day.recovered))
}

async fn sweep(tenant: &TenantStore) -> Sweep {
    tenant.sweep().await.unwrap().unwrap()
}

async fn claim(store: &Store, now: DateTime<Utc>) -> Vec<TenantId> {
    store.sweep_claim(now, now + chrono::TimeDelta::seconds(180), 10).await.unwrap()
}

async fn jobs(store: &Store, second: i64) -> Vec<String> {
    let jobs = store.job_claim(at(second), support::LEASE, 10, Share::of(10)).await.unwrap();
    jobs.into_iter().map(|job| job.external_ticket).collect()
}

async fn a_connection_is_swept_from_when_it_was_made(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    assert_eq!(acme.sweep().await.unwrap(), None);
    connect(&acme, "webservices5.autotask.net", 7).await;
    let first = sweep(&acme).await;
    assert_eq!((first.since, first.through, first.list), (Some(at(7)), Some(at(7)), None));
    keep(&acme, &[found("1", 6), found("2", 7)], 100).await;
    assert_eq!(missing(&acme, 100).await, ["2"], "what was there before is left alone");
    assert_eq!(sweep(&acme).await.through, Some(at(100)));

    // The same place with another key goes on; another place begins anew.
    connect(&acme, "webservices5.autotask.net", 200).await;
    assert_eq!((sweep(&acme).await.since, sweep(&acme).await.through), (Some(at(7)), Some(at(100))));
    connect(&acme, "webservices6.autotask.net", 300).await;
    assert_eq!((sweep(&acme).await.since, sweep(&acme).await.through), (Some(at(300)), Some(at(300))));
    assert!(missing(&acme, 999).await.is_empty(), "those of the other place are none of this one's");
}

async fn a_due_sweep_is_given_to_one_of_many_and_again_if_nothing_comes_of_it(store: TestStore) {
    let (acme, bolt) = (connected(&store, "acme").await, connected(&store, "bolt").await);
    assert!(claim(&store, at(60)).await.is_empty(), "the webhook is being set up");
    let claims = (0..8).map(|_| store.sweep_claim(at(120), at(300), 10));
    let given = futures::future::try_join_all(claims).await.unwrap().concat();
    assert_eq!(given.len(), 2, "each once: {given:?}");
    assert!(given.contains(&acme.tenant_id()) && given.contains(&bolt.tenant_id()));
    assert!(claim(&store, at(299)).await.is_empty());
    assert_eq!(store.sweep_claim(at(300), at(400), 1).await.unwrap().len(), 1, "no more than asked for");
    assert_eq!(store.sweep_claim(at(300), at(400), 1).await.unwrap().len(), 1);
}

async fn a_paused_connection_is_not_swept_and_is_at_once_when_it_works_again(store: TestStore) {
    let acme = connected(&store, "acme").await;
    acme.connection_paused(acme.newest_save(Which::Psa).await, "refused", Pace::USUAL, 0.5, at(1))
        .await
        .unwrap();
    assert!(claim(&store, at(9_999)).await.is_empty());
    let end = SweepEnd { next_at: at(20_000), quiet: 3, problem: None };
    acme.sweep_end(PSA.into(), end, at(9_999)).await.unwrap();
    acme.connection_resumed(acme.newest_save(Which::Psa).await, at(10_000)).await.unwrap();
    assert_eq!(claim(&store, at(10_000)).await, [acme.tenant_id()]);
}

async fn a_list_goes_on_where_it_was_left(store: TestStore) {
    let acme = connected(&store, "acme").await;
    let page = |ticket: &str, cursor: Option<&str>| {
        acme.sweep_keep(PSA.into(), vec![found(ticket, 10)], at(100), cursor.map(str::to_owned), at(110))
    };
    page("1", Some("after 1")).await.unwrap();
    let left = sweep(&acme).await;
    assert_eq!(left.through, Some(at(0)), "the end was not reached");
    let list = left.list.unwrap();
    assert_eq!((list.begun_at, list.cursor.as_str()), (at(100), "after 1"));
    page("2", None).await.unwrap();
    let done = sweep(&acme).await;
    assert_eq!((done.through, done.list), (Some(at(100)), None), "until it was begun, not until it ended");
    assert_eq!(missing(&acme, 100).await, ["1", "2"]);
    // A page that comes late, when another PSA is connected.
    acme.sweep_keep(PsaKind::HaloPsa.into(), vec![found("3", 10)], at(500), None, at(500)).await.unwrap();
    assert_eq!((sweep(&acme).await.through, counts(&acme).await), (Some(at(100)), (2, 0, 0)));
}

async fn a_ticket_is_counted_once_however_often_it_is_listed(store: TestStore) {
    let acme = connected(&store, "acme").await;
    arrive(&acme, "1", 20).await;
    for second in [100, 200, 300] {
        keep(&acme, &[found("1", 10), found("2", 20), found("3", 30)], second).await;
        keep(&acme, &[found("3", 30), found("2", 20)], second + 50).await;
    }
    assert_eq!(counts(&acme).await, (3, 1, 0));
    assert_eq!(missing(&acme, 999).await, ["2", "3"]);
    for _ in 0..2 {
        recover(&acme, "2", 400).await;
    }
    assert_eq!(counts(&acme).await, (3, 1, 1));
    assert_eq!(missing(&acme, 999).await, ["3"]);
    let day = acme.arrivals(monday()).await.unwrap();
    assert_eq!(day, [Arrivals { day: monday(), created: 3, seen: 1, recovered: 1 }]);
    assert_eq!(day[0].waiting(), 1);
    assert!(acme.arrivals(monday().succ_opt().unwrap()).await.unwrap().is_empty());
}

async fn a_webhook_and_a_sweep_make_one_job_whichever_is_first(store: TestStore) {
    let acme = connected(&store, "acme").await;
    keep(&acme, &[found("1", 10), found("2", 10)], 100).await;
    recover(&acme, "1", 400).await;
    arrive(&acme, "1", 401).await;
    arrive(&acme, "2", 402).await;
    recover(&acme, "2", 403).await;
    assert_eq!(jobs(&store, 500).await, ["1", "2"]);
    assert_eq!(counts(&acme).await, (2, 1, 1));

    // At the same moment, in one batch: one of them decides, and only one counts.
    keep(&acme, &[found("3", 10)], 500).await;
    let hook = delivery(acme.tenant_id(), "hook of 3", created("3"), 600);
    let both = [hook, recovered(acme.tenant_id(), "3", 600)].map(|one| store.accept(one));
    futures::future::try_join_all(both).await.unwrap();
    let claimed = jobs(&store, 600).await;
    assert_eq!(claimed.iter().filter(|ticket| *ticket == "3").count(), 1, "{claimed:?}");
    let (created, seen, recovered) = counts(&acme).await;
    assert_eq!((created, seen + recovered), (3, 3));
}

async fn a_call_by_the_number_counts_as_told(store: TestStore) {
    let acme = connected(&store, "acme").await;
    arrive(&acme, "T20260302.7", 20).await;
    keep(&acme, &[found("7", 10)], 100).await;
    assert_eq!((missing(&acme, 999).await.len(), counts(&acme).await), (0, (1, 1, 0)));
    let job = support::claim(&store, 500).await;
    assert_eq!(store.job_identify(job.lease, "7").await.unwrap(), Identified::Ours);
    assert_eq!(counts(&acme).await, (1, 1, 0), "once, under both names");
}

async fn a_call_that_is_not_proven_does_not_count_as_told(store: TestStore) {
    let acme = connected(&store, "acme").await;
    let mut made_up = delivery(acme.tenant_id(), "made up", created("7"), 20);
    made_up.verified = false;
    store.accept(made_up).await.unwrap();
    let job = support::claim(&store, 30).await;
    store.job_bury(job.lease, "the signature is wrong", at(40)).await.unwrap();
    keep(&acme, &[found("7", 10)], 100).await;
    assert_eq!(missing(&acme, 999).await, ["7"]);
    recover(&acme, "7", 400).await;
    assert_eq!(jobs(&store, 500).await, ["7"], "the list proves that there is such a ticket");
    assert!(missing(&acme, 999).await.is_empty());
}

async fn what_is_missing_comes_oldest_first_and_only_of_this_connection(store: TestStore) {
    let (acme, bolt) = (connected(&store, "acme").await, connected(&store, "bolt").await);
    keep(&acme, &[found("1", 30), found("2", 10), found("3", 20), found("4", 200)], 300).await;
    keep(&bolt, &[found("9", 10)], 300).await;
    assert_eq!(missing(&acme, 100).await, ["2", "3", "1"], "the newest may still be told of");
    let first = acme.sweep_missing(PSA.into(), at(999), 1).await.unwrap();
    assert_eq!(first, [found("2", 10)]);
    arrive(&bolt, "2", 310).await;
    assert_eq!(missing(&acme, 999).await, ["2", "3", "1", "4"], "another's ticket of the same number");
}

async fn the_end_of_a_sweep_is_kept_and_a_failure_leaves_the_last_success(store: TestStore) {
    let acme = connected(&store, "acme").await;
    let end = |next: i64, quiet: i64, problem: Option<&str>| SweepEnd {
        next_at: at(next),
        quiet,
        problem: problem.map(str::to_owned),
    };
    acme.sweep_end(PSA.into(), end(400, 4, None), at(100)).await.unwrap();
    let well = sweep(&acme).await;
    assert_eq!((well.next_at, well.quiet, well.swept_at, well.problem), (at(400), 4, Some(at(100)), None));
    acme.sweep_end(PSA.into(), end(700, 4, Some("it could\0not be reached")), at(410)).await.unwrap();
    let failed = sweep(&acme).await;
    assert_eq!((failed.swept_at, failed.next_at), (Some(at(100)), at(700)));
    assert_eq!(failed.problem.as_deref(), Some("it could\u{fffd}not be reached"));
}

async fn the_webhooks_state_keeps_its_time_until_it_changes(store: TestStore) {
    let acme = connected(&store, "acme").await;
    assert_eq!((sweep(&acme).await.hook, store.hooks_off().await.unwrap()), (None, 0));
    for (state, second, since) in [
        (Some(HookState::On), 10, 10),
        (Some(HookState::On), 20, 10),
        (Some(HookState::Off), 30, 30),
        (Some(HookState::Off), 40, 30),
        (Some(HookState::Absent), 50, 50),
        (Some(HookState::Off), 60, 60),
    ] {
        acme.hook_found(PSA.into(), state, at(second)).await.unwrap();
        assert_eq!(sweep(&acme).await.hook, state.map(|state| (state, at(since))));
    }
    assert_eq!(store.hooks_off().await.unwrap(), 1);
    acme.hook_found(PSA.into(), None, at(70)).await.unwrap();
    assert_eq!((sweep(&acme).await.hook, store.hooks_off().await.unwrap()), (None, 0));
}

async fn what_a_sweep_found_is_no_webhook(store: TestStore) {
    let acme = connected(&store, "acme").await;
    recover(&acme, "1", 10).await;
    assert_eq!(acme.pipeline_health(at(11)).await.unwrap().last_delivery_at, None);
    arrive(&acme, "2", 20).await;
    recover(&acme, "3", 30).await;
    assert_eq!(acme.pipeline_health(at(31)).await.unwrap().last_delivery_at, Some(at(20)));
    let list = acme.delivery_list(&Default::default(), 10, None).await.unwrap().rows;
    let shown: Vec<(Option<&str>, bool)> =
        list.iter().map(|one| (one.external_ticket.as_deref(), one.by_sweep)).collect();
    assert_eq!(shown, [(Some("3"), true), (Some("2"), false), (Some("1"), true)]);
}

async fn what_was_found_long_ago_is_forgotten(store: TestStore) {
    let acme = connected(&store, "acme").await;
    arrive(&acme, "1", 20).await;
    keep(&acme, &[found("1", 10), found("2", 10)], 100).await;
    assert_eq!(missing(&acme, 999).await, ["2"]);
    let later = 40 * 86_400;
    keep(&acme, &[found("3", later)], later).await;
    assert_eq!(counts(&acme).await.0, 2, "what was taken in is forgotten, what is missing is not");
    assert_eq!(missing(&acme, later).await, ["2", "3"]);
}
