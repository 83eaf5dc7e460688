//! What holds for every answer: an id that the log has too, security headers, words for a panic.

use super::problem::Problem;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use std::any::Any;
use tracing::Instrument;
use url::Url;

/// Under this name each answer carries the id that the log has too.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How the outside reaches this instance.
#[derive(Clone)]
pub struct Site {
    pub public_url: Url,
}

/// Headers that every answer carries unless its maker set them. The Content-Security-Policy of a page is made with the
/// page, as it holds a nonce; what is no page gets the strictest one.
pub async fn headers(State(site): State<Site>, request: Request, next: Next) -> Response {
    let id = uuid::Uuid::now_v7().to_string();
    // Path and query may hold keys; the route alone is logged, where it is known.
    let span = tracing::info_span!("request", request.id = id, method = %request.method());
    let mut response = next.run(request).instrument(span).await;
    let https = site.public_url.scheme() == "https";
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    );
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    if https {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// A panic in a handler: the log has it, the caller gets a reference.
pub fn broken(_panic: Box<dyn Any + Send + 'static>) -> Response {
    let reference = uuid::Uuid::now_v7();
    tracing::error!(%reference, "a request panicked");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("something broke on our side (reference {reference})"),
    )
    .into_response()
}
