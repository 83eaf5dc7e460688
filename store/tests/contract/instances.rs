//! Ticketing systems that a workspace was connected to one after the other: a number is a ticket only within one.

use crate::support::{self, LEASE, at, claim, created, plan, tenant};
use domain::backoff::Pace;
use domain::{Mode, PsaInstance, PsaKind, PsaSettings, Secret};
use store::connections::Which;
use store::door::{Accepted, DeliveryState, NewDelivery};
use store::jobs::Share;
use store::testing::TestStore;
use store::tickets::TicketFilter;
use store::{Actor, StoreError, TenantStore};

support::on_both_engines! {
    another_instance_of_one_product_has_tickets_of_its_own,
    an_instance_that_is_connected_again_is_known,
    another_user_or_key_of_one_instance_is_the_same,
    two_products_may_number_their_calls_alike,
    a_ticket_of_another_instance_is_not_read_again,
    calls_that_came_for_a_wrong_address_go_to_the_right_one,
    what_the_right_one_knew_already_is_a_repeat,
    what_was_handed_over_keeps_no_later_call_out,
    what_died_at_a_wrong_address_begins_anew_at_the_right_one,
    a_call_that_was_on_its_way_during_the_change_is_not_left_behind,
    a_system_that_let_us_in_was_no_mistake,
    what_waits_for_another_instance_goes_on_waiting,
    a_change_of_address_and_work_do_not_wait_for_each_other,
    the_right_address_is_swept_from_when_the_wrong_one_was_given,
}

pub fn halo(url: &str, key: &str) -> PsaSettings {
    PsaSettings::HaloPsa {
        url: url.into(),
        client_id: key.into(),
        client_secret: Secret::new("s3cret"),
        tenant: None,
        auth_url: None,
    }
}

pub const LIVE: &str = "https://acme.halopsa.com";
pub const TRIAL: &str = "https://acme-trial.halopsa.com";
pub const WRONG: &str = "https://acme.halpsa.com";

pub async fn connect(tenant: &TenantStore, url: &str, second: i64) {
    tenant.psa_connection_put(halo(url, "id"), &Actor::System, at(second)).await.unwrap();
}

pub async fn instance(tenant: &TenantStore) -> PsaInstance {
    tenant.psa_connection().await.unwrap().unwrap().instance
}

pub fn number(number: u32) -> PsaInstance {
    PsaInstance { kind: PsaKind::HaloPsa, number }
}

/// A call from what is connected.
pub async fn arrive(tenant: &TenantStore, ticket: &str, second: i64) -> Accepted {
    let owner = tenant.store().hook_lookup(&tenant.hook().await.unwrap().key).await.unwrap().unwrap();
    let psa = owner.psa.unwrap().0;
    let key = format!("ticket:{ticket}:create");
    let new = support::delivery(tenant.tenant_id(), &key, created(ticket), second);
    tenant.store().accept(NewDelivery { psa, ..new }).await.unwrap()
}

/// A ticket that was read, scored and is through.
pub async fn carried(tenant: &TenantStore, ticket: &str, second: i64) {
    arrive(tenant, ticket, second).await;
    let job = claim(tenant.store(), second).await;
    let id = support::end_read(tenant, &job, &support::read(ticket, "c"), second).await;
    let job = claim(tenant.store(), second).await;
    support::end_score(tenant, &job, id, &support::assessment(3), &plan(Mode::Live, 3, &[]), second).await;
}

pub async fn waiting(tenant: &TenantStore, second: i64) -> Vec<(String, PsaInstance)> {
    let jobs = tenant.store().job_claim(at(second), LEASE, 10, Share::of(10)).await.unwrap();
    jobs.into_iter().map(|job| (job.external_ticket, job.psa)).collect()
}

async fn another_instance_of_one_product_has_tickets_of_its_own(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, TRIAL, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, LIVE, 10).await;
    assert_eq!(instance(&acme).await, number(2));
    assert!(!arrive(&acme, "7", 11).await.repeated);
    let job = claim(&store, 11).await;
    assert_eq!((job.psa, job.ticket), (number(2), None), "it is no ticket that was seen");
    support::end_read(&acme, &job, &support::read("7", "c"), 12).await;
    let rows = acme.ticket_list(&TicketFilter::default(), 10, None).await.unwrap().rows;
    let numbers: Vec<&str> = rows.iter().map(|row| row.external_id.as_str()).collect();
    assert_eq!(numbers, ["7", "7"]);
}

async fn an_instance_that_is_connected_again_is_known(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, TRIAL, 10).await;
    carried(&acme, "1", 11).await;
    connect(&acme, LIVE, 20).await;
    assert_eq!(instance(&acme).await, number(1));
    assert!(arrive(&acme, "7", 21).await.repeated);
    assert!(waiting(&acme, 21).await.is_empty());
    connect(&acme, TRIAL, 30).await;
    assert_eq!(instance(&acme).await, number(2));
}

async fn another_user_or_key_of_one_instance_is_the_same(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    arrive(&acme, "7", 1).await;
    acme.psa_connection_put(halo("https://ACME.halopsa.com/", "another"), &Actor::System, at(2))
        .await
        .unwrap();
    assert_eq!(waiting(&acme, 3).await, [("7".to_owned(), number(1))]);
}

async fn two_products_may_number_their_calls_alike(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    let autotask = PsaSettings::Autotask {
        username: "api@acme.example".into(),
        secret: Secret::new("s3cret"),
        integration_code: "X".into(),
        zone_url: None,
    };
    acme.psa_connection_put(autotask, &Actor::System, at(10)).await.unwrap();
    assert!(!arrive(&acme, "7", 11).await.repeated);
    assert_eq!(waiting(&acme, 11).await, [("7".to_owned(), PsaKind::Autotask.into())]);
}

async fn a_ticket_of_another_instance_is_not_read_again(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, TRIAL, 0).await;
    let accepted = arrive(&acme, "7", 1).await;
    let job = claim(&store, 1).await;
    let ticket = support::end_read(&acme, &job, &support::read("7", "c"), 2).await;
    let job = claim(&store, 2).await;
    store.job_bury(job.lease, "gone", at(3)).await.unwrap();
    connect(&acme, LIVE, 10).await;
    let refused = acme.ticket_replay(ticket, &Actor::System, at(11)).await;
    assert!(matches!(refused, Err(StoreError::NotConnected)), "{refused:?}");
    let refused = acme.delivery_replay(accepted.delivery, &Actor::System, at(11)).await;
    assert!(matches!(refused, Err(StoreError::NotConnected)), "{refused:?}");
    assert!(waiting(&acme, 11).await.is_empty());
    connect(&acme, TRIAL, 20).await;
    assert!(acme.ticket_replay(ticket, &Actor::System, at(21)).await.unwrap());
}

async fn calls_that_came_for_a_wrong_address_go_to_the_right_one(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, WRONG, 0).await;
    let accepted = arrive(&acme, "7", 1).await;
    connect(&acme, LIVE, 10).await;
    assert_eq!(instance(&acme).await, number(2));
    assert_eq!(waiting(&acme, 10).await, [("7".to_owned(), number(2))]);
    // And is told again, and then carried through.
    arrive(&acme, "7", 11).await;
    let job = claim(&store, 100).await;
    store.job_finish(job.lease, at(101)).await.unwrap();
    let delivery = acme.delivery_fetch(accepted.delivery).await.unwrap().unwrap().delivery;
    assert_eq!(delivery.state, DeliveryState::Done);
    assert!(waiting(&acme, 200).await.is_empty());
}

async fn what_the_right_one_knew_already_is_a_repeat(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, WRONG, 10).await;
    let (known, new) = (arrive(&acme, "7", 11).await, arrive(&acme, "8", 11).await);
    connect(&acme, LIVE, 20).await;
    assert_eq!(instance(&acme).await, number(1));
    assert_eq!(waiting(&acme, 20).await, [("8".to_owned(), number(1))]);
    let state = async |accepted: Accepted| {
        acme.delivery_fetch(accepted.delivery).await.unwrap().unwrap().delivery.state
    };
    assert_eq!((state(known).await, state(new).await), (DeliveryState::Ignored, DeliveryState::Queued));
}

async fn the_right_address_is_swept_from_when_the_wrong_one_was_given(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, WRONG, 5).await;
    connect(&acme, LIVE, 50).await;
    let sweep = acme.sweep().await.unwrap().unwrap();
    assert_eq!((sweep.psa, sweep.since), (number(2), Some(at(5))));
    // One that worked is left for good: the next begins with now.
    carried(&acme, "7", 60).await;
    connect(&acme, TRIAL, 90).await;
    let sweep = acme.sweep().await.unwrap().unwrap();
    assert_eq!((sweep.psa, sweep.since), (number(3), Some(at(90))));
}

async fn what_was_handed_over_keeps_no_later_call_out(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, WRONG, 10).await;
    let before = arrive(&acme, "8", 11).await;
    connect(&acme, LIVE, 20).await;
    assert!(arrive(&acme, "8", 21).await.repeated, "it is the call that was handed over");
    // The address was no mistake after all, and has a ticket of this number.
    for second in [30, 50] {
        connect(&acme, WRONG, second).await;
        let call = arrive(&acme, "8", second + 1).await;
        assert!(!call.repeated && call.delivery != before.delivery);
        connect(&acme, LIVE, second + 10).await;
    }
    assert_eq!(waiting(&acme, 99).await, [("8".to_owned(), number(1))], "once");
}

async fn what_died_at_a_wrong_address_begins_anew_at_the_right_one(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, WRONG, 0).await;
    let accepted = arrive(&acme, "7", 1).await;
    let job = claim(&store, 1).await;
    store.job_bury(job.lease, "nobody answers there", at(2)).await.unwrap();
    connect(&acme, LIVE, 10).await;
    let job = claim(&store, 10).await;
    assert_eq!((job.psa, job.attempts), (number(2), 1));
    let delivery = acme.delivery_fetch(accepted.delivery).await.unwrap().unwrap().delivery;
    assert_eq!(delivery.state, DeliveryState::Queued);
}

async fn a_call_that_was_on_its_way_during_the_change_is_not_left_behind(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, WRONG, 0).await;
    connect(&acme, LIVE, 10).await;
    let late = async |ticket: &str, second| {
        let new = support::delivery(acme.tenant_id(), &format!("late {ticket}"), created(ticket), second);
        store.accept(NewDelivery { psa: number(1), ..new }).await.unwrap();
    };
    late("7", 11).await;
    acme.strays_hand_over(number(1)).await.unwrap();
    assert_eq!(waiting(&acme, 12).await, [("7".to_owned(), number(2))]);
    late("8", 13).await;
    connect(&acme, LIVE, 14).await;
    assert_eq!(waiting(&acme, 15).await, [("8".to_owned(), number(2))], "a save does it as well");
}

async fn a_system_that_let_us_in_was_no_mistake(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (url, second) in [(TRIAL, 0), (WRONG, 20)] {
        connect(&acme, url, second).await;
        if url == TRIAL {
            acme.connection_used(Which::Psa, at(second + 1)).await.unwrap();
        } else {
            acme.connection_resumed(Which::Psa, at(second + 1)).await.unwrap();
        }
        acme.connection_paused(Which::Psa, "revoked", Pace::USUAL, 0.5, at(second + 2)).await.unwrap();
        arrive(&acme, "7", second + 3).await;
    }
    connect(&acme, LIVE, 40).await;
    let mut waiting = waiting(&acme, 41).await;
    waiting.sort();
    assert_eq!(
        waiting,
        [("7".to_owned(), number(1)), ("7".to_owned(), number(2))],
        "theirs are none of this one's"
    );
}

async fn what_waits_for_another_instance_goes_on_waiting(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, TRIAL, 0).await;
    carried(&acme, "1", 1).await;
    arrive(&acme, "7", 2).await;
    connect(&acme, LIVE, 10).await;
    let job = claim(&store, 10).await;
    store.job_retry(job.lease, at(900), "it is elsewhere", false).await.unwrap();
    acme.connection_answers(Which::Psa).await.unwrap();
    connect(&acme, LIVE, 20).await;
    assert!(waiting(&acme, 21).await.is_empty());
    connect(&acme, TRIAL, 30).await;
    assert_eq!(waiting(&acme, 31).await, [("7".to_owned(), number(1))]);
}

async fn a_change_of_address_and_work_do_not_wait_for_each_other(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, WRONG, 0).await;
    for ticket in 0..20 {
        arrive(&acme, &ticket.to_string(), 0).await;
    }
    let node = store.reopen().await;
    let work = async {
        for _ in 0..60 {
            for job in node.job_claim(at(900), LEASE, 20, Share::of(20)).await.unwrap() {
                node.job_retry(job.lease, at(1), "nobody answers there", true).await.unwrap();
            }
        }
    };
    let changes = async {
        for change in 0..30 {
            let url = format!("https://wrong-{change}.example");
            connect(&acme, &url, 1).await;
        }
    };
    tokio::join!(work, changes);
    connect(&acme, LIVE, 2).await;
    let jobs = store.job_claim(at(9_999), LEASE, 100, Share::of(100)).await.unwrap();
    let connected = instance(&acme).await;
    assert_eq!((jobs.len(), jobs.iter().filter(|job| job.psa == connected).count()), (20, 20));
}
