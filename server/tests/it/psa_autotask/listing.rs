//! The list of new tickets, and whether our webhook is on.

use super::Bench;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{HookState, HookWanted, Secret};
use http::Method;
use sandbox::autotask::NewTicket;
use serde_json::json;
use std::collections::BTreeSet;

const ADDRESS: &str = "https://undertone.example/hooks/autotask/k1";

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn create(bench: &Bench, milliseconds: i64) -> String {
    let at = Some(noon() + TimeDelta::milliseconds(milliseconds));
    bench
        .sandbox
        .create_ticket(NewTicket { company: 174, title: "T".into(), at, ..Default::default() })
        .to_string()
}

#[tokio::test]
async fn tickets_are_listed_from_a_time_on_with_their_numbers() {
    let bench = Bench::new().await;
    create(&bench, -1);
    let (first, second) = (create(&bench, 0), create(&bench, 5_500));
    let page = bench.psa.created(noon(), None).await.unwrap();
    let found: Vec<_> =
        page.tickets.iter().map(|one| (one.external_ticket.clone(), one.created_at)).collect();
    assert_eq!(found, [(first, noon()), (second.clone(), noon() + TimeDelta::milliseconds(5_500))]);
    let shown = bench.sandbox.ticket(second.parse().unwrap()).unwrap();
    assert_eq!(page.tickets[1].number.as_deref(), shown["ticketNumber"].as_str());
    assert_eq!(page.next, None);
    let sent = bench.sent(Method::POST, "/Tickets/query").pop().unwrap();
    let expected = json!([{"op": "gte", "field": "createDate", "value": "2026-03-02T12:00:00Z"}]);
    assert_eq!(
        (&sent["filter"], &sent["includeFields"]),
        (&expected, &json!(["id", "ticketNumber", "createDate"]))
    );
    bench.check();
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_none_slips_through_while_more_are_created() {
    let bench = Bench::new().await;
    let mut made: BTreeSet<String> = (0..501).map(|_| create(&bench, 7)).collect();
    let first = bench.psa.created(noon(), None).await.unwrap();
    assert_eq!(first.tickets.len(), 500);
    made.insert(create(&bench, 8));
    let second = bench.psa.created(noon(), first.next.as_deref()).await.unwrap();
    assert_eq!((second.tickets.len(), &second.next), (2, &None));
    let all = first.tickets.into_iter().chain(second.tickets).map(|one| one.external_ticket);
    assert_eq!(all.collect::<BTreeSet<_>>(), made);
    bench.check();
}

#[tokio::test]
async fn a_webhook_that_calls_nobody_is_told_from_one_that_is_on_and_from_none() {
    let bench = Bench::new().await;
    let state = || async { bench.psa.hook_state("k1").await.unwrap() };
    let wanted = HookWanted {
        address: ADDRESS.into(),
        secret: Secret::new("0123456789abcdef"),
        name: "Undertone 1f2e3d".into(),
    };
    assert_eq!(state().await, HookState::Absent);
    bench.psa.register_hook(&wanted).await.unwrap();
    assert_eq!(state().await, HookState::On);
    let id = bench.sandbox.webhooks()[0]["id"].as_i64().unwrap();
    bench.sandbox.deactivate_webhook(id);
    assert_eq!(state().await, HookState::Off);
    bench.psa.register_hook(&wanted).await.unwrap();
    assert_eq!(state().await, HookState::On);
    bench.check();
}

#[tokio::test]
async fn a_webhook_without_fields_calls_nobody() {
    let bench = Bench::new().await;
    let body = json!({
        "name": "By hand", "isActive": true, "webhookUrl": ADDRESS, "deactivationUrl": ADDRESS, "secretKey": "other",
        "isSubscribedToCreateEvents": true, "sendThresholdExceededNotification": true,
    });
    bench.sandbox.make_webhook(&body).unwrap();
    assert_eq!(
        bench.psa.hook_state("k1").await.unwrap(),
        HookState::Off,
        "it is never ready, and says so nowhere"
    );
}
