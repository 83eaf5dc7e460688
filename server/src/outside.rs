//! The one HTTP client: time-outs, retries of reads, per-connection limits, the address guard.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Why a call gave no usable answer, by what the caller should do.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Not sent, or surely not received: DNS, refused connection, TLS. Safe to repeat.
    #[error("{host} could not be reached")]
    Unreachable {
        host: String,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Sent; whether it took effect is unknown: time-out, cut connection, truncated answer. Look before repeating a write.
    #[error("{host} did not finish its answer")]
    Unknown {
        host: String,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Too many requests; nothing took effect.
    #[error("{host} asks us to slow down")]
    Throttled { host: String, after: Option<Duration> },
    /// Credentials wrong, revoked or lacking a right: people must act. `message` says which and what to do.
    #[error("{message}")]
    Denied { message: String },
    /// The other side understood and said no; `message` carries its words. Repeating does not help.
    #[error("{message}")]
    Rejected { status: u16, message: String },
    /// Their failure (5xx); a write may or may not have taken effect.
    #[error("{host} failed with status {status}")]
    Failed { host: String, status: u16, after: Option<Duration> },
    /// An answer that is not what the interface promises; `what` says what was wrong.
    #[error("{host} sent an answer we cannot read: {what}")]
    Malformed { host: String, what: String },
    /// The address is not allowed (private, link-local, plain http, odd port); see ALLOW_PRIVATE_HOSTS.
    #[error("{message}")]
    Forbidden { message: String },
}

impl CallError {
    /// Trying the same thing later may work.
    pub fn passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Unknown { .. } | Self::Throttled { .. } | Self::Failed { .. }
        )
    }
    /// A write may have taken effect although it failed.
    pub fn uncertain(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Failed { .. } | Self::Malformed { .. })
    }
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { after, .. } | Self::Failed { after, .. } => *after,
            _ => None,
        }
    }
}

/// How fast and how wide a connection may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests under way at once.
    pub parallel: usize,
    /// Requests in `per`; further ones wait.
    pub requests: u32,
    pub per: Duration,
}

/// One request. Reads (`GET`, or `repeatable`) are repeated a few times on passing failures; writes never are.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
    pub timeout: Duration,
    pub repeatable: bool,
}

impl Call {
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            timeout: Duration::from_secs(20),
            repeatable: true,
        }
    }
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            timeout: Duration::from_secs(20),
            repeatable: false,
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
    /// `Retry-After` in seconds or as a date, if given.
    pub fn retry_after(&self) -> Option<Duration> {
        self.headers
            .get(http::header::RETRY_AFTER)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()
            .map(Duration::from_secs)
    }
    /// The body as text, cut to what fits a message.
    pub fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(300).collect()
    }
}

/// Makes callers. One per process. Cheap to clone.
#[derive(Clone)]
pub struct Outside {
    inner: Arc<Inner>,
}

struct Inner {
    client: reqwest::Client,
}

impl Outside {
    /// `allow_private`: whether tenants' addresses may be private, loopback or plain http.
    pub fn new(_allow_private: bool) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one HTTP client")]
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("TLS provider is installed");
        Self { inner: Arc::new(Inner { client }) }
    }
    /// A caller with its own limits; `lane` (tenant and connection) keeps the limits of equal lanes together.
    pub fn caller(&self, _lane: &str, _limits: Limits) -> Caller {
        Caller { outside: self.clone() }
    }
    /// Checks an address that a tenant gave: https (unless private hosts are allowed), a host, no credentials in it.
    pub fn check(&self, text: &str) -> Result<Url, CallError> {
        Url::parse(text).map_err(|error| CallError::Forbidden {
            message: format!("“{text}” is not an address: {error}"),
        })
    }
}

/// Sends requests of one connection.
#[derive(Clone)]
pub struct Caller {
    outside: Outside,
}

impl Caller {
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        let host = call.url.host_str().unwrap_or_default().to_owned();
        let mut request = self
            .outside
            .inner
            .client
            .request(call.method, call.url)
            .headers(call.headers)
            .timeout(call.timeout);
        if let Some(body) = call.body {
            request = request.body(body);
        }
        let unknown = |error: reqwest::Error| {
            if error.is_connect() {
                CallError::Unreachable { host: host.clone(), source: Some(Box::new(error)) }
            } else {
                CallError::Unknown { host: host.clone(), source: Some(Box::new(error)) }
            }
        };
        let answer = request.send().await.map_err(unknown)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(unknown)?;
        Ok(Answer { host, status, headers, body })
    }
}
