//! What each refusal, failure and lie of the site becomes.

use super::*;

fn line(error: &CallError) -> String {
    match error {
        CallError::Unreachable { .. } => "unreachable".into(),
        CallError::Unknown { .. } => "unknown".into(),
        CallError::Throttled { after, .. } => format!("throttled {}", after.unwrap_or_default().as_secs()),
        CallError::Denied { message } => format!("denied: {message}"),
        CallError::Rejected { status, message } => format!("rejected {status}: {message}"),
        CallError::Failed { status, .. } => format!("failed {status}"),
        CallError::Malformed { .. } => "malformed".into(),
        CallError::Forbidden { message } => format!("forbidden: {message}"),
    }
}

fn answer(status: u16, body: &str) -> Fault {
    let content_type = if body.starts_with('{') { "application/json" } else { "text/plain" };
    Fault::Answer { status, content_type, body: body.into(), retry_after: None }
}

/// The start of what a write becomes; reads become the same after their repeats.
#[tokio::test]
async fn every_documented_answer_has_its_meaning() {
    let nested = r#"{"code":"InvalidObject","message":"ticket object is invalid","errors":[{"code":"NotFound","message":"company 19299 not found","resource":"ticket","field":"company/id"}]}"#;
    let both =
        r#"{"code":"InvalidObject","message":"x","errors":[{"message":"one"},{"code":"c"},{"field":"two"}]}"#;
    for (fault, expected) in [
        (
            answer(401, r#"{"code":"ConnectWiseApi","message":"UserNotAuthenticated"}"#),
            "denied: ConnectWise refused the keys",
        ),
        (answer(401, r#"{"code":"Unauthorized"}"#), "denied: ConnectWise refused the keys"),
        (answer(401, ""), "denied: ConnectWise refused the keys"),
        (
            answer(
                403,
                r#"{"code":"Security","message":"You do not have security permission to perform this action."}"#,
            ),
            "denied: The API member may not do this. In ConnectWise open System > Security Roles, choose the role of the API \
             member and set Service Desk > Service Tickets to Edit: All.",
        ),
        (
            answer(400, "Cannot route. Codebase/company is invalid"),
            "denied: ConnectWise cannot route the call",
        ),
        (
            answer(400, r#"{"code":"Security","message":"SSL is required.","errors":null}"#),
            "denied: ConnectWise does not take calls at this address (SSL is required.)",
        ),
        (answer(400, nested), "rejected 400: ConnectWise refused: company 19299 not found (company/id)"),
        (answer(400, both), "rejected 400: ConnectWise refused: one; two"),
        (
            answer(400, r#"{"code":"ApiFindCondition","message":"ticket is not a recognized name."}"#),
            "rejected 400: ConnectWise refused: ticket is not a recognized name.",
        ),
        (answer(400, "no idea"), "rejected 400: ConnectWise refused the request with status 400"),
        (
            answer(404, r#"{"code":"NotFound","message":"Service Ticket 404 not found"}"#),
            "rejected 404: ConnectWise refused: Service Ticket 404 not found",
        ),
        (
            answer(404, r#"{"code":"ConnectWiseApi","message":"The endpoint does not exist."}"#),
            "rejected 404: ConnectWise refused: The endpoint does not exist.",
        ),
        (answer(404, "<html>"), "rejected 404"),
        (answer(405, ""), "rejected 405"),
        (answer(409, ""), "failed 409"),
        (answer(415, "{}"), "rejected 415"),
        (
            answer(
                429,
                r#"{"error":"ConnectWiseAPI","message":"Too many requests. Please try again in 30 seconds."}"#,
            ),
            "throttled 30",
        ),
        (
            Fault::Answer {
                status: 429,
                content_type: "text/plain",
                body: String::new(),
                retry_after: Some(7),
            },
            "throttled 7",
        ),
        (answer(500, "timeout"), "failed 500"),
        (answer(503, ""), "failed 503"),
        (answer(200, r#"{"id":"not a number"}"#), "malformed"),
        (answer(200, "[]"), "malformed"),
        (answer(302, ""), "malformed"),
        (Fault::CutAfterActing, "unknown"),
        (Fault::CutBeforeActing, "unknown"),
        (Fault::Garbage, "malformed"),
    ] {
        let bench = Bench::new().await;
        let id = bench.angry().to_string();
        bench.sandbox.watch().faults.add(Some(Method::PATCH), "/tickets/", 1, fault.clone());
        bench.sandbox.watch().faults.add(Some(Method::POST), "/tickets/", 1, fault.clone());
        let update = bench.psa.apply(&id, &[change(Lever::Impact, "High")]).await.unwrap_err();
        assert!(line(&update).starts_with(expected), "{fault:?}: {}", line(&update));
        let written = bench.psa.write_note(&id, &note("x")).await.unwrap_err();
        assert!(line(&written).starts_with(expected), "{fault:?}: {}", line(&written));
        // A write is never sent twice by itself.
        assert_eq!(bench.written(Method::PATCH).len() + bench.written(Method::POST).len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn what_may_have_been_written_is_called_uncertain() {
    for (fault, uncertain) in [
        (Fault::CutAfterActing, true),
        (Fault::Garbage, true),
        (answer(500, ""), true),
        (answer(409, ""), true),
        (answer(429, ""), false),
        (answer(400, "{}"), false),
        (answer(403, "{}"), false),
    ] {
        let bench = Bench::new().await;
        let id = bench.angry().to_string();
        bench.sandbox.watch().faults.add(Some(Method::POST), "/notes", 1, fault.clone());
        let error = bench.psa.write_note(&id, &note("x")).await.unwrap_err();
        assert_eq!(error.uncertain(), uncertain, "{fault:?}: {error:?}");
        // Which looking then settles.
        let is_there = bench.psa.find_note(&id, "[ut:7f3k]").await.unwrap().is_some();
        assert_eq!(is_there, matches!(fault, Fault::CutAfterActing | Fault::Garbage), "{fault:?}");
    }
}

#[tokio::test]
async fn a_slow_site_is_given_up_and_a_silent_address_named_unreachable() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    let caller = Outside::new(true).caller("slow", psa::connectwise::LIMITS);
    let patient = psa::connectwise::ConnectWise::new(&bench.settings(), caller)
        .with_timeout(Duration::from_millis(200));
    patient.levers(&id).await.unwrap();
    bench.sandbox.watch().faults.add(
        Some(Method::PATCH),
        "/tickets/",
        1,
        Fault::Delay(Duration::from_secs(30)),
    );
    let error = patient.apply(&id, &[change(Lever::Impact, "High")]).await.unwrap_err();
    assert_eq!(line(&error), "unknown");

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let PsaSettings::ConnectWise { company_id, public_key, private_key, client_id, .. } = bench.settings()
    else {
        panic!()
    };
    let silent = PsaSettings::ConnectWise {
        site: format!("http://{free}"),
        company_id,
        public_key,
        private_key,
        client_id,
    };
    assert_eq!(line(&connect(&silent).levers(&id).await.unwrap_err()), "unreachable");
}

#[tokio::test]
async fn a_passing_failure_of_a_read_passes_unnoticed() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.sandbox.watch().faults.add(Some(Method::GET), "/tickets/", 1, answer(503, ""));
    bench.sandbox.watch().faults.add(Some(Method::GET), "/notes", 1, Fault::CutBeforeActing);
    let found = bench.psa.fetch(&id).await.unwrap().unwrap();
    assert_eq!(found.notes.len(), 1);
}

#[tokio::test]
async fn wrong_settings_are_told_in_words() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    for (psa, expected) in [
        (
            bench.with(|keys| keys.company_id = "nobody".into()),
            "denied: ConnectWise does not know the company id “nobody”",
        ),
        (bench.with(|keys| keys.public_key = "x".into()), "denied: ConnectWise refused the keys"),
        (bench.with(|keys| keys.private_key = "x".into()), "denied: ConnectWise refused the keys"),
        (bench.with(|keys| keys.client_id = "x".into()), "denied: ConnectWise refused the keys"),
    ] {
        let error = psa.levers(&id).await.unwrap_err();
        assert!(line(&error).starts_with(expected), "{}", line(&error));
        assert!(!format!("{error:?}").contains("sandboxPrivateKey"));
    }
    let PsaSettings::ConnectWise { company_id, public_key, private_key, client_id, .. } = bench.settings()
    else {
        panic!()
    };
    let nowhere =
        PsaSettings::ConnectWise { site: "  ".into(), company_id, public_key, private_key, client_id };
    assert!(line(&connect(&nowhere).levers(&id).await.unwrap_err()).starts_with("forbidden: "));
}

#[tokio::test]
async fn a_throttled_site_is_left_alone_for_as_long_as_it_asks() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.psa.levers(&id).await.unwrap();
    bench.sandbox.limit(Some(1));
    bench.psa.levers(&id).await.unwrap();
    let error = bench.psa.levers(&id).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    bench.sandbox.limit(None);
    let asked = bench.sandbox.watch().recorder.all().len();
    let held = bench.psa.levers(&id).await.unwrap_err();
    assert!(matches!(held, CallError::Throttled { .. }), "{held:?}");
    assert_eq!(bench.sandbox.watch().recorder.all().len(), asked, "nothing was sent meanwhile");
}

#[tokio::test]
async fn closing_needs_a_right_of_its_own() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.sandbox.deny(Right::CloseTickets);
    let error = bench.psa.apply(&id, &[change(Lever::Status, "559")]).await.unwrap_err();
    assert!(matches!(error, CallError::Denied { .. }), "{error:?}");
    bench.sandbox.allow(Right::CloseTickets);
    bench.psa.apply(&id, &[change(Lever::Status, "559")]).await.unwrap();
}
