//! The ticketing systems of a workspace, and which of them settings lead to.

use super::super::without_secret;
use super::{Leads, TABLE, has_worked};
use crate::engine::{Tx, execute, fetch_all};
use crate::{Result, StoreError, rows};
use domain::{PsaInstance, PsaKind, PsaSettings, TenantId};

pub(super) struct Known {
    pub(super) instance: PsaInstance,
    pub(super) settings: PsaSettings,
    pub(super) merged_into: Option<PsaInstance>,
    pub(super) has_worked: bool,
    /// Tickets of its own were read.
    pub(super) has_tickets: bool,
}

impl Known {
    /// Its number still stands for a system.
    pub(super) fn is_open(&self) -> bool {
        self.merged_into.is_none()
    }
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    psa: String,
    settings: String,
    merged_into: Option<String>,
    has_worked: bool,
    has_tickets: bool,
}

impl KnownRow {
    fn read(self, instance: PsaInstance) -> Result<Known> {
        Ok(Known {
            instance,
            settings: rows::read_json(TABLE, "settings", &self.settings)?,
            merged_into: self.merged_into.map(|into| rows::read_instance(TABLE, &into)).transpose()?,
            has_worked: self.has_worked,
            has_tickets: self.has_tickets,
        })
    }
}

/// All of one product.
pub(super) async fn known(tx: &mut Tx, tenant: TenantId, kind: PsaKind) -> Result<Vec<Known>> {
    let rows = fetch_all!(
        tx,
        KnownRow,
        concat!(
            "SELECT i.psa, i.settings, i.merged_into,
               EXISTS (SELECT 1 FROM tickets t WHERE t.tenant_id = i.tenant_id AND t.psa = i.psa) AS has_tickets, ",
            has_worked!("i"),
            " AS has_worked FROM psa_instances i WHERE i.tenant_id = $1 ORDER BY i.psa"
        ),
        tenant.0
    )?;
    let mut known = Vec::new();
    for row in rows {
        let instance = rows::read_instance(TABLE, &row.psa)?;
        if instance.kind == kind {
            known.push(row.read(instance)?);
        }
    }
    Ok(known)
}

impl Leads {
    /// What never worked is no system that could have moved, unless it is the one that is connected and no other is known
    /// to be there. One that worked cannot have moved to where another one has tickets of its own.
    pub(super) fn or_by_address(
        self,
        known: &[Known],
        settings: &PsaSettings,
        before: Option<PsaInstance>,
    ) -> Result<Self> {
        let Self::To(named) = self else { return Ok(self) };
        let named = known.iter().find(|known| known.is_open() && known.instance == named);
        let named = named.filter(|named| named.has_worked || Some(named.instance) == before);
        let named = named.ok_or(StoreError::NotConnected)?;
        // Where something is left open, two that are known may be one: not where one of them is already.
        let stays = settings.is_same_instance(&named.settings);
        let is_there = |known: &&Known| match stays {
            true => settings.is_surely_same_instance(&known.settings),
            false => settings.is_same_instance(&known.settings),
        };
        let there = known.iter().filter(|known| known.is_open() && known.instance != named.instance);
        let mut there = there.filter(is_there);
        if named.has_worked {
            there
                .find(|known| known.has_tickets)
                .map_or(Ok(self), |known| Err(StoreError::AnotherSystem(known.instance)))
        } else {
            Ok(if there.any(|known| known.has_worked) { Self::ByAddress } else { self })
        }
    }
}

/// Where settings lead, and what is known of it from now on.
pub(super) struct Found {
    pub(super) instance: PsaInstance,
    pub(super) settings: PsaSettings,
    /// It is a system that let us in before.
    pub(super) has_worked: bool,
    pub(super) has_tickets: bool,
    /// It was known to be elsewhere.
    pub(super) moves: bool,
}

impl Found {
    pub(super) async fn keep(&self, tx: &mut Tx, tenant: TenantId) -> Result<()> {
        execute!(
            tx,
            "INSERT INTO psa_instances (tenant_id, psa, settings) VALUES ($1, $2, $3)
             ON CONFLICT (tenant_id, psa) DO UPDATE SET settings = excluded.settings",
            tenant.0,
            self.instance.to_string(),
            rows::json(&without_secret(&self.settings))?
        )
        .map(drop)
    }
}

/// Settings that leave something open may fit several, of which the least is meant: the one that has these very settings,
/// or else what let us in before what did not, and what is surely there before what may be.
pub(super) fn rank(
    settings: &PsaSettings,
    known: &PsaSettings,
    instance: PsaInstance,
    has_worked: bool,
    is_present: bool,
    has_tickets: bool,
) -> impl Ord + use<> {
    let is_sure = settings.is_surely_same_instance(known);
    (settings.may_be_another(known), !has_worked, !is_sure, !is_present, !has_tickets, instance)
}

pub(super) fn find(
    known: &[Known],
    settings: &PsaSettings,
    leads: Leads,
    before: Option<PsaInstance>,
) -> Found {
    let open = || known.iter().filter(|known| known.is_open());
    let present = |known: &&Known| Some(known.instance) == before;
    let found = match leads {
        Leads::To(named) => open().find(|known| known.instance == named),
        Leads::ByAddress => {
            open().filter(|known| settings.is_same_instance(&known.settings)).min_by_key(|known| {
                let Known { instance, has_worked, has_tickets, .. } = known;
                rank(settings, &known.settings, *instance, *has_worked, present(known), *has_tickets)
            })
        }
        // Saved a second time before it was looked again: the one that the first save began.
        Leads::ToAnother => open().find(|known| {
            settings.is_same_instance(&known.settings) && !settings.may_be_another(&known.settings)
        }),
    };
    let settings = settings.clone();
    match found {
        Some(found) => {
            let stays = settings.is_same_instance(&found.settings);
            Found {
                instance: found.instance,
                settings: if stays { settings.or_what_was_known(&found.settings) } else { settings },
                has_worked: found.has_worked,
                has_tickets: found.has_tickets,
                moves: !stays,
            }
        }
        None => {
            let newest = known.iter().map(|known| known.instance.number).max().unwrap_or_default();
            let instance = PsaInstance { kind: settings.kind(), number: newest + 1 };
            Found { instance, settings, has_worked: false, has_tickets: false, moves: false }
        }
    }
}
