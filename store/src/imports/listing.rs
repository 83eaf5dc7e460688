//! Writing down what is to be read.

use crate::Result;
use crate::engine::{Query, Tx, execute, execute_query, fetch_optional};
use crate::rows::clean;
use crate::sweeps::SweptTicket;
use chrono::{DateTime, Utc};
use domain::TenantId;

/// Rows in one insert.
const ROWS: usize = 64;

pub(super) async fn add(
    tx: &mut Tx,
    tenant: TenantId,
    found: impl Iterator<Item = &SweptTicket>,
) -> Result<()> {
    let found: Vec<&SweptTicket> = found.collect();
    for chunk in found.chunks(ROWS) {
        let mut query =
            Query::new("INSERT INTO import_tickets (tenant_id, external_ticket, created_at, state) VALUES ");
        query.rows(chunk.iter().map(|one| {
            vec![
                tenant.0.into(),
                clean(&one.external_ticket).into_owned().into(),
                one.created_at.into(),
                "waiting".into(),
            ]
        }));
        query.push(" ON CONFLICT DO NOTHING");
        execute_query!(tx, query)?;
    }
    Ok(())
}

/// Leaves out the oldest beyond `most`; what is listed begins with the oldest that is left.
pub(super) async fn cut(tx: &mut Tx, tenant: TenantId, most: i64) -> Result<()> {
    let oldest: Option<(DateTime<Utc>,)> = fetch_optional!(
        tx,
        (DateTime<Utc>,),
        "SELECT created_at FROM import_tickets WHERE tenant_id = $1 AND state = 'waiting'
         ORDER BY created_at DESC LIMIT 1 OFFSET $2",
        tenant.0,
        most
    )?;
    let Some((oldest,)) = oldest else { return Ok(()) };
    execute!(
        tx,
        "DELETE FROM import_tickets WHERE tenant_id = $1 AND state = 'waiting' AND created_at <= $2",
        tenant.0,
        oldest
    )?;
    execute!(tx, "UPDATE imports SET since = $1 WHERE tenant_id = $2", oldest, tenant.0).map(drop)
}

/// What is here already is not read again.
pub(super) async fn end(tx: &mut Tx, tenant: TenantId, psa: &str) -> Result<()> {
    execute!(
        tx,
        "UPDATE import_tickets AS t SET state = 'known' WHERE t.tenant_id = $1 AND t.state = 'waiting'
           AND EXISTS (SELECT 1 FROM intake i WHERE i.tenant_id = t.tenant_id AND i.psa = $2
             AND i.external_ticket = t.external_ticket)",
        tenant.0,
        psa
    )?;
    execute!(
        tx,
        "UPDATE imports SET state = 'listed', list_cursor = NULL, due_at = NULL WHERE tenant_id = $1",
        tenant.0
    )
    .map(drop)
}
