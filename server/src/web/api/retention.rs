//! `retention`: how long the texts of tickets are kept.

use super::Api;
use super::auth::Caller;
use super::extract::Body;
use super::problem::ApiProblem;
use axum::Json;
use axum::extract::State;
use domain::{Permission, Retention};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long the texts of tickets are kept. When their time is up, text and names are removed; scores, counts and what was
/// done stay.
#[derive(Serialize, ToSchema)]
pub(super) struct RetentionState {
    /// The workspace's own choice; null: as long as this instance keeps them.
    days: Option<Retention>,
    /// How long this instance keeps them where a workspace has not chosen; null: for good.
    #[schema(example = 400)]
    default_days: Option<u16>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionChoice {
    /// 30 to 3650; null: as long as this instance keeps them.
    // Must be there: an empty object is no choice.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(example = 180, required = true, minimum = 30, maximum = 3650)]
    days: Option<i64>,
}

/// How long texts are kept
#[utoipa::path(get, path = "/retention", tag = "Tickets", responses((status = 200, description = "The choice, and what holds without one", body = RetentionState)))]
pub(super) async fn retention(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<RetentionState>, ApiProblem> {
    let days = caller.tenant.retention().await?;
    Ok(Json(RetentionState { days, default_days: api.ops.texts_kept() }))
}

/// Choose how long texts are kept
///
/// A shorter time takes effect within minutes, and what it removes does not come back.
#[utoipa::path(put, path = "/retention", tag = "Tickets", request_body = RetentionChoice, responses(
    (status = 200, description = "As saved", body = RetentionState),
    (status = 403, description = "The token's maker was neither an owner nor an admin"),
))]
pub(super) async fn retention_put(
    State(api): State<Api>,
    caller: Caller,
    Body(choice): Body<RetentionChoice>,
) -> Result<Json<RetentionState>, ApiProblem> {
    caller.require(Permission::Configure)?;
    let days = choice.days.map(Retention::new).transpose();
    let days =
        days.map_err(|error| ApiProblem::invalid("days", format!("“days” is out of bounds: {error}.")))?;
    caller.tenant.retention_put(days, &caller.actor, api.ops.now()).await?;
    Ok(Json(RetentionState { days, default_days: api.ops.texts_kept() }))
}
