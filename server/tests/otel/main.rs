//! What a collector gets of one ticket: the spans of the call and of its stages, in the trace of the delivery.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

#[path = "../program/process.rs"]
#[expect(dead_code, reason = "shared with the tests of the program")]
mod process;
#[path = "../program/wire.rs"]
#[expect(dead_code, reason = "shared with the tests of the program")]
mod wire;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use process::{Home, Workspace};
use sandbox::halo::{Credentials, Halo, NewTicket};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use wire::{PATIENCE, Wire};

/// Bodies of exports as they came.
type Exports = Arc<Mutex<Vec<Bytes>>>;

async fn take(State(exports): State<Exports>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    exports.lock().unwrap().push(body);
}

fn holds(body: &[u8], wanted: &[u8]) -> usize {
    body.windows(wanted.len()).filter(|window| *window == wanted).count()
}

#[tokio::test]
async fn the_spans_of_a_ticket_reach_the_collector_in_its_deliverys_trace() {
    let exports = Exports::default();
    let collector = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&exports));
    let local = ([127, 0, 0, 1], 0).into();
    let collector = sandbox::serve(local, collector).await.unwrap();
    let desk = Halo::new(Credentials::default(), sandbox::halo::VENDOR_RETRY);
    let desk_at = sandbox::serve(local, desk.router()).await.unwrap();
    desk.set_url(&desk_at.url());

    let home = Home::new();
    let mut program = home.serve("db", &["--otlp-endpoint", &collector.url()]).await;
    let keys = desk.credentials();
    let psa = json!({"kind": "halopsa", "url": desk_at.url(), "client_id": keys.client_id, "client_secret": keys.client_secret, "tenant": keys.tenant});
    let workspace = Workspace::new(&home, "db", &program, psa).await;
    let (summary, details) =
        ("Printer".to_owned(), "The secret word is xylophone; nobody can print.".to_owned());
    let (client, user) = (12, Some(77));
    let ticket = desk.create_ticket(NewTicket { client, user, summary, details, ..Default::default() });
    let mut wire = Wire::open(program.web).await.unwrap();
    wire.send(&workspace.new_ticket(usize::try_from(ticket).unwrap())).await;
    let taken = wire.answer().await.unwrap().json();
    let delivery: uuid::Uuid = taken["delivery_id"].as_str().unwrap().parse().unwrap();

    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
    let done = async {
        loop {
            ticks.tick().await;
            let tickets = workspace.api(&program, "GET", "/tickets", &Value::Null).await;
            if tickets["tickets"].as_array().unwrap().iter().any(|ticket| !ticket["analysed_at"].is_null()) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, done).await.expect("the ticket is analysed");
    program.terminate();
    assert!(program.ended().await.success(), "{}", program.log());

    let all = exports.lock().unwrap().concat();
    // The call, the job, and its stages.
    assert!(holds(&all, delivery.as_bytes()) >= 4, "{} spans are in it", holds(&all, delivery.as_bytes()));
    for name in ["undertone", "delivery", "job", "stage", "took a webhook call", "a stage ended"] {
        assert!(holds(&all, name.as_bytes()) > 0, "{name} is missing");
    }
    for word in ["xylophone", &workspace.secret, &workspace.token] {
        assert_eq!(holds(&all, word.as_bytes()), 0, "{word} left the program");
    }
}
