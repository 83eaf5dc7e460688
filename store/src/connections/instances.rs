//! Which of a workspace's ticketing systems is which, over the years.

mod hand_over;

use super::hooks::{self, HookChange};
use super::{before, without_secret};
use crate::engine::{Tx, execute, fetch_all, fetch_optional};
use crate::rows;
use crate::sweeps::{Change, SweptSpan};
use crate::{KeyRing, Result, StoreError, TenantStore};
use chrono::{DateTime, Utc};
use domain::{PsaInstance, PsaKind, PsaSettings, TenantId};
use hand_over::{hand_over, merge};

pub(super) const TABLE: &str = "psa_instances";

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
    pub(super) hook: HookChange,
    /// How far the instance was swept when it was left.
    pub(super) swept: Option<SweptSpan>,
    /// What turned out to be this one at another address.
    pub(super) merged: Vec<PsaInstance>,
}

/// An instance that never let us in or showed us anything is not known to be a system at all.
macro_rules! has_worked {
    ($i:literal) => {
        concat!(
            "(",
            $i,
            ".worked_at IS NOT NULL
              OR EXISTS (SELECT 1 FROM tickets x WHERE x.tenant_id = ",
            $i,
            ".tenant_id AND x.psa = ",
            $i,
            ".psa)
              OR EXISTS (SELECT 1 FROM swept_tickets x WHERE x.tenant_id = ",
            $i,
            ".tenant_id AND x.psa = ",
            $i,
            ".psa)
              OR EXISTS (SELECT 1 FROM sweeps x WHERE x.tenant_id = ",
            $i,
            ".tenant_id AND x.psa = ",
            $i,
            ".psa AND x.swept_at IS NOT NULL))"
        )
    };
}
pub(super) use has_worked;

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
    let leads = leads.or_by_address(&known, settings, before)?;
    let Found { instance, settings: known_settings } = find(&known, settings, leads, before);
    execute!(
        tx,
        "INSERT INTO psa_instances (tenant_id, psa, settings) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, psa) DO UPDATE SET settings = excluded.settings",
        tenant.0,
        instance.to_string(),
        rows::json(&without_secret(&known_settings))?
    )?;
    let mut absorbed = Vec::new();
    for known in known.iter().filter(|known| known.belongs_to(instance)) {
        hand_over(tx, tenant, known.instance, instance).await?;
        absorbed.push(known.instance);
    }
    let mut merged = Vec::new();
    if leads != Leads::ByAddress {
        let same =
            known.iter().filter(|known| known.is_open() && known.has_worked && known.instance != instance);
        for same in same.filter(|known| known.settings.is_surely_same_instance(&known_settings)) {
            merge(tx, tenant, same.instance, instance).await?;
            merged.push(same.instance);
        }
        absorbed.extend(&merged);
    }
    let change = match before {
        Some(before) if before == instance => Change::None,
        Some(before) if absorbed.contains(&before) => Change::Mended,
        _ => Change::Another,
    };
    let (mut hook, mut swept) = (HookChange::Same, None);
    if let Some(before) = before.filter(|before| *before != instance) {
        leave(tx, tenant, before).await?;
        hook = hooks::pass_on(tx, keys, tenant, [before, instance], change, now).await?;
        swept = swept_span(tx, tenant, instance).await?;
    }
    Ok(Settled { instance, change, hook, swept, merged })
}

impl TenantStore {
    /// The ticketing systems that the workspace is or was connected to, by product and number; addresses that never let us
    /// in are none.
    pub async fn psa_instances(&self) -> Result<Vec<KnownInstance>> {
        let mut reader = self.read().await?;
        let found = fetch_all!(
            reader,
            (String, String, bool, bool),
            concat!(
                "SELECT i.psa, i.settings, EXISTS (
                   SELECT 1 FROM psa_connections c WHERE c.tenant_id = i.tenant_id AND c.psa = i.psa), ",
                has_worked!("i"),
                " FROM psa_instances i WHERE i.tenant_id = $1 AND i.merged_into IS NULL"
            ),
            self.tenant.0
        )?;
        let systems =
            found.into_iter().filter(|(_, _, is_connected, has_worked)| *is_connected || *has_worked);
        let known = systems.map(|(psa, settings, is_connected, _)| {
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

    /// Gives what came for `psa` to the connected instance where it belongs there, since the address never worked or turned
    /// out to be the same system's: a call that was on its way during a change may have been stored for the wrong one.
    pub async fn strays_hand_over(&self, psa: PsaInstance) -> Result<()> {
        let mut reader = self.read().await?;
        let stays: Option<(i64,)> = fetch_optional!(
            reader,
            (i64,),
            concat!(
                "SELECT CAST(1 AS bigint) FROM psa_instances i WHERE i.tenant_id = $1 AND i.psa = $2
                   AND i.merged_into IS NULL AND ",
                has_worked!("i")
            ),
            self.tenant.0,
            psa.to_string()
        )?;
        drop(reader);
        if stays.is_some() {
            return Ok(());
        }
        self.write((self.tenant, psa), |tx, (tenant, psa)| {
            Box::pin(async move {
                let connected = before(tx, *tenant).await?;
                let Some(instance) = connected.map(|connected| connected.instance) else { return Ok(()) };
                let known = known(tx, *tenant, instance.kind).await?;
                if known.iter().any(|known| known.instance == *psa && known.belongs_to(instance)) {
                    hand_over(tx, *tenant, *psa, instance).await?;
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

/// Keeps how far the connected instance was swept.
async fn leave(tx: &mut Tx, tenant: TenantId, instance: PsaInstance) -> Result<()> {
    execute!(
        tx,
        "UPDATE psa_instances SET
           swept_since = (SELECT s.since FROM sweeps s WHERE s.tenant_id = $1 AND s.psa = $2),
           swept_through = (SELECT s.through FROM sweeps s WHERE s.tenant_id = $1 AND s.psa = $2)
         WHERE tenant_id = $1 AND psa = $2",
        tenant.0,
        instance.to_string()
    )
    .map(drop)
}

async fn swept_span(tx: &mut Tx, tenant: TenantId, instance: PsaInstance) -> Result<Option<SweptSpan>> {
    type Row = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);
    let found = fetch_optional!(
        tx,
        Row,
        "SELECT swept_since, swept_through FROM psa_instances WHERE tenant_id = $1 AND psa = $2",
        tenant.0,
        instance.to_string()
    )?;
    Ok(found.and_then(|(since, through)| Some(SweptSpan { since: since?, through: through? })))
}

struct Known {
    instance: PsaInstance,
    settings: PsaSettings,
    merged_into: Option<PsaInstance>,
    has_worked: bool,
}

impl Known {
    /// Its number still stands for a system.
    fn is_open(&self) -> bool {
        self.merged_into.is_none()
    }

    /// Whether what came for it is about the connected one.
    fn belongs_to(&self, connected: PsaInstance) -> bool {
        match self.merged_into {
            Some(into) => into == connected,
            None => self.instance != connected && self.instance.kind == connected.kind && !self.has_worked,
        }
    }
}

/// All of one product.
async fn known(tx: &mut Tx, tenant: TenantId, kind: PsaKind) -> Result<Vec<Known>> {
    let rows = fetch_all!(
        tx,
        (String, String, Option<String>, bool),
        concat!(
            "SELECT i.psa, i.settings, i.merged_into, ",
            has_worked!("i"),
            " FROM psa_instances i WHERE i.tenant_id = $1 ORDER BY i.psa"
        ),
        tenant.0
    )?;
    let mut known = Vec::new();
    for (psa, settings, merged_into, has_worked) in rows {
        let instance = rows::read_instance(TABLE, &psa)?;
        if instance.kind == kind {
            known.push(Known {
                instance,
                settings: rows::read_json(TABLE, "settings", &settings)?,
                merged_into: merged_into.map(|into| rows::read_instance(TABLE, &into)).transpose()?,
                has_worked,
            });
        }
    }
    Ok(known)
}

impl Leads {
    /// What never worked is no system that could have moved, unless it is the one that is connected and no other is known
    /// to be there.
    fn or_by_address(
        self,
        known: &[Known],
        settings: &PsaSettings,
        before: Option<PsaInstance>,
    ) -> Result<Self> {
        let Self::To(named) = self else { return Ok(self) };
        let named = known.iter().find(|known| known.is_open() && known.instance == named);
        let named = named.filter(|named| named.has_worked || Some(named.instance) == before);
        let named = named.ok_or(StoreError::NotConnected)?;
        let is_another =
            |known: &&Known| known.has_worked && known.settings.is_surely_same_instance(settings);
        let is_stray = !named.has_worked && known.iter().any(|known| is_another(&known));
        Ok(if is_stray { Self::ByAddress } else { self })
    }
}

/// Where settings lead, and what is known of it from now on.
struct Found {
    instance: PsaInstance,
    settings: PsaSettings,
}

fn find(known: &[Known], settings: &PsaSettings, leads: Leads, before: Option<PsaInstance>) -> Found {
    let open = || known.iter().filter(|known| known.is_open());
    let same: Vec<&Known> = match leads {
        Leads::To(named) => open().filter(|known| known.instance == named).collect(),
        Leads::ByAddress => open().filter(|known| settings.is_same_instance(&known.settings)).collect(),
    };
    // Settings that leave something open may fit several.
    let present = same.iter().find(|known| Some(known.instance) == before);
    if let Some(known) = present.or_else(|| same.iter().min_by_key(|known| known.instance)) {
        let is_there = settings.is_same_instance(&known.settings);
        let settings = settings.clone();
        let settings = if is_there { settings.or_what_was_known(&known.settings) } else { settings };
        return Found { instance: known.instance, settings };
    }
    let newest = known.iter().map(|known| known.instance.number).max().unwrap_or_default();
    let instance = PsaInstance { kind: settings.kind(), number: newest + 1 };
    Found { instance, settings: settings.clone() }
}
