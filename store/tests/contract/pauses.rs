//! Whether a connection works, and when one that was refused is tried again.

use crate::support::{self, arrive, at, tenant};
use domain::backoff::Pace;
use domain::{ModelSettings, Outage, Policy, PsaSettings, Secret};
use std::time::Duration;
use store::connections::{ConnectionState, Probe, Which};
use store::jobs::Share;
use store::testing::TestStore;
use store::{Actor, Store, TenantStore};

support::on_both_engines! {
    a_success_makes_an_untested_connection_work_and_nothing_else,
    a_pause_keeps_the_time_it_began_and_its_next_try,
    each_refused_try_is_followed_by_a_longer_wait,
    a_side_that_answers_again_has_what_waited_for_it_at_once,
    a_relapse_goes_on_where_the_last_pause_left_off,
    a_connection_that_was_well_for_an_hour_begins_anew,
    saving_a_connection_ends_its_pause,
    a_due_try_is_given_to_one_of_many_and_again_if_nothing_comes_of_it,
    a_try_that_comes_too_late_changes_nothing,
    what_waited_is_due_at_once_when_the_pause_ends,
    a_workspace_with_a_stand_in_does_not_wait_for_its_model,
}

const PACE: Pace = Pace { first: Duration::from_secs(60), longest: Duration::from_secs(600) };
/// In the middle: waits are as the pace says.
const LUCK: f64 = 0.5;

async fn connected(store: &Store, name: &str) -> TenantStore {
    let tenant = tenant(store, name).await;
    let psa = PsaSettings::Autotask {
        username: "api@acme.example".into(),
        secret: Secret::new("s"),
        integration_code: "CODE".into(),
        zone_url: None,
    };
    tenant.psa_connection_put(psa, &Actor::System, at(0)).await.unwrap();
    tenant.model_connection_put(openai(), &Actor::System, at(0)).await.unwrap();
    tenant
}

fn openai() -> ModelSettings {
    ModelSettings::OpenAi {
        api_key: Secret::new("k"),
        model: "m".into(),
        base_url: "https://llm.example/v1".into(),
        price: None,
    }
}

fn paused(since: i64, reason: &str, next_try: i64) -> ConnectionState {
    ConnectionState::Paused { since: at(since), reason: reason.into(), next_try: at(next_try) }
}

async fn state(tenant: &TenantStore, which: Which) -> ConnectionState {
    match which {
        Which::Psa => tenant.psa_connection().await.unwrap().unwrap().state,
        Which::Model => tenant.model_connection().await.unwrap().state,
    }
}

async fn pause(tenant: &TenantStore, which: Which, reason: &str, second: i64) {
    tenant.connection_paused(tenant.newest_save(which).await, reason, PACE, LUCK, at(second)).await.unwrap();
}

async fn a_success_makes_an_untested_connection_work_and_nothing_else(store: TestStore) {
    let acme = connected(&store, "acme").await;
    for which in [Which::Psa, Which::Model] {
        assert!(acme.connection_used(acme.newest_save(which).await, at(5)).await.unwrap());
        assert_eq!(state(&acme, which).await, ConnectionState::Working { since: at(5) });
        assert!(
            !acme.connection_used(acme.newest_save(which).await, at(6)).await.unwrap(),
            "it works already"
        );
        assert_eq!(state(&acme, which).await, ConnectionState::Working { since: at(5) });
        pause(&acme, which, "refused", 10).await;
        assert!(
            !acme.connection_used(acme.newest_save(which).await, at(11)).await.unwrap(),
            "what was under way says nothing"
        );
        assert!(matches!(state(&acme, which).await, ConnectionState::Paused { .. }));
    }
    let nobody = tenant(&store, "new").await;
    assert!(
        !nobody.connection_used(nobody.newest_save(Which::Psa).await, at(5)).await.unwrap(),
        "there is none"
    );
}

async fn a_pause_keeps_the_time_it_began_and_its_next_try(store: TestStore) {
    let acme = connected(&store, "acme").await;
    for which in [Which::Psa, Which::Model] {
        pause(&acme, which, "the key was refused", 5).await;
        pause(&acme, which, "still refused", 9).await;
        assert_eq!(state(&acme, which).await, paused(5, "still refused", 65));
        acme.connection_resumed(acme.newest_save(which).await, at(10)).await.unwrap();
        assert_eq!(state(&acme, which).await, ConnectionState::Working { since: at(10) });
        acme.connection_resumed(acme.newest_save(which).await, at(11)).await.unwrap();
        assert_eq!(state(&acme, which).await, ConnectionState::Working { since: at(10) }, "it worked before");
    }
    assert_eq!(acme.psa_connection().await.unwrap().unwrap().revision, 1, "the settings are the same");
}

async fn each_refused_try_is_followed_by_a_longer_wait(store: TestStore) {
    let acme = connected(&store, "acme").await;
    for which in [Which::Psa, Which::Model] {
        pause(&acme, which, "refused", 0).await;
        for (tried_at, next) in [(60, 180), (180, 420), (420, 900), (900, 1_500), (1_500, 2_100)] {
            acme.connection_still_paused(acme.newest_save(which).await, "again", PACE, LUCK, at(tried_at))
                .await
                .unwrap();
            assert_eq!(state(&acme, which).await, paused(0, "again", next));
        }
    }
}

async fn a_side_that_answers_again_has_what_waited_for_it_at_once(store: TestStore) {
    let (acme, other) = (connected(&store, "acme").await, connected(&store, "other").await);
    for tenant in [&acme, &other] {
        arrive(tenant, "7", 0).await;
    }
    for job in store.job_claim(at(0), support::LEASE, 10, Share::of(10)).await.unwrap() {
        store.job_retry(job.lease, at(900), "the PSA did not answer", true).await.unwrap();
    }
    acme.connection_answers(Which::Model).await.unwrap();
    assert!(store.job_claim(at(5), support::LEASE, 10, Share::of(10)).await.unwrap().is_empty());
    acme.connection_answers(Which::Psa).await.unwrap();
    let job = support::claim(&store, 5).await;
    assert_eq!(job.tenant, acme.tenant_id(), "nobody else's");
    // One that failed by itself waits its own time.
    store.job_retry(job.lease, at(900), "the answer could not be read", false).await.unwrap();
    acme.connection_answers(Which::Psa).await.unwrap();
    assert!(store.job_claim(at(6), support::LEASE, 10, Share::of(10)).await.unwrap().is_empty());
}

async fn a_relapse_goes_on_where_the_last_pause_left_off(store: TestStore) {
    let acme = connected(&store, "acme").await;
    pause(&acme, Which::Psa, "refused", 0).await;
    acme.connection_still_paused(acme.newest_save(Which::Psa).await, "refused", PACE, LUCK, at(60))
        .await
        .unwrap();
    acme.connection_resumed(acme.newest_save(Which::Psa).await, at(180)).await.unwrap();
    pause(&acme, Which::Psa, "no right to write", 190).await;
    assert_eq!(state(&acme, Which::Psa).await, paused(190, "no right to write", 190 + 240));
}

async fn a_connection_that_was_well_for_an_hour_begins_anew(store: TestStore) {
    let acme = connected(&store, "acme").await;
    pause(&acme, Which::Model, "refused", 0).await;
    acme.connection_still_paused(acme.newest_save(Which::Model).await, "refused", PACE, LUCK, at(60))
        .await
        .unwrap();
    acme.connection_resumed(acme.newest_save(Which::Model).await, at(180)).await.unwrap();
    pause(&acme, Which::Model, "refused", 180 + 3_600).await;
    assert_eq!(state(&acme, Which::Model).await, paused(3_780, "refused", 3_840));
}

async fn saving_a_connection_ends_its_pause(store: TestStore) {
    let acme = connected(&store, "acme").await;
    for _ in 0..2 {
        pause(&acme, Which::Model, "the key was refused", 5).await;
        assert_eq!(state(&acme, Which::Model).await, paused(5, "the key was refused", 65));
        acme.connection_still_paused(acme.newest_save(Which::Model).await, "refused", PACE, LUCK, at(65))
            .await
            .unwrap();
        acme.model_connection_put(openai(), &Actor::System, at(66)).await.unwrap();
        assert_eq!(state(&acme, Which::Model).await, ConnectionState::Untested);
        assert!(store.probe_claim(at(9_999), at(10_000), 10).await.unwrap().is_empty());
    }
}

async fn a_due_try_is_given_to_one_of_many_and_again_if_nothing_comes_of_it(store: TestStore) {
    let (acme, bolt) = (connected(&store, "acme").await, connected(&store, "bolt").await);
    pause(&acme, Which::Psa, "refused", 0).await;
    pause(&bolt, Which::Psa, "refused", 1).await;
    pause(&bolt, Which::Model, "refused", 2).await;
    assert!(store.probe_claim(at(59), at(100), 10).await.unwrap().is_empty(), "none is due");
    let probe = |tenant: &TenantStore, which| Probe { tenant: tenant.tenant_id(), which };
    assert_eq!(store.probe_claim(at(60), at(100), 10).await.unwrap(), [probe(&acme, Which::Psa)]);

    let claims = (0..8).map(|_| store.probe_claim(at(62), at(100), 10));
    let given = futures::future::try_join_all(claims).await.unwrap().concat();
    assert_eq!(given.len(), 2, "each once: {given:?}");
    assert!([probe(&bolt, Which::Psa), probe(&bolt, Which::Model)].iter().all(|one| given.contains(one)));

    assert_eq!(store.probe_claim(at(100), at(200), 2).await.unwrap().len(), 2, "no more than asked for");
    assert_eq!(store.probe_claim(at(100), at(200), 2).await.unwrap().len(), 1);
}

async fn a_try_that_comes_too_late_changes_nothing(store: TestStore) {
    let acme = connected(&store, "acme").await;
    acme.connection_still_paused(acme.newest_save(Which::Psa).await, "refused", PACE, LUCK, at(5))
        .await
        .unwrap();
    assert_eq!(state(&acme, Which::Psa).await, ConnectionState::Untested);
    acme.connection_resumed(acme.newest_save(Which::Psa).await, at(6)).await.unwrap();
    acme.connection_still_paused(acme.newest_save(Which::Psa).await, "refused", PACE, LUCK, at(7))
        .await
        .unwrap();
    assert_eq!(state(&acme, Which::Psa).await, ConnectionState::Working { since: at(6) });
}

async fn what_waited_is_due_at_once_when_the_pause_ends(store: TestStore) {
    let acme = connected(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = support::claim(&store, 0).await;
    pause(&acme, Which::Psa, "refused", 1).await;
    store.job_retry(job.lease, at(900), "paused", true).await.unwrap();
    arrive(&acme, "8", 2).await;
    assert!(store.job_claim(at(1_000), support::LEASE, 10, Share::of(10)).await.unwrap().is_empty());
    acme.connection_resumed(acme.newest_save(Which::Psa).await, at(5)).await.unwrap();
    let jobs = store.job_claim(at(5), support::LEASE, 10, Share::of(10)).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.external_ticket.as_str()).collect::<Vec<_>>(), ["7", "8"]);
}

async fn a_workspace_with_a_stand_in_does_not_wait_for_its_model(store: TestStore) {
    let (acme, bolt) = (connected(&store, "acme").await, connected(&store, "bolt").await);
    for tenant in [&acme, &bolt] {
        arrive(tenant, "7", 0).await;
        let job = support::claim(&store, 0).await;
        support::end_read(tenant, &job, &support::read("7", "c"), 1).await;
        pause(tenant, Which::Model, "refused", 2).await;
    }
    assert!(store.job_claim(at(3), support::LEASE, 10, Share::of(10)).await.unwrap().is_empty());
    let falls_back = Policy { outage: Outage::Builtin, ..Policy::default() };
    acme.policy_put(&falls_back, &Actor::System, at(4)).await.unwrap();
    assert_eq!(support::claim(&store, 4).await.tenant, acme.tenant_id());
    acme.policy_put(&Policy::default(), &Actor::System, at(5)).await.unwrap();
    assert!(
        store.job_claim(at(100), support::LEASE, 10, Share::of(10)).await.unwrap().is_empty(),
        "it waits again"
    );
}
