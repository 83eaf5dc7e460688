//! Registering our webhook by the API.

use super::Bench;
use domain::{HookWanted, RegistrationOutcome, Secret};
use http::Method;
use sandbox::autotask::Autotask;
use serde_json::{Value, json};
use server::outside::CallError;

const ADDRESS: &str = "https://undertone.example/hooks/autotask/k1";

fn wanted(address: &str) -> HookWanted {
    HookWanted {
        address: address.into(),
        secret: Secret::new("0123456789abcdef"),
        name: "Undertone 1f2e3d".into(),
    }
}

fn labels(webhook: &Value) -> Vec<i64> {
    webhook["fields"].as_array().unwrap().iter().map(|field| field["fieldID"].as_i64().unwrap()).collect()
}

fn only(sandbox: &Autotask) -> Value {
    let mut all = sandbox.webhooks();
    assert_eq!(all.len(), 1, "{all:#?}");
    all.pop().unwrap()
}

#[tokio::test]
async fn it_is_made_ready_for_new_tickets_alone_and_found_again() {
    let bench = Bench::new().await;
    let made = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(made.outcome, RegistrationOutcome::Made);
    let webhook = only(&bench.sandbox);
    let expected = json!({
        "webhookUrl": ADDRESS, "deactivationUrl": ADDRESS, "name": "Undertone 1f2e3d", "isActive": true, "isReady": true,
        "isSubscribedToCreateEvents": true, "isSubscribedToUpdateEvents": false, "isSubscribedToDeleteEvents": false,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&webhook[key], value, "{key}");
    }
    assert_eq!(labels(&webhook), [2, 3, 5], "ticket number, title, status");
    assert_eq!(webhook["excludedResources"].as_array().unwrap().len(), 1, "our own user is left out");
    assert!(made.steps.join(" ").contains("active and ready"), "{made:?}");

    for _ in 0..2 {
        let again = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
        assert_eq!(again.outcome, RegistrationOutcome::InPlace, "{again:?}");
        assert_eq!(only(&bench.sandbox), webhook, "nothing changed");
    }
    bench.check();
}

#[tokio::test]
async fn what_is_wrong_with_ours_is_repaired_and_said() {
    let bench = Bench::new().await;
    bench.psa.register_hook(&wanted("https://old.example/hooks/autotask/k0")).await.unwrap();
    let id = only(&bench.sandbox)["id"].as_i64().unwrap();
    bench.sandbox.deactivate_webhook(id);
    let done = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(done.outcome, RegistrationOutcome::Repaired);
    let told = done.steps.join(" ");
    assert!(told.contains("earlier address") && told.contains("switched off"), "{told}");
    let webhook = only(&bench.sandbox);
    assert_eq!(
        (&webhook["id"], &webhook["webhookUrl"], &webhook["isActive"]),
        (&json!(id), &json!(ADDRESS), &json!(true))
    );
    assert_eq!(labels(&webhook).len(), 3, "no field twice");
    bench.check();
}

#[tokio::test]
async fn one_made_by_hand_without_fields_is_made_ready() {
    let bench = Bench::new().await;
    // Made as the guide's first command alone: active, never ready, and silent about it.
    let body = json!({
        "name": "By hand", "isActive": true, "webhookUrl": ADDRESS, "deactivationUrl": ADDRESS, "secretKey": "other",
        "isSubscribedToCreateEvents": false, "sendThresholdExceededNotification": true,
    });
    bench.sandbox.make_webhook(&body).unwrap();
    let done = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(done.outcome, RegistrationOutcome::Repaired);
    let webhook = only(&bench.sandbox);
    assert_eq!((&webhook["isReady"], &webhook["isSubscribedToCreateEvents"]), (&json!(true), &json!(true)));
    assert!(done.steps.join(" ").contains("subscribed to TicketNumber, Title, Status"), "{done:?}");
    bench.check();
}

#[tokio::test]
async fn webhooks_of_others_are_left_alone() {
    let bench = Bench::new().await;
    bench.sandbox.subscribe("https://undertone.example/hooks/autotask/of-another-workspace", "s").unwrap();
    let before = bench.sandbox.webhooks();
    bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(bench.sandbox.webhooks()[..1], before[..]);
    assert_eq!(bench.sandbox.webhooks().len(), 2);
    let removed = bench.sandbox.watch.recorder.all().into_iter().any(|one| one.method == Method::DELETE);
    assert!(!removed);
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let bench = Bench::new().await;
    bench.sandbox.deny("ticketwebhooks", "create");
    let refused = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap_err();
    assert!(
        matches!(&refused, CallError::Denied { message } if message.contains("Can create webhooks")),
        "{refused:?}"
    );
    assert!(bench.sandbox.webhooks().is_empty());
}
