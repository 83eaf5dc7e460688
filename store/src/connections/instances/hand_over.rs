//! What came for one instance of a ticketing system turns out to belong to another.

use crate::Result;
use crate::door::TAKEN_IN_BEFORE;
use crate::engine::{News, Tx, execute, fetch_all, locked, sql};
use domain::{PsaInstance, TenantId};
use uuid::Uuid;

/// An address that never worked was a wrong one: the calls that came meanwhile were about the instance that is connected
/// in its place. Those of a ticket that was taken in there are repeats; the others begin anew.
///
/// Jobs are locked first, as the end of a stage locks them.
pub(super) async fn hand_over(
    tx: &mut Tx,
    tenant: TenantId,
    from: PsaInstance,
    to: PsaInstance,
) -> Result<()> {
    let (from, to) = (&*from.to_string(), &*to.to_string());
    fetch_all!(
        tx,
        (Uuid,),
        locked!(tx, "SELECT id FROM jobs WHERE tenant_id = $1 AND psa = $2 ORDER BY id"),
        tenant.0,
        from
    )?;
    hand_over_deliveries(tx, tenant, from, to).await?;
    for statement in [
        "DELETE FROM jobs WHERE tenant_id = $1 AND psa = $2 AND external_ticket IN (
           SELECT external_ticket FROM intake WHERE tenant_id = $1 AND psa = $3)",
        "UPDATE jobs SET psa = $3, attempts = 0, cause = NULL, due_at = created_at
         WHERE tenant_id = $1 AND psa = $2 AND lease_token IS NULL",
        "UPDATE jobs SET psa = $3 WHERE tenant_id = $1 AND psa = $2",
        "DELETE FROM intake WHERE tenant_id = $1 AND psa = $2 AND external_ticket IN (
           SELECT external_ticket FROM intake WHERE tenant_id = $1 AND psa = $3)",
        "UPDATE intake SET psa = $3 WHERE tenant_id = $1 AND psa = $2",
    ] {
        execute!(tx, statement, tenant.0, from, to)?;
    }
    tx.announce(News::Everywhere);
    Ok(())
}

/// The key of a call begins with the instance. What was handed over must not keep a later call of that instance out.
async fn hand_over_deliveries(tx: &mut Tx, tenant: TenantId, from: &str, to: &str) -> Result<()> {
    execute!(
        tx,
        "UPDATE deliveries SET state = 'ignored', reason = $1
         WHERE tenant_id = $2 AND psa = $3 AND state IN ('queued', 'dead') AND external_ticket IN (
           SELECT f.external_ticket FROM intake f
           JOIN intake t ON t.tenant_id = f.tenant_id AND t.psa = $4 AND t.external_ticket = f.external_ticket
           WHERE f.tenant_id = $2 AND f.psa = $3)",
        TAKEN_IN_BEFORE,
        tenant.0,
        from,
        to
    )?;
    macro_rules! moved {
        ($id:literal) => {
            concat!(
                "UPDATE deliveries SET psa = $1, state = CASE WHEN state = 'dead' THEN 'queued' ELSE state END,
                   dedupe_key = CASE
                     WHEN substr(dedupe_key, 1, length($3) + 1) <> $3 || ' ' THEN dedupe_key
                     WHEN EXISTS (SELECT 1 FROM deliveries o WHERE o.tenant_id = $2
                                    AND o.dedupe_key = $1 || substr(deliveries.dedupe_key, length($3) + 1))
                     THEN dedupe_key || ' moved ' || ", $id, "
                     ELSE $1 || substr(dedupe_key, length($3) + 1) END
                 WHERE tenant_id = $2 AND psa = $3
                   AND external_ticket IN (SELECT external_ticket FROM intake WHERE tenant_id = $2 AND psa = $3)"
            )
        };
    }
    let text = sql!(tx, sqlite: moved!("hex(id)"), postgres: moved!("id::text"));
    execute!(tx, text, to, tenant.0, from).map(drop)
}

/// Both are one system, which had moved: what is known of its tickets at the one address is known of them at the other. A
/// ticket that was worked on at both stays on record twice.
pub(super) async fn merge(tx: &mut Tx, tenant: TenantId, from: PsaInstance, to: PsaInstance) -> Result<()> {
    hand_over(tx, tenant, from, to).await?;
    let (from, to) = (&*from.to_string(), &*to.to_string());
    for statement in [
        "UPDATE tickets SET psa = $3 WHERE tenant_id = $1 AND psa = $2 AND external_id NOT IN (
           SELECT external_id FROM tickets WHERE tenant_id = $1 AND psa = $3)",
        "DELETE FROM swept_tickets WHERE tenant_id = $1 AND psa = $2 AND external_ticket IN (
           SELECT external_ticket FROM swept_tickets WHERE tenant_id = $1 AND psa = $3)",
        "UPDATE swept_tickets SET psa = $3 WHERE tenant_id = $1 AND psa = $2",
        "UPDATE psa_instances SET merged_into = $3 WHERE tenant_id = $1 AND (psa = $2 OR merged_into = $2)",
    ] {
        execute!(tx, statement, tenant.0, from, to)?;
    }
    // What was created after it was last swept at its old address and before it was saved at the new one is not known yet.
    execute!(
        tx,
        "UPDATE sweeps SET since = i.swept_through, through = i.swept_through
         FROM (SELECT swept_through FROM psa_instances WHERE tenant_id = $1 AND psa = $2) AS i
         WHERE sweeps.tenant_id = $1 AND sweeps.psa = $3 AND sweeps.through > i.swept_through",
        tenant.0,
        to,
        from
    )
    .map(drop)
}
