//! Which of a workspace's ticketing systems is which, over the years.

mod hand_over;

use super::hooks;
use super::{before, without_secret};
use crate::engine::{Tx, execute, fetch_all, fetch_optional};
use crate::rows;
use crate::sweeps::Change;
use crate::{KeyRing, Result, StoreError, TenantStore};
use chrono::{DateTime, Utc};
use domain::{PsaInstance, PsaKind, PsaSettings, TenantId};
use hand_over::{hand_over, merge};

const TABLE: &str = "psa_instances";

/// One of the ticketing systems that a workspace was ever connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownInstance {
    pub instance: PsaInstance,
    /// The newest that led there, without the secret.
    pub settings: PsaSettings,
    pub is_connected: bool,
}

/// Which system the settings of a save lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// The one that their address tells.
    ByAddress,
    /// The one that a person names: it has moved to the address.
    To(PsaInstance),
}

/// What became of a save.
pub(super) struct Settled {
    pub(super) instance: PsaInstance,
    pub(super) change: Change,
    /// The address to be called is another one than before.
    pub(super) is_hook_new: bool,
}

/// Finds the instance that these settings lead to among those the workspace was ever connected to, or begins a new one.
/// `before`: the one that is connected.
pub(super) async fn settle(
    tx: &mut Tx,
    keys: &KeyRing,
    tenant: TenantId,
    settings: &PsaSettings,
    leads: Leads,
    before: Option<PsaInstance>,
    now: DateTime<Utc>,
) -> Result<Settled> {
    let known = known(tx, tenant, settings.kind()).await?;
    let found = find(&known, settings, leads, before)?;
    let instance = found.instance;
    execute!(
        tx,
        "INSERT INTO psa_instances (tenant_id, psa, settings) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, psa) DO UPDATE SET settings = excluded.settings",
        tenant.0,
        instance.to_string(),
        rows::json(&without_secret(&found.settings))?
    )?;
    let mut absorbed = strays(tx, tenant, instance).await?;
    for stray in &absorbed {
        hand_over(tx, tenant, *stray, instance).await?;
    }
    if leads != Leads::ByAddress {
        let same = known.iter().filter(|known| known.is_open() && known.instance != instance);
        for same in same.filter(|known| known.settings.is_same_instance(settings)) {
            merge(tx, tenant, same.instance, instance).await?;
            absorbed.push(same.instance);
        }
    }
    let change = match before {
        Some(before) if before == instance => Change::None,
        Some(before) if absorbed.contains(&before) => Change::Mended,
        _ => Change::Another,
    };
    let is_hook_new = match (before, change) {
        (Some(before), Change::Another) => {
            leave(tx, tenant, before).await?;
            hooks::leave(tx, tenant, before).await?;
            hooks::take_up(tx, keys, tenant, instance, now).await?;
            true
        }
        (Some(_), Change::Mended) => hooks::take_up_again(tx, tenant, instance).await?,
        _ => false,
    };
    Ok(Settled { instance, change, is_hook_new })
}

impl TenantStore {
    /// The ticketing systems that the workspace was ever connected to, by product and number.
    pub async fn psa_instances(&self) -> Result<Vec<KnownInstance>> {
        let mut reader = self.read().await?;
        let found = fetch_all!(
            reader,
            (String, String, bool),
            "SELECT i.psa, i.settings, EXISTS (
               SELECT 1 FROM psa_connections c WHERE c.tenant_id = i.tenant_id AND c.psa = i.psa)
             FROM psa_instances i WHERE i.tenant_id = $1 AND i.merged_into IS NULL",
            self.tenant.0
        )?;
        let known = found.into_iter().map(|(psa, settings, is_connected)| {
            Ok(KnownInstance {
                instance: rows::read_instance(TABLE, &psa)?,
                settings: rows::read_json(TABLE, "settings", &settings)?,
                is_connected,
            })
        });
        let mut known = known.collect::<Result<Vec<_>>>()?;
        known.sort_by_key(|known| known.instance);
        Ok(known)
    }

    /// Gives what came for addresses that never worked to the connected instance: a call that was on its way while the
    /// address was mended may have been stored for the wrong one.
    pub async fn strays_hand_over(&self) -> Result<()> {
        self.write(self.tenant, |tx, tenant| {
            Box::pin(async move {
                let connected = before(tx, *tenant).await?;
                let Some(instance) = connected.map(|connected| connected.instance) else { return Ok(()) };
                for stray in strays(tx, *tenant, instance).await? {
                    hand_over(tx, *tenant, stray, instance).await?;
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

/// Keeps until when the connected instance was swept.
async fn leave(tx: &mut Tx, tenant: TenantId, instance: PsaInstance) -> Result<()> {
    execute!(
        tx,
        "UPDATE psa_instances SET swept_through = (
           SELECT s.through FROM sweeps s WHERE s.tenant_id = $1 AND s.psa = $2)
         WHERE tenant_id = $1 AND psa = $2",
        tenant.0,
        instance.to_string()
    )
    .map(drop)
}

struct Known {
    instance: PsaInstance,
    settings: PsaSettings,
    merged_into: Option<PsaInstance>,
}

impl Known {
    /// Its number still stands for a system.
    fn is_open(&self) -> bool {
        self.merged_into.is_none()
    }
}

/// All of one product.
async fn known(tx: &mut Tx, tenant: TenantId, kind: PsaKind) -> Result<Vec<Known>> {
    let rows = fetch_all!(
        tx,
        (String, String, Option<String>),
        "SELECT psa, settings, merged_into FROM psa_instances WHERE tenant_id = $1 ORDER BY psa",
        tenant.0
    )?;
    let mut known = Vec::new();
    for (psa, settings, merged_into) in rows {
        let instance = rows::read_instance(TABLE, &psa)?;
        if instance.kind == kind {
            known.push(Known {
                instance,
                settings: rows::read_json(TABLE, "settings", &settings)?,
                merged_into: merged_into.map(|into| rows::read_instance(TABLE, &into)).transpose()?,
            });
        }
    }
    Ok(known)
}

/// Instances whose calls belong to the connected one: those of the same product that never worked, and those that turned
/// out to be it.
async fn strays(tx: &mut Tx, tenant: TenantId, connected: PsaInstance) -> Result<Vec<PsaInstance>> {
    let mut strays = Vec::new();
    for known in known(tx, tenant, connected.kind).await? {
        let is_stray = match known.merged_into {
            Some(into) => into == connected,
            None => known.instance != connected && !has_worked(tx, tenant, known.instance).await?,
        };
        if is_stray {
            strays.push(known.instance);
        }
    }
    Ok(strays)
}

/// Where settings lead, and what is known of it from now on.
struct Found {
    instance: PsaInstance,
    settings: PsaSettings,
}

fn find(known: &[Known], settings: &PsaSettings, leads: Leads, before: Option<PsaInstance>) -> Result<Found> {
    let mut open = known.iter().filter(|known| known.is_open());
    if let Leads::To(named) = leads {
        let is_known = open.any(|known| known.instance == named);
        let found = Found { instance: named, settings: settings.clone() };
        return is_known.then_some(found).ok_or(StoreError::NotConnected);
    }
    let same: Vec<&Known> = open.filter(|known| settings.is_same_instance(&known.settings)).collect();
    // Settings that leave something open may fit several.
    let present = same.iter().find(|known| Some(known.instance) == before);
    if let Some(known) = present.or_else(|| same.iter().min_by_key(|known| known.instance)) {
        let settings = settings.clone().or_what_was_known(&known.settings);
        return Ok(Found { instance: known.instance, settings });
    }
    let newest = known.iter().map(|known| known.instance.number).max().unwrap_or_default();
    let instance = PsaInstance { kind: settings.kind(), number: newest + 1 };
    Ok(Found { instance, settings: settings.clone() })
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
