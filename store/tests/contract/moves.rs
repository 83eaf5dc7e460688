//! A ticketing system that moved to another address, and the webhook address that each has for itself.

use crate::instances::{LIVE, TRIAL, WRONG, arrive, carried, connect, halo, instance, number, waiting};
use crate::support::{self, at, claim, tenant};
use domain::{PsaInstance, PsaKind};
use store::connections::{HookChange, KnownInstance};
use store::sweeps::{SweepEnd, SweptTicket};
use store::testing::TestStore;
use store::{Actor, KeyRing, Store, StoreError, TenantStore};

support::on_both_engines! {
    a_system_that_moved_keeps_its_tickets,
    what_was_created_between_two_addresses_is_asked_for,
    only_a_known_system_of_the_product_can_have_moved,
    what_is_known_of_an_instance_tells_it_from_others,
    another_system_is_called_by_an_address_of_its_own,
    a_mistake_in_the_address_ends_no_webhook,
    whoever_reads_at_a_mistaken_address_loses_the_ticket_once_the_right_one_is_said,
    a_system_that_moved_leaves_no_twin_where_something_was_left_open,
    what_was_looked_for_at_an_address_and_is_not_there_is_another_system,
    sweeping_goes_on_from_where_a_system_was_left,
    a_system_whose_zone_or_tenant_is_left_open_is_not_taken_for_another,
    what_never_worked_cannot_have_moved,
    calls_that_come_while_others_are_handed_over_are_not_lost,
    addresses_that_are_kept_are_sealed_anew,
    an_address_that_is_to_be_the_only_one_ends_those_beside_it,
    what_never_let_us_in_and_is_said_to_be_the_system_is_it,
    a_third_system_has_nothing_of_one_that_never_let_us_in,
    what_was_given_up_before_a_system_moved_goes_on,
    lists_of_an_older_save_are_not_kept,
    a_system_cannot_have_moved_to_where_another_has_tickets,
    a_system_is_known_by_where_it_is_and_not_by_where_it_was,
    one_that_let_us_in_before_it_was_said_is_the_one_that_is_known,
    a_system_cannot_have_moved_to_where_another_may_have_tickets,
    what_is_under_way_while_a_system_moves_goes_on,
    the_newest_tickets_of_a_system_are_those_of_no_other,
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
    assert_eq!((saved.instance, saved.hook), (number(1), HookChange::Same));
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

async fn an_address_that_is_to_be_the_only_one_ends_those_beside_it(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    let first = key(&acme).await;
    connect(&acme, MOVED, 10).await;
    let second = key(&acme).await;
    moved(&acme, MOVED, number(1), 20).await;
    assert_eq!(
        (leads_to(&store, &first).await, leads_to(&store, &second).await),
        (Some(number(1)), Some(number(1)))
    );
    // While a mistake is connected, the address of the system that was left goes on taking its calls.
    connect(&acme, WRONG, 30).await;
    acme.hook_rotate(&Actor::System, at(31)).await.unwrap();
    assert_eq!(leads_to(&store, &first).await, Some(number(1)));
    connect(&acme, MOVED, 40).await;
    acme.hook_rotate(&Actor::System, at(41)).await.unwrap();
    assert_eq!((leads_to(&store, &first).await, leads_to(&store, &second).await), (None, None));
    assert_eq!(leads_to(&store, &key(&acme).await).await, Some(number(1)));
}

async fn what_never_let_us_in_and_is_said_to_be_the_system_is_it(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    // It has moved, which was not said, and the key was wrong.
    connect(&acme, MOVED, 10).await;
    let second = key(&acme).await;
    arrive(&acme, "8", 11).await;
    moved(&acme, MOVED, number(1), 20).await;
    assert_eq!(waiting(&acme, 21).await, [("8".to_owned(), number(1))]);
    assert_eq!(leads_to(&store, &second).await, Some(number(1)), "it was told to call that address");
}

async fn a_third_system_has_nothing_of_one_that_never_let_us_in(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, WRONG, 10).await;
    let mistaken = key(&acme).await;
    let call = arrive(&acme, "8", 11).await;
    let saved = acme.psa_connection_put(halo(TRIAL, "id"), &Actor::System, at(20)).await.unwrap();
    assert_eq!((saved.instance, saved.hook), (number(3), HookChange::New));
    assert_ne!(key(&acme).await, mistaken);
    // Its call waits until a system works.
    acme.connection_used(acme.newest_save(store::connections::Which::Psa).await, at(21)).await.unwrap();
    assert_eq!(leads_to(&store, &mistaken).await, None);
    acme.strays_hand_over(number(2)).await.unwrap();
    let delivery = acme.delivery_fetch(call.delivery).await.unwrap().unwrap().delivery;
    assert_eq!(delivery.state, store::door::DeliveryState::Ignored);
    // Once it lets us in, the same call is taken.
    connect(&acme, WRONG, 30).await;
    assert!(!arrive(&acme, "8", 31).await.repeated);
    assert_eq!(waiting(&acme, 32).await, [("8".to_owned(), number(2))]);
}

async fn what_was_given_up_before_a_system_moved_goes_on(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "1", 1).await;
    let replayed =
        acme.ticket_list(&store::tickets::TicketFilter::default(), 1, None).await.unwrap().rows[0].id;
    arrive(&acme, "7", 11).await;
    let job = claim(&store, 11).await;
    store.job_bury(job.lease, "nobody answers there", at(12)).await.unwrap();
    acme.ticket_replay(replayed, &Actor::System, at(13)).await.unwrap();
    let job = claim(&store, 13).await;
    store.job_bury(job.lease, "nobody answers there", at(14)).await.unwrap();
    moved(&acme, MOVED, number(1), 20).await;
    assert_eq!(waiting(&acme, 21).await.len(), 2);
    let story = acme.ticket_story(replayed).await.unwrap().unwrap();
    assert_eq!(story.row.state, store::tickets::TicketState::Reading);
}

async fn lists_of_an_older_save_are_not_kept(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    let before = acme.newest_save(store::connections::Which::Psa).await;
    connect(&acme, MOVED, 10).await;
    acme.lookups_put(before, PsaKind::HaloPsa, serde_json::json!({"of": "before"}), at(11)).await.unwrap();
    assert!(acme.lookups_get().await.unwrap().is_none());
}

async fn what_was_created_between_two_addresses_is_asked_for(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    acme.sweep_keep(number(1).into(), vec![], at(50), None, at(50)).await.unwrap();
    let end = SweepEnd { next_at: at(60), quiet: 1, problem: None };
    acme.sweep_end(number(1).into(), end, at(51)).await.unwrap();
    connect(&acme, MOVED, 90).await;
    assert_eq!(acme.sweep().await.unwrap().unwrap().since, Some(at(90)));
    moved(&acme, MOVED, number(1), 95).await;
    let sweep = acme.sweep().await.unwrap().unwrap();
    assert_eq!((sweep.psa, sweep.since, sweep.through), (number(1), Some(at(0)), Some(at(50))));
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
        acme.connection_used(acme.newest_save(store::connections::Which::Psa).await, at(second))
            .await
            .unwrap();
        assert_eq!(saved.instance, number(expected), "at second {second}");
    }
}

/// Whose calls this address takes.
async fn leads_to(store: &Store, key: &str) -> Option<PsaInstance> {
    store.hook_lookup(key).await.unwrap().map(|owner| owner.psa.unwrap().0)
}

async fn another_system_is_called_by_an_address_of_its_own(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, TRIAL, 0).await;
    carried(&acme, "7", 1).await;
    let trial = key(&acme).await;
    let saved = acme.psa_connection_put(halo(LIVE, "id"), &Actor::System, at(10)).await.unwrap();
    let live = key(&acme).await;
    assert!(saved.hook == HookChange::New && live != trial);
    assert_eq!(leads_to(&store, &live).await, Some(number(2)));
    assert_eq!(leads_to(&store, &trial).await, Some(number(1)), "the address may have been mistyped");
    carried(&acme, "9", 11).await;
    assert_eq!(leads_to(&store, &trial).await, None, "its numbers are none of the new one's");
    let saved = acme.psa_connection_put(halo(TRIAL, "id"), &Actor::System, at(20)).await.unwrap();
    assert!(
        saved.hook == HookChange::Again && key(&acme).await == trial,
        "it still calls the address that it had"
    );
    assert_eq!((leads_to(&store, &live).await, leads_to(&store, &trial).await), (None, Some(number(1))));
    let told = &acme.audit_list(1, None).await.unwrap().rows[0];
    assert!(told.detail.ends_with("it has the webhook address again that it had before"), "{told:?}");
}

async fn a_mistake_in_the_address_ends_no_webhook(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, WRONG, 0).await;
    let first = key(&acme).await;
    connect(&acme, LIVE, 1).await;
    assert_eq!(key(&acme).await, first, "it may be in use already");
    carried(&acme, "7", 2).await;
    connect(&acme, "https://acme.halo.example", 10).await;
    let newer = key(&acme).await;
    assert_ne!(newer, first, "it could be another system");
    // What still calls meanwhile is kept for the system it comes from.
    let owner = store.hook_lookup(&first).await.unwrap().unwrap();
    assert_eq!((owner.psa.as_ref().unwrap().0, owner.hook.key.as_str()), (number(2), first.as_str()));
    let new = support::delivery(acme.tenant_id(), "8", support::created("8"), 11);
    store.accept(store::door::NewDelivery { psa: number(2), ..new }).await.unwrap();
    connect(&acme, LIVE, 20).await;
    assert_eq!(key(&acme).await, first);
    assert_eq!(waiting(&acme, 21).await, [("8".to_owned(), number(2))]);
    // Whoever has pasted the newer one is told that nobody listens there: it may be another system.
    assert_eq!(leads_to(&store, &newer).await, None);
}

/// Asks until a second; what was found there is missing.
async fn swept(tenant: &TenantStore, psa: PsaInstance, until: i64, ticket: &str) {
    let found = SweptTicket { external_ticket: ticket.into(), number: None, created_at: at(until) };
    tenant.sweep_keep(psa.into(), vec![found], at(until), None, at(until)).await.unwrap();
    let end = SweepEnd { next_at: at(until + 60), quiet: 1, problem: None };
    tenant.sweep_end(psa.into(), end, at(until)).await.unwrap();
}

async fn sweeping_goes_on_from_where_a_system_was_left(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    swept(&acme, number(1), 50, "7").await;
    let span = async || {
        let sweep = acme.sweep().await.unwrap().unwrap();
        (sweep.psa, sweep.since, sweep.through)
    };
    // A mistake for a minute.
    connect(&acme, WRONG, 90).await;
    assert_eq!(span().await, (number(2), Some(at(90)), Some(at(90))));
    connect(&acme, LIVE, 91).await;
    assert_eq!(span().await, (number(1), Some(at(0)), Some(at(50))));
    let missing = acme.sweep_missing(number(1), at(99), 10).await.unwrap();
    assert_eq!(missing.len(), 1, "what was found and not taken in yet");
    // Another system for an hour, and for two days.
    for (left, back, from) in [(100, 3_700, (at(0), at(50))), (4_000, 200_000, (at(200_000), at(200_000)))] {
        connect(&acme, TRIAL, left).await;
        acme.connection_used(acme.newest_save(store::connections::Which::Psa).await, at(left + 1))
            .await
            .unwrap();
        connect(&acme, LIVE, back).await;
        assert_eq!(span().await, (number(1), Some(from.0), Some(from.1)), "left at {left}");
    }
}

async fn a_system_whose_zone_or_tenant_is_left_open_is_not_taken_for_another(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let of = |tenant: Option<&str>| {
        let mut settings = halo("https://halo.example", "id");
        if let domain::PsaSettings::HaloPsa { tenant: field, .. } = &mut settings {
            *field = tenant.map(str::to_owned);
        }
        settings
    };
    for (second, tenant) in [(0, "one"), (10, "two")] {
        acme.psa_connection_put(of(Some(tenant)), &Actor::System, at(second)).await.unwrap();
        carried(&acme, "7", second + 1).await;
    }
    let saved = acme.psa_connection_move(of(None), number(2), &Actor::System, at(20)).await.unwrap();
    assert_eq!(saved.instance, number(2));
    let places = places(&acme).await;
    let both = [
        (number(1), "halo.example (one)".to_owned(), false),
        (number(2), "halo.example (two)".to_owned(), true),
    ];
    assert_eq!(places, both, "nothing says that they are one");
}

async fn what_never_worked_cannot_have_moved(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, WRONG, 10).await;
    let named: Vec<PsaInstance> = places(&acme).await.into_iter().map(|(instance, ..)| instance).collect();
    assert_eq!(named, [number(1), number(2)], "the connected one, whether it works or not");
    // Said of the mistake that is connected: it is still the system that worked.
    assert_eq!(moved(&acme, LIVE, number(2), 20).await.instance, number(1));
    assert_eq!(places(&acme).await.len(), 1);
    let refused = acme.psa_connection_move(halo(MOVED, "id"), number(2), &Actor::System, at(30)).await;
    assert!(matches!(refused, Err(StoreError::NotConnected)), "{refused:?}");
}

async fn a_system_cannot_have_moved_to_where_another_has_tickets(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, TRIAL, 10).await;
    carried(&acme, "7", 11).await;
    let said = acme.psa_connection_move(halo(TRIAL, "id"), number(1), &Actor::System, at(20)).await;
    assert!(matches!(said, Err(StoreError::AnotherSystem(there)) if there == number(2)), "{said:?}");
    assert_eq!(instance(&acme).await, number(2), "nothing was saved");
    // What never let us in is no system that could be there instead.
    connect(&acme, WRONG, 50).await;
    assert_eq!(instance(&acme).await, number(3));
    assert_eq!(moved(&acme, TRIAL, number(3), 60).await.instance, number(2));
}

async fn one_that_let_us_in_before_it_was_said_is_the_one_that_is_known(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    swept(&acme, number(1), 5, "6").await;
    // Saved without a word, tested, swept; a call came.
    connect(&acme, MOVED, 10).await;
    let save = acme.newest_save(store::connections::Which::Psa).await;
    acme.connection_used(save, at(11)).await.unwrap();
    swept(&acme, number(2), 12, "9").await;
    arrive(&acme, "8", 13).await;
    let second = key(&acme).await;
    assert_eq!(moved(&acme, MOVED, number(1), 20).await.instance, number(1));
    assert_eq!(waiting(&acme, 21).await, [("8".to_owned(), number(1))]);
    assert_eq!(leads_to(&store, &second).await, Some(number(1)));
    assert!(arrive(&acme, "7", 22).await.repeated);
    let sweep = acme.sweep().await.unwrap().unwrap();
    assert_eq!(
        (sweep.psa, sweep.through),
        (number(1), Some(at(5))),
        "what was created meanwhile is asked for"
    );
    // What was listed there is listed here, once.
    let missing = acme.sweep_missing(number(1), at(99), 10).await.unwrap();
    let missing: Vec<&str> = missing.iter().map(|one| one.external_ticket.as_str()).collect();
    assert_eq!(missing, ["6", "9"]);
    // One that was left for longer than a day is asked from when the new address was given.
    connect(&acme, TRIAL, 100).await;
    let save = acme.newest_save(store::connections::Which::Psa).await;
    acme.connection_used(save, at(101)).await.unwrap();
    connect(&acme, "https://fourth.acme.example", 200_000).await;
    let save = acme.newest_save(store::connections::Which::Psa).await;
    acme.connection_used(save, at(200_001)).await.unwrap();
    moved(&acme, "https://fourth.acme.example", number(1), 200_002).await;
    assert_eq!(acme.sweep().await.unwrap().unwrap().since, Some(at(200_000)));
}

/// Where tenant or zone are left open, nobody can tell whether two are one.
async fn a_system_cannot_have_moved_to_where_another_may_have_tickets(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, MOVED, 10).await;
    carried(&acme, "8", 11).await;
    let mut settings = halo(MOVED, "id");
    if let domain::PsaSettings::HaloPsa { tenant: field, .. } = &mut settings {
        *field = Some("acme".into());
    }
    let said = acme.psa_connection_move(settings, number(1), &Actor::System, at(20)).await;
    assert!(matches!(said, Err(StoreError::AnotherSystem(there)) if there == number(2)), "{said:?}");
}

async fn a_system_is_known_by_where_it_is_and_not_by_where_it_was(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    let hook = key(&acme).await;
    moved(&acme, MOVED, number(1), 10).await;
    // Somebody else may have the old address by now.
    connect(&acme, LIVE, 20).await;
    assert_eq!(instance(&acme).await, number(2));
    connect(&acme, MOVED, 30).await;
    assert_eq!((instance(&acme).await, key(&acme).await), (number(1), hook));
    assert_eq!(moved(&acme, LIVE, number(1), 40).await.instance, number(1), "unless it is said");
    assert!(arrive(&acme, "7", 41).await.repeated);
}

/// It is one system: what is read, scored and begun at the one address is that of the other.
async fn what_is_under_way_while_a_system_moves_goes_on(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "1", 1).await;
    arrive(&acme, "7", 2).await;
    let job = claim(&store, 2).await;
    moved(&acme, MOVED, number(1), 10).await;
    let ticket = support::end_read(&acme, &job, &support::read("7", "c"), 11).await;
    let job = claim(&store, 11).await;
    let plan = support::plan(domain::Mode::Live, 5, &["update"]);
    support::end_score(&acme, &job, ticket, &support::assessment(5), &plan, 12).await;
    let job = claim(&store, 12).await;
    let rows = acme.action_list(job.analysis.unwrap()).await.unwrap();
    acme.actions_begin(job.lease, &[rows[0].id]).await.unwrap();
    moved(&acme, "https://third.acme.example", number(1), 20).await;
    acme.actions_end(job.lease, ticket, &[], store::ledger::Rest::Finished, at(21)).await.unwrap();
    assert!(waiting(&acme, 9_999).await.is_empty(), "nothing is begun again");
}

async fn the_newest_tickets_of_a_system_are_those_of_no_other(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    carried(&acme, "8", 2).await;
    // What was never seen there tells nothing.
    arrive(&acme, "77", 3).await;
    let job = claim(&store, 3).await;
    let mut undated = support::read("77", "c");
    undated.ticket.created_at = None;
    let id = support::end_read(&acme, &job, &undated, 3).await;
    let job = claim(&store, 3).await;
    let plan = support::plan(domain::Mode::Live, 3, &[]);
    support::end_score(&acme, &job, id, &support::assessment(3), &plan, 3).await;
    connect(&acme, TRIAL, 10).await;
    carried(&acme, "9", 11).await;
    let of = async |instance, limit| {
        let tickets = acme.tickets_of(instance, limit).await.unwrap();
        tickets.into_iter().map(|ticket| ticket.external_id).collect::<Vec<_>>()
    };
    assert_eq!(of(number(1), 5).await, ["8", "7"]);
    assert_eq!(of(number(1), 1).await, ["8"]);
    assert_eq!((of(number(2), 5).await, of(number(3), 5).await), (vec!["9".to_owned()], vec![]));
}

/// On PostgreSQL what commits in between is seen by the next statement.
async fn calls_that_come_while_others_are_handed_over_are_not_lost(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, WRONG, 0).await;
    for ticket in 0..40 {
        arrive(&acme, &format!("early {ticket}"), 0).await;
    }
    let node = store.reopen().await;
    let calls = async {
        for ticket in 0..200 {
            let key = format!("late {ticket}");
            let new = support::delivery(acme.tenant_id(), &key, support::created(&key), 1);
            node.accept(store::door::NewDelivery { psa: number(1), ..new }).await.unwrap();
        }
    };
    let changes = async {
        connect(&acme, LIVE, 1).await;
        for _ in 0..20 {
            acme.strays_hand_over(number(1)).await.unwrap();
        }
    };
    tokio::join!(calls, changes);
    acme.strays_hand_over(number(1)).await.unwrap();
    let jobs = store.job_claim(at(9_999), support::LEASE, 500, store::jobs::Share::of(500)).await.unwrap();
    assert_eq!((jobs.len(), jobs.iter().filter(|job| job.psa == number(2)).count()), (240, 240));
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

async fn whoever_reads_at_a_mistaken_address_loses_the_ticket_once_the_right_one_is_said(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, WRONG, 10).await;
    arrive(&acme, "8", 11).await;
    let job = claim(&store, 12).await;
    moved(&acme, TRIAL, number(2), 20).await;
    let stored = acme.ticket_read(job.lease, &support::read("8", "c"), at(21)).await;
    assert!(matches!(stored, Err(StoreError::LeaseLost)), "{stored:?}");
    assert_eq!(waiting(&acme, 22).await, [("8".to_owned(), number(2))], "it is read at the right one");
}

fn open(url: &str, tenant: Option<&str>) -> domain::PsaSettings {
    let mut settings = halo(url, "id");
    if let domain::PsaSettings::HaloPsa { tenant: field, .. } = &mut settings {
        *field = tenant.map(str::to_owned);
    }
    settings
}

async fn a_system_that_moved_leaves_no_twin_where_something_was_left_open(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    // The new address was tried before anybody said that it is the same system.
    connect(&acme, MOVED, 10).await;
    acme.connection_used(acme.newest_save(store::connections::Which::Psa).await, at(11)).await.unwrap();
    let tried = key(&acme).await;
    arrive(&acme, "8", 12).await;
    let there = open(MOVED, Some("acme"));
    acme.psa_connection_move(there.clone(), number(1), &Actor::System, at(20)).await.unwrap();
    assert_eq!(places(&acme).await.len(), 1);
    assert_eq!(leads_to(&store, &tried).await, Some(number(1)), "it may have been pasted there");
    assert_eq!(waiting(&acme, 21).await, [("8".to_owned(), number(1))]);
    connect(&acme, TRIAL, 30).await;
    let back = acme.psa_connection_put(there, &Actor::System, at(40)).await.unwrap();
    assert_eq!(back.instance, number(1));
}

async fn what_was_looked_for_at_an_address_and_is_not_there_is_another_system(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (first, second) = (open(LIVE, None), open(LIVE, Some("two")));
    acme.psa_connection_put(first.clone(), &Actor::System, at(0)).await.unwrap();
    carried(&acme, "7", 1).await;
    let saved = acme.psa_connection_begin(second.clone(), &Actor::System, at(10)).await.unwrap();
    assert_eq!((saved.instance, saved.hook), (number(2), HookChange::New));
    // Before it was ever used, and by an impatient second click.
    let again = acme.psa_connection_put(second.clone(), &Actor::System, at(10)).await.unwrap();
    assert_eq!((again.instance, again.hook), (number(2), HookChange::Same));
    let again = acme.psa_connection_begin(second.clone(), &Actor::System, at(10)).await.unwrap();
    assert_eq!((again.instance, again.hook), (number(2), HookChange::Same));
    carried(&acme, "9", 11).await;
    assert!(!arrive(&acme, "7", 12).await.repeated, "its numbers are other tickets");
    // From now on each is known by what it says.
    let known = acme.psa_instances().await.unwrap();
    for (settings, expected) in [(&first, number(1)), (&second, number(2))] {
        let found = KnownInstance::of_address(settings, known.clone()).remove(0);
        assert_eq!(found.instance, expected);
        assert!(!settings.may_be_another(&found.settings));
    }
    for (settings, expected) in [(first, number(1)), (second, number(2))] {
        let saved = acme.psa_connection_put(settings, &Actor::System, at(20)).await.unwrap();
        assert_eq!(saved.instance, expected);
    }
}
