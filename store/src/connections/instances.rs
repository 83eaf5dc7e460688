//! Which of a workspace's ticketing systems is which, over the years.

mod hand_over;
mod known;

use super::before;
use super::hooks::{self, HookChange};
use crate::engine::{Tx, execute, fetch_all, fetch_optional};
use crate::rows;
use crate::sweeps::{Change, LEFT, SweptSpan};
use crate::{KeyRing, Result, StoreError, TenantStore};
use chrono::{DateTime, Utc};
use domain::{PsaInstance, PsaSettings, TenantId};
use hand_over::{drop_calls, hand_over, hand_over_late, read_anew};
use known::{Found, Known, find, known, rank};

pub(super) const TABLE: &str = "psa_instances";

/// One of the ticketing systems that a workspace was ever connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownInstance {
    pub instance: PsaInstance,
    /// The newest that led there, without the secret.
    pub settings: PsaSettings,
    pub is_connected: bool,
    /// It let us in, ever.
    pub has_worked: bool,
    /// Tickets of its own were read.
    pub has_tickets: bool,
}

impl KnownInstance {
    /// Those among `known` that the address of these settings fits; by their address alone they lead to the first.
    pub fn of_address(settings: &PsaSettings, known: Vec<Self>) -> Vec<Self> {
        let mut found: Vec<Self> =
            known.into_iter().filter(|known| settings.is_same_instance(&known.settings)).collect();
        found.sort_by_cached_key(|known| {
            let Self { instance, is_connected, has_worked, has_tickets, .. } = known;
            rank(settings, &known.settings, *instance, *has_worked, *is_connected, *has_tickets)
        });
        found
    }
}

/// Which system the settings of a save lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// The one that their address tells.
    ByAddress,
    /// The one that a person names: it has moved to the address.
    To(PsaInstance),
    /// None that is known: what is known to be at the address was looked for there and is not.
    ToAnother,
}

/// What became of a save.
pub(super) struct Settled {
    pub(super) instance: PsaInstance,
    pub(super) change: Change,
    pub(super) hook: HookChange,
    /// From where it is swept on, where that is not where it is being swept.
    pub(super) swept: Option<SweptSpan>,
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
    let found = find(&known, settings, leads, before);
    found.keep(tx, tenant).await?;
    let absorbed = gather(tx, tenant, &known, &found, leads).await?;
    let instance = found.instance;
    let change = match before {
        Some(before) if before == instance => Change::None,
        Some(before) if absorbed.contains(&before) => Change::Mended,
        _ => Change::Another,
    };
    let (mut hook, mut swept) = (HookChange::Same, None);
    if let Some(before) = before.filter(|before| *before != instance) {
        let since = swept_since(tx, tenant, before).await?;
        leave(tx, tenant, before).await?;
        hook = hooks::pass_on(tx, keys, tenant, [before, instance], change, now).await?;
        if found.has_worked {
            hooks::forget_mistakes(tx, tenant, instance).await?;
        }
        swept = swept_span(tx, tenant, instance).await?;
        if change == Change::Mended {
            swept = swept.filter(|span| since.is_none_or(|since| since - span.through <= LEFT));
        }
        revive(tx, tenant, instance).await?;
    } else if found.moves {
        if !found.has_tickets {
            read_anew(tx, tenant, instance).await?;
        }
        revive(tx, tenant, instance).await?;
    }
    Ok(Settled { instance, change, hook, swept })
}

/// Gives the system that was found what came for addresses of it that never let us in, and ends what came for those of
/// others; which ones it was given.
async fn gather(
    tx: &mut Tx,
    tenant: TenantId,
    known: &[Known],
    found: &Found,
    leads: Leads,
) -> Result<Vec<PsaInstance>> {
    // Only before any system let us in is what did not a mistake for the one that is saved now. Later it may have been
    // another system, whose numbers are other tickets here; unless a person says that it was this one.
    let is_first = !any_has_worked(tx, tenant).await?;
    // A system that moved was looked for at the address, so whatever may be there is that one.
    let is_there = |known: &Known| match found.moves && found.has_worked {
        true => known.settings.is_same_instance(&found.settings),
        false => known.settings.is_surely_same_instance(&found.settings),
    };
    let is_said = |known: &Known| matches!(leads, Leads::To(_)) && is_there(known);
    let mut absorbed = Vec::new();
    for known in known.iter().filter(|known| known.instance != found.instance) {
        let never_let_us_in = known.is_open() && !known.has_worked;
        // It let us in, and nobody had said yet that it is the system that is known.
        let is_the_same = known.is_open() && !known.has_tickets && is_said(known);
        if known.merged_into == Some(found.instance) {
            hand_over_late(tx, tenant, known.instance, found.instance).await?;
            absorbed.push(known.instance);
        } else if is_the_same || (never_let_us_in && is_first) {
            if hand_over(tx, tenant, known.instance, found.instance).await? {
                absorb(tx, tenant, known.instance, found.instance).await?;
                absorbed.push(known.instance);
            } else if is_said(known) {
                return Err(StoreError::AnotherSystem(known.instance));
            }
        } else if never_let_us_in && found.has_worked {
            drop_calls(tx, tenant, known.instance).await?;
        }
    }
    Ok(absorbed)
}

impl TenantStore {
    /// The ticketing systems that the workspace is or was connected to, by product and number; addresses that never let us
    /// in are none.
    pub async fn psa_instances(&self) -> Result<Vec<KnownInstance>> {
        let mut reader = self.read().await?;
        let found = fetch_all!(
            reader,
            (String, String, bool, bool, bool),
            concat!(
                "SELECT i.psa, i.settings, EXISTS (
                   SELECT 1 FROM psa_connections c WHERE c.tenant_id = i.tenant_id AND c.psa = i.psa),
                   EXISTS (SELECT 1 FROM tickets t WHERE t.tenant_id = i.tenant_id AND t.psa = i.psa), ",
                has_worked!("i"),
                " FROM psa_instances i WHERE i.tenant_id = $1 AND i.merged_into IS NULL"
            ),
            self.tenant.0
        )?;
        let systems =
            found.into_iter().filter(|(_, _, is_connected, _, has_worked)| *is_connected || *has_worked);
        let known = systems.map(|(psa, settings, is_connected, has_tickets, has_worked)| {
            Ok(KnownInstance {
                instance: rows::read_instance(TABLE, &psa)?,
                settings: rows::read_json(TABLE, "settings", &settings)?,
                is_connected,
                has_worked,
                has_tickets,
            })
        });
        let mut known = known.collect::<Result<Vec<_>>>()?;
        known.sort_by_key(|known| known.instance);
        Ok(known)
    }

    /// Gives what came for `psa` to the connected instance where it turned out to be that one at another address, and ends
    /// what came for an address that never let us in while a system that works is connected: a call that was on its way
    /// during a change may have been stored for the wrong one.
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
                let known = known(tx, *tenant, psa.kind).await?;
                let is_system = known.iter().any(|known| known.instance == instance && known.has_worked);
                let Some(known) = known.into_iter().find(|known| known.instance == *psa) else {
                    return Ok(());
                };
                if known.merged_into == Some(instance) {
                    hand_over_late(tx, *tenant, *psa, instance).await?;
                } else if known.is_open() && !known.has_worked && *psa != instance && is_system {
                    drop_calls(tx, *tenant, *psa).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// The connected instance let us in, where it is now.
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

/// A mistaken address is the system's whose it should have been.
async fn absorb(tx: &mut Tx, tenant: TenantId, mistake: PsaInstance, into: PsaInstance) -> Result<()> {
    for statement in [
        "UPDATE psa_instances SET merged_into = $3 WHERE tenant_id = $1 AND (psa = $2 OR merged_into = $2)",
        // What was listed there was created here.
        "INSERT INTO swept_tickets (tenant_id, psa, external_ticket, number, created_at, day, found_at, open)
         SELECT tenant_id, $3, external_ticket, number, created_at, day, found_at, open FROM swept_tickets
         WHERE tenant_id = $1 AND psa = $2 ON CONFLICT DO NOTHING",
    ] {
        execute!(tx, statement, tenant.0, mistake.to_string(), into.to_string())?;
    }
    execute!(tx, "DELETE FROM swept_tickets WHERE tenant_id = $1 AND psa = $2", tenant.0, mistake.to_string())
        .map(drop)
}

async fn any_has_worked(tx: &mut Tx, tenant: TenantId) -> Result<bool> {
    let found: Option<(i64,)> = fetch_optional!(
        tx,
        (i64,),
        concat!(
            "SELECT CAST(1 AS bigint) FROM psa_instances i WHERE i.tenant_id = $1 AND i.merged_into IS NULL AND ",
            has_worked!("i"),
            " LIMIT 1"
        ),
        tenant.0
    )?;
    Ok(found.is_some())
}

/// What waited to be read from this system until it was given up is worked on now.
async fn revive(tx: &mut Tx, tenant: TenantId, instance: PsaInstance) -> Result<()> {
    let instance = instance.to_string();
    for statement in [
        "UPDATE deliveries SET state = 'queued' WHERE tenant_id = $1 AND psa = $2 AND state = 'dead'
           AND external_ticket IN (SELECT j.external_ticket FROM jobs j WHERE j.tenant_id = $1 AND j.psa = $2
             AND j.due_at IS NULL AND j.lease_token IS NULL AND j.stage = 'read')",
        "UPDATE tickets SET state = 'reading', reason = NULL WHERE tenant_id = $1 AND psa = $2 AND state = 'failed'
           AND external_id IN (SELECT j.external_ticket FROM jobs j WHERE j.tenant_id = $1 AND j.psa = $2
             AND j.due_at IS NULL AND j.lease_token IS NULL AND j.stage = 'read')",
        "UPDATE jobs SET due_at = created_at, attempts = 0, cause = NULL WHERE tenant_id = $1 AND psa = $2
           AND due_at IS NULL AND lease_token IS NULL AND stage = 'read'",
    ] {
        execute!(tx, statement, tenant.0, &instance)?;
    }
    Ok(())
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

/// Since when the connected system is swept: what turns out to be another one was left by then.
async fn swept_since(tx: &mut Tx, tenant: TenantId, before: PsaInstance) -> Result<Option<DateTime<Utc>>> {
    let found: Option<(Option<DateTime<Utc>>,)> = fetch_optional!(
        tx,
        (Option<DateTime<Utc>>,),
        "SELECT since FROM sweeps WHERE tenant_id = $1 AND psa = $2",
        tenant.0,
        before.to_string()
    )?;
    Ok(found.and_then(|(since,)| since))
}
