//! A ticketing system that moved to another address, and the webhook address that each has for itself.

use crate::instances::{LIVE, TRIAL, WRONG, arrive, carried, connect, halo, instance, number, waiting};
use crate::support::{self, at, claim, tenant};
use domain::{ActionState, PsaInstance, PsaKind};
use store::connections::HookChange;
use store::sweeps::{SweepEnd, SweepOf, SweptTicket};
use store::testing::TestStore;
use store::{Actor, KeyRing, Store, StoreError, TenantStore};

support::on_both_engines! {
    a_system_that_moved_keeps_its_tickets,
    what_was_created_between_two_addresses_is_asked_for,
    only_a_known_system_of_the_product_can_have_moved,
    what_is_known_of_an_instance_tells_it_from_others,
    another_system_is_called_by_an_address_of_its_own,
    a_mistake_in_the_address_ends_no_webhook,
    sweeping_goes_on_from_where_a_system_was_left,
    a_system_whose_zone_or_tenant_is_left_open_is_not_taken_for_another,
    what_never_worked_cannot_have_moved,
    calls_that_come_while_others_are_handed_over_are_not_lost,
    addresses_that_are_kept_are_sealed_anew,
    an_address_that_is_to_be_the_only_one_ends_those_beside_it,
    a_system_that_moved_is_known_where_it_was,
    a_mistake_in_where_it_moved_to_is_mended_by_saying_it_of_the_right_one,
    whoever_does_not_say_so_connects_another_system_even_after_a_mistake,
    what_is_read_or_listed_while_a_system_moves_is_read_and_listed_anew,
    what_is_read_at_a_mistake_is_not_stored_though_another_system_comes_between,
    what_was_read_where_a_system_is_no_more_is_read_again,
    what_never_let_us_in_and_is_said_to_be_the_system_is_it,
    a_third_system_has_nothing_of_one_that_never_let_us_in,
    what_was_given_up_before_a_move_was_mended_goes_on,
    lists_of_an_older_save_are_not_kept,
    a_system_cannot_have_moved_to_where_another_has_tickets,
    what_was_said_of_the_wrong_system_is_said_of_it_no_more,
    a_plan_that_was_made_elsewhere_is_not_carried_out,
    whoever_leaves_a_mistake_that_let_us_in_is_asked_from_where_it_was_right,
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

async fn a_system_that_moved_is_known_where_it_was(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    let hook = key(&acme).await;
    moved(&acme, MOVED, number(1), 10).await;
    // Back, before and after the new address let us in.
    connect(&acme, LIVE, 11).await;
    assert_eq!((instance(&acme).await, key(&acme).await), (number(1), hook.clone()));
    moved(&acme, MOVED, number(1), 20).await;
    acme.connection_used(acme.newest_save(store::connections::Which::Psa).await, at(21)).await.unwrap();
    connect(&acme, LIVE, 30).await;
    assert_eq!(instance(&acme).await, number(1));
    connect(&acme, MOVED, 40).await;
    assert_eq!((instance(&acme).await, key(&acme).await), (number(1), hook));
    connect(&acme, TRIAL, 50).await;
    assert_eq!(instance(&acme).await, number(2), "what was never said to be it is another");
}

async fn a_mistake_in_where_it_moved_to_is_mended_by_saying_it_of_the_right_one(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    let hook = key(&acme).await;
    moved(&acme, WRONG, number(1), 10).await;
    assert!(acme.psa_instances().await.unwrap()[0].is_unproven, "the page has it chosen");
    arrive(&acme, "8", 11).await;
    moved(&acme, MOVED, number(1), 20).await;
    assert_eq!((instance(&acme).await, key(&acme).await), (number(1), hook));
    assert_eq!(waiting(&acme, 21).await, [("8".to_owned(), number(1))]);
    acme.connection_used(acme.newest_save(store::connections::Which::Psa).await, at(23)).await.unwrap();
    assert!(!acme.psa_instances().await.unwrap()[0].is_unproven);
    connect(&acme, WRONG, 30).await;
    assert_eq!(instance(&acme).await, number(2), "the mistake is none of its addresses");
}

async fn whoever_does_not_say_so_connects_another_system_even_after_a_mistake(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    moved(&acme, WRONG, number(1), 10).await;
    arrive(&acme, "8", 11).await;
    connect(&acme, TRIAL, 20).await;
    assert_eq!(instance(&acme).await, number(2));
    assert!(!arrive(&acme, "7", 21).await.repeated, "its numbers are its own");
    assert_eq!(
        waiting(&acme, 22).await,
        [("8".to_owned(), number(1)), ("7".to_owned(), number(2))],
        "what came for the one is not read at the other"
    );
}

async fn what_is_read_or_listed_while_a_system_moves_is_read_and_listed_anew(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    swept(&acme, number(1), 40, "6").await;
    moved(&acme, WRONG, number(1), 50).await;
    let save = acme.newest_save(store::connections::Which::Psa).await;
    let asked = SweepOf { psa: number(1), revision: Some(save.revision) };
    let listed =
        |ticket: &str| vec![SweptTicket { external_ticket: ticket.into(), number: None, created_at: at(55) }];
    acme.sweep_keep(asked, listed("of the wrong one"), at(60), None, at(60)).await.unwrap();
    arrive(&acme, "8", 61).await;
    // The first one that is due is what the sweep before found.
    let jobs = store.job_claim(at(61), support::LEASE, 9, store::jobs::Share::of(9)).await.unwrap();
    let job = jobs.iter().find(|job| job.external_ticket == "8").unwrap();
    connect(&acme, LIVE, 70).await;
    assert_eq!(instance(&acme).await, number(1));
    let late = acme.ticket_read(job.lease, &support::read("8", "of the wrong one"), at(71)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    assert!(!acme.sweep_keep(asked, listed("late"), at(72), None, at(72)).await.unwrap());
    let end = SweepEnd { next_at: at(5_000), quiet: 9, problem: Some("of the wrong one".into()) };
    acme.sweep_end(asked, end, at(72)).await.unwrap();
    acme.hook_found(asked, Some(domain::HookState::Off), at(72)).await.unwrap();
    let sweep = acme.sweep().await.unwrap().unwrap();
    assert_eq!((sweep.through, sweep.hook.is_none()), (Some(at(40)), true), "from where it was left");
    assert_eq!((sweep.problem, sweep.quiet), (None, 0));
    let missing = acme.sweep_missing(number(1), at(99), 10).await.unwrap();
    assert!(missing.iter().all(|one| one.external_ticket != "late"), "{missing:?}");
    let waiting = waiting(&acme, 80).await;
    assert!(waiting.contains(&("8".to_owned(), number(1))), "{waiting:?}");
}

async fn what_is_read_at_a_mistake_is_not_stored_though_another_system_comes_between(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    moved(&acme, WRONG, number(1), 10).await;
    arrive(&acme, "8", 11).await;
    let reads = claim(&store, 11).await;
    connect(&acme, TRIAL, 20).await;
    let late = acme.ticket_read(reads.lease, &support::read("8", "of the wrong one"), at(21)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    connect(&acme, LIVE, 30).await;
    assert_eq!(waiting(&acme, 31).await, [("8".to_owned(), number(1))]);
}

async fn what_was_read_where_a_system_is_no_more_is_read_again(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    moved(&acme, WRONG, number(1), 10).await;
    arrive(&acme, "8", 11).await;
    let job = claim(&store, 11).await;
    let ticket = support::end_read(&acme, &job, &support::read("8", "of the wrong one"), 12).await;
    let scores = claim(&store, 12).await;
    connect(&acme, LIVE, 20).await;
    let late = acme
        .analysis_scored(
            scores.lease,
            ticket,
            &support::assessment(5),
            &support::plan(domain::Mode::Live, 5, &["update"]),
            1,
            &support::provenance(),
            at(21),
        )
        .await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    let job = claim(&store, 22).await;
    assert_eq!((job.stage, job.external_ticket.as_str()), (store::jobs::Stage::Read, "8"));
    let again = support::end_read(&acme, &job, &support::read("8", "c"), 23).await;
    assert_eq!(again, ticket, "it is one ticket");
    // A key alone changes nothing of what is under way.
    let scores = claim(&store, 23).await;
    acme.psa_connection_put(halo(LIVE, "another key"), &Actor::System, at(24)).await.unwrap();
    support::end_score(
        &acme,
        &scores,
        ticket,
        &support::assessment(3),
        &support::plan(domain::Mode::Live, 3, &[]),
        25,
    )
    .await;
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

async fn what_was_given_up_before_a_move_was_mended_goes_on(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "1", 1).await;
    let replayed =
        acme.ticket_list(&store::tickets::TicketFilter::default(), 1, None).await.unwrap().rows[0].id;
    moved(&acme, WRONG, number(1), 10).await;
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

async fn used(tenant: &TenantStore, second: i64) {
    let save = tenant.newest_save(store::connections::Which::Psa).await;
    tenant.connection_used(save, at(second)).await.unwrap();
}

async fn a_system_cannot_have_moved_to_where_another_has_tickets(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, TRIAL, 10).await;
    carried(&acme, "7", 11).await;
    let refused = async |url: &str, second| {
        let said = acme.psa_connection_move(halo(url, "id"), number(1), &Actor::System, at(second)).await;
        assert!(matches!(said, Err(StoreError::AnotherSystem(there)) if there == number(2)), "{said:?}");
    };
    refused(TRIAL, 20).await;
    // Nor to where it was.
    moved(&acme, MOVED, number(2), 30).await;
    used(&acme, 31).await;
    refused(TRIAL, 40).await;
    refused(MOVED, 41).await;
    assert_eq!(instance(&acme).await, number(2), "nothing was saved");
    // What never let us in is no system that could be there instead.
    connect(&acme, WRONG, 50).await;
    assert_eq!(instance(&acme).await, number(3));
    assert_eq!(moved(&acme, TRIAL, number(3), 60).await.instance, number(2));
}

async fn what_was_said_of_the_wrong_system_is_said_of_it_no_more(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    connect(&acme, TRIAL, 10).await;
    carried(&acme, "8", 11).await;
    let trial = key(&acme).await;
    moved(&acme, MOVED, number(2), 20).await;
    arrive(&acme, "9", 21).await;
    let reads = claim(&store, 21).await;
    // It was the other one that moved.
    assert_eq!(moved(&acme, MOVED, number(1), 30).await.instance, number(1));
    let late = acme.ticket_read(reads.lease, &support::read("9", "of the other one"), at(31)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    let both = [
        (number(1), "support.acme.example".to_owned(), true),
        (number(2), "acme-trial.halopsa.com".to_owned(), false),
    ];
    assert_eq!(places(&acme).await, both);
    assert!(arrive(&acme, "7", 32).await.repeated && !arrive(&acme, "8", 32).await.repeated);
    used(&acme, 33).await;
    connect(&acme, TRIAL, 40).await;
    assert_eq!((instance(&acme).await, key(&acme).await), (number(2), trial));
    assert!(arrive(&acme, "8", 41).await.repeated);
    connect(&acme, MOVED, 50).await;
    assert_eq!(instance(&acme).await, number(1));
}

/// A copy of the system with the same keys lets us in, and its numbers are other tickets.
async fn a_plan_that_was_made_elsewhere_is_not_carried_out(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "7", 1).await;
    moved(&acme, WRONG, number(1), 10).await;
    used(&acme, 11).await;
    let live = |score, keys: &[&str]| support::plan(domain::Mode::Live, score, keys);
    let begun = async |ticket: &str| {
        arrive(&acme, ticket, 12).await;
        let job = claim(&store, 12).await;
        let id = support::end_read(&acme, &job, &support::read(ticket, "of the copy"), 12).await;
        let job = claim(&store, 12).await;
        let plan = live(5, &["update", "note"]);
        support::end_score(&acme, &job, id, &support::assessment(5), &plan, 12).await;
        let job = claim(&store, 12).await;
        let rows = acme.action_list(job.analysis.unwrap()).await.unwrap();
        let all: Vec<_> = rows.iter().map(|row| row.id).collect();
        acme.actions_begin(job.lease, &all[..1]).await.unwrap();
        (id, job, all)
    };
    let (calm, first, _) = begun("8").await;
    let (cross, second, all) = begun("9").await;
    assert_ne!(calm, cross);
    connect(&acme, LIVE, 20).await;
    for (ticket, job) in [(calm, &first), (cross, &second)] {
        let late = acme.actions_end(job.lease, ticket, &[], store::ledger::Rest::Finished, at(21)).await;
        assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    }
    let share = store::jobs::Share::of(9);
    let jobs = store.job_claim(at(22), support::LEASE, 9, share).await.unwrap();
    assert_eq!(jobs.len(), 2);
    for job in jobs {
        assert_eq!(job.stage, store::jobs::Stage::Read);
        let (score, keys) =
            if job.external_ticket == "8" { (3, &[][..]) } else { (5, &["update", "note"][..]) };
        let id = support::end_read(&acme, &job, &support::read(&job.external_ticket, "c"), 22).await;
        let job = claim(&store, 22).await;
        support::end_score(&acme, &job, id, &support::assessment(score), &live(score, keys), 22).await;
    }
    let states = async |ticket| {
        let story = acme.ticket_story(ticket).await.unwrap().unwrap();
        story.actions.iter().map(|row| row.state).collect::<Vec<_>>()
    };
    assert_eq!(states(calm).await, [ActionState::Superseded; 2], "nothing of the copy's plan is left");
    assert_eq!(states(cross).await, [ActionState::Planned; 2]);
    let acts = claim(&store, 23).await;
    let looked_for = acme.actions_begin(acts.lease, &all).await.unwrap();
    assert_eq!(looked_for.into_iter().collect::<Vec<_>>(), all[..1], "it may have left, so it is looked for");
}

async fn whoever_leaves_a_mistake_that_let_us_in_is_asked_from_where_it_was_right(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    connect(&acme, LIVE, 0).await;
    carried(&acme, "1", 1).await;
    let span = async || acme.sweep().await.unwrap().unwrap().through;
    let missing = async || {
        let found = acme.sweep_missing(number(1), at(99_999), 10).await.unwrap();
        found.into_iter().map(|one| one.external_ticket).collect::<Vec<_>>()
    };
    for (begun, between) in [(50, None), (1_050, Some(TRIAL)), (2_050, Some(MOVED))] {
        swept(&acme, number(1), begun, &format!("right {begun}")).await;
        moved(&acme, &format!("https://copy-{begun}.example"), number(1), begun + 10).await;
        used(&acme, begun + 11).await;
        swept(&acme, number(1), begun + 100, "of the copy").await;
        match between {
            Some(MOVED) => drop(moved(&acme, MOVED, number(1), begun + 110).await),
            Some(other) => {
                connect(&acme, other, begun + 105).await;
                connect(&acme, LIVE, begun + 110).await;
            }
            None => connect(&acme, LIVE, begun + 110).await,
        }
        // At the latest from there; earlier asks for more than it must.
        assert_eq!(instance(&acme).await, number(1), "{between:?}");
        assert!(span().await.unwrap() <= at(begun), "{between:?}: {:?}", span().await);
        assert!(!missing().await.contains(&"of the copy".to_owned()), "{between:?}");
        if between.is_none() {
            assert_eq!(span().await, Some(at(50)));
            assert!(missing().await.contains(&"right 50".to_owned()));
        }
    }
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
