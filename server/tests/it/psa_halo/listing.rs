//! The list of new tickets, and whether our webhook is on.

use super::Bench;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{HookState, HookWanted, Secret};
use sandbox::halo::NewTicket;
use server::outside::CallError;
use std::collections::BTreeSet;

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn create(bench: &Bench, seconds: i64) -> String {
    let at = Some(noon() + TimeDelta::seconds(seconds));
    let new = NewTicket { client: 12, user: Some(77), summary: "T".into(), at, ..Default::default() };
    bench.sandbox.create_ticket(new).to_string()
}

#[tokio::test]
async fn tickets_are_listed_from_a_time_on_newest_first() {
    let bench = Bench::new().await;
    create(&bench, -90_000);
    let (first, second) = (create(&bench, 0), create(&bench, 5));
    let page = bench.psa.created(noon(), None).await.unwrap();
    let found: Vec<_> =
        page.tickets.iter().map(|one| (one.external_ticket.clone(), one.created_at)).collect();
    assert_eq!(found, [(second, noon() + TimeDelta::seconds(5)), (first, noon())]);
    assert_eq!(page.next, None);
    let query = bench.sandbox.watch.recorder.all().pop().unwrap().query.unwrap();
    for part in ["pageinate=true", "page_no=1", "orderdesc=true", "startdate=2026-03-01T12%3A00%3A00Z"] {
        assert!(query.contains(part), "{query}");
    }
    bench.check();
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_none_slips_through_while_more_are_created() {
    let bench = Bench::new().await;
    let made: BTreeSet<String> = (0..101).map(|_| create(&bench, 7)).collect();
    let (mut all, mut after, mut pages) = (BTreeSet::new(), None, 0);
    loop {
        let page = bench.psa.created(noon(), after.as_deref()).await.unwrap();
        all.extend(page.tickets.into_iter().map(|one| one.external_ticket));
        (after, pages) = (page.next, pages + 1);
        // Pushes rows to the next page; the newest ones are the next sweep's.
        create(&bench, 8);
        if after.is_none() {
            break;
        }
    }
    assert!(all.is_superset(&made), "{} of {} after {pages} pages", all.len(), made.len());
    bench.check();
}

#[tokio::test]
async fn a_list_is_not_read_into_the_past() {
    let bench = Bench::new().await;
    for second in 0..200 {
        create(&bench, second - 4_000);
    }
    let new = create(&bench, 1);
    let first = bench.psa.created(noon(), None).await.unwrap();
    assert_eq!(first.tickets[0].external_ticket, new);
    let second = bench.psa.created(noon(), first.next.as_deref()).await.unwrap();
    assert_eq!(second.next, None, "a whole page is older");
    bench.check();
}

#[tokio::test]
async fn a_webhook_that_was_switched_off_is_told_from_one_that_is_on_and_from_none() {
    let bench = Bench::new().await;
    let state = || bench.psa.hook_state("k1");
    assert_eq!(state().await.unwrap(), HookState::Absent);
    let wanted = HookWanted {
        address: "https://undertone.example/hooks/halopsa/k1".into(),
        secret: Secret::new("pass"),
        name: "Undertone 1f2e3d".into(),
    };
    bench.psa.register_hook(&wanted).await.unwrap();
    assert_eq!(state().await.unwrap(), HookState::On);
    let id = bench.sandbox.webhooks()[0]["id"].as_str().unwrap().to_owned();
    bench.sandbox.deactivate_webhook(&id);
    assert_eq!(state().await.unwrap(), HookState::Off);
    bench.sandbox.deny("webhook");
    assert!(matches!(state().await.unwrap_err(), CallError::Denied { .. }));
    bench.check();
}
