//! A story cannot end well when the program sent a request that the published documents do not allow.

use super::app::{TestApp, send};
use crate::spec::Published;
use bytes::Bytes;
use domain::PsaKind;
use http::Method;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the failing end of a story says; `None`: it ended well.
fn end(app: TestApp) -> Option<String> {
    let failure = catch_unwind(AssertUnwindSafe(|| drop(app))).err()?;
    Some(failure.downcast::<String>().map_or_else(|_| "no words".into(), |words| *words))
}

async fn sent_beside(method: Method, url: String, body: &str) {
    let json = ("content-type".to_owned(), "application/json".to_owned());
    send(method, &url, &[json], Bytes::from(body.to_owned())).await;
}

#[tokio::test]
async fn a_story_fails_by_a_wrong_request_to_its_desk_whatever_else_it_asserts() {
    for (kind, method, path, body) in [
        (
            PsaKind::ConnectWise,
            Method::POST,
            "/v4_6_release/apis/3.0/service/tickets/1/notes",
            r#"{"txt":"a"}"#,
        ),
        (PsaKind::Autotask, Method::PATCH, "/ATServicesRest/V1.0/Tickets", r#"{"id":1,"priorty":4}"#),
        (PsaKind::HaloPsa, Method::POST, "/api/Actions", r#"[{"ticketid_":1}]"#),
    ] {
        let app = TestApp::sqlite(kind).await.unwrap();
        app.ticket("5/5/5").await;
        assert!(app.desk.checked().is_none_or(|count| count > 5), "the story's own requests are checked");
        sent_beside(method, format!("{}{path}", app.desk.url()), body).await;
        expect_failure(end(app), path, Published::Psa(kind));
    }
}

#[tokio::test]
async fn a_story_fails_by_a_wrong_request_to_its_model() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    app.ticket("5/5/5").await;
    let path = "/v1/chat/completions";
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokenz":3}"#;
    sent_beside(Method::POST, app.model.url() + path, body).await;
    expect_failure(end(app), path, Published::OpenAi);
}

#[tokio::test]
async fn a_story_whose_requests_are_allowed_ends_well() {
    let app = TestApp::sqlite(PsaKind::HaloPsa).await.unwrap();
    app.ticket("5/5/5").await;
    assert_eq!(end(app), None);
}

fn expect_failure(end: Option<String>, path: &str, published: Published) {
    // Where the documents are not on this machine nothing can be caught, and that was said.
    if published.spec().is_some() {
        let words = end.unwrap_or_else(|| panic!("the wrong request to {path} went unnoticed"));
        assert!(words.contains(path), "{words}");
    }
}
