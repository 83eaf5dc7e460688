//! A ticket that one call names by its number and another by its id is taken in once.

use crate::support::{self, LEASE, arrive, at, claim, created, delivery, read, tenant};
use futures::future::join_all;
use store::door::{Accepted, DeliveryState};
use store::jobs::{Identified, Job, Share};
use store::testing::TestStore;
use store::tickets::TicketFilter;
use store::{Actor, Store, StoreError, TenantStore};

support::on_both_engines! {
    the_first_to_be_identified_goes_on_under_the_id,
    one_whose_ticket_was_taken_in_before_ends,
    what_comes_later_under_either_name_is_ignored,
    identifying_again_changes_nothing,
    of_many_at_once_one_goes_on,
    another_workspaces_ticket_of_the_same_id_is_another,
    a_lost_lease_identifies_nothing,
    a_ticket_stored_under_its_number_keeps_it,
    a_dead_call_that_is_replayed_is_identified_too,
}

const NUMBER: &str = "T20260302.0007";

async fn state(tenant: &TenantStore, call: Accepted) -> (DeliveryState, Option<String>, Option<String>) {
    let told = tenant.delivery_fetch(call.delivery).await.unwrap().unwrap().delivery;
    (told.state, told.external_ticket, told.reason)
}

async fn due(store: &Store, second: i64) -> Vec<Job> {
    store.job_claim(at(second), LEASE, 10, Share::of(10)).await.unwrap()
}

async fn the_first_to_be_identified_goes_on_under_the_id(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let callout = arrive(&acme, NUMBER, 0).await;
    let job = claim(&store, 0).await;
    assert_eq!(store.job_identify(job.lease, "7").await.unwrap(), Identified::Ours);
    let ticket = acme.ticket_read(job.lease, &read("7", "c"), at(1)).await.unwrap();
    let row = acme.ticket_story(ticket).await.unwrap().unwrap().row;
    assert_eq!(row.external_id, "7");
    let taken_over = claim(&store, 60).await;
    assert_eq!(taken_over.external_ticket, "7", "whoever goes on knows the id");
    assert_eq!(state(&acme, callout).await, (DeliveryState::Queued, Some("7".into()), None));
}

async fn one_whose_ticket_was_taken_in_before_ends(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let webhook = arrive(&acme, "7", 0).await;
    let first = claim(&store, 0).await;
    let callout = arrive(&acme, NUMBER, 1).await;
    let second = claim(&store, 1).await;
    assert_eq!(store.job_identify(second.lease, "7").await.unwrap(), Identified::TakenInBefore);
    let (ended, named, reason) = state(&acme, callout).await;
    assert_eq!((ended, named.as_deref()), (DeliveryState::Ignored, Some("7")));
    assert!(reason.is_some_and(|reason| reason.contains("taken in before")));
    assert_eq!(state(&acme, webhook).await.0, DeliveryState::Queued, "the other is not touched");
    acme.ticket_read(first.lease, &read("7", "c"), at(2)).await.unwrap();
    assert_eq!(due(&store, 9_999).await.len(), 1, "one job is left");
    assert_eq!(acme.ticket_list(&TicketFilter::default(), 10, None).await.unwrap().rows.len(), 1);
}

async fn what_comes_later_under_either_name_is_ignored(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, NUMBER, 0).await;
    let job = claim(&store, 0).await;
    store.job_identify(job.lease, "7").await.unwrap();
    for (key, name) in [("by id", "7"), ("by number", NUMBER)] {
        let later = store.accept(delivery(acme.tenant_id(), key, created(name), 5)).await.unwrap();
        assert_eq!(state(&acme, later).await.0, DeliveryState::Ignored, "{key}");
    }
    store.job_finish(job.lease, at(6)).await.unwrap();
    assert!(due(&store, 9_999).await.is_empty());
}

async fn identifying_again_changes_nothing(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, NUMBER, 0).await;
    let job = claim(&store, 0).await;
    for _ in 0..2 {
        assert_eq!(store.job_identify(job.lease, "7").await.unwrap(), Identified::Ours);
    }
    // Killed after it: the next attempt has the id from the start.
    let again = claim(&store, 9_999).await;
    assert_eq!(again.external_ticket, "7");
    assert_eq!(store.job_identify(again.lease, "7").await.unwrap(), Identified::Ours);
}

async fn of_many_at_once_one_goes_on(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let names: Vec<String> = (0..6).map(|index| format!("T{index}")).collect();
    for name in &names {
        arrive(&acme, name, 0).await;
    }
    let jobs = due(&store, 0).await;
    let nodes = [store.reopen().await, store.reopen().await, store.reopen().await];
    let webhooks = nodes.iter().enumerate().map(|(index, node)| {
        node.accept(delivery(acme.tenant_id(), &format!("webhook {index}"), created("7"), 1))
    });
    let identified =
        jobs.iter().zip(nodes.iter().cycle()).map(|(job, node)| node.job_identify(job.lease, "7"));
    let (told, taken) = futures::future::join(join_all(identified), join_all(webhooks)).await;
    let ours = told.into_iter().filter(|told| *told.as_ref().unwrap() == Identified::Ours).count();
    assert!(taken.iter().all(Result::is_ok), "{taken:?}");
    let left = due(&store, 9_999).await;
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(left[0].external_ticket, "7");
    assert!(ours <= 1, "{ours} went on");
    for node in nodes {
        node.close().await;
    }
}

async fn another_workspaces_ticket_of_the_same_id_is_another(store: TestStore) {
    let (acme, bolt) = (tenant(&store, "acme").await, tenant(&store, "bolt").await);
    arrive(&bolt, "7", 0).await;
    claim(&store, 0).await;
    arrive(&acme, NUMBER, 1).await;
    let job = claim(&store, 1).await;
    assert_eq!(store.job_identify(job.lease, "7").await.unwrap(), Identified::Ours);
}

async fn a_lost_lease_identifies_nothing(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, NUMBER, 0).await;
    let lost = claim(&store, 0).await;
    let held = claim(&store, 9_999).await;
    assert!(matches!(store.job_identify(lost.lease, "7").await, Err(StoreError::LeaseLost)));
    assert_eq!(held.external_ticket, NUMBER);
}

async fn a_ticket_stored_under_its_number_keeps_it(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, NUMBER, 0).await;
    let job = claim(&store, 0).await;
    // As an earlier version did it.
    let ticket = acme.ticket_read(job.lease, &read(NUMBER, "c"), at(1)).await.unwrap();
    store.job_finish(job.lease, at(2)).await.unwrap();
    acme.ticket_replay(ticket, &Actor::System, at(3)).await.unwrap();
    let job = claim(&store, 3).await;
    assert_eq!(store.job_identify(job.lease, "7").await.unwrap(), Identified::Ours);
    let same = acme.ticket_read(job.lease, &read(NUMBER, "c"), at(4)).await.unwrap();
    assert_eq!(same, ticket, "it is no second ticket");
}

async fn a_dead_call_that_is_replayed_is_identified_too(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let callout = arrive(&acme, NUMBER, 0).await;
    store.job_bury(claim(&store, 0).await.lease, "the PSA was away for a day", at(1)).await.unwrap();
    arrive(&acme, "7", 2).await;
    let webhook = claim(&store, 2).await;
    acme.delivery_replay(callout.delivery, &Actor::System, at(3)).await.unwrap();
    let job = claim(&store, 3).await;
    assert_eq!(store.job_identify(job.lease, "7").await.unwrap(), Identified::TakenInBefore);
    store.job_finish(webhook.lease, at(4)).await.unwrap();
    assert!(due(&store, 9_999).await.is_empty());
}
