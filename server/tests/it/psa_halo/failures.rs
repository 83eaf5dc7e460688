//! Each way in which Halo can fail, and what the adapter makes of it.

use super::{Bench, answer, change, note, shown};
use crate::outcome::kind_of;
use domain::Lever;
use http::Method;
use sandbox::Fault;
use std::path::Path;
use std::time::Duration;

#[tokio::test]
async fn each_failure_of_a_read_is_told_apart() {
    let exception =
        r#"{"ClassName":"System.Exception","Message":"You do not have access","HResult":-2146233088}"#;
    let cases = [
        (answer(400, exception), "rejected"),
        (answer(400, r#"{"Message":"Transaction was deadlocked: deadlock victim"}"#), "failed"),
        (answer(401, ""), "denied"),
        (answer(403, ""), "denied"),
        (answer(429, r#"{"error":"limit"}"#), "throttled"),
        (answer(500, ""), "failed"),
        (answer(502, "<html>"), "failed"),
        (answer(503, ""), "failed"),
        (answer(200, r#"{"id":"#), "unknown"),
        (Fault::CutBeforeActing, "unknown"),
        (Fault::Garbage, "malformed"),
        // Success of nothing is not “there is no such ticket”.
        (answer(200, "{}"), "malformed"),
    ];
    for (fault, expected) in cases {
        let bench = Bench::new().await;
        let id = bench.angry().to_string();
        bench.sandbox.watch.faults.add(None, "/Tickets/", 9, fault.clone());
        let error = bench.psa.levers(&id).await.unwrap_err();
        assert_eq!(kind_of(&error), expected, "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn each_failure_of_a_write_is_told_apart_and_never_repeated() {
    let cases = [
        (answer(400, r#"{"message":"no"}"#), "rejected", 1),
        (answer(403, ""), "denied", 2),
        (answer(404, ""), "rejected", 1),
        (answer(429, ""), "throttled", 1),
        (answer(500, ""), "failed", 1),
        (Fault::CutAfterActing, "unknown", 1),
        (Fault::Garbage, "malformed", 1),
        (answer(201, r#"{"id":77}"#), "malformed", 1),
        (answer(200, "{}"), "malformed", 1),
    ];
    for (fault, expected, times) in cases {
        let bench = Bench::new().await;
        let id = bench.angry().to_string();
        bench.sandbox.watch.faults.add(Some(Method::POST), "/Tickets", 9, fault.clone());
        let error = bench.psa.apply(&id, &[change(Lever::Impact, Some("3"), "1")]).await.unwrap_err();
        assert_eq!(kind_of(&error), expected, "{fault:?}: {error}");
        // After a 403 the same call goes once more with a new token: the first one surely had no effect.
        assert_eq!(bench.sent(Method::POST, "/Tickets").len(), times, "{fault:?}");
    }
}

#[tokio::test]
async fn each_failure_of_the_sign_in_is_told_apart() {
    let cases = [
        (answer(400, r#"{"error":"invalid_client"}"#), "denied"),
        (answer(401, ""), "denied"),
        (answer(404, ""), "denied"),
        (answer(429, ""), "throttled"),
        (answer(503, ""), "failed"),
        (answer(200, r#"{"token_type":"Bearer"}"#), "malformed"),
        (Fault::Garbage, "malformed"),
        (Fault::CutBeforeActing, "unknown"),
    ];
    for (fault, expected) in cases {
        let bench = Bench::new().await;
        bench.sandbox.watch.faults.add(None, "/auth/token", 9, fault.clone());
        let error = bench.psa.fetch("1").await.unwrap_err();
        assert_eq!(kind_of(&error), expected, "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn the_published_error_bodies_are_shown_in_halos_words() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/psa/samples/halopsa/api"));
    if !folder.is_dir() {
        println!("left out: the published samples are not here");
        return;
    }
    let cases = [
        ("error_400_action_without_outcome.captured.json", "An Outcome must be entered for this Action"),
        ("error_400_database.captured.json", "A database error occurred (515)"),
    ];
    for (name, words) in cases {
        let bench = Bench::new().await;
        let id = bench.angry().to_string();
        let body = std::fs::read_to_string(folder.join(name)).unwrap();
        bench.sandbox.watch.faults.add(Some(Method::POST), "/Actions", 9, answer(400, &body));
        let error = bench.psa.write_note(&id, &note("x")).await.unwrap_err();
        assert!(error.to_string().starts_with(words), "{error}");
    }
    let bench = Bench::new().await;
    let body =
        std::fs::read_to_string(folder.join("ticket_create_response_abbreviated.captured.json")).unwrap();
    bench.sandbox.watch.faults.add(None, "/Tickets/1234", 1, answer(200, &body));
    let ticket = bench.psa.fetch("1234").await.unwrap().unwrap().ticket;
    assert_eq!((ticket.external_id.as_str(), ticket.title.as_str()), ("1234", "Request"));
    assert_eq!(ticket.contact_email.as_deref(), Some("test@example.com"));
    assert_eq!(shown(&ticket.levers, Lever::Team), Some(("1", "1st Line Support")));
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.sandbox.watch.faults.add(None, "/Tickets", 2, Fault::Delay(Duration::from_millis(300)));
    assert!(bench.psa.fetch(&id).await.unwrap().is_some());
}
