//! Registering our webhook by the API.

use super::Bench;
use domain::{HookWanted, RegistrationOutcome, Secret};
use sandbox::halo::Payload;
use serde_json::{Value, json};
use server::outside::CallError;

const ADDRESS: &str = "https://undertone.example/hooks/halopsa/k1";

fn wanted(address: &str) -> HookWanted {
    HookWanted { address: address.into(), secret: Secret::new("pass"), name: "Undertone 1f2e3d".into() }
}

fn only(bench: &Bench) -> Value {
    let mut all = bench.sandbox.webhooks();
    assert_eq!(all.len(), 1, "{all:#?}");
    all.pop().unwrap()
}

#[tokio::test]
async fn it_is_made_for_new_tickets_with_a_password_and_found_again() {
    let bench = Bench::new().await;
    let made = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(made.outcome, RegistrationOutcome::Made);
    let webhook = only(&bench);
    let expected = json!({
        "url": ADDRESS, "name": "Undertone 1f2e3d", "active": true, "authentication_type": 1,
        "basic_username": "undertone", "eventnos": [3],
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&webhook[key], value, "{key}");
    }
    for _ in 0..2 {
        let again = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
        assert_eq!(again.outcome, RegistrationOutcome::InPlace);
        assert_eq!(only(&bench), webhook, "nothing changed");
    }
    bench.check();
}

#[tokio::test]
async fn what_is_wrong_with_ours_is_repaired_and_said() {
    let bench = Bench::new().await;
    bench.psa.register_hook(&wanted("https://old.example/hooks/halopsa/k0")).await.unwrap();
    let id = only(&bench)["id"].as_str().unwrap().to_owned();
    bench.sandbox.deactivate_webhook(&id);
    let done = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(done.outcome, RegistrationOutcome::Repaired);
    let told = done.steps.join(" ");
    assert!(told.contains("earlier address") && told.contains("switched off"), "{told}");
    let webhook = only(&bench);
    assert_eq!(
        (&webhook["id"], &webhook["url"], &webhook["active"]),
        (&json!(id), &json!(ADDRESS), &json!(true))
    );
    assert_eq!(webhook["eventnos"], json!([3]), "no event twice");
    bench.check();
}

#[tokio::test]
async fn webhooks_of_others_are_left_alone() {
    let bench = Bench::new().await;
    bench.sandbox.subscribe("https://undertone.example/hooks/halopsa/other", Some("p"), Payload::Full, 1);
    let before = bench.sandbox.webhooks();
    bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(bench.sandbox.webhooks()[..1], before[..]);
    assert_eq!(bench.sandbox.webhooks().len(), 2);
}

#[tokio::test]
async fn a_refusal_leads_to_the_screens() {
    let bench = Bench::new().await;
    bench.sandbox.deny("webhook");
    let refused = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap_err();
    assert!(
        matches!(&refused, CallError::Denied { message } if message.contains("own screen")),
        "{refused:?}"
    );
}
