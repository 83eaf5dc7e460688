//! `import`: tickets from before the workspace was connected.

use super::Api;
use super::auth::Caller;
use super::extract::{Body, whole, whole_or_none};
use super::problem::ApiProblem;
use super::tickets::words;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{Dollars, Permission, import};
use serde::{Deserialize, Serialize};
use store::imports::{self, ImportAct, ImportLimits, ImportState};
use utoipa::ToSchema;
use utoipa::openapi::Object;

/// The newest import of past tickets, and what became of each ticket of its list.
#[derive(Serialize, ToSchema)]
pub(super) struct Import {
    /// `listing` and `running` go on by themselves; `listed` and `paused` wait for a start.
    #[schema(schema_with = state_words)]
    state: ImportState,
    /// Why it stands still, or did not get on the last time.
    reason: Option<String>,
    /// Tickets created from then on.
    since: DateTime<Utc>,
    /// And before then: what was created later is no past, and came by webhook or look-up.
    until: DateTime<Utc>,
    /// How many tickets are allowed in all; null: as many as are listed.
    max_tickets: Option<u32>,
    /// What it may cost in all; null: there is no limit.
    max_cost: Option<Dollars>,
    /// Not read yet.
    waiting: i64,
    /// Being read and scored.
    under_way: i64,
    /// Scored in shadow.
    scored: i64,
    /// Left out by the scope, as machine text, or without scores.
    left_out: i64,
    /// Given up after several tries.
    failed: i64,
    /// Here already when they were listed.
    known: i64,
    tokens_in: i64,
    tokens_out: i64,
    /// Of the tickets whose cost is known.
    cost: Dollars,
    asked_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl From<imports::Import> for Import {
    fn from(import: imports::Import) -> Self {
        let counts = import.counts;
        Self {
            state: import.state,
            reason: import.reason,
            since: import.since,
            until: import.until,
            max_tickets: import.limits.tickets,
            max_cost: import.limits.cost,
            waiting: counts.waiting,
            under_way: counts.taken,
            scored: counts.scored,
            left_out: counts.left,
            failed: counts.failed,
            known: counts.known,
            tokens_in: counts.tokens_in,
            tokens_out: counts.tokens_out,
            cost: counts.spent(),
            asked_at: import.asked_at,
            ended_at: import.ended_at,
        }
    }
}

fn state_words() -> Object {
    words("How it stands.", &["listing", "listed", "running", "paused", "done", "cancelled"])
}

#[derive(Serialize, ToSchema)]
pub(super) struct NewestImport {
    /// Null: there never was one.
    import: Option<Import>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportSpan {
    /// 1 to 365 days before the workspace was connected.
    #[serde(deserialize_with = "whole")]
    #[schema(example = 90, minimum = 1, maximum = 365)]
    days: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportAllowed {
    /// At most so many tickets in all, the newest first; left out: all that are listed.
    #[serde(default, deserialize_with = "whole_or_none")]
    #[schema(example = 2000, minimum = 1)]
    max_tickets: Option<i64>,
    /// It stops by itself once that is reached; left out: there is no limit. Needs the price of the model.
    #[serde(default)]
    max_cost: Option<Dollars>,
}

/// The import of past tickets
#[utoipa::path(get, path = "/import", tag = "Tickets", responses((status = 200, description = "The newest, as it stands", body = NewestImport)))]
pub(super) async fn newest(caller: Caller) -> Result<Json<NewestImport>, ApiProblem> {
    as_it_stands(&caller).await
}

/// List past tickets
///
/// Only the ticketing system's list is read: how many there are is known before anything is scored. The import before it is
/// forgotten; what it read stays.
#[utoipa::path(post, path = "/import", tag = "Tickets", request_body = ImportSpan, responses(
    (status = 200, description = "The list is being read", body = NewestImport),
    (status = 403, description = "The token's maker was neither an owner nor an admin"),
    (status = 409, description = "Another is under way, or no ticketing system is connected yet"),
))]
pub(super) async fn begin(
    State(api): State<Api>,
    caller: Caller,
    Body(span): Body<ImportSpan>,
) -> Result<Json<NewestImport>, ApiProblem> {
    caller.require(Permission::Configure)?;
    let days = u16::try_from(span.days).ok().filter(|days| (1..=import::LONGEST).contains(days));
    let days = days.ok_or_else(|| {
        ApiProblem::invalid("days", format!("“days” is out of bounds: give 1 to {}.", import::LONGEST))
    })?;
    caller.tenant.import_begin(days, &caller.actor, api.ops.now()).await?;
    as_it_stands(&caller).await
}

/// Start an import, or go on
///
/// Listed tickets are read and scored in shadow: nothing is ever written to them. New tickets come first.
#[utoipa::path(post, path = "/import/start", tag = "Tickets", request_body = ImportAllowed, responses(
    (status = 200, description = "It goes on", body = NewestImport),
    (status = 403, description = "The token's maker was neither an owner nor an admin"),
    (status = 409, description = "It is neither listed nor paused"),
))]
pub(super) async fn start(
    State(api): State<Api>,
    caller: Caller,
    Body(allowed): Body<ImportAllowed>,
) -> Result<Json<NewestImport>, ApiProblem> {
    let tickets = match allowed.max_tickets {
        Some(..=0) => return Err(ApiProblem::invalid("max_tickets", "“max_tickets” must be at least 1.")),
        most => most.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
    };
    let model = caller.tenant.model_connection().await?.settings;
    if allowed.max_cost.is_some() && model.price().is_none() {
        let told =
            "“max_cost” needs the price of the model: say it with PUT /connections/model, or leave it out.";
        return Err(ApiProblem::invalid("max_cost", told));
    }
    act(&api, &caller, ImportAct::Start(ImportLimits { tickets, cost: allowed.max_cost })).await
}

/// Pause an import
///
/// What is under way is still read.
#[utoipa::path(post, path = "/import/pause", tag = "Tickets", responses(
    (status = 200, description = "No more tickets are taken in", body = NewestImport),
    (status = 403, description = "The token's maker was neither an owner nor an admin"),
    (status = 409, description = "It is not running"),
))]
pub(super) async fn pause(State(api): State<Api>, caller: Caller) -> Result<Json<NewestImport>, ApiProblem> {
    act(&api, &caller, ImportAct::Pause).await
}

/// Cancel an import
///
/// What was scored stays.
#[utoipa::path(post, path = "/import/cancel", tag = "Tickets", responses(
    (status = 200, description = "It is over", body = NewestImport),
    (status = 403, description = "The token's maker was neither an owner nor an admin"),
    (status = 409, description = "It is over already, or there was none"),
))]
pub(super) async fn cancel(State(api): State<Api>, caller: Caller) -> Result<Json<NewestImport>, ApiProblem> {
    act(&api, &caller, ImportAct::Cancel).await
}

async fn act(api: &Api, caller: &Caller, act: ImportAct) -> Result<Json<NewestImport>, ApiProblem> {
    caller.require(Permission::Configure)?;
    if !caller.tenant.import_act(act, &caller.actor, api.ops.now()).await? {
        let told = "The import is in no state for that: look how it stands with GET /import.";
        return Err(ApiProblem::Conflict(told.into()));
    }
    as_it_stands(caller).await
}

async fn as_it_stands(caller: &Caller) -> Result<Json<NewestImport>, ApiProblem> {
    Ok(Json(NewestImport { import: caller.tenant.import().await?.map(Import::from) }))
}
