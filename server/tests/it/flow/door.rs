//! The webhook door from outside: each answer of its table.

use super::app::{TestApp, get, send};
use super::desk::Captured;
use bytes::Bytes;
use domain::{PsaKind, PsaSettings, Secret};
use http::{Method, StatusCode, header};
use server::outside::Answer;
use store::Actor;

/// Halo signs nothing, so that a call can be altered at will.
async fn altered(change: impl FnOnce(&mut Captured)) -> Answer {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    app.ticket("3/3/3").await;
    let mut call = app.desk.calls().pop().unwrap();
    change(&mut call);
    app.send(&call).await
}

fn is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.excerpt());
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
    let problem: serde_json::Value = answer.json().unwrap();
    assert_eq!(problem["status"], status);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{problem}");
}

#[tokio::test]
async fn an_unknown_key_and_the_wrong_psa_are_404() {
    is_problem(&altered(|call| call.url.push('x')).await, 404);
    is_problem(&altered(|call| call.url = call.url.replace("/halopsa/", "/autotask/")).await, 404);
    is_problem(&altered(|call| call.url = call.url.replace("/halopsa/", "/zendesk/")).await, 404);
    is_problem(&altered(|call| call.url.push_str(&"x".repeat(5_000))).await, 404);
    is_problem(&altered(|call| call.url.push_str("%ff")).await, 404);
    for more in ["/", "/more", "//"] {
        is_problem(&altered(|call| call.url.push_str(more)).await, 404);
    }
}

#[tokio::test]
async fn a_workspace_that_changes_its_psa_is_reached_by_the_new_one_at_once() {
    let app = TestApp::sqlite(PsaKind::Autotask).await.unwrap();
    app.ticket("3/3/3").await;
    let mut call = app.desk.calls().pop().unwrap();
    let before = app.tenant.hook().await.unwrap().key;
    let halo = PsaSettings::HaloPsa {
        url: app.desk.url(),
        client_id: "id".into(),
        client_secret: Secret::new("secret"),
        tenant: None,
        auth_url: None,
    };
    app.tenant.psa_connection_put(halo, &Actor::System, app.clock.now()).await.unwrap();
    // Halo's calls need no signature beside the secret address.
    let own = app.tenant.hook().await.unwrap().key;
    let address = |psa: &str, key: &str| call.url.replace("/autotask/", psa).replace(&before, key);
    let (new, other, old) =
        (address("/halopsa/", &own), address("/autotask/", &own), address("/halopsa/", &before));
    call.url = new;
    let answer = app.send(&call).await;
    assert_eq!(answer.status, 202, "{}", answer.excerpt());
    for wrong in [other, old] {
        call.url = wrong;
        is_problem(&app.send(&call).await, 404);
    }
}

#[tokio::test]
async fn wrong_credentials_are_401() {
    let wrong = |call: &mut Captured| {
        for (name, value) in &mut call.headers {
            if name.eq_ignore_ascii_case("authorization") {
                *value = "Basic dW5kZXJ0b25lOndyb25n".into();
            }
        }
    };
    is_problem(&altered(wrong).await, 401);
}

#[tokio::test]
async fn a_call_altered_on_the_way_is_401() {
    for kind in [PsaKind::ConnectWise, PsaKind::Autotask] {
        let app = TestApp::sqlite(kind).await.unwrap();
        app.ticket("3/3/3").await;
        let mut call = app.desk.calls().pop().unwrap();
        call.body = String::from_utf8(call.body).unwrap().replacen('{', "{\"extra\":1,", 1).into_bytes();
        is_problem(&app.send(&call).await, 401);
    }
}

#[tokio::test]
async fn what_names_no_ticket_is_400_and_says_what_was_missing() {
    for body in ["", "not JSON", "42", "null", "[", "{}", r#"{"event":"new ticket logged"}"#, "\u{0}\u{0}"] {
        is_problem(&altered(|call| call.body = body.as_bytes().to_vec()).await, 400);
    }
}

#[tokio::test]
async fn more_than_one_mebibyte_is_413() {
    is_problem(&altered(|call| call.body = vec![b' '; (1 << 20) + 1]).await, 413);
    let answer = altered(|call| call.body.resize(1 << 20, b' ')).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "exactly one mebibyte is fine");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_5xx() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    let (host, path) = app
        .hook_address()
        .replace("http://", "")
        .split_once('/')
        .map(|(h, p)| (h.to_owned(), p.to_owned()))
        .unwrap();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 500\r\nconnection: close\r\n\r\n{{\"id\":"
    );
    let answer = super::app::raw(&host, head.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn other_methods_are_405_with_a_helpful_text() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    let answer = get(&app.hook_address()).await;
    is_problem(&answer, 405);
    assert_eq!(answer.headers[header::ALLOW], "POST");
    assert!(answer.excerpt().contains("webhook"));
}

#[tokio::test]
async fn a_batch_becomes_one_delivery_for_each_event() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    app.ticket("3/3/3").await;
    app.ticket("3/3/3").await;
    let calls = app.desk.calls();
    let mut batch = calls[0].clone();
    let events: Vec<serde_json::Value> =
        calls.iter().map(|call| serde_json::from_slice(&call.body).unwrap()).collect();
    batch.body = serde_json::to_vec(&events).unwrap();
    let answer = app.send(&batch).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.excerpt());
    let taken: serde_json::Value = answer.json().unwrap();
    let ids = taken["delivery_ids"].as_array().unwrap();
    assert_eq!((ids.len(), &ids[0]), (2, &taken["delivery_id"]));
    app.settle().await;
    assert_eq!(app.stories().await.len(), 2, "both were known");
}

#[tokio::test]
async fn of_a_batch_each_event_keeps_its_own_part() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    app.ticket("3/3/3").await;
    let mut batch = app.desk.calls().pop().unwrap();
    let events: Vec<serde_json::Value> = (0..200)
        .map(|number| serde_json::json!({"event": "ticket status changed", "object_id": number, "id": format!("call {number}")}))
        .collect();
    batch.body = serde_json::to_vec(&events).unwrap();
    let answer = app.send(&batch).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.excerpt());
    let taken: serde_json::Value = answer.json().unwrap();
    for (id, event) in taken["delivery_ids"].as_array().unwrap().iter().zip(&events) {
        let id = id.as_str().unwrap().parse::<uuid::Uuid>().unwrap();
        let kept = app.tenant.delivery_fetch(id.into()).await.unwrap().unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&kept.body).unwrap(), *event);
    }
}

#[tokio::test]
async fn a_revoked_address_stops_within_moments() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    app.ticket("3/3/3").await;
    let call = app.desk.calls().pop().unwrap();
    assert_eq!(app.send(&call).await.status, StatusCode::ACCEPTED);
    app.tenant.hook_rotate(&Actor::System, app.clock.now()).await.unwrap();
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
    for _ in 0..30 {
        if app.send(&call).await.status == StatusCode::NOT_FOUND {
            return;
        }
        ticks.tick().await;
    }
    panic!("the old address still works after three seconds");
}

#[tokio::test]
async fn every_answer_has_an_id_and_security_headers() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    for path in ["/healthz", "/readyz", "/hooks/halopsa/nobody", "/api/v1/tickets", "/sign-in"] {
        let answer = get(&format!("{}{path}", app.url())).await;
        for name in ["x-request-id", "x-content-type-options", "referrer-policy", "content-security-policy"] {
            assert!(answer.headers.contains_key(name), "{path} has no {name}");
        }
    }
}

#[tokio::test]
async fn an_instance_that_works_is_ready() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    app.settle().await;
    let answer = get(&format!("{}/readyz", app.url())).await;
    assert_eq!(
        (answer.status, answer.json::<serde_json::Value>().unwrap()),
        (StatusCode::OK, serde_json::json!({"ready": true, "reasons": []}))
    );
    assert_eq!(&get(&format!("{}/healthz", app.url())).await.body[..], b"ok\n");
}

#[tokio::test]
async fn metrics_are_on_their_own_port_and_count() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    app.ticket("3/3/3").await;
    let text = String::from_utf8(get(&format!("{}/metrics", app.metrics_url())).await.body.to_vec()).unwrap();
    for name in [
        "undertone_deliveries_total",
        "undertone_stage_outcomes_total",
        "undertone_queue_ready",
        "undertone_stage_seconds_bucket",
        "undertone_tokens_total",
    ] {
        assert!(text.contains(name), "{name} is missing in {text}");
    }
    let tenant = app.tenant.tenant_id().to_string();
    assert!(!text.contains(&tenant), "labels are bounded");
    let public = get(&format!("{}/metrics", app.url())).await;
    assert!(!String::from_utf8_lossy(&public.body).contains("undertone_deliveries_total"));
}

#[tokio::test]
async fn a_call_for_a_workspace_without_a_psa_waits_for_it() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    app.ticket("3/3/3").await;
    let other = app.tenant_without_psa().await;
    let hook = other.hook().await.unwrap();
    let mut call = app.desk.calls().pop().unwrap();
    call.url = format!("{}/hooks/halopsa/{}", app.url(), hook.key);
    call.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    assert_eq!(app.send(&call).await.status, StatusCode::ACCEPTED);
    app.settle().await;
    other.psa_connection_put(app.desk.settings(), &Actor::System, app.clock.now()).await.unwrap();
    app.after(std::time::Duration::from_secs(60)).await;
    let page = other.ticket_list(&store::tickets::TicketFilter::default(), 10, None).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.rows[0].state, store::tickets::TicketState::Analysed, "{:?}", page.rows[0].reason);
}

#[tokio::test]
async fn too_many_calls_are_429_with_a_pause_and_other_workspaces_are_not_affected() {
    let mut app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    app.ticket("3/3/3").await;
    let call = app.desk.calls().pop().unwrap();
    app.hook_rate = std::num::NonZeroU32::MIN;
    app.restart(server::queue::Checkpoints::default()).await;
    let answers = futures::future::join_all((0..20).map(|_| app.send(&call))).await;
    let (taken, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == StatusCode::ACCEPTED);
    // A burst of ten, and what flowed while they were sent.
    assert!((10..20).contains(&taken.len()), "{} were taken", taken.len());
    is_problem(&refused[0], 429);
    assert!(refused[0].retry_after().is_some());

    let other = app.another_tenant().await;
    let ticket = other.desk.ticket("Hello (3/3/3)", "please");
    other.desk.delivered().await;
    assert!(!ticket.is_empty() && !other.desk.calls().is_empty(), "the other's call was taken at once");
}

#[tokio::test]
async fn an_empty_post_is_400() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    let answer = send(Method::POST, &app.hook_address(), &[], Bytes::new()).await;
    is_problem(&answer, 400);
}

/// ConnectWise repeats a call after 429 and not after 503, so this is what keeps a ticket from being lost.
async fn a_callback_that_cannot_be_stored_is_repeated_and_not_lost(app: TestApp) {
    let mut beside = app.lock_the_door().await;
    app.desk.ticket("Hello (3/3/3)", "please");
    let turned_away = r#"undertone_deliveries_total{psa="connectwise",status="429"}"#;
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
    loop {
        let text = get(&format!("{}/metrics", app.metrics_url())).await.body;
        if String::from_utf8_lossy(&text).contains(turned_away) {
            break;
        }
        ticks.tick().await;
    }
    beside.run("ROLLBACK").await;
    app.settle().await;
    assert_eq!(app.story().await.row.state, store::tickets::TicketState::Analysed);
}

#[tokio::test]
async fn a_callback_that_cannot_be_stored_is_repeated_and_not_lost_on_sqlite() {
    let app = TestApp::sqlite(PsaKind::ConnectWise).await.unwrap();
    let story = a_callback_that_cannot_be_stored_is_repeated_and_not_lost(app);
    tokio::time::timeout(std::time::Duration::from_secs(30), story).await.expect("it is repeated");
}

#[tokio::test]
async fn a_callback_that_cannot_be_stored_is_repeated_and_not_lost_on_postgres() {
    let Some(app) = TestApp::postgres(PsaKind::ConnectWise).await else { return };
    let story = a_callback_that_cannot_be_stored_is_repeated_and_not_lost(app);
    tokio::time::timeout(std::time::Duration::from_secs(30), story).await.expect("it is repeated");
}
