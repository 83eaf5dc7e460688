//! The lines of a ticket's timeline: short, and without words of the customer.

use crate::Result;
use crate::engine::{Query, Tx, execute_query};
use crate::rows;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One line of a ticket's timeline.
pub(crate) async fn event(
    tx: &mut Tx,
    tenant: Uuid,
    ticket: Uuid,
    at: DateTime<Utc>,
    what: &str,
    detail: &str,
) -> Result<()> {
    events(tx, tenant, ticket, &[(at, what, detail)]).await
}

pub(crate) async fn events(
    tx: &mut Tx,
    tenant: Uuid,
    ticket: Uuid,
    lines: &[(DateTime<Utc>, &str, &str)],
) -> Result<()> {
    let mut query = Query::new("INSERT INTO events (tenant_id, ticket_id, at, id, what, detail) VALUES ");
    query.rows(lines.iter().map(|(at, what, detail)| {
        vec![
            tenant.into(),
            ticket.into(),
            (*at).into(),
            rows::id_at(*at).into(),
            (*what).into(),
            (*detail).into(),
        ]
    }));
    execute_query!(tx, query).map(drop)
}
