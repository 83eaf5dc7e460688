//! The one HTTP client: time-outs, retries of reads, per-connection limits and breaker, the address guard.
//!
//! Nothing of a body, a header or a query is logged: hosts, methods and statuses only. Redirects are not followed:
//! an API does not need them, and a tenant's address must not lead our requests and credentials elsewhere.

mod call;
mod guard;
mod lane;
mod span;

use crate::clock::{Clock, Luck};
use bytes::BytesMut;
use domain::backoff;
use guard::{ForbiddenAddress, Guard, VettingResolver};
use http::{HeaderMap, Method, StatusCode};
use lane::{HeldBack, Lane, Sharers};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

pub use call::{Answer, Call};
pub(crate) use span::{seconds, span};

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
    /// `Some` when nothing was sent because the last requests to this side failed: how long it is left alone.
    pub fn held_back(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { source: Some(source), .. } => match source.downcast_ref()? {
                HeldBack::Open { wait } => Some(*wait),
                HeldBack::Busy { .. } => None,
            },
            _ => None,
        }
    }
    /// How long the other side asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { after, .. } | Self::Failed { after, .. } => *after,
            _ => None,
        }
    }
}

/// How fast and how wide a connection may be used, by all processes together: each keeps to its even part of it
/// ([`Outside::shared_by`]). With more processes than requests at once, what they take too much shows in the other side's
/// complaints (429), which slow each of them down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests under way at once, about one object where calls name theirs ([`Call::about`]).
    pub parallel: usize,
    /// Requests in `per`; further ones wait.
    pub requests: u32,
    pub per: Duration,
}

impl Limits {
    /// The part of each of so many.
    fn among(self, sharers: u32) -> Self {
        let parallel = self.parallel / usize::try_from(sharers).unwrap_or(usize::MAX).max(1);
        let requests = self.requests / sharers.max(1);
        Self { parallel: parallel.max(1), requests: requests.max(1), per: self.per }
    }
}

/// The largest answer we read, in bytes.
const MAX_ANSWER: usize = 8 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Sends of one repeatable call.
const TRIES: u32 = 3;
/// The pauses between the tries of one call are this many times shorter than those between the attempts of a job.
const PAUSE_DIVISOR: u32 = 8;
/// The longest `Retry-After` that is waited for inside a call; longer ones are the caller's business.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest wait for a turn under our own limits.
const LONGEST_QUEUE: Duration = Duration::from_secs(10);
/// Lanes kept while nobody uses them, so that limits outlive a connection that is opened anew.
const MAX_IDLE_LANES: usize = 10_000;

/// Makes callers. One per process. Cheap to clone.
#[derive(Clone)]
pub struct Outside {
    inner: Arc<Inner>,
}

struct Inner {
    client: reqwest::Client,
    guard: Guard,
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
    luck: Luck,
    clock: Clock,
    sharers: Sharers,
}

impl Outside {
    /// `allow_private`: whether tenants' addresses may be private, loopback or plain http.
    pub fn new(allow_private: bool) -> Self {
        Self::by(Clock::system(), allow_private)
    }

    /// By another clock than the system's.
    pub fn by(clock: Clock, allow_private: bool) -> Self {
        // Fails when it is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = Guard { allow_private };
        // A machine without certificate authorities can still be used over plain http (a sandbox); https then fails
        // as unreachable.
        let client = builder(guard)
            .build()
            .or_else(|_| builder(guard).tls_certs_only([]).build())
            .expect("only a missing TLS provider or unreadable certificates could fail this");
        Self {
            inner: Arc::new(Inner {
                client,
                guard,
                lanes: Mutex::default(),
                luck: Luck::system(),
                clock,
                sharers: Sharers::default(),
            }),
        }
    }

    /// A caller with its own limits; `lane` keeps the limits of equal lanes together. Its first word is the kind that is
    /// counted in the metrics (`psa`, `model`, `hook`), the rest tells tenants apart.
    pub fn caller(&self, lane: &str, limits: Limits) -> Caller {
        let mut lanes = self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() > MAX_IDLE_LANES {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        let known = lanes.get(lane).filter(|known| known.limits == limits).cloned();
        let lane = known.unwrap_or_else(|| {
            let (sharers, clock) = (self.inner.sharers.clone(), self.inner.clock.clone());
            let fresh = Arc::new(Lane::new(kind_of(lane), limits, sharers, clock));
            lanes.insert(lane.to_owned(), Arc::clone(&fresh));
            fresh
        });
        drop(lanes);
        Caller { outside: self.clone(), lane }
    }

    /// So many processes use the same connections: each may use its part of what they allow.
    pub fn shared_by(&self, processes: u32) {
        self.inner.sharers.set(processes);
    }

    /// Among how many processes the limits are divided.
    pub fn sharers(&self) -> u32 {
        self.inner.sharers.count()
    }

    /// Checks an address that a tenant gave: https (unless private hosts are allowed), a host that is no private
    /// address, no credentials in it. What a name resolves to is vetted at each connection.
    pub fn check(&self, text: &str) -> Result<Url, CallError> {
        let url = Url::parse(text.trim()).map_err(|error| CallError::Forbidden {
            message: format!("“{text}” is not an address: {error}"),
        })?;
        self.inner.guard.check(&url)?;
        Ok(url)
    }
}

/// The kind of the lanes of models.
const MODEL: &str = "model";

/// A label must not grow with what callers think of.
fn kind_of(lane: &str) -> &'static str {
    let first = lane.split(' ').next().unwrap_or_default();
    ["psa", MODEL, "hook"].into_iter().find(|known| *known == first).unwrap_or("other")
}

fn builder(guard: Guard) -> reqwest::ClientBuilder {
    #[expect(clippy::disallowed_methods, reason = "the one HTTP client")]
    reqwest::Client::builder()
        .user_agent(concat!("Undertone/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        // A proxy would resolve names itself, behind the guard's back.
        .no_proxy()
        .dns_resolver(VettingResolver(guard))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(60))
        .referer(false)
}

/// Sends requests of one connection.
#[derive(Clone)]
pub struct Caller {
    outside: Outside,
    lane: Arc<Lane>,
}

impl Caller {
    /// Sends one request and reads the whole answer. A redirect is not followed: its answer is [`CallError::Malformed`].
    pub async fn call(&self, call: Call) -> Result<Answer, CallError> {
        self.outside.inner.guard.check(&call.url)?;
        let tries = if call.repeatable || call.method == Method::GET { TRIES } else { 1 };
        let mut attempt = 1;
        loop {
            let result = self.once(&call).await;
            let Some(asked) = worth_repeating(&result) else { return result };
            if attempt >= tries || asked.is_some_and(|asked| asked > LONGEST_PAUSE) {
                return result;
            }
            let doubled = backoff::after(attempt, None, self.outside.inner.luck.next()) / PAUSE_DIVISOR;
            tokio::time::sleep(asked.unwrap_or_default().max(doubled)).await;
            attempt += 1;
        }
    }

    async fn once(&self, call: &Call) -> Result<Answer, CallError> {
        let host = call.url.host_str().unwrap_or_default().to_owned();
        let patience = call.timeout.min(LONGEST_QUEUE);
        let turn = self.lane.enter(&call.object, call.tokens, patience).await;
        let _turn = turn.map_err(|held| match held {
            HeldBack::Busy { wait } => CallError::Throttled { host: host.clone(), after: Some(wait) },
            HeldBack::Open { .. } => {
                CallError::Unreachable { host: host.clone(), source: Some(Box::new(held)) }
            }
        })?;
        let result = self.send(call, host).await;
        self.lane.note(is_healthy(&result, call.away_at_500));
        if let Ok(answer) = &result {
            self.learn(answer);
        }
        tracing::debug!(
            host = call.url.host_str(),
            method = %call.method,
            status = result.as_ref().ok().map(|answer| answer.status.as_u16()),
            "called the outside"
        );
        metrics::counter!("undertone_outside_calls_total", "kind" => self.lane.kind, "outcome" => outcome_word(&result))
            .increment(1);
        result
    }

    /// What an answer says of the other side's limits.
    fn learn(&self, answer: &Answer) {
        if self.lane.kind == MODEL {
            // Its 429 has several meanings, which its adapter knows; others' headers of these names mean nothing.
            self.lane.told(&answer.headers);
        } else if answer.status == StatusCode::TOO_MANY_REQUESTS {
            self.lane.throttled(answer.retry_after());
        }
    }

    /// Whether asking pauses because the last requests failed.
    pub fn is_out(&self) -> bool {
        self.lane.is_out()
    }

    /// Whether the side answers again after asking had paused. Said once, to whoever asks first.
    pub fn came_back(&self) -> bool {
        self.lane.came_back()
    }

    /// Says once more that the side came back: whoever was told could not pass it on.
    pub fn say_again(&self) {
        self.lane.say_again();
    }

    /// The other side says, in words of its own, that this is too much: requests of this lane pause and then go more slowly.
    pub fn slow_down(&self, after: Option<Duration>) {
        self.lane.throttled(after);
    }

    /// Which part (0 to 1) of a budget that others use too is used up: the nearer to the end, the slower requests go.
    pub fn budget_used(&self, part: f64) {
        self.lane.used(part);
    }

    async fn send(&self, call: &Call, host: String) -> Result<Answer, CallError> {
        let client = &self.outside.inner.client;
        let mut request = client
            .request(call.method.clone(), call.url.clone())
            .headers(call.headers.clone())
            .timeout(call.timeout);
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let mut response = request.send().await.map_err(|error| failure(&host, error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_redirection() && headers.contains_key(http::header::LOCATION) {
            return Err(CallError::Malformed { what: redirect_words(&call.url, &headers), host });
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&host, error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(CallError::Malformed {
                    host,
                    what: format!("it is larger than {} MiB", MAX_ANSWER >> 20),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { host, status, headers, body: body.freeze() })
    }
}

/// `Some` when sending the same repeatable request again may help, with the pause the other side asked for.
fn worth_repeating(result: &Result<Answer, CallError>) -> Option<Option<Duration>> {
    match result {
        Ok(answer) if is_passing_status(answer.status) => Some(answer.retry_after()),
        Ok(_) => None,
        Err(error) if error.held_back().is_some() => None,
        Err(CallError::Unreachable { .. } | CallError::Unknown { .. }) => Some(None),
        Err(_) => None,
    }
}

/// 500 is not among them: Autotask answers it for wrong requests, and its adapter tells the two apart. Who means it by a
/// 500 says so by [`Call::away_at_500`].
fn is_passing_status(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Whether the other side is up, which is all the breaker asks; being told to slow down is a sign of life.
fn is_healthy(result: &Result<Answer, CallError>, away_at_500: bool) -> bool {
    match result {
        Ok(answer) if away_at_500 && answer.status.is_server_error() => false,
        Ok(answer) => answer.status == StatusCode::TOO_MANY_REQUESTS || !is_passing_status(answer.status),
        Err(CallError::Unreachable { .. } | CallError::Unknown { .. }) => false,
        Err(_) => true,
    }
}

fn outcome_word(result: &Result<Answer, CallError>) -> &'static str {
    match result {
        Ok(answer) if answer.status.is_success() => "ok",
        Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => "throttled",
        Ok(answer) if answer.status.is_server_error() => "failed",
        Ok(_) => "refused",
        Err(CallError::Unreachable { .. }) => "unreachable",
        Err(CallError::Unknown { .. }) => "cut",
        Err(_) => "unusable",
    }
}

/// Sorts a failure of the HTTP client; its address is taken out, as queries can carry credentials.
fn failure(host: &str, error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let host = host.to_owned();
    if find_cause::<ForbiddenAddress>(&error).is_some() {
        CallError::Forbidden { message: guard::forbidden_words(&host) }
    } else if error.is_connect() {
        CallError::Unreachable { host, source: Some(Box::new(error)) }
    } else {
        CallError::Unknown { host, source: Some(Box::new(error)) }
    }
}

fn find_cause<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
}

fn redirect_words(from: &Url, headers: &HeaderMap) -> String {
    let target = headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
    let host =
        target.and_then(|target| from.join(target).ok()).and_then(|url| url.host_str().map(str::to_owned));
    format!(
        "it redirects to {}, which is not followed; enter the final address",
        host.as_deref().unwrap_or("elsewhere")
    )
}

#[cfg(test)]
mod tests;
