//! What arrives is kept once, before it is acknowledged.

use crate::support::{self, arrive, at, claim, created, delivery, tenant};
use domain::DeliveryId;
use futures::future::join_all;
use std::collections::HashSet;
use store::accounts::NewTenant;
use store::door::{DeliveryFilter, DeliveryState, Disposition, PipelineHealth};
use store::jobs::Share;
use store::testing::{History, TestStore};
use store::{Actor, Store, StoreError, TenantStore};

support::on_both_engines! {
    the_same_key_again_gives_the_first_id_and_changes_nothing,
    fifty_callers_with_one_key_get_one_id,
    callers_on_several_nodes_with_one_key_get_one_id,
    one_key_of_two_tenants_is_two_deliveries,
    a_second_call_about_a_ticket_is_ignored_with_the_reason,
    two_calls_about_a_ticket_in_one_batch_make_one_job,
    an_ignored_call_makes_no_job,
    a_caller_that_hangs_up_loses_nothing,
    what_was_acknowledged_is_there_after_a_crash,
    a_delivery_for_a_tenant_that_is_gone_harms_no_other,
    headers_and_body_come_back_as_they_were,
    text_with_a_nul_is_kept_readable,
    the_list_is_newest_first_in_pages_without_gaps,
    the_list_can_be_narrowed_to_a_state,
    a_dead_delivery_can_be_replayed,
    an_ignored_delivery_can_be_taken_in_after_all,
    a_delivery_without_a_ticket_cannot_be_replayed,
    a_delivery_under_way_is_not_queued_twice,
    pipeline_health_counts_what_waits_and_what_is_dead,
    a_call_that_is_proven_genuine_takes_the_place_of_one_that_is_not,
    a_proven_call_also_replaces_one_that_was_given_up_and_one_that_is_being_judged,
    a_replay_goes_by_the_call_that_was_chosen,
    calls_of_each_fate_are_found_page_by_page_and_none_is_left_out,
}

async fn all(tenant: &TenantStore) -> Vec<store::door::Delivery> {
    tenant.delivery_list(&DeliveryFilter::default(), 1000, None).await.unwrap().rows
}

async fn one(tenant: &TenantStore, id: DeliveryId) -> store::door::Delivery {
    tenant.delivery_fetch(id).await.unwrap().unwrap().delivery
}

async fn the_same_key_again_gives_the_first_id_and_changes_nothing(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let first = arrive(&acme, "7", 0).await;
    let second = arrive(&acme, "7", 5).await;
    assert!(!first.repeated && second.repeated);
    assert_eq!(first.delivery, second.delivery);
    let all = all(&acme).await;
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].repeats, all[0].received_at, all[0].state), (1, at(0), DeliveryState::Queued));
    assert_eq!(store.queue_health().await.unwrap().ready, 1);
}

async fn fifty_callers_with_one_key_get_one_id(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let accepted = join_all((0..50).map(|second| arrive(&acme, "7", second))).await;
    let ids: HashSet<DeliveryId> = accepted.iter().map(|accepted| accepted.delivery).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(accepted.iter().filter(|accepted| !accepted.repeated).count(), 1, "one of them was the first");
    assert_eq!(all(&acme).await[0].repeats, 49);
    assert_eq!(store.queue_health().await.unwrap().ready, 1);
}

async fn callers_on_several_nodes_with_one_key_get_one_id(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let nodes = join_all((0..5).map(|_| store.reopen())).await;
    let tenants: Vec<TenantStore> = nodes.iter().map(|node| node.tenant(acme.tenant_id())).collect();
    // Each node sees the keys in another order, so that a lock taken in the order of arrival would end in a circle.
    let calls = tenants.iter().enumerate().flat_map(|(node, tenant)| {
        (0..10).map(move |index| async move {
            arrive(tenant, &((index * 7 + node * 3) % 10).to_string(), 0).await
        })
    });
    let accepted = join_all(calls).await;
    let ids: HashSet<DeliveryId> = accepted.iter().map(|accepted| accepted.delivery).collect();
    assert_eq!(ids.len(), 10);
    assert_eq!(accepted.iter().filter(|accepted| !accepted.repeated).count(), 10);
    assert_eq!(store.queue_health().await.unwrap().ready, 10);
}

async fn one_key_of_two_tenants_is_two_deliveries(store: TestStore) {
    let (acme, bolt) = (tenant(&store, "acme").await, tenant(&store, "bolt").await);
    let (first, second) = (arrive(&acme, "7", 0).await, arrive(&bolt, "7", 0).await);
    assert!(!first.repeated && !second.repeated);
    assert_ne!(first.delivery, second.delivery);
    assert_eq!(store.queue_health().await.unwrap().ready, 2);
}

async fn a_second_call_about_a_ticket_is_ignored_with_the_reason(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let again = store.accept(delivery(acme.tenant_id(), "another key", created("7"), 1)).await.unwrap();
    assert!(!again.repeated);
    let again = one(&acme, again.delivery).await;
    assert_eq!(again.state, DeliveryState::Ignored);
    assert_eq!(again.reason.as_deref(), Some("this ticket was taken in before"));
    assert_eq!(store.queue_health().await.unwrap().ready, 1);
}

async fn two_calls_about_a_ticket_in_one_batch_make_one_job(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let keys = ["a", "b", "c"];
    join_all(keys.map(|key| store.accept(delivery(acme.tenant_id(), key, created("7"), 0)))).await;
    let states: Vec<DeliveryState> = all(&acme).await.iter().map(|delivery| delivery.state).collect();
    // Newest first: the first call is the one that counts.
    assert_eq!(states, [DeliveryState::Ignored, DeliveryState::Ignored, DeliveryState::Queued]);
    assert_eq!(store.queue_health().await.unwrap().ready, 1);
}

async fn an_ignored_call_makes_no_job(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ignore =
        Disposition::Ignore { external_ticket: Some("7".into()), reason: "update of a ticket".into() };
    let accepted = store.accept(delivery(acme.tenant_id(), "k", ignore, 0)).await.unwrap();
    let kept = one(&acme, accepted.delivery).await;
    assert_eq!((kept.state, kept.reason.as_deref()), (DeliveryState::Ignored, Some("update of a ticket")));
    assert_eq!(store.queue_health().await.unwrap().ready, 0);
    // It is no bar to the ticket's creation, which may arrive later.
    arrive(&acme, "7", 1).await;
    assert_eq!(store.queue_health().await.unwrap().ready, 1);
}

async fn a_caller_that_hangs_up_loses_nothing(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let mut calls: Vec<_> = (0..20).map(|index| Box::pin(arrive_owned(acme.clone(), index))).collect();
    for call in &mut calls {
        assert!(futures::poll!(call).is_pending());
    }
    drop(calls);
    // Those that hung up stand before this one in the line.
    arrive(&acme, "last", 0).await;
    let again = arrive(&acme, "3", 9).await;
    assert!(again.repeated, "it had been kept although nobody waited for the answer");
    assert_eq!(all(&acme).await.len(), 21);
    assert_eq!(store.queue_health().await.unwrap().ready, 21);
}

async fn arrive_owned(tenant: TenantStore, index: i64) {
    arrive(&tenant, &index.to_string(), 0).await;
}

async fn what_was_acknowledged_is_there_after_a_crash(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let other = store.reopen().await;
    let accepted = arrive(&other.tenant(acme.tenant_id()), "7", 0).await;
    // Not closed, only gone.
    drop(other);
    assert_eq!(one(&acme, accepted.delivery).await.state, DeliveryState::Queued);
    assert_eq!(claim(&store, 1).await.external_ticket, "7");
}

async fn a_delivery_for_a_tenant_that_is_gone_harms_no_other(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let nobody = domain::TenantId(uuid::Uuid::from_u128(7));
    let (good, bad, also_good) = tokio::join!(
        store.accept(delivery(acme.tenant_id(), "a", created("1"), 0)),
        store.accept(delivery(nobody, "b", created("2"), 0)),
        store.accept(delivery(acme.tenant_id(), "c", created("3"), 0)),
    );
    assert!(good.is_ok() && also_good.is_ok());
    assert!(matches!(bad, Err(StoreError::Driver(_))));
    assert_eq!(all(&acme).await.len(), 2);
}

async fn headers_and_body_come_back_as_they_were(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let mut new = delivery(acme.tenant_id(), "k", created("7"), 0);
    new.body = vec![0, 159, 146, 150, 10];
    new.headers = serde_json::json!({"b": 1, "a": "ü\u{0000}", "n": 1.50});
    new.verified = false;
    let accepted = store.accept(new.clone()).await.unwrap();
    let detail = acme.delivery_fetch(accepted.delivery).await.unwrap().unwrap();
    assert_eq!((detail.body, detail.headers, detail.verified), (new.body, new.headers, false));
    assert_eq!(detail.delivery.psa, new.psa.kind);
}

async fn text_with_a_nul_is_kept_readable(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let first = store.accept(delivery(acme.tenant_id(), "k\0ey", created("7\0"), 0)).await.unwrap();
    let second = store.accept(delivery(acme.tenant_id(), "k\0ey", created("7\0"), 0)).await.unwrap();
    assert_eq!((first.delivery, second.repeated), (second.delivery, true));
    assert_eq!(one(&acme, first.delivery).await.external_ticket.as_deref(), Some("7\u{fffd}"));
}

async fn the_list_is_newest_first_in_pages_without_gaps(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    // Several in the same instant.
    for index in 0..25 {
        arrive(&acme, &index.to_string(), index / 4).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = acme.delivery_list(&DeliveryFilter::default(), 10, cursor.as_deref()).await.unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.external_ticket.unwrap()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..25).rev().map(|index| index.to_string()).collect::<Vec<_>>());
    let wrong = acme.delivery_list(&DeliveryFilter::default(), 10, Some("no cursor of ours")).await;
    assert!(matches!(wrong, Err(StoreError::BadCursor)));
}

async fn the_list_can_be_narrowed_to_a_state(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (ticket, second) in [("1", 0), ("2", 1), ("3", 2)] {
        arrive(&acme, ticket, second).await;
    }
    let ignore = Disposition::Ignore { external_ticket: None, reason: "event about a contact".into() };
    store.accept(delivery(acme.tenant_id(), "i", ignore, 3)).await.unwrap();
    let jobs = store.job_claim(at(10), support::LEASE, 10, Share::of(10)).await.unwrap();
    store.job_finish(jobs[0].lease, at(11)).await.unwrap();
    store.job_bury(jobs[1].lease, "the PSA has no such ticket", at(11)).await.unwrap();
    for (state, tickets) in [
        (DeliveryState::Done, vec![Some("1")]),
        (DeliveryState::Dead, vec![Some("2")]),
        (DeliveryState::Queued, vec![Some("3")]),
        (DeliveryState::Ignored, vec![None]),
    ] {
        let page = acme.delivery_list(&DeliveryFilter { state: Some(state) }, 10, None).await.unwrap();
        let found: Vec<Option<&str>> = page.rows.iter().map(|row| row.external_ticket.as_deref()).collect();
        assert_eq!(found, tickets, "{state:?}");
    }
}

async fn a_dead_delivery_can_be_replayed(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let accepted = arrive(&acme, "7", 0).await;
    let job = claim(&store, 1).await;
    store.job_bury(job.lease, "no such ticket", at(2)).await.unwrap();
    let dead = one(&acme, accepted.delivery).await;
    assert_eq!(
        (dead.state, dead.reason.as_deref(), dead.attempts),
        (DeliveryState::Dead, Some("no such ticket"), 1)
    );

    assert!(acme.delivery_replay(accepted.delivery, &Actor::System, at(3)).await.unwrap());
    let queued = one(&acme, accepted.delivery).await;
    assert_eq!((queued.state, queued.reason), (DeliveryState::Queued, None));
    let job = claim(&store, 3).await;
    assert!(job.replay && job.attempts == 1 && job.delivery == Some(accepted.delivery));
    store.job_finish(job.lease, at(4)).await.unwrap();
    let done = one(&acme, accepted.delivery).await;
    assert_eq!((done.state, done.attempts), (DeliveryState::Done, 2));
}

async fn an_ignored_delivery_can_be_taken_in_after_all(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ignore = Disposition::Ignore { external_ticket: Some("7".into()), reason: "our own change".into() };
    let accepted = store.accept(delivery(acme.tenant_id(), "k", ignore, 0)).await.unwrap();
    assert!(acme.delivery_replay(accepted.delivery, &Actor::System, at(1)).await.unwrap());
    let job = claim(&store, 1).await;
    assert_eq!((job.external_ticket.as_str(), job.delivery), ("7", Some(accepted.delivery)));
    store.job_finish(job.lease, at(2)).await.unwrap();
    assert_eq!(one(&acme, accepted.delivery).await.state, DeliveryState::Done);
    // Taken in is taken in: the creation that arrives late is no second analysis.
    arrive(&acme, "7", 3).await;
    assert_eq!(store.queue_health().await.unwrap().ready, 0);
}

async fn a_delivery_without_a_ticket_cannot_be_replayed(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ignore = Disposition::Ignore { external_ticket: None, reason: "event about a contact".into() };
    let accepted = store.accept(delivery(acme.tenant_id(), "k", ignore, 0)).await.unwrap();
    assert!(!acme.delivery_replay(accepted.delivery, &Actor::System, at(1)).await.unwrap());
    assert!(!acme.delivery_replay(DeliveryId(uuid::Uuid::nil()), &Actor::System, at(1)).await.unwrap());
    assert_eq!(store.queue_health().await.unwrap().ready, 0);
}

async fn a_delivery_under_way_is_not_queued_twice(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let accepted = arrive(&acme, "7", 0).await;
    assert!(acme.delivery_replay(accepted.delivery, &Actor::System, at(1)).await.unwrap());
    assert!(!claim(&store, 1).await.replay);
}

async fn pipeline_health_counts_what_waits_and_what_is_dead(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    assert_eq!(acme.pipeline_health(at(0)).await.unwrap(), PipelineHealth::default());
    for (ticket, second) in [("1", 0), ("2", 1), ("3", 2)] {
        arrive(&acme, ticket, second).await;
    }
    let jobs = store.job_claim(at(2), support::LEASE, 1, Share::of(10)).await.unwrap();
    store.job_bury(jobs[0].lease, "gone", at(3)).await.unwrap();
    let health = acme.pipeline_health(at(9)).await.unwrap();
    let expected =
        PipelineHealth { last_delivery_at: Some(at(2)), waiting: 2, oldest_waiting_at: Some(at(1)), dead: 1 };
    assert_eq!(health, expected);
}

/// Kept here because it is the door that must not take what nobody can work on.
#[tokio::test]
async fn a_store_that_is_not_migrated_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let keys = store::KeyRing::parse(&store::KeyRing::generate(None)).unwrap();
    let url = format!("sqlite://{}", folder.path().join("new/undertone.db").display());
    let store = Store::open(&url, keys).await.unwrap();
    let new = NewTenant {
        name: "acme".into(),
        owner_email: "a@acme.example".into(),
        owner_name: "A".into(),
        password_hash: "x".into(),
    };
    assert!(matches!(store.tenant_create(new, at(0)).await, Err(StoreError::Driver(_))));
    let nobody = domain::TenantId(uuid::Uuid::nil());
    assert!(store.accept(delivery(nobody, "k", created("7"), 0)).await.is_err());
}

async fn unproven(tenant: &TenantStore, ticket: &str, key: &str, second: i64) -> DeliveryId {
    let mut call = delivery(tenant.tenant_id(), key, created(ticket), second);
    call.verified = false;
    tenant.store().accept(call).await.unwrap().delivery
}

async fn a_call_that_is_proven_genuine_takes_the_place_of_one_that_is_not(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let forged = unproven(&acme, "7", "forged", 0).await;
    let again = unproven(&acme, "7", "forged too", 1).await;
    assert_eq!(
        one(&acme, again).await.state,
        DeliveryState::Ignored,
        "one doubtful call does not oust another"
    );
    let genuine = arrive(&acme, "7", 2).await.delivery;
    assert_eq!(one(&acme, genuine).await.state, DeliveryState::Queued);
    let ousted = one(&acme, forged).await;
    assert_eq!(ousted.state, DeliveryState::Ignored);
    assert!(ousted.reason.unwrap().contains("proven genuine"));
    let job = claim(&store, 2).await;
    assert_eq!((job.delivery, job.verified, job.external_ticket.as_str()), (Some(genuine), true, "7"));
    let third =
        acme.store().accept(delivery(acme.tenant_id(), "third", created("7"), 3)).await.unwrap().delivery;
    assert_eq!(one(&acme, third).await.state, DeliveryState::Ignored, "a proven one keeps its place");
}

async fn a_proven_call_also_replaces_one_that_was_given_up_and_one_that_is_being_judged(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    unproven(&acme, "7", "forged", 0).await;
    store.job_bury(claim(&store, 0).await.lease, "not genuine", at(1)).await.unwrap();
    let genuine = arrive(&acme, "7", 2).await.delivery;
    let job = claim(&store, 2).await;
    assert_eq!((job.delivery, job.verified), (Some(genuine), true));
    store.job_finish(job.lease, at(3)).await.unwrap();

    unproven(&acme, "8", "forged 8", 10).await;
    let judged = claim(&store, 10).await;
    let genuine = arrive(&acme, "8", 11).await.delivery;
    assert!(
        store.job_claim(at(11), support::LEASE, 10, Share::of(10)).await.unwrap().is_empty(),
        "one at a time"
    );
    store.job_retry(judged.lease, at(12), "no key yet", true).await.unwrap();
    let job = claim(&store, 12).await;
    assert_eq!((job.delivery, job.verified), (Some(genuine), true));
}

async fn a_replay_goes_by_the_call_that_was_chosen(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    unproven(&acme, "7", "first", 0).await;
    let chosen = unproven(&acme, "7", "second", 1).await;
    assert!(acme.delivery_replay(chosen, &Actor::System, at(2)).await.unwrap());
    assert_eq!(claim(&store, 2).await.delivery, Some(chosen));
}

async fn calls_of_each_fate_are_found_page_by_page_and_none_is_left_out(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let history = History { tickets: 3_000, days: 30, clients: 7, until: at(0) };
    store.make_history(acme.tenant_id(), history).await;
    let fates = [
        (Some(DeliveryState::Done), 2_985),
        (Some(DeliveryState::Ignored), 3_000),
        (Some(DeliveryState::Dead), 15),
        (Some(DeliveryState::Queued), 0),
        (None, 6_000),
    ];
    for (state, expected) in fates {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = acme.delivery_list(&DeliveryFilter { state }, 200, cursor.as_deref()).await.unwrap();
            assert!(state.is_none() || page.rows.iter().all(|row| Some(row.state) == state));
            found.extend(page.rows.into_iter().map(|row| row.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert!(found.is_sorted_by(|a, b| a.0 > b.0), "newest first, each once");
        assert_eq!(found.len(), expected, "{state:?}");
    }
}
