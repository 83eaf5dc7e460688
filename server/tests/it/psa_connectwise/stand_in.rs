//! The stand-in itself: it answers as the published document says, and keeps the documented rules of callbacks.

use super::*;
use crate::receiver::Receiver;
use base64::Engine;
use server::outside::{Answer, Call, Caller};

fn caller() -> Caller {
    Outside::new(true).caller("a browser", psa::connectwise::LIMITS)
}

async fn get(bench: &Bench, path: &str) -> Answer {
    let keys = bench.sandbox.keys();
    let pair = format!("{}+{}:{}", keys.company_id, keys.public_key, keys.private_key);
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let call = Call::get(format!("{}{path}", bench.running.url()).parse().unwrap())
        .header(http::header::AUTHORIZATION, basic.parse().unwrap())
        .header("clientid".parse().unwrap(), keys.client_id.parse().unwrap());
    caller().call(call).await.unwrap()
}

#[tokio::test]
async fn its_answers_are_those_of_the_published_document() {
    let Some(spec) = Published::Psa(PsaKind::ConnectWise).spec() else { return };
    let bench = Bench::new().await;
    bench.sandbox.register("http://127.0.0.1:9/?recordId=").unwrap();
    let (id, other) = (bench.angry(), bench.angry());
    bench.psa.write_note(&id.to_string(), &note("x")).await.unwrap();
    bench.sandbox.merge(id, other);
    for path in [
        format!("service/tickets/{id}"),
        format!("service/tickets/{id}/notes"),
        "service/tickets".into(),
        "service/boards".into(),
        "service/boards/30/statuses".into(),
        "service/boards/30/types".into(),
        "service/priorities".into(),
        "service/severities".into(),
        "service/impacts".into(),
        "service/sources".into(),
        "service/SLAs/3".into(),
        "company/contacts".into(),
        "company/companies".into(),
        "system/callbacks".into(),
        "system/info".into(),
        "service/tickets/1".into(),
    ] {
        let path = format!("/v4_6_release/apis/3.0/{path}");
        let answer = get(&bench, &path).await;
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
        complete(&path, &mut body);
        let checked = spec.check_answer("GET", &path, answer.status.as_u16(), body.to_string().as_bytes());
        assert_eq!(checked, Ok(()), "{path}: {body}");
    }
}

/// The document marks as required what a creation must send; a list leaves much of it out.
fn complete(path: &str, body: &mut Value) {
    if path.ends_with("/boards") {
        for row in body.as_array_mut().unwrap() {
            row["location"] = json!({});
            row["department"] = json!({});
        }
    }
}

#[tokio::test]
async fn a_callback_is_repeated_after_the_documented_codes_only() {
    for (answers, attempts, last) in [
        (vec![200], 1, Some(200)),
        (vec![429, 404, 202], 3, Some(202)),
        (vec![409, 419, 429], 3, Some(429)),
        (vec![500], 1, Some(500)),
        (vec![503], 1, Some(503)),
        (vec![401], 1, Some(401)),
    ] {
        let (bench, receiver) = (Bench::new().await, Receiver::new().await);
        bench.sandbox.retry_pause(Duration::from_millis(5));
        bench.sandbox.register(&format!("{}?recordId=", receiver.url())).unwrap();
        receiver.answer(answers.clone());
        bench.angry();
        bench.sandbox.settle().await;
        let sent = bench.sandbox.sent().remove(0);
        assert_eq!((sent.attempts, sent.status), (attempts, last), "{answers:?}");
        let calls = receiver.calls(1).await;
        assert!(
            calls.iter().all(|call| call.body == sent.body.as_bytes()
                && call.headers["x-content-signature"] == sent.signature)
        );
    }
}

#[tokio::test]
async fn a_callback_can_only_be_registered_once_and_with_sense() {
    let bench = Bench::new().await;
    bench.sandbox.register("https://app.example/hook?recordId=").unwrap();
    let again = bench.sandbox.register("https://app.example/hook?recordId=").unwrap_err();
    assert!(again.contains("ObjectExists"), "{again}");
    assert!(bench.sandbox.register("not an address").unwrap_err().contains("Invalid URL"));
}

#[tokio::test]
async fn a_ticket_made_on_the_page_is_seen_there_and_told_by_callback() {
    let (bench, receiver) = (Bench::new().await, Receiver::new().await);
    bench.sandbox.register(&format!("{}?recordId=", receiver.url())).unwrap();
    let page = async |path: &str| {
        let url = format!("{}{path}", bench.running.url()).parse().unwrap();
        let answer = caller().call(Call::get(url)).await.unwrap();
        (answer.status.as_u16(), String::from_utf8(answer.body.to_vec()).unwrap())
    };
    let post = async |fields: &[(&str, &str)]| {
        let url = format!("{}/sandbox/tickets", bench.running.url()).parse().unwrap();
        caller().call(Call::new(Method::POST, url).form(fields)).await
    };
    let (status, list) = page("/").await;
    assert_eq!(status, 200);
    assert!(list.contains("ConnectWise PSA (sandbox)") && list.contains("Cobalt Freight"), "{list}");
    assert_eq!((page("/sandbox/page.css").await.0, page("/sandbox/page.js").await.0), (200, 200));

    let refused =
        post(&[("client", "19303"), ("contact", "17700"), ("title", "<b>Trucks</b>"), ("note", "n")])
            .await
            .unwrap();
    assert_eq!(refused.status.as_u16(), 422);
    assert!(
        String::from_utf8_lossy(&refused.body).contains("&lt;b&gt;Trucks&lt;/b&gt;"),
        "what was typed is kept"
    );
    assert!(bench.sandbox.tickets().is_empty());

    // The answer leads to the ticket's page, which our client does not follow.
    let _ = post(&[
        ("client", "19303"),
        ("contact", "17704"),
        ("title", "Trucks stand still"),
        ("note", "All of them!"),
    ])
    .await;
    let id = bench.sandbox.tickets()[0];
    let call = receiver.calls(1).await.remove(0);
    let told: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!((&told["ID"], &told["Action"]), (&json!(id), &json!("added")));

    bench.psa.apply(&id.to_string(), &[change(Lever::Priority, CRITICAL)]).await.unwrap();
    bench.psa.write_note(&id.to_string(), &note("Raised")).await.unwrap();
    let (status, shown) = page(&format!("/sandbox/tickets/{id}")).await;
    assert_eq!(status, 200);
    for part in [
        "All of them!",
        "Dana Whitfield",
        "Priority 3 - Medium → Priority 1 - Critical",
        "UndertoneApi",
        "Raised",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert_eq!(shown.matches("class=\"mark\"").count(), 1, "one note is internal");
    assert_eq!(page("/sandbox/tickets/1").await.0, 404);
    assert!(
        bench.all().iter().all(|one| !one.path.starts_with("/sandbox")),
        "the page is not part of the recording"
    );
}
