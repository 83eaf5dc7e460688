//! The webhook door: `POST /hooks/{psa}/{key}`.
//!
//! INVARIANT: a call is answered 202 only after its delivery and first job are committed together; nothing else happens
//! in the request (no PSA, no model). Everything that goes wrong has an answer below 500 but one: 503 with
//! `Retry-After`, when the delivery could not be made durable; ConnectWise is told 429 then.
//!
//! What the senders expect, with sources in `psa/`: ConnectWise waits 5 s and tries again only after 404, 409, 419 and
//! 429, two and six seconds later, so a 503 would lose the ticket; Autotask waits 10 s, tries 5 times and switches the webhook off after 25 failures in a row; Halo promises
//! nothing. Hence events that we ignore are acknowledged like the others, and a store that is busy for a moment is
//! asked again while the sender still waits.

mod addresses;
mod body;
mod room;

use crate::clock::Clock;
use crate::outside::Outside;
use crate::psa::{HookContext, HookError, HookEvent, HookMeaning, Hooked, read_hook};
use crate::queue::Checkpoints;
use crate::telemetry;
use crate::web::problem::Problem;
use addresses::{Addresses, is_of};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use domain::{PsaKind, TenantId};
use futures::FutureExt;
use governor::{DefaultKeyedRateLimiter, Quota};
use http::{HeaderMap, StatusCode, header};
use room::Room;
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use store::connections::HookOwner;
use store::door::{Accepted, Disposition, NewDelivery};
use store::{Store, StoreError};
use tracing::Instrument;

/// Under this name the query of a ConnectWise call is kept beside its headers, for a later check of its signature.
pub const KEPT_QUERY: &str = ":query";
/// Headers that are kept with a delivery. None of them is a credential.
const KEPT_HEADERS: [&str; 4] = ["content-type", "user-agent", "x-content-signature", "x-hook-signature"];
/// Events in one call (Halo can batch); more is not a webhook.
const MAX_EVENTS: usize = 1_000;
const BURST: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// What the door needs.
pub struct Door {
    store: Store,
    outside: Outside,
    clock: Clock,
    addresses: Addresses,
    pace: DefaultKeyedRateLimiter<TenantId>,
    room: Room,
    checkpoints: Checkpoints,
}

impl Door {
    /// `rate`: calls a second of one tenant; a burst may have ten times as many.
    pub fn new(
        store: Store,
        outside: Outside,
        clock: Clock,
        rate: NonZeroU32,
        checkpoints: Checkpoints,
    ) -> Self {
        let quota = Quota::per_second(rate).allow_burst(rate.saturating_mul(BURST));
        let addresses = Addresses::new(store.clone());
        let (pace, room) = (DefaultKeyedRateLimiter::keyed(quota), Room::default());
        Self { addresses, store, outside, clock, pace, room, checkpoints }
    }
}

/// Mounts the door. No compression, sessions or other layers belong around it.
pub fn router(door: Door) -> Router {
    let only_post = || async {
        Problem::method_not_allowed(
            "POST",
            "this address takes webhook calls of your PSA, sent as POST. Enter it in your PSA; opening it in a browser does nothing",
        )
    };
    let nobody = || async { answer(None, Err(Refusal::NoSuchAddress)) };
    Router::new()
        .route("/hooks/{psa}/{key}", post(receive).fallback(only_post))
        // Not left to the screens: who is told of forms here would not know what to do.
        .route("/hooks", any(nobody))
        .route("/hooks/", any(nobody))
        .route("/hooks/{psa}", any(nobody))
        .route("/hooks/{psa}/{key}/", any(nobody))
        .route("/hooks/{psa}/{key}/{*more}", any(nobody))
        .with_state(Arc::new(door))
}

async fn receive(
    State(door): State<Arc<Door>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    // What is no text is no key of ours.
    let Ok(Path((psa, key))) = path else { return answer(None, Err(Refusal::NoSuchAddress)) };
    let kind: Option<PsaKind> = psa.parse().ok();
    let span = tracing::info_span!(
        "hook",
        psa.kind = kind.map(PsaKind::slug),
        tenant.id = tracing::field::Empty,
        // Of a proxy in front of us. Ours is another: a stranger must not choose under which one tickets are found.
        caller.trace_id = telemetry::callers_trace(request.headers()),
    );
    let work = async {
        let Some(psa) = kind else { return Err(Refusal::NoSuchAddress) };
        let taken = tokio::time::timeout(budget(psa), door.take(psa, &key, request));
        taken.await.unwrap_or(Err(Refusal::TooSlow))
    };
    let result =
        AssertUnwindSafe(work.instrument(span.clone())).catch_unwind().await.unwrap_or(Err(Refusal::Fault));
    let response = span.in_scope(|| answer(kind, result));
    let status = response.status().as_u16().to_string();
    metrics::counter!("undertone_deliveries_total", "psa" => kind.map_or("unknown", PsaKind::slug), "status" => status).increment(1);
    response
}

/// Below what the sender waits for, so that it gets our answer and not a time-out.
fn budget(psa: PsaKind) -> Duration {
    match psa {
        PsaKind::ConnectWise => Duration::from_millis(4_500),
        PsaKind::Autotask | PsaKind::HaloPsa => Duration::from_millis(9_000),
    }
}

/// Why a call is not taken.
enum Refusal {
    NoSuchAddress,
    Hook(HookError),
    TooLarge,
    BrokenOff,
    TooFast,
    Full,
    TooSlow,
    Store(StoreError),
    Fault,
}

impl Door {
    async fn take(&self, psa: PsaKind, key: &str, request: Request) -> Result<Vec<Accepted>, Refusal> {
        let found = self.addresses.owner(key, psa).await.map_err(Refusal::Store)?;
        let owner = found.filter(|owner| is_of(owner, psa)).ok_or(Refusal::NoSuchAddress)?;
        tracing::Span::current().record("tenant.id", tracing::field::display(owner.tenant));
        self.pace.check_key(&owner.tenant).map_err(|_| Refusal::TooFast)?;

        // Until it is answered: what waits for the disk takes room as well.
        let mut place = self.room.enter(owner.tenant).ok_or(Refusal::Full)?;

        let (parts, body) = request.into_parts();
        let body = body::read(&parts.headers, body, &mut place).await?;
        let hooked = self.verify(psa, &owner, &parts.headers, parts.uri.query(), &body).await?;
        let headers = kept(psa, &parts.headers, parts.uri.query());
        let parts = parts_of(&body, hooked.events.len());
        let psa = owner.psa.as_ref().map_or(psa.into(), |(instance, _)| *instance);
        let deliveries = hooked.events.into_iter().zip(parts).map(|(event, body)| NewDelivery {
            tenant: owner.tenant,
            psa,
            dedupe_key: event.dedupe_key.clone(),
            disposition: disposition(event),
            headers: headers.clone(),
            body,
            verified: hooked.verified,
            received_at: self.clock.now(),
        });
        // Together, so that one group commit takes them all.
        let accepted =
            futures::future::try_join_all(deliveries.map(|delivery| self.accept(delivery))).await?;
        self.checkpoints.pass("taken in", "").await;
        Ok(accepted)
    }

    async fn verify(
        &self,
        psa: PsaKind,
        owner: &HookOwner,
        headers: &HeaderMap,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Hooked, Refusal> {
        let lane = format!("hook {}", owner.tenant);
        let context = HookContext {
            settings: owner.psa.as_ref().map(|(_, settings)| settings),
            secret: owner.hook.secret.expose(),
            headers,
            query,
            body,
            outside: &self.outside,
            lane: &lane,
        };
        let hooked = read_hook(psa, &context).await.map_err(Refusal::Hook)?;
        match hooked.events.len() {
            0 => Err(Refusal::Hook(HookError::Malformed("there is no event in the call".into()))),
            1..=MAX_EVENTS => Ok(hooked),
            _ => Err(Refusal::Hook(HookError::Malformed(format!(
                "there are more than {MAX_EVENTS} events in the call"
            )))),
        }
    }

    /// Asks again while the store is busy; the time budget of the whole call ends it.
    async fn accept(&self, delivery: NewDelivery) -> Result<Accepted, Refusal> {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.store.accept(delivery.clone()).await {
                Ok(accepted) => return Ok(accepted),
                Err(error @ StoreError::Unavailable(_)) if pause > Duration::from_secs(1) => {
                    return Err(Refusal::Store(error));
                }
                Err(StoreError::Unavailable(_)) => tokio::time::sleep(pause).await,
                Err(error) => return Err(Refusal::Store(error)),
            }
            pause *= 2;
        }
    }
}

/// What is kept of a call for each of its events: a call that is a list of them is kept once, not as often as it is long.
fn parts_of(body: &[u8], events: usize) -> Vec<Vec<u8>> {
    if events == 1 {
        return vec![body.to_vec()];
    }
    let list: Vec<Value> = serde_json::from_slice(body).unwrap_or_default();
    let mut parts: Vec<Vec<u8>> = list.into_iter().map(|event| event.to_string().into_bytes()).collect();
    parts.resize(events, Vec::new());
    parts
}

fn disposition(event: HookEvent) -> Disposition {
    match event.meaning {
        HookMeaning::Created { ticket } => Disposition::Analyse { external_ticket: ticket },
        HookMeaning::Other { ticket, reason } => Disposition::Ignore { external_ticket: ticket, reason },
    }
}

/// The headers worth keeping, as JSON. ConnectWise's query is needed to check a call again, and holds no secret.
fn kept(psa: PsaKind, headers: &HeaderMap, query: Option<&str>) -> Value {
    let mut kept = serde_json::Map::new();
    for name in KEPT_HEADERS {
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            kept.insert(name.into(), value.into());
        }
    }
    if let (PsaKind::ConnectWise, Some(query)) = (psa, query) {
        kept.insert(KEPT_QUERY.into(), query.into());
    }
    Value::Object(kept)
}

fn answer(psa: Option<PsaKind>, result: Result<Vec<Accepted>, Refusal>) -> Response {
    let problem = match result {
        Ok(accepted) => return taken(&accepted),
        Err(Refusal::NoSuchAddress) => Problem::new(
            StatusCode::NOT_FOUND,
            "there is no such webhook address; copy it again from Undertone's Connections page",
        ),
        Err(Refusal::Hook(HookError::Unauthorised(what))) => Problem::new(StatusCode::UNAUTHORIZED, what),
        Err(Refusal::Hook(HookError::Malformed(what))) => Problem::new(StatusCode::BAD_REQUEST, what),
        Err(Refusal::TooLarge) => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a webhook call may be {} bytes long", body::MAX_BYTES),
        ),
        Err(Refusal::BrokenOff) => {
            Problem::new(StatusCode::BAD_REQUEST, "the call ended before its body was complete")
        }
        Err(Refusal::TooFast) => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many calls for this workspace; send more slowly")
                .retry_after(5)
        }
        Err(Refusal::Full | Refusal::TooSlow) => unavailable(psa),
        Err(Refusal::Fault) => {
            tracing::error!("a fault in the webhook door; see the panic above");
            unavailable(psa)
        }
        Err(Refusal::Store(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a delivery could not be made durable");
            unavailable(psa)
        }
    };
    tracing::info!(status = problem.status().as_u16(), "turned a webhook call away");
    problem.into_response()
}

/// In the words after which this sender sends again.
fn unavailable(psa: Option<PsaKind>) -> Problem {
    let (status, seconds) = match psa {
        Some(PsaKind::ConnectWise) => (StatusCode::TOO_MANY_REQUESTS, 2),
        _ => (StatusCode::SERVICE_UNAVAILABLE, 5),
    };
    Problem::new(status, "the call could not be stored just now; send it again").retry_after(seconds)
}

fn taken(accepted: &[Accepted]) -> Response {
    let ids: Vec<_> = accepted.iter().map(|accepted| accepted.delivery).collect();
    for one in accepted {
        // A span each: a call may bring several tickets, whose ways part here.
        let span = tracing::info_span!("delivery", trace_id = one.delivery.trace());
        telemetry::join_trace(&span, Some(one.delivery));
        span.in_scope(|| {
            tracing::info!(delivery.id = %one.delivery, repeated = one.repeated, "took a webhook call");
        });
    }
    let body = match ids.as_slice() {
        [one] => json!({ "delivery_id": one }),
        several => json!({ "delivery_id": several.first(), "delivery_ids": several }),
    };
    (StatusCode::ACCEPTED, [(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_kept() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Basic c2VjcmV0"),
            ("cookie", "session=secret"),
            ("x-api-key", "secret"),
            ("x-halo-secret", "secret"),
            ("content-type", "application/json"),
            ("x-content-signature", "c2lnbmF0dXJl"),
        ] {
            headers.insert(name, value.parse().expect("a value"));
        }
        let found = kept(PsaKind::HaloPsa, &headers, Some("secret=secret"));
        assert_eq!(found, json!({"content-type": "application/json", "x-content-signature": "c2lnbmF0dXJl"}));
        let found = kept(PsaKind::ConnectWise, &HeaderMap::new(), Some("recordId=7&action=added"));
        assert_eq!(found, json!({":query": "recordId=7&action=added"}));
    }

    #[test]
    fn each_refusal_has_the_answer_of_the_contract() {
        let cases = [
            (Refusal::NoSuchAddress, 404, false),
            (Refusal::Hook(HookError::Unauthorised("the signature is wrong")), 401, false),
            (Refusal::Hook(HookError::Malformed("not JSON".into())), 400, false),
            (Refusal::TooLarge, 413, false),
            (Refusal::BrokenOff, 400, false),
            (Refusal::TooFast, 429, true),
            (Refusal::TooSlow, 503, true),
            (Refusal::Full, 503, true),
            (Refusal::Fault, 503, true),
            (Refusal::Store(StoreError::BadCursor), 503, true),
        ];
        for (refusal, status, later) in cases {
            let response = answer(Some(PsaKind::Autotask), Err(refusal));
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), later, "{status}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        }
    }

    #[test]
    fn what_cannot_be_stored_is_answered_so_that_the_sender_repeats_it() {
        for (psa, status) in [(PsaKind::ConnectWise, 429), (PsaKind::Autotask, 503), (PsaKind::HaloPsa, 503)]
        {
            let refusals =
                [Refusal::TooSlow, Refusal::Full, Refusal::Fault, Refusal::Store(StoreError::BadCursor)];
            for refusal in refusals {
                let response = answer(Some(psa), Err(refusal));
                assert_eq!(response.status().as_u16(), status, "{psa}");
                assert!(response.headers().contains_key(header::RETRY_AFTER));
            }
        }
    }
}
