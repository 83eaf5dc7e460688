//! What Autotask calls us with: the stand-in's own calls, the published samples, and fixtures of our own.

use super::{Bench, change, note};
use crate::receiver::Receiver;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{Lever, PsaKind};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, Method, header};
use sandbox::autotask::{Autotask, Credentials, NewTicket};
use sandbox::deliver::Retry;
use serde_json::{Value, json};
use server::outside::Outside;
use server::psa::{self, HookContext, HookError, HookMeaning, Hooked};
use sha1::Sha1;
use std::path::Path;
use std::time::Duration;
use tower::ServiceExt;

const SECRET: &str = "test-webhook-secret";

async fn read(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<Hooked, HookError> {
    let outside = Outside::new(false);
    let context =
        HookContext { settings: None, secret, headers, query: None, body, outside: &outside, lane: "t" };
    psa::read_hook(PsaKind::Autotask, &context).await
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha1={}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn signed(body: &[u8]) -> HeaderMap {
    with_header(&signature(SECRET, body))
}

fn with_header(value: &str) -> HeaderMap {
    HeaderMap::from_iter([("x-hook-signature".parse().unwrap(), HeaderValue::from_str(value).unwrap())])
}

/// `created 5`, `other 5: update of a ticket`, `401`, `400 …`.
fn told(result: &Result<Hooked, HookError>) -> String {
    match result {
        Err(HookError::Unauthorised(_)) => "401".into(),
        Err(HookError::Malformed(what)) => format!("400 {what}"),
        Ok(hooked) => {
            let [event] = hooked.events.as_slice() else { return format!("{} events", hooked.events.len()) };
            match &event.meaning {
                HookMeaning::Created { ticket } => format!("created {ticket}"),
                HookMeaning::Other { ticket, reason } => {
                    format!("other {}: {reason}", ticket.as_deref().unwrap_or("-"))
                }
            }
        }
    }
}

#[tokio::test]
async fn the_stand_ins_own_call_is_verified_and_names_the_new_ticket() {
    let (bench, receiver) = (Bench::new().await, Receiver::new().await);
    bench.sandbox.subscribe(&receiver.url(), SECRET).unwrap();
    let id = bench.sandbox.create_ticket(NewTicket {
        company: 175,
        title: "O'Brien can't print <urgent> & \"now\" – café+1".into(),
        ..NewTicket::default()
    });
    let call = receiver.calls(1).await.remove(0);
    let result = read(SECRET, &call.headers, &call.body).await;
    assert_eq!(told(&result), format!("created {id}"));
    assert!(
        String::from_utf8(call.body.clone()).unwrap().contains("caf\\u00E9\\u002B1"),
        "as .NET writes it"
    );
    assert_eq!(told(&read("another secret", &call.headers, &call.body).await), "401");
    for at in 0..call.body.len() {
        let mut tampered = call.body.clone();
        tampered[at] ^= 1;
        assert_eq!(told(&read(SECRET, &call.headers, &tampered).await), "401", "byte {at}");
    }
}

#[tokio::test]
async fn our_own_changes_raise_updates_that_are_not_analysed() {
    let (bench, receiver) = (Bench::new().await, Receiver::new().await);
    let id = subscribed_by_api(&bench, &receiver.url(), true).await;
    let ticket = bench.angry().to_string();
    bench.psa.apply(&ticket, &[change(Lever::Priority, Some("3"), "4")]).await.unwrap();
    let calls = receiver.calls(2).await;
    let first = read(SECRET, &calls[0].headers, &calls[0].body).await;
    let second = read(SECRET, &calls[1].headers, &calls[1].body).await;
    assert_eq!(told(&first), format!("created {ticket}"));
    assert_eq!(told(&second), format!("other {ticket}: update of a ticket"));
    assert_ne!(first.unwrap().events[0].dedupe_key, second.unwrap().events[0].dedupe_key);
    assert!(bench.sandbox.webhook_active(id));
}

/// Registers with the REST calls that the vendor's guide lists.
async fn subscribed_by_api(bench: &Bench, url: &str, updates: bool) -> i64 {
    let credentials = bench.sandbox.credentials();
    let outside = Outside::new(true);
    let caller = outside.caller("set-up", psa::autotask::LIMITS);
    let post = async |path: &str, body: Value| {
        let url = format!("{}V1.0/{path}", bench.sandbox.zone_url()).parse().unwrap();
        let header = |text: &str| HeaderValue::from_str(text).unwrap();
        let call = server::outside::Call::new(Method::POST, url)
            .header("username".parse().unwrap(), header(&credentials.username))
            .header("secret".parse().unwrap(), header(&credentials.secret))
            .header("apiintegrationcode".parse().unwrap(), header(&credentials.integration_code))
            .json(&body);
        let answer = caller.call(call).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.excerpt());
        answer.json::<Value>().unwrap()["itemId"].as_i64().unwrap()
    };
    let hook = json!({
        "isActive": true, "deactivationUrl": url, "isSubscribedToCreateEvents": true,
        "isSubscribedToUpdateEvents": updates, "isSubscribedToDeleteEvents": false, "name": "Ticket triage",
        "secretKey": SECRET, "sendThresholdExceededNotification": true, "webhookUrl": url,
    });
    let id = post("TicketWebhooks", hook).await;
    for field in [2, 6] {
        let field = json!({"webhookID": id, "fieldID": field, "isDisplayAlwaysField": true, "isSubscribedField": true});
        post(&format!("TicketWebhooks/{id}/Fields"), field).await;
    }
    id
}

#[tokio::test]
async fn a_receiver_that_fails_is_asked_again_and_in_the_end_told_that_it_is_switched_off() {
    let retry = Retry {
        timeout: Duration::from_secs(5),
        tries: 3,
        pause: Duration::from_millis(5),
        gives_up_after: Some(2),
    };
    let sandbox = Autotask::new(Credentials::default(), retry);
    let receiver = Receiver::new().await;
    let id = sandbox.subscribe(&receiver.url(), SECRET).unwrap();
    receiver.answer([503, 200]);
    let new = || NewTicket { company: 174, title: "t".into(), ..NewTicket::default() };
    sandbox.create_ticket(new());
    let calls = receiver.calls(2).await;
    assert_eq!(calls[0].body, calls[1].body, "the same call again");
    let key = |result: Result<Hooked, HookError>| result.unwrap().events[0].dedupe_key.clone();
    let keys = [
        key(read(SECRET, &calls[0].headers, &calls[0].body).await),
        key(read(SECRET, &calls[1].headers, &calls[1].body).await),
    ];
    assert_eq!(keys[0], keys[1]);

    receiver.answer([500; 6]);
    sandbox.create_ticket(new());
    sandbox.create_ticket(new());
    let last = receiver.calls(2 + 6 + 1).await.pop().unwrap();
    assert!(!sandbox.webhook_active(id));
    let result = read(SECRET, &last.headers, &last.body).await;
    assert!(
        told(&result).starts_with("other -: Autotask says it switched this webhook off"),
        "{}",
        told(&result)
    );
}

#[tokio::test]
async fn each_kind_of_call_is_told_apart() {
    let cases = [
        (
            json!({"Action":"Create","Guid":"g","EntityType":"Ticket","Id":5,"Fields":{"TicketNumber":"T1"}}),
            "created 5",
        ),
        (
            json!({"action":"create","entityType":"Tickets","id":"5","fields":[{"name":"a","value":"b"}]}),
            "created 5",
        ),
        (json!({"ACTION":"Create","ENTITYTYPE":"ticket","ID":5,"PersonID":4}), "created 5"),
        (json!({"Action":"Update","EntityType":"Ticket","Id":5}), "other 5: update of a ticket"),
        (json!({"Action":"Delete","EntityType":"Ticket","Id":5}), "other 5: deletion of a ticket"),
        (json!({"Action":"Merge","EntityType":"Ticket","Id":5}), "other 5: event “merge” of a ticket"),
        (
            json!({"Action":"Create","EntityType":"TicketNote","Id":9}),
            "other -: event about TicketNote, not a ticket",
        ),
        (
            json!({"Action":"Create","EntityType":"Account","Id":9}),
            "other -: event about Account, not a ticket",
        ),
        (json!({"Action":"Delete","EntityType":"Contact"}), "other -: event about Contact, not a ticket"),
        (json!({"Action":"Create","EntityType":"Ticket"}), "400 there is no ticket id (Id) in the body"),
        (
            json!({"Action":"Create","EntityType":"Ticket","Id":"abc"}),
            "400 there is no ticket id (Id) in the body",
        ),
        (json!({"EntityType":"Ticket","Id":5}), "400 there is no Action in the body"),
        (json!({"Action":"Create","Id":5}), "400 there is no EntityType in the body"),
    ];
    for (body, expected) in cases {
        let bytes = body.to_string().into_bytes();
        assert_eq!(told(&read(SECRET, &signed(&bytes), &bytes).await), expected, "{body}");
        let unsigned = told(&read(SECRET, &HeaderMap::new(), &bytes).await);
        assert_eq!(unsigned, "401", "{body} without a signature");
    }
}

#[tokio::test]
async fn a_signature_in_any_other_form_is_refused() {
    let body = br#"{"Action":"Create","Guid":"g","EntityType":"Ticket","Id":5}"#;
    let right = signature(SECRET, body);
    let raw = STANDARD.decode(right.strip_prefix("sha1=").unwrap()).unwrap();
    assert_eq!(told(&read(SECRET, &with_header(&right), body).await), "created 5");
    assert_eq!(told(&read(SECRET, &with_header(&right.replace("sha1", "SHA1")), body).await), "created 5");
    let hexed: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    let cases = [
        String::new(),
        "sha1=".to_owned(),
        right.replace("sha1=", ""),
        right.replace("sha1", "sha256"),
        format!("sha1={hexed}"),
        format!("sha1={}", STANDARD.encode(&raw[..10])),
        "sha1=%%%".to_owned(),
    ];
    for value in cases {
        assert_eq!(told(&read(SECRET, &with_header(&value), body).await), "401", "{value}");
    }
    assert_eq!(
        told(&read("", &with_header(&signature("", body)), body).await),
        "401",
        "an empty secret verifies nothing"
    );
}

#[tokio::test]
async fn a_body_that_was_rewritten_on_the_way_still_verifies_but_not_a_changed_one() {
    let sent = r#"{"Action":"Create","EntityType":"Ticket","Id":5,"Fields":{"Title":"can\u0027t \u003Cprint\u003E caf\u00E9"}}"#;
    let headers = signed(sent.as_bytes());
    let rewritten = r#"{ "Action": "Create", "EntityType": "Ticket", "Id": 5, "Fields": { "Title": "can't <print> café" } }"#;
    assert_eq!(told(&read(SECRET, &headers, rewritten.as_bytes()).await), "created 5");
    for (from, to) in [("5", "6"), ("café", "cafe"), ("Create", "Update")] {
        let changed = rewritten.replace(from, to);
        assert_eq!(told(&read(SECRET, &headers, changed.as_bytes()).await), "401", "{changed}");
    }
}

#[tokio::test]
async fn an_extension_callout_names_its_ticket_in_any_of_its_forms() {
    let cases: [(&str, &str); 14] = [
        ("id=7865&number=T20191029.0002&status=New", "created 7865"),
        ("TicketID=7865", "created 7865"),
        ("ticket_id=7865", "created 7865"),
        ("number=T20191029.0002&status=New", "created T20191029.0002"),
        ("TicketNumber=T20120604.0002.005", "created T20120604.0002.005"),
        (r#"{"id":"7865","status":"New"}"#, "created 7865"),
        (r#"{"ticketNumber":"T20191029.0002"}"#, "created T20191029.0002"),
        (
            "<?xml version=\"1.0\"?><ticket><id>7865</id><company><id>9</id></company></ticket>",
            "created 7865",
        ),
        ("<Ticket TicketNumber=\"T20191029.0002\"/>", "created T20191029.0002"),
        (
            "status=New",
            "400 there is no ticket in the body: expected one of id, ticketid, ticket_id, number, ticketnumber",
        ),
        (
            "number=%3Cscript%3E",
            "400 there is no ticket in the body: expected one of id, ticketid, ticket_id, number, ticketnumber",
        ),
        ("", "400 the body is empty"),
        ("hello", "400 the body is neither JSON nor a form"),
        ("[1]", "400 the body is a JSON array; Autotask sends one object per call"),
    ];
    for (body, expected) in cases {
        assert_eq!(told(&read(SECRET, &HeaderMap::new(), body.as_bytes()).await), expected, "{body}");
    }
    for broken in ["{\"id\":", "<ticket><id>5"] {
        assert!(
            told(&read(SECRET, &HeaderMap::new(), broken.as_bytes()).await)
                .starts_with("400 the body is not"),
            "{broken}"
        );
    }
}

#[tokio::test]
async fn a_callout_and_a_webhook_about_the_same_ticket_are_one_event() {
    let hook = br#"{"Action":"Create","EntityType":"Ticket","Id":7865,"SequenceNumber":3}"#;
    let again = br#"{"Action":"Create","EntityType":"Ticket","Id":7865,"SequenceNumber":4}"#;
    let key = async |headers: HeaderMap, body: &[u8]| {
        read(SECRET, &headers, body).await.unwrap().events[0].dedupe_key.clone()
    };
    let one = key(signed(hook), hook).await;
    assert_eq!(one, key(signed(again), again).await);
    assert_eq!(one, key(HeaderMap::new(), b"id=7865&status=New").await);
    let update = |sequence: i64| {
        json!({"Action":"Update","EntityType":"Ticket","Id":7865,"SequenceNumber":sequence}).to_string()
    };
    let (first, second) = (update(1), update(2));
    assert_ne!(
        key(signed(first.as_bytes()), first.as_bytes()).await,
        key(signed(second.as_bytes()), second.as_bytes()).await
    );
}

/// The folder of published samples; `None`, with a printed line, where it is absent.
fn samples() -> Option<std::path::PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/psa/samples/autotask"));
    if !folder.is_dir() {
        println!("left out: the published samples are not here");
        return None;
    }
    Some(folder.to_owned())
}

fn headers_of(file: &Path) -> HeaderMap {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("POST "))
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| {
            (name.to_lowercase().parse().unwrap(), HeaderValue::from_str(value.trim()).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn every_published_sample_is_accepted_or_refused_as_its_facts_say() {
    let Some(folder) = samples() else { return };
    let expected = [
        ("ticket_create.nango.json", "created 351181"),
        ("ticket_create_escaped.constructed.json", "created 351190"),
        ("ticket_create_fields_array.constructed.json", "created 351190"),
        ("ticket_update.nango_fixture.json", "other 351182: update of a ticket"),
        ("ticket_update.camelcase_fields_fixture.json", "other 208847: update of a ticket"),
        ("ticket_update.plural_entity_fixture.json", "other 1: update of a ticket"),
        ("configurationitem_update.gds_fixture.json", "other -: event about ConfigurationItem, not a ticket"),
        ("contact_delete_no_fields.gds_fixture.json", "other -: event about Contact, not a ticket"),
        ("deactivated.constructed.json", "other -: Autotask says it switched this webhook off"),
        ("extension_callout_ticket.topleft.form", "created 7865"),
        ("envelope.n8n_shape.json", "401"),
    ];
    for (name, meaning) in expected {
        let file = folder.join(name);
        let body = std::fs::read(&file).unwrap();
        let headers = headers_of(&file.with_extension("headers"));
        let result = read(SECRET, &headers, &body).await;
        assert!(told(&result).starts_with(meaning), "{name}: {}", told(&result));
        if headers.contains_key("x-hook-signature") {
            assert_eq!(told(&read("wrong", &headers, &body).await), "401", "{name} with another secret");
            let mut tampered = body.clone();
            tampered[body.len() / 2] ^= 1;
            assert_eq!(told(&read(SECRET, &headers, &tampered).await), "401", "{name} tampered");
        }
    }
    let known: Vec<&str> = expected.iter().map(|(name, _)| *name).chain(["signature_vector.json"]).collect();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_call = name.ends_with(".json") || name.ends_with(".form");
        assert!(!is_call || known.contains(&name.as_str()), "{name} is a sample that no case speaks of");
    }
}

#[tokio::test]
async fn the_published_signature_vector_is_accepted() {
    let Some(folder) = samples() else { return };
    let vector: Value =
        serde_json::from_slice(&std::fs::read(folder.join("signature_vector.json")).unwrap()).unwrap();
    let text = |key: &str| vector[key].as_str().unwrap();
    let (secret, body) = (text("secret"), text("body"));
    let headers = with_header(text("value"));
    assert_eq!(
        told(&read(secret, &headers, body.as_bytes()).await),
        "created 123",
        "a callout may be signed too"
    );
    assert_eq!(told(&read(secret, &headers, body.replace("123", "124").as_bytes()).await), "401");
}

#[tokio::test]
async fn a_ticket_made_on_the_page_is_a_ticket_like_any_other_and_our_work_shows_there() {
    let (bench, receiver) = (Bench::new().await, Receiver::new().await);
    bench.sandbox.subscribe(&receiver.url(), SECRET).unwrap();
    let form = "client=174&contact=29683586&title=From+the+page&note=Help%21";
    let made = page(&bench, Method::POST, "/sandbox/tickets", form).await;
    assert_eq!(made.status(), 303);
    let address = made.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let ticket = address.rsplit('/').next().unwrap();
    let call = receiver.calls(1).await.remove(0);
    assert_eq!(told(&read(SECRET, &call.headers, &call.body).await), format!("created {ticket}"));
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
            &["Nora Lindqvist", "We raised the priority.", "Internal"]
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
