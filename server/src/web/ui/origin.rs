//! Closes cross-site requests: besides the `SameSite` cookie, whatever is not a plain reading must come from one of our
//! own pages.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};
use std::sync::Arc;

/// Where our own pages live.
#[derive(Clone, Debug)]
pub(super) struct Home {
    origin: Arc<str>,
}

impl Home {
    pub(super) fn new(public_url: &str) -> Self {
        Self { origin: public_url.trim_end_matches('/').to_ascii_lowercase().into() }
    }

    /// `Sec-Fetch-Site` where the browser sends it (secure contexts); otherwise `Origin`, which every browser sends with
    /// a POST, compared with the public address and with the host that was asked. A request with neither is no form of ours.
    fn accepts(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        if let Some(site) = text(http::HeaderName::from_static("sec-fetch-site")) {
            return site == "same-origin";
        }
        let Some(origin) = text(header::ORIGIN) else { return false };
        let origin = origin.to_ascii_lowercase();
        let same_host = origin
            .split_once("://")
            .zip(text(header::HOST))
            .is_some_and(|((_, from), host)| from.eq_ignore_ascii_case(host));
        origin == *self.origin || same_host
    }
}

pub(super) async fn check(home: Home, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads || home.accepts(request.headers()) {
        return next.run(request).await;
    }
    let error = app::AppError::Invalid {
        field: String::new(),
        message: "This form was not sent from a page of Undertone. Open the page here and send it again."
            .into(),
    };
    (StatusCode::FORBIDDEN, Html(app::problem_page(&error, super::assets::current()))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_may_send_forms() {
        let home = Home::new("https://undertone.example/");
        let cases: [(&[(&str, &str)], bool); 9] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://undertone.example")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://undertone.example")], true),
            (&[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")], true),
            (&[("origin", "https://evil.example"), ("host", "undertone.example")], false),
            (&[("origin", "null"), ("host", "undertone.example")], false),
            (&[("host", "undertone.example")], false),
        ];
        for (headers, expected) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
            }
            assert_eq!(home.accepts(&map), expected, "{headers:?}");
        }
    }
}
