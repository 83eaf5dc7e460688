//! Which of a workspace's ticketing systems is which, over the years.

use super::{before, without_secret};
use crate::door::TAKEN_IN_BEFORE;
use crate::engine::{News, Tx, execute, fetch_all, fetch_optional, locked, sql};
use crate::sweeps::Change;
use crate::{Result, TenantStore, rows};
use chrono::{DateTime, Utc};
use domain::{PsaInstance, PsaSettings, TenantId};
use uuid::Uuid;

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
    let strays = strays(tx, tenant, instance).await?;
    for stray in &strays {
        hand_over(tx, tenant, &stray.to_string(), &instance.to_string()).await?;
    }
    let change = match before {
        Some(before) if before == instance => Change::None,
        Some(before) if strays.contains(&before) => Change::Mended,
        _ => Change::Another,
    };
    Ok((instance, change))
}

impl TenantStore {
    /// Gives what came for addresses that never worked to the connected instance: a call that was on its way while the
    /// address was mended may have been stored for the wrong one.
    pub async fn strays_hand_over(&self) -> Result<()> {
        self.write(self.tenant, |tx, tenant| {
            Box::pin(async move {
                let connected = before(tx, *tenant).await?;
                let Some(instance) = connected.map(|connected| connected.instance) else { return Ok(()) };
                for stray in strays(tx, *tenant, instance).await? {
                    hand_over(tx, *tenant, &stray.to_string(), &instance.to_string()).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// The connected instance let us in.
pub(super) async fn worked(tx: &mut Tx, tenant: TenantId, now: DateTime<Utc>) -> Result<()> {
    execute!(
        tx,
        "UPDATE psa_instances SET worked_at = $1 WHERE tenant_id = $2 AND worked_at IS NULL
           AND psa = (SELECT c.psa FROM psa_connections c WHERE c.tenant_id = $2)",
        now,
        tenant.0
    )
    .map(drop)
}

/// Instances of the same product that never worked.
async fn strays(tx: &mut Tx, tenant: TenantId, connected: PsaInstance) -> Result<Vec<PsaInstance>> {
    let known = fetch_all!(
        tx,
        (String,),
        "SELECT psa FROM psa_instances WHERE tenant_id = $1 ORDER BY psa",
        tenant.0
    )?;
    let mut strays = Vec::new();
    for (known,) in &known {
        let known = rows::read_instance(TABLE, known)?;
        if known.kind == connected.kind && known != connected && !has_worked(tx, tenant, known).await? {
            strays.push(known);
        }
    }
    Ok(strays)
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

/// Whether it ever let us in or showed us anything.
async fn has_worked(tx: &mut Tx, tenant: TenantId, instance: PsaInstance) -> Result<bool> {
    let found: Option<(i64,)> = fetch_optional!(
        tx,
        (i64,),
        "SELECT CAST(1 AS bigint) FROM tenants n WHERE n.id = $1
           AND (EXISTS (SELECT 1 FROM psa_instances p WHERE p.tenant_id = n.id AND p.psa = $2 AND p.worked_at IS NOT NULL)
             OR EXISTS (SELECT 1 FROM tickets t WHERE t.tenant_id = n.id AND t.psa = $2)
             OR EXISTS (SELECT 1 FROM swept_tickets f WHERE f.tenant_id = n.id AND f.psa = $2)
             OR EXISTS (SELECT 1 FROM sweeps s WHERE s.tenant_id = n.id AND s.psa = $2 AND s.swept_at IS NOT NULL))",
        tenant.0,
        instance.to_string()
    )?;
    Ok(found.is_some())
}

/// An address that never worked was a wrong one: the calls that came meanwhile were about the instance that is connected
/// in its place. Those of a ticket that was taken in there are repeats; the others begin anew.
///
/// Jobs are locked first, as the end of a stage locks them.
async fn hand_over(tx: &mut Tx, tenant: TenantId, from: &str, to: &str) -> Result<()> {
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
