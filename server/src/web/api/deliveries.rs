//! `deliveries`: every webhook call and its fate.

use super::Api;
use super::auth::Caller;
use super::extract::{Id, Query, limit};
use super::problem::ApiProblem;
use super::tickets::words;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{DeliveryId, PsaKind, TicketId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::door::{Delivery, DeliveryFilter, DeliveryState};
use utoipa::openapi::Object;
use utoipa::{IntoParams, ToSchema};

fn state_words() -> Object {
    words("The fate of the call.", &["queued", "ignored", "done", "dead"])
}

/// One webhook call.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryItem {
    id: DeliveryId,
    /// Under this `trace_id` our log tells of everything that followed from the call.
    #[schema(example = "0195d6c05a3e7b4c9c7e2f1d0a9b8c7d")]
    trace: String,
    psa: PsaKind,
    received_at: DateTime<Utc>,
    #[schema(schema_with = state_words)]
    state: DeliveryState,
    /// Why it was ignored, or gave up.
    reason: Option<String>,
    /// The ticketing system's id of the ticket it is about.
    external_ticket: Option<String>,
    ticket: Option<TicketId>,
    /// How often the same call came again.
    repeats: i64,
    attempts: i64,
    /// No webhook told of the ticket: it was found in the ticketing system's list of new ones.
    by_sweep: bool,
}

impl From<Delivery> for DeliveryItem {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            trace: delivery.id.trace(),
            psa: delivery.psa,
            received_at: delivery.received_at,
            state: delivery.state,
            reason: delivery.reason,
            external_ticket: delivery.external_ticket,
            ticket: delivery.ticket,
            repeats: delivery.repeats,
            attempts: delivery.attempts,
            by_sweep: delivery.by_sweep,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryList {
    /// Newest first.
    deliveries: Vec<DeliveryItem>,
    /// Pass it back as `cursor` for the next page; null at the end.
    next: Option<String>,
}

/// A webhook call as it came, without credentials.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryDetail {
    #[serde(flatten)]
    delivery: DeliveryItem,
    #[schema(value_type = Object)]
    headers: Value,
    body: String,
    /// Its signature was checked when it came.
    verified: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveriesQuery {
    /// 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
    #[param(schema_with = state_words, required = false)]
    state: Option<DeliveryState>,
}

/// Webhook calls
///
/// Calls that are done or were ignored are looked for among 5,000 a page, so it may hold fewer than `limit`, or none, and yet
/// have a `next`. They are kept for 90 days.
#[utoipa::path(get, path = "/deliveries", tag = "Activity", params(DeliveriesQuery), responses((status = 200, description = "A page, newest first", body = DeliveryList)))]
pub(super) async fn list(
    caller: Caller,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Json<DeliveryList>, ApiProblem> {
    let filter = DeliveryFilter { state: query.state };
    let page = caller.tenant.delivery_list(&filter, limit(query.limit)?, query.cursor.as_deref()).await?;
    Ok(Json(DeliveryList { deliveries: page.rows.into_iter().map(Into::into).collect(), next: page.next }))
}

/// One webhook call
#[utoipa::path(get, path = "/deliveries/{id}", tag = "Activity", params(("id" = DeliveryId, Path, description = "Our id of the call")), responses(
    (status = 200, description = "The call", body = DeliveryDetail),
    (status = 404, description = "No call of yours has this id"),
))]
pub(super) async fn one(caller: Caller, Id(id): Id<DeliveryId>) -> Result<Json<DeliveryDetail>, ApiProblem> {
    let found = caller.tenant.delivery_fetch(id).await?.ok_or(ApiProblem::NotFound("delivery"))?;
    Ok(Json(DeliveryDetail {
        delivery: found.delivery.into(),
        headers: found.headers,
        body: String::from_utf8_lossy(&found.body).into_owned(),
        verified: found.verified,
    }))
}

/// Work on a webhook call again
#[utoipa::path(post, path = "/deliveries/{id}/replay", tag = "Activity", params(("id" = DeliveryId, Path, description = "Our id of the call")), responses(
    (status = 202, description = "Queued"),
    (status = 404, description = "No call of yours has this id, or it names no ticket"),
    (status = 409, description = "Its ticket is in a ticketing system that is not connected any more"),
))]
pub(super) async fn replay(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<DeliveryId>,
) -> Result<StatusCode, ApiProblem> {
    if caller.tenant.delivery_replay(id, &caller.actor, api.ops.now()).await? {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(ApiProblem::NotFound("delivery that could be worked on again"))
    }
}
