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
    what_came_for_an_address_that_never_let_us_in_is_not_done_for_a_system_that_works,
    what_is_read_at_a_wrong_address_is_not_stored_for_the_right_one,
    what_is_found_through_one_save_says_nothing_of_the_next,
    settings_that_leave_something_open_lead_to_what_worked,
    what_was_given_up_while_another_was_connected_is_worked_on_again,
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
    assert!(arrive(&acme, "7", 11).await.repeated, "it is the call that was handed over");
    let job = claim(&store, 100).await;
    store.job_finish(job.lease, at(101)).await.unwrap();
    let delivery = acme.delivery_fetch(accepted.delivery).await.unwrap().unwrap().delivery;
    assert_eq!(delivery.state, DeliveryState::Done);
    assert!(waiting(&acme, 200).await.is_empty());
}

async fn what_came_for_an_address_that_never_let_us_in_is_not_done_for_a_system_that_works(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, WRONG, 10).await;
    // It may have been another system, whose key was wrong: its 8 is not this one's, which may be years old.
    let known = arrive(&acme, "7", 11).await;
    let job = claim(&store, 11).await;
    let new = arrive(&acme, "8", 11).await;
    connect(&acme, LIVE, 20).await;
    assert_eq!(instance(&acme).await, number(1));
    assert!(waiting(&acme, 20).await.is_empty());
    let lost = store.job_retry(job.lease, at(21), "nobody answers there", true).await;
    assert!(matches!(lost, Err(StoreError::LeaseLost)), "{lost:?}");
    for call in [known, new] {
        let delivery = acme.delivery_fetch(call.delivery).await.unwrap().unwrap().delivery;
        assert_eq!(delivery.state, DeliveryState::Ignored);
        assert!(delivery.reason.unwrap().contains("never let us in"));
    }
    // One that was on its way, too.
    let late = support::delivery(acme.tenant_id(), "late", created("9"), 22);
    store.accept(NewDelivery { psa: number(2), ..late }).await.unwrap();
    acme.strays_hand_over(number(2)).await.unwrap();
    assert!(waiting(&acme, 23).await.is_empty());
    // What the system itself tells of is taken.
    assert!(!arrive(&acme, "8", 24).await.repeated);
    assert_eq!(waiting(&acme, 25).await, [("8".to_owned(), number(1))]);
}

async fn what_is_read_at_a_wrong_address_is_not_stored_for_the_right_one(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, WRONG, 0).await;
    arrive(&acme, "7", 1).await;
    let read = claim(&store, 2).await;
    arrive(&acme, "8", 1).await;
    let gone = claim(&store, 2).await;
    connect(&acme, LIVE, 10).await;
    let stored = acme.ticket_read(read.lease, &support::read("7", "c"), at(11)).await;
    assert!(matches!(stored, Err(StoreError::LeaseLost)), "{stored:?}");
    let stored = acme.ticket_unseen(gone.lease, &support::read("8", "c"), "no such ticket", at(11)).await;
    assert!(matches!(stored, Err(StoreError::LeaseLost)), "{stored:?}");
    let mut waiting = waiting(&acme, 12).await;
    waiting.sort();
    assert_eq!(waiting, [("7".to_owned(), number(2)), ("8".to_owned(), number(2))]);
}

async fn what_is_found_through_one_save_says_nothing_of_the_next(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    let before = acme.newest_save(Which::Psa).await;
    assert!(acme.connection_used(before, at(1)).await.unwrap());
    connect(&acme, WRONG, 10).await;
    // A test and a ticket that began before the save.
    assert!(!acme.connection_used(before, at(11)).await.unwrap());
    acme.connection_resumed(before, at(11)).await.unwrap();
    acme.connection_paused(before, "the old key was revoked", Pace::USUAL, 0.5, at(11)).await.unwrap();
    let saved = acme.psa_connection().await.unwrap().unwrap();
    assert_eq!(saved.state, store::connections::ConnectionState::Untested);
    assert_eq!(acme.psa_instances().await.unwrap().len(), 2, "the connected one, and the one that worked");
    connect(&acme, LIVE, 20).await;
    assert_eq!(acme.psa_instances().await.unwrap().len(), 1, "the mistake is no system");
    let now = acme.newest_save(Which::Psa).await;
    acme.connection_paused(now, "refused", Pace::USUAL, 0.5, at(21)).await.unwrap();
    acme.connection_still_paused(before, "refused before", Pace::USUAL, 0.5, at(90)).await.unwrap();
    let state = acme.psa_connection().await.unwrap().unwrap().state;
    assert!(
        matches!(&state, store::connections::ConnectionState::Paused { reason, .. } if reason == "refused"),
        "{state:?}"
    );
}

async fn settings_that_leave_something_open_lead_to_what_worked(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let of = |tenant: Option<&str>| {
        let mut settings = halo("https://halo.example", "id");
        if let PsaSettings::HaloPsa { tenant: field, .. } = &mut settings {
            *field = tenant.map(str::to_owned);
        }
        settings
    };
    let save = async |settings, second| {
        acme.psa_connection_put(settings, &Actor::System, at(second)).await.unwrap().instance
    };
    let autotask = PsaSettings::Autotask {
        username: "api@acme.example".into(),
        secret: Secret::new("s3cret"),
        integration_code: "X".into(),
        zone_url: None,
    };
    // A mistake beside a product that was never right either, and then the right one.
    assert_eq!(save(of(Some("oen")), 0).await, number(1));
    save(autotask.clone(), 1).await;
    assert_eq!(save(of(Some("one")), 2).await, number(2));
    carried(&acme, "7", 3).await;
    save(autotask, 10).await;
    assert_eq!(save(of(None), 20).await, number(2));
    // And beside a mistake that is connected.
    assert_eq!(save(of(Some("noe")), 30).await, number(3));
    assert_eq!(save(of(None), 40).await, number(2));
}

async fn what_was_given_up_while_another_was_connected_is_worked_on_again(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "1", 1).await;
    arrive(&acme, "7", 2).await;
    connect(&acme, TRIAL, 10).await;
    let job = claim(&store, 10).await;
    store.job_bury(job.lease, "it is elsewhere", at(90_000)).await.unwrap();
    connect(&acme, LIVE, 100_000).await;
    let job = claim(&store, 100_000).await;
    assert_eq!((job.external_ticket.as_str(), job.psa, job.attempts), ("7", number(1), 1));
    let delivery = acme.delivery_fetch(job.delivery.unwrap()).await.unwrap().unwrap().delivery;
    assert_eq!(delivery.state, DeliveryState::Queued);
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
            acme.connection_used(acme.newest_save(Which::Psa).await, at(second + 1)).await.unwrap();
        } else {
            acme.connection_resumed(acme.newest_save(Which::Psa).await, at(second + 1)).await.unwrap();
        }
        acme.connection_paused(
            acme.newest_save(Which::Psa).await,
            "revoked",
            Pace::USUAL,
            0.5,
            at(second + 2),
        )
        .await
        .unwrap();
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
                match node.job_retry(job.lease, at(1), "nobody answers there", true).await {
                    // It is about another address by now.
                    Ok(()) | Err(StoreError::LeaseLost) => {}
                    Err(error) => panic!("{error:?}"),
                }
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
