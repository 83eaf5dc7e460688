//! What became of a ticket that an import took in; kept in the transaction in which it became that. A ticket of an earlier
//! import, still under way, says nothing of the same number in the list of a later one.

use crate::Result;
use crate::analyses::Provenance;
use crate::engine::{Tx, execute};
use crate::jobs::Held;

/// The ticket of an import was scored.
pub(crate) async fn scored(tx: &mut Tx, held: &Held, provenance: &Provenance) -> Result<()> {
    spent(tx, held, provenance).await?;
    became(tx, held, "scored", None).await
}

/// What reading the ticket of an import took.
pub(crate) async fn spent(tx: &mut Tx, held: &Held, provenance: &Provenance) -> Result<()> {
    execute!(
        tx,
        "UPDATE import_tickets SET tokens_in = $1, tokens_out = $2, cost = $3
         WHERE tenant_id = $4 AND external_ticket = $5 AND state = 'taken'
           AND EXISTS (SELECT 1 FROM imports i WHERE i.tenant_id = $4 AND i.id = $6)",
        provenance.tokens_in,
        provenance.tokens_out,
        provenance.cost.map(|cost| i64::try_from(cost.millionths()).unwrap_or(i64::MAX)),
        held.tenant_id,
        &held.external_ticket,
        held.import_id
    )
    .map(drop)
}

/// Its job is over; if nothing was said of it before, it was left out.
pub(crate) async fn left(tx: &mut Tx, held: &Held) -> Result<()> {
    became(tx, held, "left", None).await
}

/// It was given up. One of which nothing was read is not here: a later import may try again.
pub(crate) async fn failed(tx: &mut Tx, held: &Held, cause: &str) -> Result<()> {
    became(tx, held, "failed", Some(cause)).await?;
    if held.ticket_id.is_some() {
        return Ok(());
    }
    execute!(tx, "DELETE FROM jobs WHERE id = $1", held.id)?;
    execute!(
        tx,
        "DELETE FROM intake WHERE tenant_id = $1 AND psa = $2 AND external_ticket = $3",
        held.tenant_id,
        &held.psa,
        &held.external_ticket
    )
    .map(drop)
}

async fn became(tx: &mut Tx, held: &Held, state: &str, reason: Option<&str>) -> Result<()> {
    execute!(
        tx,
        "UPDATE import_tickets SET state = $1, reason = $2
         WHERE tenant_id = $3 AND external_ticket = $4 AND state = 'taken'
           AND EXISTS (SELECT 1 FROM imports i WHERE i.tenant_id = $3 AND i.id = $5)",
        state,
        reason,
        held.tenant_id,
        &held.external_ticket,
        held.import_id
    )
    .map(drop)
}
