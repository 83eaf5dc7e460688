//! The list of new tickets, for the sweep.
//!
//! What is known of it comes from one integrator's poll and the published document: `pageinate` (in this spelling),
//! `page_no` from 1, a page of 50 at least; `order` and `orderdesc`; `startdate` with `datesearch=dateoccurred`. Whether a
//! time given there is read as UTC or in the agent's zone is not documented, so it is given a day early, and the list is
//! read newest first until a whole page is older. A ticket that was backdated is found all the same while it is among the
//! newest. Tickets created meanwhile push rows to the next page, where they are seen twice: that does no harm.

use super::wire::Session;
use crate::outside::CallError;
use crate::psa::{Created, lenient};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use store::sweeps::SweptTicket;

/// The largest page that every version gives.
const PAGE: u64 = 50;
/// A list that is longer is not one: the page number is not heard.
const LAST_PAGE: u64 = 400;
/// More than any zone is from UTC.
const ZONES: TimeDelta = TimeDelta::hours(24);

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tickets: Vec<Row>,
    #[serde(default, deserialize_with = "lenient::int")]
    record_count: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Row {
    #[serde(deserialize_with = "lenient::int")]
    id: Option<i64>,
    #[serde(deserialize_with = "lenient::time")]
    datecreated: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    dateoccurred: Option<DateTime<Utc>>,
}

pub(super) async fn created(
    session: &Session,
    since: DateTime<Utc>,
    after: Option<&str>,
) -> Result<Created, CallError> {
    let number = after.and_then(|after| after.parse().ok()).unwrap_or(1_u64);
    let (from, page, size) =
        ((since - ZONES).format("%Y-%m-%dT%H:%M:%SZ").to_string(), number.to_string(), PAGE.to_string());
    let query = [
        ("pageinate", "true"),
        ("page_size", &size),
        ("page_no", &page),
        ("order", "id"),
        ("orderdesc", "true"),
        ("datesearch", "dateoccurred"),
        ("startdate", &from),
    ];
    let Page { tickets: rows, record_count } = session.get("Tickets", &query).await?;
    let count = u64::try_from(rows.len()).unwrap_or(PAGE);
    let tickets: Vec<SweptTicket> = rows
        .into_iter()
        .filter_map(|row| {
            Some(SweptTicket {
                external_ticket: row.id?.to_string(),
                number: None,
                // One without a time is taken for new: it is decided once whether it is ours.
                created_at: row.datecreated.or(row.dateoccurred).unwrap_or(since),
            })
        })
        .collect();
    let is_older = tickets.iter().all(|ticket| ticket.created_at < since);
    let all = record_count.and_then(|all| u64::try_from(all).ok());
    // A version that gives smaller pages than asked for ends with an empty one.
    let is_last = count == 0 || all.is_some_and(|all| count * number >= all) || number >= LAST_PAGE;
    let next = (!is_last && !is_older).then(|| (number + 1).to_string());
    Ok(Created { tickets, next })
}
