//! One request, and the answer to it.

use super::CallError;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

/// One request. Reads (`GET`, or `repeatable`) are repeated a few times on passing failures; writes never are.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
    pub timeout: Duration,
    pub repeatable: bool,
    /// What counts as one object where the other side limits requests by object.
    pub(super) object: String,
    /// What it will cost of a provider's tokens a minute.
    pub(super) tokens: u32,
    pub(super) away_at_500: bool,
}

impl Call {
    pub fn get(url: Url) -> Self {
        Self { repeatable: true, ..Self::new(Method::GET, url) }
    }
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            timeout: Duration::from_secs(20),
            repeatable: false,
            object: String::new(),
            tokens: 0,
            away_at_500: false,
        }
    }
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(Bytes::from(body.to_string()));
        self.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = Some(Bytes::from(
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish(),
        ));
        self.headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        self
    }
    /// A POST that only reads (Autotask queries) may be repeated like a GET.
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
    /// The object that it is about, of a few names: its requests at once are counted apart from others'.
    pub fn about(mut self, object: &str) -> Self {
        object.clone_into(&mut self.object);
        self
    }
    /// About how many tokens it will cost, prompt and answer.
    pub fn costs(mut self, tokens: u32) -> Self {
        self.tokens = tokens;
        self
    }
    /// To a side that is away whatever 5xx it answers, and not only when it says so by 502 to 504.
    pub fn away_at_500(mut self) -> Self {
        self.away_at_500 = true;
        self
    }
}

/// Any complete answer, whatever its status: what a status means differs by product, so adapters judge it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub host: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| CallError::Malformed {
            host: self.host.clone(),
            what: format!("not the JSON we expect: {error}"),
        })
    }
    /// `Retry-After` in seconds, or as a date measured against the answer's own `Date`, if given.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = |name| self.headers.get(name)?.to_str().ok().map(str::trim);
        let wanted = text(http::header::RETRY_AFTER)?;
        if let Ok(seconds) = wanted.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = |text| chrono::DateTime::parse_from_rfc2822(text).ok();
        let (until, now) = (date(wanted)?, date(text(http::header::DATE)?)?);
        Some((until - now).to_std().unwrap_or(Duration::ZERO))
    }
    /// The body as text, cut to what fits a message.
    pub fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(300).collect()
    }
}
