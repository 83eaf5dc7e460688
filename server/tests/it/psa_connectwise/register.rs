//! Registering our callback by the API.

use super::Bench;
use domain::{HookWanted, RegistrationOutcome, Secret};
use http::Method;
use sandbox::connectwise::Right;
use serde_json::{Value, json};
use server::outside::CallError;

const ADDRESS: &str = "https://undertone.example/hooks/connectwise/k1?recordId=";

fn wanted(address: &str) -> HookWanted {
    HookWanted { address: address.into(), secret: Secret::new("unused"), name: "Undertone 1f2e3d".into() }
}

fn shown(bench: &Bench) -> Vec<(String, bool)> {
    let of = |one: &Value| (one["url"].as_str().unwrap().to_owned(), one["inactiveFlag"] == true);
    bench.sandbox.callbacks().iter().map(of).collect()
}

fn writes(bench: &Bench) -> usize {
    bench.all().iter().filter(|one| one.method != Method::GET).count()
}

#[tokio::test]
async fn it_is_made_for_all_tickets_and_found_again() {
    let bench = Bench::new().await;
    let made = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(made.outcome, RegistrationOutcome::Made);
    let callback = bench.sandbox.callbacks().pop().unwrap();
    let expected = json!({
        "url": ADDRESS, "objectId": 1, "type": "ticket", "level": "owner", "inactiveFlag": false,
        "description": "Undertone 1f2e3d",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&callback[key], value, "{key}");
    }
    for _ in 0..2 {
        let again = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
        assert_eq!(again.outcome, RegistrationOutcome::InPlace);
    }
    assert_eq!((bench.sandbox.callbacks().len(), writes(&bench)), (1, 1));
    bench.check();
}

#[tokio::test]
async fn one_that_was_switched_off_is_switched_on_again() {
    let bench = Bench::new().await;
    let id = bench.sandbox.register(ADDRESS).unwrap();
    bench.sandbox.deactivate_callback(id);
    let done = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(done.outcome, RegistrationOutcome::Repaired);
    assert!(done.steps.join(" ").contains("switched off"), "{done:?}");
    assert_eq!(shown(&bench), [(ADDRESS.to_owned(), false)]);
    bench.check();
}

#[tokio::test]
async fn ours_of_an_earlier_address_is_replaced_and_others_are_left_alone() {
    let bench = Bench::new().await;
    let others = "https://undertone.example/hooks/connectwise/of-another-workspace?recordId=";
    bench.sandbox.register(others).unwrap();
    bench.psa.register_hook(&wanted("https://old.example/hooks/connectwise/k0?recordId=")).await.unwrap();
    let done = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(done.outcome, RegistrationOutcome::Made);
    assert!(done.steps.join(" ").contains("earlier address"), "{done:?}");
    assert_eq!(shown(&bench), [(others.to_owned(), false), (ADDRESS.to_owned(), false)]);
    bench.check();
}

#[tokio::test]
async fn callbacks_for_single_boards_are_enough() {
    let bench = Bench::new().await;
    bench.sandbox.register_at("board", super::HELP_DESK, ADDRESS).unwrap();
    let done = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap();
    assert_eq!(done.outcome, RegistrationOutcome::InPlace);
    assert_eq!(bench.sandbox.callbacks().len(), 1);
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let bench = Bench::new().await;
    bench.sandbox.deny(Right::Callbacks);
    let refused = bench.psa.register_hook(&wanted(ADDRESS)).await.unwrap_err();
    assert!(
        matches!(&refused, CallError::Denied { message } if message.contains("Table Setup")),
        "{refused:?}"
    );
}
