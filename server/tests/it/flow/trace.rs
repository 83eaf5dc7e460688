//! What the log tells of a ticket's way: one trace from the webhook call to the last note, whoever carries it.

use super::app::{NOTE, TestApp, get, send, stop_at, title};
use super::for_each_psa;
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use server::config::LogFormat;
use server::queue::{Checkpoints, LEASE};
use server::telemetry;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use store::Actor;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

for_each_psa!(one_trace_leads_from_the_call_to_the_last_note_through_a_crash);

static CAPTURED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        CAPTURED.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Shows the log with a test that fails, and keeps it as a machine gets it.
pub fn log() {
    let shown = tracing_subscriber::fmt::layer().with_test_writer();
    let kept = telemetry::lines(LogFormat::Json, || Captured);
    let filter = tracing::level_filters::LevelFilter::INFO;
    let _ = tracing_subscriber::registry().with(kept.and_then(shown).with_filter(filter)).try_init();
}

fn lines() -> Vec<String> {
    let captured = CAPTURED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(captured).unwrap().lines().map(str::to_owned).collect()
}

/// The trace of a line, from the spans it stands in.
fn trace_of(line: &Value) -> Option<&str> {
    line["spans"].as_array()?.iter().find_map(|span| span["trace_id"].as_str())
}

async fn one_trace_leads_from_the_call_to_the_last_note_through_a_crash(mut app: TestApp) {
    for point in ["fetched", "called update"] {
        let (checkpoints, reached) = stop_at(point);
        app.restart(checkpoints).await;
        if point == "fetched" {
            app.desk.ticket(&title("5/5/5"), NOTE);
        } else {
            app.clock.advance(LEASE + Duration::from_secs(1));
        }
        reached.wait().await;
    }
    app.restart(Checkpoints::default()).await;
    app.after_lease().await;

    let (story, tenant) = (app.story().await, app.tenant.tenant_id().to_string());
    let trace = app.analysed_delivery().await.trace();
    let all: Vec<Value> = lines()
        .iter()
        .filter(|line| line.contains(&trace))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(all.iter().all(|line| trace_of(line) == Some(&trace)), "{all:#?}");
    let told: Vec<String> = all
        .iter()
        .map(|line| {
            let stage = line["spans"].as_array().unwrap().iter().find_map(|span| span["stage"].as_str());
            let what = [line["message"].as_str(), stage, line["action"].as_str(), line["outcome"].as_str()];
            what.into_iter().flatten().collect::<Vec<_>>().join(" ")
        })
        .collect();
    let place = |wanted: &str| {
        told.iter().position(|line| line == wanted).unwrap_or_else(|| panic!("{wanted}: {told:#?}"))
    };
    let way = [
        "took a webhook call",
        "a stage ended read done",
        "a stage ended score done",
        "carried out an action act note:update",
        "carried out an action act note:escalate",
        "a stage ended act done",
    ];
    assert!(way.map(place).is_sorted(), "{told:#?}");

    // Nothing of the way is told without it, and nothing that the customer wrote is told at all.
    for line in lines() {
        let at_work = line.contains(&tenant) && line.contains("\"name\":\"job\"");
        assert!(!at_work || line.contains("\"trace_id\":\""), "{line}");
        for word in ["Mail trouble", "server is down", "help us now", "5/5/5"] {
            assert!(!line.contains(word), "{line}");
        }
    }
    let (_, token) = app.tenant.token_create("a test", &Actor::System, app.clock.now()).await.unwrap();
    let headers = [("authorization".to_owned(), format!("Bearer {token}"))];
    let url = format!("{}/api/v1/tickets/{}", app.url(), story.row.id);
    let shown: Value = send(Method::GET, &url, &headers, Bytes::new()).await.json().unwrap();
    assert_eq!(shown["trace"], *trace, "support finds it with the ticket");
    let calls = shown["deliveries"].as_array().unwrap();
    assert!(calls.iter().any(|call| call["trace"] == *trace), "{calls:#?}");
}

#[tokio::test]
async fn a_proxys_trace_is_told_and_not_taken_over() {
    let app = TestApp::sqlite(domain::PsaKind::HaloPsa).await.unwrap();
    let theirs = "4bf92f3577b34da6a3ce929d0e0e4736";
    app.ticket("3/3/3").await;
    let mut call = app.desk.calls().pop().unwrap();
    call.headers.push(("traceparent".into(), format!("00-{theirs}-00f067aa0ba902b7-01")));
    assert_eq!(app.send(&call).await.status, 202);
    assert_eq!(get(&format!("{}/healthz", app.url())).await.status, 200);
    let told: Vec<Value> = lines()
        .iter()
        .filter(|line| line.contains(theirs))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!told.is_empty());
    let ours = app.analysed_delivery().await.trace();
    assert!(told.iter().all(|line| trace_of(line) == Some(&ours)), "{told:#?}");
    // What is asked of the PSA and the model names neither.
    let asked = app.desk.watch().recorder.all();
    assert!(!asked.is_empty());
    for request in asked {
        let text = format!("{request:?}");
        assert!(!text.contains(theirs) && !text.contains(&ours) && !text.contains("traceparent"), "{text}");
    }
}
