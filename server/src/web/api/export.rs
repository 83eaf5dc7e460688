//! `export`: all tickets in one answer, written while it is read from the store, page by page.

use super::auth::Caller;
use super::extract::Query;
use super::problem::ApiProblem;
use super::tickets::{TicketDetail, moment, moment_schema};
use app::csv::{self, Times};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::stream::try_unfold;
use http::header;
use serde::{Deserialize, Serialize};
use store::tickets::TicketFilter;
use store::{StoreError, TenantStore};
use utoipa::{IntoParams, ToSchema};

/// Tickets read at once.
const PAGE: u32 = 200;

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// One line a ticket, for spreadsheets.
    #[default]
    Csv,
    /// One JSON object a line, each the whole story of a ticket.
    Ndjson,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// `csv` unless told; `ndjson` holds everything we know of a ticket.
    #[serde(default)]
    #[param(inline, required = false)]
    format: Format,
    /// Taken in at this moment or later: RFC 3339, or a day (its beginning in UTC).
    #[serde(default, deserialize_with = "moment")]
    #[param(schema_with = moment_schema, required = false)]
    from: Option<DateTime<Utc>>,
    /// Taken in before this moment.
    #[serde(default, deserialize_with = "moment")]
    #[param(schema_with = moment_schema, required = false)]
    to: Option<DateTime<Utc>>,
}

/// Where an export stands.
struct Walk {
    tenant: TenantStore,
    filter: TicketFilter,
    format: Format,
    next: Next,
}

enum Next {
    Head,
    Page(Option<String>),
    End,
}

/// All tickets
///
/// Newest first. An export that breaks off was cut: a whole one ends with its last line.
#[utoipa::path(get, path = "/export", tag = "Tickets", params(ExportQuery), responses((status = 200, description = "The tickets", content(
    (String = "text/csv", example = "id,number,…"),
    (TicketDetail = "application/x-ndjson"),
))))]
pub(super) async fn export(caller: Caller, Query(query): Query<ExportQuery>) -> Result<Response, ApiProblem> {
    let filter = TicketFilter { from: query.from, to: query.to, ..TicketFilter::default() };
    let walk = Walk { tenant: caller.tenant, filter, format: query.format, next: Next::Head };
    let (kind, name) = match query.format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"tickets.csv\""),
        Format::Ndjson => ("application/x-ndjson", "attachment; filename=\"tickets.ndjson\""),
    };
    let body = Body::from_stream(try_unfold(walk, |walk| walk.step()));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

impl Walk {
    async fn step(mut self) -> Result<Option<(String, Self)>, StoreError> {
        match std::mem::replace(&mut self.next, Next::End) {
            Next::End => Ok(None),
            Next::Head => {
                self.next = Next::Page(None);
                let head = match self.format {
                    Format::Csv => csv::tickets_head(),
                    Format::Ndjson => String::new(),
                };
                Ok(Some((head, self)))
            }
            Next::Page(cursor) => {
                let page = self.tenant.ticket_list(&self.filter, PAGE, cursor.as_deref()).await?;
                let mut text = String::new();
                for row in page.rows {
                    match self.format {
                        Format::Csv => text.push_str(&csv::ticket(row, Times::Utc)),
                        Format::Ndjson => {
                            let Some(story) = self.tenant.ticket_story(row.id).await? else { continue };
                            text.push_str(&json_line(&TicketDetail::from(story)));
                        }
                    }
                }
                self.next = page.next.map_or(Next::End, |next| Next::Page(Some(next)));
                Ok(Some((text, self)))
            }
        }
    }
}

fn json_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).map(|text| text + "\n").unwrap_or_default()
}
