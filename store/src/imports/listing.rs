//! Writing down what is to be read.

use crate::Result;
use crate::engine::{Query, Tx, execute, execute_query};
use crate::rows::clean;
use crate::sweeps::SweptTicket;
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
