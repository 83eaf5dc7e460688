//! A ticketing system that moved to another address, and the webhook address that each has for itself.

use crate::instances::{LIVE, TRIAL, WRONG, arrive, carried, connect, halo, instance, number, waiting};
use crate::support::{self, at, claim, tenant};
use domain::{PsaInstance, PsaKind};
use store::sweeps::SweepEnd;
use store::testing::TestStore;
use store::{Actor, KeyRing, Store, StoreError, TenantStore};

support::on_both_engines! {
    a_system_that_moved_keeps_its_tickets,
    one_that_was_taken_for_another_becomes_part_of_it,
    what_was_created_between_two_addresses_is_asked_for,
    only_a_known_system_of_the_product_can_have_moved,
    what_is_known_of_an_instance_tells_it_from_others,
    another_system_is_called_by_an_address_of_its_own,
    a_mistake_in_the_address_changes_no_webhook_for_long,
    addresses_that_are_kept_are_sealed_anew,
}

const MOVED: &str = "https://support.acme.example";

async fn moved(
    tenant: &TenantStore,
    url: &str,
    to: PsaInstance,
    second: i64,
) -> store::connections::PsaSaved {
    tenant.psa_connection_move(halo(url, "id"), to, &Actor::System, at(second)).await.unwrap()
}

async fn places(tenant: &TenantStore) -> Vec<(PsaInstance, String, bool)> {
    let known = tenant.psa_instances().await.unwrap();
    known.into_iter().map(|known| (known.instance, known.settings.place(), known.is_connected)).collect()
}

async fn key(tenant: &TenantStore) -> String {
    tenant.hook().await.unwrap().key
}

async fn a_system_that_moved_keeps_its_tickets(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    arrive(&acme, "8", 2).await;
    let (before, sweep) = (key(&acme).await, acme.sweep().await.unwrap().unwrap());
    let saved = moved(&acme, MOVED, number(1), 10).await;
    assert_eq!((saved.instance, saved.is_hook_new), (number(1), false));
    assert_eq!(key(&acme).await, before);
    assert!(arrive(&acme, "7", 11).await.repeated, "it is the ticket that was seen");
    assert_eq!(waiting(&acme, 12).await, [("8".to_owned(), number(1))]);
    assert_eq!(
        acme.sweep().await.unwrap().unwrap().through,
        sweep.through,
        "it is swept on from where it was"
    );
    assert_eq!(places(&acme).await, [(number(1), "support.acme.example".to_owned(), true)]);
    // What is saved there later needs no word about it.
    connect(&acme, MOVED, 20).await;
    assert_eq!(instance(&acme).await, number(1));
}

async fn one_that_was_taken_for_another_becomes_part_of_it(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    arrive(&acme, "6", 2).await;
    let job = claim(&store, 3).await;
    store.job_retry(job.lease, at(900), "nobody answers there", true).await.unwrap();
    let first = key(&acme).await;
    connect(&acme, MOVED, 10).await;
    carried(&acme, "7", 11).await;
    carried(&acme, "8", 12).await;
    arrive(&acme, "9", 13).await;
    let second = key(&acme).await;
    assert_eq!(instance(&acme).await, number(2));

    let saved = moved(&acme, MOVED, number(1), 20).await;
    assert_eq!((saved.instance, saved.is_hook_new), (number(1), false), "the newer address was called");
    assert!(second != first && key(&acme).await == second);
    assert!(arrive(&acme, "8", 21).await.repeated && arrive(&acme, "7", 21).await.repeated);
    assert_eq!(
        waiting(&acme, 22).await,
        [("6".to_owned(), number(1)), ("9".to_owned(), number(1))],
        "the waiting of both"
    );
    // A call that was on its way is not left behind, and its number is not given to another system.
    let late = support::delivery(acme.tenant_id(), "late", support::created("10"), 23);
    store.accept(store::door::NewDelivery { psa: number(2), ..late }).await.unwrap();
    acme.strays_hand_over().await.unwrap();
    assert_eq!(waiting(&acme, 24).await, [("10".to_owned(), number(1))]);
    connect(&acme, TRIAL, 30).await;
    assert_eq!(instance(&acme).await, number(3));
    connect(&acme, MOVED, 40).await;
    assert_eq!(instance(&acme).await, number(1));
}

async fn what_was_created_between_two_addresses_is_asked_for(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    acme.sweep_keep(number(1), vec![], at(50), None, at(50)).await.unwrap();
    let end = SweepEnd { next_at: at(60), quiet: 1, problem: None };
    acme.sweep_end(number(1), end, at(51)).await.unwrap();
    connect(&acme, MOVED, 90).await;
    carried(&acme, "8", 91).await;
    assert_eq!(acme.sweep().await.unwrap().unwrap().since, Some(at(90)));
    moved(&acme, MOVED, number(1), 95).await;
    let sweep = acme.sweep().await.unwrap().unwrap();
    assert_eq!((sweep.psa, sweep.since, sweep.through), (number(1), Some(at(50)), Some(at(50))));
}

async fn only_a_known_system_of_the_product_can_have_moved(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    for unknown in [number(2), PsaKind::Autotask.into()] {
        let refused = acme.psa_connection_move(halo(MOVED, "id"), unknown, &Actor::System, at(1)).await;
        assert!(matches!(refused, Err(StoreError::NotConnected)), "{refused:?}");
    }
    assert_eq!(places(&acme).await, [(number(1), "acme.halopsa.com".to_owned(), true)]);
}

async fn what_is_known_of_an_instance_tells_it_from_others(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let of = |tenant: Option<&str>| {
        let mut settings = halo("https://halo.example", "id");
        if let domain::PsaSettings::HaloPsa { tenant: field, .. } = &mut settings {
            *field = tenant.map(str::to_owned);
        }
        settings
    };
    for (second, settings, expected) in [
        (0, of(Some("one")), 1),
        (1, of(None), 1),
        (2, of(Some("two")), 2),
        (3, of(None), 2),
        (4, of(Some("one")), 1),
    ] {
        let saved = acme.psa_connection_put(settings, &Actor::System, at(second)).await.unwrap();
        acme.connection_used(store::connections::Which::Psa, at(second)).await.unwrap();
        assert_eq!(saved.instance, number(expected), "at second {second}");
    }
}

async fn another_system_is_called_by_an_address_of_its_own(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, TRIAL, 0).await;
    carried(&acme, "7", 1).await;
    let trial = key(&acme).await;
    let saved = acme.psa_connection_put(halo(LIVE, "id"), &Actor::System, at(10)).await.unwrap();
    let live = key(&acme).await;
    assert!(saved.is_hook_new && live != trial);
    assert!(store.hook_lookup(&trial).await.unwrap().is_none(), "its numbers are none of the new one's");
    let owner = store.hook_lookup(&live).await.unwrap().unwrap();
    assert_eq!(owner.psa.unwrap().0, number(2));
    carried(&acme, "9", 11).await;
    let saved = acme.psa_connection_put(halo(TRIAL, "id"), &Actor::System, at(20)).await.unwrap();
    assert!(saved.is_hook_new && key(&acme).await == trial, "it still calls the address that it had");
    assert!(store.hook_lookup(&live).await.unwrap().is_none());
    assert!(store.hook_lookup(&trial).await.unwrap().is_some());
    let told = &acme.audit_list(1, None).await.unwrap().rows[0];
    assert!(told.detail.contains("the webhook address changed with it"), "{told:?}");
}

async fn a_mistake_in_the_address_changes_no_webhook_for_long(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, WRONG, 0).await;
    let first = key(&acme).await;
    connect(&acme, LIVE, 1).await;
    assert_eq!(key(&acme).await, first, "it may be in use already");
    carried(&acme, "7", 2).await;
    connect(&acme, WRONG, 10).await;
    assert_ne!(key(&acme).await, first, "it could be another system");
    connect(&acme, LIVE, 20).await;
    assert_eq!(key(&acme).await, first);
    // Who has pasted the newer address into the PSA already goes on with it.
    connect(&acme, WRONG, 30).await;
    let newer = key(&acme).await;
    arrive(&acme, "8", 31).await;
    let saved = acme.psa_connection_put(halo(LIVE, "id"), &Actor::System, at(40)).await.unwrap();
    assert!(!saved.is_hook_new && key(&acme).await == newer);
    connect(&acme, WRONG, 50).await;
    connect(&acme, LIVE, 60).await;
    assert_eq!(key(&acme).await, newer, "the first one is over");
}

async fn addresses_that_are_kept_are_sealed_anew(store: TestStore) {
    let old_file = KeyRing::generate(None);
    let old = Store::open(store.url(), KeyRing::parse(&old_file).unwrap()).await.unwrap();
    let acme = tenant(&old, "acme").await;
    connect(&acme, TRIAL, 0).await;
    carried(&acme, "7", 1).await;
    let trial = acme.hook().await.unwrap();
    connect(&acme, LIVE, 10).await;
    let new_file = KeyRing::generate(Some(&old_file));
    let both = Store::open(store.url(), KeyRing::parse(&new_file).unwrap()).await.unwrap();
    assert_eq!(both.reseal_all().await.unwrap(), 5);
    let newest = new_file.lines().next().unwrap();
    let new = Store::open(store.url(), KeyRing::parse(newest).unwrap()).await.unwrap();
    let acme = new.tenant(acme.tenant_id());
    connect(&acme, TRIAL, 20).await;
    let again = acme.hook().await.unwrap();
    assert_eq!((again.key, again.secret), (trial.key, trial.secret));
}
