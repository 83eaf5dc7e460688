//! `tickets`: what was analysed, and the whole story of one.

use super::Api;
use super::auth::Caller;
use super::deliveries::DeliveryItem;
use super::extract::{Id, Query, limit};
use super::problem::ApiProblem;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::{
    Action, ActionState, Assessment, ClientKey, DeliveryId, Dollars, Effect, Label, Mode, Plan, Score,
    Ticket, TicketId,
};
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use store::analyses::{Analysis, AnalysisState};
use store::ledger::LedgerRow;
use store::tickets::{TicketFilter, TicketRow, TicketState, TicketStory};
use utoipa::openapi::{KnownFormat, Object, ObjectBuilder, OneOfBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, ToSchema};

/// One of these words; `about` says of what.
pub(super) fn words(about: &str, words: &[&str]) -> Object {
    let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied()));
    words.description(Some(about)).build()
}

fn state_words() -> Object {
    words(
        "Where the ticket stands with us.",
        &["reading", "analysed", "shadowed", "acting", "acted", "skipped", "failed"],
    )
}

fn analysis_words() -> Object {
    words("Whether there are scores.", &["scored", "skipped"])
}

/// A ticket in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct TicketItem {
    pub(super) id: TicketId,
    /// The ticketing system's own id.
    #[schema(example = "48211")]
    pub(super) external_id: String,
    /// What people call it.
    #[schema(example = "T20260305.0007")]
    pub(super) number: String,
    pub(super) title: String,
    pub(super) client: Option<String>,
    /// The ticketing system and its number of the client.
    #[schema(example = "autotask/250")]
    pub(super) client_id: Option<String>,
    pub(super) board: Option<String>,
    /// When we took it in.
    pub(super) created_at: DateTime<Utc>,
    pub(super) analysed_at: Option<DateTime<Utc>>,
    #[schema(schema_with = state_words)]
    pub(super) state: TicketState,
    /// Why it was skipped or failed.
    pub(super) reason: Option<String>,
    pub(super) mode: Option<Mode>,
    pub(super) label: Option<Label>,
    pub(super) sentiment: Option<Score>,
    pub(super) urgency: Option<Score>,
    pub(super) impact: Option<Score>,
    /// Priority, severity or impact was raised, or would have been.
    pub(super) updated: bool,
    pub(super) escalated: bool,
    /// Read by the built-in analyser while your model was out.
    pub(super) degraded: bool,
    /// Title, text and names were removed, as their time was up; see `/retention`. A replay reads them anew.
    pub(super) text_removed: bool,
}

impl From<TicketRow> for TicketItem {
    fn from(row: TicketRow) -> Self {
        Self {
            id: row.id,
            external_id: row.external_id,
            number: row.number,
            title: row.title,
            client: row.client,
            client_id: row.client_id,
            board: row.board,
            created_at: row.created_at,
            analysed_at: row.analysed_at,
            state: row.state,
            reason: row.reason,
            mode: row.mode,
            label: row.label,
            sentiment: row.sentiment,
            urgency: row.urgency,
            impact: row.impact,
            updated: row.updated,
            escalated: row.escalated,
            degraded: row.degraded,
            text_removed: row.text_removed,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct TicketList {
    /// Newest first.
    tickets: Vec<TicketItem>,
    /// Pass it back as `cursor` for the next page; null at the end.
    next: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TicketsQuery {
    /// 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Taken in at this moment or later: RFC 3339, or a day (its beginning in UTC).
    #[serde(default, deserialize_with = "moment")]
    #[param(schema_with = moment_schema, required = false, example = "2026-03-01")]
    pub(super) from: Option<DateTime<Utc>>,
    /// Taken in before this moment.
    #[serde(default, deserialize_with = "moment")]
    #[param(schema_with = moment_schema, required = false, example = "2026-03-08T00:00:00Z")]
    pub(super) to: Option<DateTime<Utc>>,
    /// The mood in one word.
    label: Option<Label>,
    /// A client: its `id` of `/clients`, or the ticketing system's own number of a client of the connected system.
    client: Option<String>,
    #[param(schema_with = state_words, required = false)]
    state: Option<TicketState>,
    /// Sentiment of at least this score.
    min_sentiment: Option<Score>,
    /// Only tickets that were escalated, or only those that were not.
    escalated: Option<bool>,
    /// Only tickets that were read while your model was out.
    #[serde(default)]
    degraded: bool,
    /// Words in title, text, number, client, board or contact, or the beginnings of words; all of them must be there, and
    /// neither case nor accents count. With several filters at once a page looks through 2,000 tickets, so it may hold fewer
    /// than `limit`, or none, and yet have a `next`.
    q: Option<String>,
}

/// See [`moment`].
pub(super) fn moment_schema() -> RefOr<Schema> {
    let text = |format| {
        let format = Some(SchemaFormat::KnownFormat(format));
        ObjectBuilder::new().schema_type(Type::String).format(format)
    };
    let either = OneOfBuilder::new()
        .item(text(KnownFormat::DateTime))
        .item(text(KnownFormat::Date))
        .description(Some("A moment (RFC 3339), or a day (its beginning in UTC)."));
    RefOr::T(Schema::OneOf(either.build()))
}

/// RFC 3339, or a day.
pub(super) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let whole = || DateTime::parse_from_rfc3339(&text).map(|at| at.with_timezone(&Utc));
    let day = || text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    whole().or_else(|_| day()).map(Some).map_err(|_| {
        serde::de::Error::custom(format!(
            "“{text}” is neither a moment such as 2026-03-01T09:00:00Z nor a day such as 2026-03-01"
        ))
    })
}

/// As the store knows it: a number alone is that of a client of the system that is connected.
pub(super) async fn client_key(
    caller: &Caller,
    client: Option<String>,
) -> Result<Option<String>, ApiProblem> {
    let is_key = |text: &String| text.parse::<ClientKey>().is_ok();
    if client.as_ref().is_none_or(is_key) {
        return Ok(client);
    }
    let id = client.unwrap_or_default();
    let connected = caller.tenant.psa_connection().await?;
    Ok(Some(match connected {
        Some(connected) => ClientKey { psa: connected.instance, id }.to_string(),
        None => id,
    }))
}

/// Tickets
#[utoipa::path(get, path = "/tickets", tag = "Tickets", params(TicketsQuery), responses((status = 200, description = "A page, newest first", body = TicketList)))]
pub(super) async fn list(
    caller: Caller,
    Query(query): Query<TicketsQuery>,
) -> Result<Json<TicketList>, ApiProblem> {
    let limit = limit(query.limit)?;
    let filter = TicketFilter {
        from: query.from,
        to: query.to,
        label: query.label,
        client: client_key(&caller, query.client).await?,
        state: query.state,
        min_sentiment: query.min_sentiment,
        only: None,
        escalated: query.escalated,
        degraded: query.degraded,
        q: query.q,
    };
    let page = caller.tenant.ticket_list(&filter, limit, query.cursor.as_deref()).await?;
    Ok(Json(TicketList { tickets: page.rows.into_iter().map(Into::into).collect(), next: page.next }))
}

/// Everything about one ticket.
#[derive(Serialize, ToSchema)]
pub(super) struct TicketDetail {
    #[serde(flatten)]
    summary: TicketItem,
    /// Under this `trace_id` our log tells of the ticket's way; null when no call brought it in.
    #[schema(example = "0195d6c05a3e7b4c9c7e2f1d0a9b8c7d")]
    trace: Option<String>,
    /// As read from the ticketing system.
    ticket: Ticket,
    /// The customer's first note, as the model read it.
    text: String,
    /// What was cut from the note.
    text_remarks: Vec<String>,
    author: String,
    /// Newest first.
    analyses: Vec<AnalysisItem>,
    /// In the order of the plan.
    actions: Vec<ActionItem>,
    deliveries: Vec<DeliveryItem>,
    /// Oldest first.
    timeline: Vec<TimelineItem>,
}

/// One scoring.
#[derive(Serialize, ToSchema)]
pub(super) struct AnalysisItem {
    at: DateTime<Utc>,
    #[schema(schema_with = analysis_words)]
    state: AnalysisState,
    /// Why there are no scores.
    reason: Option<String>,
    assessment: Option<Assessment>,
    plan: Option<Plan>,
    policy_version: i64,
    /// 0 is the built-in prompt.
    prompt_version: i64,
    model: String,
    /// The messages as they were sent.
    prompt: String,
    /// The answer as it came.
    answer: String,
    tokens_in: i64,
    tokens_out: i64,
    /// In US dollars, by the price that the model's connection named then.
    cost: Option<Dollars>,
    model_ms: i64,
    repaired: bool,
    /// Why the built-in analyser read in place of your model.
    degraded: Option<String>,
}

impl From<Analysis> for AnalysisItem {
    fn from(analysis: Analysis) -> Self {
        let how = analysis.provenance;
        Self {
            at: analysis.at,
            state: analysis.state,
            reason: analysis.reason,
            assessment: analysis.assessment,
            plan: analysis.plan,
            policy_version: analysis.policy_version,
            prompt_version: how.prompt_version,
            model: how.model,
            prompt: how.prompt,
            answer: how.answer,
            tokens_in: how.tokens_in,
            tokens_out: how.tokens_out,
            cost: how.cost,
            model_ms: how.model_ms,
            repaired: how.repaired,
            degraded: how.degraded,
        }
    }
}

/// One change in the ticketing system, and what became of it.
#[derive(Serialize, ToSchema)]
pub(super) struct ActionItem {
    #[serde(flatten)]
    action: Action,
    state: ActionState,
    effects: Vec<Effect>,
    /// A note's text as sent, or the words of a refusal.
    detail: Option<String>,
    /// The short code at the end of our note.
    reference: String,
    /// The ticketing system's id of the note.
    receipt: Option<String>,
    attempts: i64,
    decided_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<LedgerRow> for ActionItem {
    fn from(row: LedgerRow) -> Self {
        Self {
            action: row.action,
            state: row.state,
            effects: row.effects,
            detail: row.detail,
            reference: row.reference,
            receipt: row.receipt,
            attempts: row.attempts,
            decided_at: row.decided_at,
            finished_at: row.finished_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct TimelineItem {
    at: DateTime<Utc>,
    #[schema(example = "scored")]
    what: String,
    detail: String,
}

impl From<TicketStory> for TicketDetail {
    fn from(story: TicketStory) -> Self {
        let trace = story.brought_in_by().map(DeliveryId::trace);
        let timeline = story.events.into_iter();
        Self {
            trace,
            summary: story.row.into(),
            ticket: story.ticket,
            text: story.text,
            text_remarks: story.text_remarks,
            author: story.author_name,
            analyses: story.analyses.into_iter().map(Into::into).collect(),
            actions: story.actions.into_iter().map(Into::into).collect(),
            deliveries: story.deliveries.into_iter().map(Into::into).collect(),
            timeline: timeline
                .map(|it| TimelineItem { at: it.at, what: it.what, detail: it.detail })
                .collect(),
        }
    }
}

/// One ticket with its whole story
#[utoipa::path(get, path = "/tickets/{id}", tag = "Tickets", params(("id" = TicketId, Path, description = "Our id of the ticket")), responses(
    (status = 200, description = "The ticket", body = TicketDetail),
    (status = 404, description = "No ticket of yours has this id"),
))]
pub(super) async fn one(caller: Caller, Id(id): Id<TicketId>) -> Result<Json<TicketDetail>, ApiProblem> {
    let story = caller.tenant.ticket_story(id).await?.ok_or(ApiProblem::NotFound("ticket"))?;
    Ok(Json(story.into()))
}

/// Analyse a ticket again
///
/// As it stands now. What was done for it once is not done twice.
#[utoipa::path(post, path = "/tickets/{id}/replay", tag = "Tickets", params(("id" = TicketId, Path, description = "Our id of the ticket")), responses(
    (status = 202, description = "Queued"),
    (status = 404, description = "No ticket of yours has this id"),
    (status = 409, description = "It is in a ticketing system that is not connected any more"),
))]
pub(super) async fn replay(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<TicketId>,
) -> Result<StatusCode, ApiProblem> {
    if caller.tenant.ticket_replay(id, &caller.actor, api.ops.now()).await? {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(ApiProblem::NotFound("ticket"))
    }
}
