//! What holds for every page and every call: security headers, requests from other sites, ids, panics.

use super::problem::Problem;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
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

/// Refuses a change that another site's page asks a signed-in browser for. Programs send none of these headers.
pub async fn same_origin(State(site): State<Site>, request: Request, next: Next) -> Response {
    if changes_something(request.method()) && !is_ours(request.headers(), &site.public_url) {
        tracing::warn!(method = %request.method(), "refused a request that another site's page made");
        return Problem::new(StatusCode::FORBIDDEN, "this request came from a page of another site")
            .into_response();
    }
    next.run(request).await
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// `Sec-Fetch-Site` is what browsers say of themselves; older ones send `Origin` alone.
fn is_ours(headers: &HeaderMap, public_url: &Url) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin" | "none") => return true,
        Some(_) => return false,
        None => {}
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let Ok(origin) = Url::parse(origin) else { return false };
    let named = text(header::HOST).and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    origin.origin() == public_url.origin() || named.is_some_and(|named| named.origin() == origin.origin())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_and_programs_may_change_something() {
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://undertone.example")], false),
            (&[("origin", "https://undertone.example")], true),
            (&[("origin", "https://undertone.example:444")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")], true),
            (&[("origin", "http://127.0.0.1:3001"), ("host", "127.0.0.1:3000")], false),
        ];
        let public_url = Url::parse("https://undertone.example").expect("an address");
        for (headers, expected) in cases {
            let map = headers
                .iter()
                .map(|(name, value)| {
                    (name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"))
                })
                .collect::<HeaderMap>();
            assert_eq!(is_ours(&map, &public_url), *expected, "{headers:?}");
        }
    }
}
