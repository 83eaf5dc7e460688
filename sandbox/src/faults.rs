//! Makes a stand-in misbehave on demand, and records what it was asked: one axum layer for all four.

use crate::record::{Recorded, Recorder};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers with this status and body; does not act.
    Answer { status: u16, content_type: &'static str, body: String, retry_after: Option<u64> },
    /// Waits, then acts and answers as usual.
    Delay(Duration),
    /// Acts at once, then keeps its answer back for so long.
    Slow(Duration),
    /// Acts, then cuts the connection without a complete answer.
    CutAfterActing,
    /// Cuts the connection without acting.
    CutBeforeActing,
    /// Acts, then answers 200 with a page instead of what was promised.
    Garbage,
}

impl Fault {
    /// For counts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Answer { status: 200..=299, .. } => "false success",
            Self::Answer { status: 429, .. } => "throttled",
            Self::Answer { status: 500..=599, .. } => "5xx",
            Self::Answer { .. } => "refused",
            Self::Delay(_) => "delayed",
            Self::Slow(_) => "answered late",
            Self::CutAfterActing => "cut after acting",
            Self::CutBeforeActing => "cut before acting",
            Self::Garbage => "garbage",
        }
    }

    fn acts(&self) -> bool {
        !matches!(self, Self::Answer { .. } | Self::CutBeforeActing)
    }
}

struct Rule {
    method: Option<Method>,
    path_contains: String,
    times: u32,
    fault: Fault,
}

/// Rules that are used up as requests match them, first match first. Cheap to clone.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

impl Faults {
    /// The next `times` requests whose path contains `path_contains` (and whose method is `method`, if given) go wrong.
    pub fn add(&self, method: Option<Method>, path_contains: &str, times: u32, fault: Fault) {
        let rule = Rule { method, path_contains: path_contains.to_owned(), times, fault };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
    fn take(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = rules.iter().position(|rule| {
            rule.times > 0
                && rule.method.as_ref().is_none_or(|wanted| wanted == method)
                && path.contains(&rule.path_contains)
        })?;
        let rule = rules.get_mut(at)?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }
}

/// State of [`layer`].
#[derive(Clone, Default)]
pub struct Watch {
    pub faults: Faults,
    pub recorder: Recorder,
}

/// Records each request and applies the next matching fault. Use with `axum::middleware::from_fn_with_state`.
pub async fn layer(State(watch): State<Watch>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 4 << 20).await.unwrap_or_default();
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let mut recorded = Recorded {
        method: method.clone(),
        path: path.clone(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers.clone(),
        body: bytes.to_vec(),
        status: StatusCode::OK,
        acted: true,
        fault: None,
    };
    let request = Request::from_parts(parts, Body::from(bytes));
    let fault = watch.faults.take(&method, &path);
    if let Some(fault) = &fault {
        (recorded.acted, recorded.fault) = (fault.acts(), Some(fault.name()));
    }
    let response = match fault {
        None => next.run(request).await,
        Some(Fault::Answer { status, content_type, body, retry_after }) => {
            answer(status, content_type, body, retry_after)
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            next.run(request).await
        }
        Some(Fault::Slow(time)) => {
            let response = next.run(request).await;
            recorded.status = response.status();
            // Before the wait: a caller that does not wait so long ends this.
            watch.recorder.note(recorded);
            tokio::time::sleep(time).await;
            return response;
        }
        Some(Fault::CutBeforeActing) => cut(),
        Some(Fault::CutAfterActing) => {
            next.run(request).await;
            cut()
        }
        Some(Fault::Garbage) => {
            next.run(request).await;
            answer(
                200,
                "text/html",
                "<html><body>Please sign in to the guest network</body></html>".into(),
                None,
            )
        }
    };
    recorded.status = response.status();
    watch.recorder.note(recorded);
    response
}

fn answer(status: u16, content_type: &'static str, body: String, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response =
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))], body).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// An answer whose body breaks off: the client sees a cut connection.
fn cut() -> Response {
    let broken = futures::stream::iter([
        Ok::<_, std::io::Error>(Bytes::from_static(b"{\"i")),
        Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "cut on purpose")),
    ]);
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(broken)).into_response()
}
