//! What Halo calls us with: the stand-in's own calls, the published samples, and fixtures of our own.

use super::{Bench, change, note};
use crate::receiver::Receiver;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{Lever, PsaKind};
use http::{HeaderMap, HeaderValue, Method, header};
use sandbox::halo::{NewTicket, Payload};
use serde_json::{Value, json};
use server::outside::Outside;
use server::psa::{self, HookContext, HookError, HookEvent, HookMeaning, Hooked};
use std::path::Path;
use tower::ServiceExt;

const SECRET: &str = "example-secret";

async fn read(headers: &HeaderMap, body: &[u8]) -> Result<Hooked, HookError> {
    read_with(SECRET, headers, body).await
}

async fn read_with(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<Hooked, HookError> {
    let outside = Outside::new(false);
    let context =
        HookContext { settings: None, secret, headers, query: None, body, outside: &outside, lane: "t" };
    psa::read_hook(PsaKind::HaloPsa, &context).await
}

fn with_header(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
}

fn basic(user: &str, password: &str) -> HeaderMap {
    with_header(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn meaning(event: &HookEvent) -> String {
    match &event.meaning {
        HookMeaning::Created { ticket } => format!("created {ticket}"),
        HookMeaning::Other { ticket, reason } => {
            format!("other {}: {reason}", ticket.as_deref().unwrap_or("-"))
        }
    }
}

fn told(result: &Result<Hooked, HookError>) -> String {
    match result {
        Err(HookError::Unauthorised(_)) => "401".into(),
        Err(HookError::Malformed(what)) => format!("400 {what}"),
        Ok(hooked) => hooked.events.iter().map(meaning).collect::<Vec<_>>().join(" + "),
    }
}

fn new_ticket(client: i64) -> NewTicket {
    NewTicket { client, summary: "t".into(), details: "d".into(), ..NewTicket::default() }
}

#[tokio::test]
async fn the_stand_ins_own_calls_are_verified_and_name_the_new_ticket() {
    for payload in [Payload::Full, Payload::Small, Payload::EventOnly, Payload::Custom] {
        for password in [Some(SECRET), None] {
            let (bench, receiver) = (Bench::new().await, Receiver::new().await);
            bench.sandbox.subscribe(&receiver.url(), password, payload, 1);
            let id = bench.sandbox.create_ticket(new_ticket(12));
            let call = receiver.calls(1).await.remove(0);
            assert_eq!(told(&read(&call.headers, &call.body).await), format!("created {id}"), "{payload:?}");
            let other = told(&read_with("another", &call.headers, &call.body).await);
            // Without credentials the unguessable address is the secret.
            assert_eq!(other == "401", password.is_some(), "{payload:?}: {other}");
        }
    }
}

#[tokio::test]
async fn a_batch_is_several_events_and_a_doubled_call_is_one() {
    let (bench, receiver) = (Bench::new().await, Receiver::new().await);
    bench.sandbox.set_doubles(true);
    bench.sandbox.subscribe(&receiver.url(), Some(SECRET), Payload::EventOnly, 2);
    let ids = [bench.sandbox.create_ticket(new_ticket(12)), bench.sandbox.create_ticket(new_ticket(13))];
    let calls = receiver.calls(2).await;
    let first = read(&calls[0].headers, &calls[0].body).await;
    assert_eq!(told(&first), format!("created {} + created {}", ids[0], ids[1]));
    let second = read(&calls[1].headers, &calls[1].body).await;
    assert_eq!(first, second, "the same keys for the same call");
    let keys: Vec<_> = first.unwrap().events.into_iter().map(|event| event.dedupe_key).collect();
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn our_own_changes_raise_events_that_are_not_analysed() {
    let (bench, receiver) = (Bench::new().await, Receiver::new().await);
    registered_by_api(&bench, &receiver.url()).await;
    let ticket = bench.angry().to_string();
    bench.psa.apply(&ticket, &[change(Lever::Status, Some("1"), "2")]).await.unwrap();
    let calls = receiver.calls(2).await;
    assert_eq!(told(&read(&calls[0].headers, &calls[0].body).await), format!("created {ticket}"));
    let second = told(&read(&calls[1].headers, &calls[1].body).await);
    assert_eq!(second, format!("other {ticket}: event “ticket status changed”, not a new ticket"));
    bench.check();
}

/// Registers with the calls that integrators use.
async fn registered_by_api(bench: &Bench, url: &str) {
    let outside = Outside::new(true);
    let caller = outside.caller("set-up", psa::halo::LIMITS);
    let base = bench.running.url();
    let credentials = bench.sandbox.credentials();
    let sign_in = server::outside::Call::new(Method::POST, format!("{base}/auth/token").parse().unwrap())
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &credentials.client_id),
            ("client_secret", &credentials.client_secret),
            ("scope", "all"),
        ]);
    let token = caller.call(sign_in).await.unwrap().json::<Value>().unwrap()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let post = async |path: &str, body: Value| {
        let call = server::outside::Call::new(Method::POST, format!("{base}/api/{path}").parse().unwrap())
            .header(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap())
            .json(&body);
        let answer = caller.call(call).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.excerpt());
        answer.json::<Value>().unwrap()
    };
    let hook = json!([{
        "name": "Undertone", "url": url, "type": 0, "method": 0, "active": true, "content_type": "application/json",
        "authentication_type": 1, "basic_username": "undertone", "basic_password": SECRET,
    }]);
    let id = post("Webhook", hook).await["id"].as_str().unwrap().to_owned();
    for event in ["3", "76"] {
        let rule =
            json!([{"webhook_id": id, "type": -2, "delivery_method": 6, "filter_type": 2, "eventno": event}]);
        let body = rule.to_string();
        // The published document knows the number as an integer; integrators send text. The stand-in takes both.
        post("Notification", serde_json::from_str(&body.replace(&format!("\"{event}\""), event)).unwrap())
            .await;
    }
}

#[tokio::test]
async fn credentials_are_checked_when_there_are_any() {
    let body = br#"{"event":"new ticket logged","object_id":5}"#;
    let accepted = [
        basic("undertone", SECRET),
        basic("anyone", SECRET),
        basic("", SECRET),
        with_header(&format!("Bearer {SECRET}")),
        with_header(&format!("bearer {SECRET}")),
        HeaderMap::new(),
    ];
    for headers in accepted {
        assert_eq!(told(&read(&headers, body).await), "created 5", "{headers:?}");
    }
    let refused = [
        basic("undertone", "wrong"),
        basic("undertone", ""),
        basic(SECRET, ""),
        with_header(&format!("Basic {}", STANDARD.encode(SECRET))),
        with_header("Basic %%%"),
        with_header("Basic"),
        with_header("Bearer wrong"),
        with_header(&format!("Digest {SECRET}")),
        with_header(SECRET),
        with_header(""),
    ];
    for headers in refused {
        assert_eq!(told(&read(&headers, body).await), "401", "{headers:?}");
        assert_eq!(told(&read(&headers, b"not json").await), "401", "credentials come first");
    }
    assert_eq!(told(&read_with("", &basic("u", ""), body).await), "401", "an empty secret opens nothing");
}

#[tokio::test]
async fn the_ticket_is_found_in_each_place_and_never_in_the_deliverys_guid() {
    let guid = "0a1b2c3d-0000-4000-8000-000000000001";
    let cases = [
        (json!({"id": guid, "event": "new ticket logged", "object_id": 5, "ticket": {"id": 6}}), "created 5"),
        (json!({"id": guid, "event": "New Ticket Logged", "ticket": {"id": "6"}}), "created 6"),
        (json!({"ticketId": "0004243"}), "created 4243"),
        (json!({"TICKET_ID": 7}), "created 7"),
        (json!({"data": {"ticket": {"id": 8}}}), "created 8"),
        (json!({"object": {"id": 9}}), "created 9"),
        (json!({"id": "10", "summary": "x"}), "created 10"),
        (
            json!({"event": "ticket status changed", "object_id": 5}),
            "other 5: event “ticket status changed”, not a new ticket",
        ),
        (json!({"event": "asset updated", "id": guid}), "other -: event “asset updated”, not a new ticket"),
    ];
    for (body, expected) in cases {
        assert_eq!(told(&read(&HeaderMap::new(), body.to_string().as_bytes()).await), expected, "{body}");
    }
    let nothing = [
        json!({"id": guid, "event": "new ticket logged"}),
        json!({"id": guid}),
        json!({"ticketId": "<<ticket^id!>>"}),
        json!({"object_id": 0}),
        json!({"object_id": -5}),
        json!({}),
    ];
    for body in nothing {
        let answer = told(&read(&HeaderMap::new(), body.to_string().as_bytes()).await);
        assert!(answer.starts_with("400 there is no ticket id in the body"), "{body}: {answer}");
    }
    for body in ["", "not json", "{", "5", "[]", "[{}]", "[5]"] {
        assert!(told(&read(&HeaderMap::new(), body.as_bytes()).await).starts_with("400 "), "{body}");
    }
}

#[tokio::test]
async fn one_odd_entry_of_a_batch_does_not_take_the_others_along() {
    let body = json!([{"event": "new ticket logged", "object_id": 5}, {"event": "new ticket logged"}, 7]);
    let found = read(&HeaderMap::new(), body.to_string().as_bytes()).await.unwrap().events;
    let told: Vec<String> = found.iter().map(meaning).collect();
    assert_eq!(told[0], "created 5");
    assert!(told[1].starts_with("other -: an entry of a batch: there is no ticket id"), "{told:?}");
    assert_eq!(told.len(), 3);
}

#[tokio::test]
async fn repeats_have_the_same_key_and_different_events_different_ones() {
    let event = |message: &str, name: &str| {
        json!({"id": "g", "webhook_id": "w", "escmsg_id": message, "event": name, "object_id": 5}).to_string()
    };
    let key = async |body: String| {
        read(&HeaderMap::new(), body.as_bytes()).await.unwrap().events.remove(0).dedupe_key
    };
    let new = key(event("m1", "new ticket logged")).await;
    assert_eq!(new, key(event("m2", "new ticket logged")).await, "a ticket is new once");
    let changed = key(event("m3", "ticket status changed")).await;
    assert_eq!(changed, key(event("m3", "ticket status changed")).await);
    assert_ne!(changed, key(event("m4", "ticket status changed")).await);
    assert_ne!(changed, new);
    let plain = |id: i64| json!({"event": "ticket updated", "object_id": id}).to_string();
    assert_ne!(key(plain(1)).await, key(plain(2)).await);
}

#[tokio::test]
async fn every_published_sample_is_accepted_or_refused_as_its_facts_say() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/psa/samples/halopsa"));
    if !folder.is_dir() {
        println!("left out: the published samples are not here");
        return;
    }
    let expected = [
        ("webhook_new_ticket_logged_full.constructed.json", "created 4243"),
        ("webhook_event_information_only.constructed.json", "created 4243"),
        (
            "webhook_ticket_status_changed.captured.json",
            "other 4242: event “ticket status changed”, not a new ticket",
        ),
        ("webhook_ticket_event.shape.json", "other 33479: event “...”, not a new ticket"),
        // Its variables are not filled in, so there is no ticket in it.
        ("runbook_custom_body.template.json", "400 there is no ticket id in the body"),
    ];
    for (name, meaning) in expected {
        let body = std::fs::read(folder.join(name)).unwrap();
        let answer = told(&read(&HeaderMap::new(), &body).await);
        assert!(answer.starts_with(meaning), "{name}: {answer}");
        assert_eq!(told(&read(&basic("halo", "wrong"), &body).await), "401", "{name} with a wrong password");
    }
    // The password in the sample's own header.
    let full = std::fs::read(folder.join(expected[0].0)).unwrap();
    let sent =
        std::fs::read_to_string(folder.join("webhook_new_ticket_logged_full.constructed.headers")).unwrap();
    let value = sent.lines().find_map(|line| line.strip_prefix("Authorization: ")).unwrap();
    assert_eq!(told(&read(&with_header(value), &full).await), "created 4243");
    let runbook = br#"{"ticketId": "4243", "ticketSummary": "x"}"#;
    assert_eq!(told(&read(&with_header(&format!("Bearer {SECRET}")), runbook).await), "created 4243");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            !name.ends_with(".json") || expected.iter().any(|(known, _)| *known == name),
            "{name} has no case"
        );
    }
}

#[tokio::test]
async fn a_ticket_made_on_the_page_is_a_ticket_like_any_other_and_our_work_shows_there() {
    let (bench, receiver) = (Bench::new().await, Receiver::new().await);
    bench.sandbox.subscribe(&receiver.url(), Some(SECRET), Payload::Full, 1);
    let form = "client=12&contact=77&title=From+the+page&note=Help%21";
    let made = page(&bench, Method::POST, "/sandbox/tickets", form).await;
    assert_eq!(made.status(), 303);
    let address = made.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let ticket = address.rsplit('/').next().unwrap();
    let call = receiver.calls(1).await.remove(0);
    assert_eq!(told(&read(&call.headers, &call.body).await), format!("created {ticket}"));
    assert_eq!(bench.psa.fetch(ticket).await.unwrap().unwrap().ticket.title, "From the page");

    bench.psa.apply(ticket, &[change(Lever::Priority, None, "1")]).await.unwrap();
    bench.psa.write_note(ticket, &note("We raised the priority.")).await.unwrap();
    for path in ["/", &address] {
        let shown = page(&bench, Method::GET, path, "").await;
        let html = axum::body::to_bytes(shown.into_body(), 1 << 20).await.unwrap();
        let html = String::from_utf8(html.to_vec()).unwrap();
        let words: &[&str] = if path == "/" {
            &["From the page"]
        } else {
            &["Sam Sample", "We raised the priority.", "Internal"]
        };
        assert!(words.iter().all(|word| html.contains(word)), "{path}: {html}");
    }
}

async fn page(bench: &Bench, method: Method, path: &str, form: &str) -> axum::response::Response {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(form.to_owned()))
        .unwrap();
    bench.sandbox.router().oneshot(request).await.unwrap()
}
