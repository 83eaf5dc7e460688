//! The list of new tickets, for the sweep.
//!
//! Conditions take times in UTC without an offset and in whole seconds, in brackets (developer guide, "Conditions");
//! `dateEntered` is compared though it is shown inside `_info`. The list goes by id, so that tickets created meanwhile come
//! at its end, and many of one second are no obstacle. Project tickets have another path and are not ours.

use super::api::{Api, Ask, Permission};
use super::number;
use super::records::{Info, is_foreign, time};
use crate::outside::CallError;
use crate::psa::Created;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use store::sweeps::SweptTicket;

/// Rows in a page; a thousand are allowed.
const PAGE: usize = 250;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: u64,
    #[serde(default)]
    record_type: Option<String>,
    /// Where older models have it.
    #[serde(default)]
    date_entered: Option<String>,
    #[serde(default, rename = "_info")]
    info: Option<Info>,
}

pub(super) async fn created(
    api: &Api,
    since: DateTime<Utc>,
    after: Option<&str>,
) -> Result<Created, CallError> {
    let mut conditions = format!("dateEntered>=[{}]", since.format("%Y-%m-%dT%H:%M:%SZ"));
    if let Some(after) = after {
        conditions.push_str(&format!(" and id>{}", number(after, "ticket")?));
    }
    let ask = Ask::get(&["service", "tickets"], Permission::READ_TICKETS)
        .with("conditions", conditions)
        .with("orderBy", "id asc")
        .with("fields", "id,recordType,dateEntered,_info")
        .with("pageSize", PAGE);
    let rows: Vec<Row> = api.ask(ask).await?.json()?;
    let next = rows.last().filter(|_| rows.len() >= PAGE).map(|last| last.id.to_string());
    let ticket = |row: Row| SweptTicket {
        external_ticket: row.id.to_string(),
        number: None,
        // One whose time we cannot read was created since all the same: the site says so.
        created_at: time(row.date_entered.as_deref())
            .or_else(|| time(row.info.as_ref()?.entered_at.as_deref()))
            .unwrap_or(since),
    };
    let ours = rows.into_iter().filter(|row| !is_foreign(row.record_type.as_deref()));
    Ok(Created { tickets: ours.map(ticket).collect(), next })
}
