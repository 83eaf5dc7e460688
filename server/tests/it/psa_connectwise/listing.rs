//! The list of new tickets, and whether our callback is on.

use super::Bench;
use chrono::{DateTime, TimeDelta, Utc};
use domain::HookState;
use sandbox::connectwise::{NewTicket, Right};
use server::outside::CallError;
use server::psa::Psa;
use std::collections::BTreeSet;

const ADDRESS: &str = "https://undertone.example/hooks/connectwise/k1?recordId=";

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn create(bench: &Bench, second: i64, is_project: bool) -> String {
    let at = Some(noon() + TimeDelta::seconds(second));
    bench
        .sandbox
        .create_ticket(NewTicket { title: "T".into(), at, is_project, ..Default::default() })
        .to_string()
}

/// Each page's ids, to the end.
async fn pages(psa: &dyn Psa, since: DateTime<Utc>) -> Vec<Vec<String>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = psa.created(since, after.as_deref()).await.unwrap();
        pages.push(page.tickets.into_iter().map(|one| one.external_ticket).collect());
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn tickets_are_listed_from_a_time_on_without_those_of_projects() {
    let bench = Bench::new().await;
    create(&bench, -1, false);
    let first = create(&bench, 0, false);
    create(&bench, 5, true);
    let second = create(&bench, 5, false);
    let page = bench.psa.created(noon(), None).await.unwrap();
    let found: Vec<_> =
        page.tickets.iter().map(|one| (one.external_ticket.clone(), one.created_at)).collect();
    assert_eq!(found, [(first, noon()), (second, noon() + TimeDelta::seconds(5))]);
    assert_eq!(page.next, None);
    let query = bench.all().pop().unwrap().query.unwrap();
    assert!(query.contains("dateEntered%3E%3D%5B2026-03-02T12%3A00%3A00Z%5D"), "{query}");
    bench.check();
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_none_slips_through_while_more_are_created() {
    let bench = Bench::new().await;
    // All in one second, which no border by time would part.
    let mut made: BTreeSet<String> = (0..251).map(|_| create(&bench, 7, false)).collect();
    let first = bench.psa.created(noon(), None).await.unwrap();
    assert_eq!(first.tickets.len(), 250);
    made.insert(create(&bench, 8, false));
    let second = bench.psa.created(noon(), first.next.as_deref()).await.unwrap();
    assert_eq!((second.tickets.len(), &second.next), (2, &None));
    let all = first.tickets.into_iter().chain(second.tickets).map(|one| one.external_ticket);
    assert_eq!(all.collect::<BTreeSet<_>>(), made);
    assert_eq!(pages(&*bench.psa, noon()).await.concat().len(), 252);
    bench.check();
}

#[tokio::test]
async fn a_place_in_the_list_that_is_no_number_is_refused() {
    let bench = Bench::new().await;
    let refused = bench.psa.created(noon(), Some("1 or id>0")).await.unwrap_err();
    assert!(matches!(refused, CallError::Rejected { status: 400, .. }), "{refused:?}");
}

#[tokio::test]
async fn a_callback_that_was_switched_off_is_told_from_one_that_is_on_and_from_none() {
    let bench = Bench::new().await;
    let state = || bench.psa.hook_state("k1");
    bench.sandbox.register("https://undertone.example/hooks/connectwise/other?recordId=").unwrap();
    assert_eq!(state().await.unwrap(), HookState::Absent);
    let id = bench.sandbox.register(ADDRESS).unwrap();
    assert_eq!(state().await.unwrap(), HookState::On);
    bench.sandbox.register_at("board", super::HELP_DESK, ADDRESS).unwrap();
    bench.sandbox.deactivate_callback(id);
    assert_eq!(state().await.unwrap(), HookState::Off, "one of several");
    bench.sandbox.deny(Right::Callbacks);
    assert!(matches!(state().await.unwrap_err(), CallError::Denied { .. }));
    bench.check();
}
