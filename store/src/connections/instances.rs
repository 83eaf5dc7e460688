//! Which of a workspace's ticketing systems is which, over the years.

use super::without_secret;
use crate::door::TAKEN_IN_BEFORE;
use crate::engine::{Tx, execute, fetch_all, fetch_optional};
use crate::sweeps::Change;
use crate::{Result, rows};
use domain::{PsaInstance, PsaSettings, TenantId};

const TABLE: &str = "psa_instances";

/// Finds the instance that these settings lead to among those the workspace was ever connected to, or begins a new one.
/// `before`: the one that is connected.
pub(super) async fn settle(
    tx: &mut Tx,
    tenant: TenantId,
    settings: &PsaSettings,
    before: Option<PsaInstance>,
) -> Result<(PsaInstance, Change)> {
    let instance = find(tx, tenant, settings, before).await?;
    execute!(
        tx,
        "INSERT INTO psa_instances (tenant_id, psa, settings) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, psa) DO UPDATE SET settings = excluded.settings",
        tenant.0,
        instance.to_string(),
        rows::json(&without_secret(settings))?
    )?;
    let change = match before {
        Some(before) if before == instance => Change::None,
        Some(before) if before.kind == instance.kind && !has_worked(tx, tenant, before).await? => {
            hand_over(tx, tenant, &before.to_string(), &instance.to_string()).await?;
            Change::Mended
        }
        _ => Change::Another,
    };
    Ok((instance, change))
}

async fn find(
    tx: &mut Tx,
    tenant: TenantId,
    settings: &PsaSettings,
    before: Option<PsaInstance>,
) -> Result<PsaInstance> {
    let known = fetch_all!(
        tx,
        (String, String),
        "SELECT psa, settings FROM psa_instances WHERE tenant_id = $1",
        tenant.0
    )?;
    let mut same = Vec::new();
    let mut newest = 0;
    for (instance, saved) in &known {
        let instance = rows::read_instance(TABLE, instance)?;
        if instance.kind != settings.kind() {
            continue;
        }
        newest = newest.max(instance.number);
        if settings.is_same_instance(&rows::read_json(TABLE, "settings", saved)?) {
            same.push(instance);
        }
    }
    // Settings that leave something open may fit several.
    let present = before.filter(|before| same.contains(before));
    let known = present.or(same.into_iter().min());
    Ok(known.unwrap_or(PsaInstance { kind: settings.kind(), number: newest + 1 }))
}

/// Whether it ever showed us anything.
async fn has_worked(tx: &mut Tx, tenant: TenantId, instance: PsaInstance) -> Result<bool> {
    let found: Option<(i64,)> = fetch_optional!(
        tx,
        (i64,),
        "SELECT CAST(1 AS bigint) FROM tenants n WHERE n.id = $1
           AND (EXISTS (SELECT 1 FROM tickets t WHERE t.tenant_id = n.id AND t.psa = $2)
             OR EXISTS (SELECT 1 FROM swept_tickets f WHERE f.tenant_id = n.id AND f.psa = $2)
             OR EXISTS (SELECT 1 FROM sweeps s WHERE s.tenant_id = n.id AND s.psa = $2 AND s.swept_at IS NOT NULL))",
        tenant.0,
        instance.to_string()
    )?;
    Ok(found.is_some())
}

/// An address that never worked was a wrong one: the calls that came meanwhile were about the instance that is connected
/// in its place. Those of a ticket that was taken in there are repeats.
///
/// Deliveries first, as the door locks them; jobs before intake, which tells what is known.
async fn hand_over(tx: &mut Tx, tenant: TenantId, from: &str, to: &str) -> Result<()> {
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
    execute!(
        tx,
        "UPDATE deliveries SET psa = $1 WHERE tenant_id = $2 AND psa = $3
           AND external_ticket IN (SELECT external_ticket FROM intake WHERE tenant_id = $2 AND psa = $3)",
        to,
        tenant.0,
        from
    )?;
    for (known, moved) in [
        (
            "DELETE FROM jobs WHERE tenant_id = $1 AND psa = $2 AND external_ticket IN (
               SELECT external_ticket FROM intake WHERE tenant_id = $1 AND psa = $3)",
            "UPDATE jobs SET psa = $3 WHERE tenant_id = $1 AND psa = $2",
        ),
        (
            "DELETE FROM intake WHERE tenant_id = $1 AND psa = $2 AND external_ticket IN (
               SELECT external_ticket FROM intake WHERE tenant_id = $1 AND psa = $3)",
            "UPDATE intake SET psa = $3 WHERE tenant_id = $1 AND psa = $2",
        ),
    ] {
        execute!(tx, known, tenant.0, from, to)?;
        execute!(tx, moved, tenant.0, from, to)?;
    }
    Ok(())
}
