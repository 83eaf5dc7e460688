//! The ticketing systems of a workspace, and which of them settings lead to.

use super::super::without_secret;
use super::{Leads, TABLE, has_worked};
use crate::engine::{Tx, execute, fetch_all};
use crate::{Result, StoreError, rows};
use domain::{PsaInstance, PsaKind, PsaSettings, TenantId};

pub(super) struct Known {
    pub(super) instance: PsaInstance,
    pub(super) settings: PsaSettings,
    /// Where it was before.
    pub(super) former: Vec<PsaSettings>,
    /// It is said to be where it is now, and did not let us in there yet.
    unproven: bool,
    pub(super) merged_into: Option<PsaInstance>,
    pub(super) has_worked: bool,
}

impl Known {
    /// Its number still stands for a system.
    pub(super) fn is_open(&self) -> bool {
        self.merged_into.is_none()
    }

    /// The settings known of it that lead where these do.
    fn at(&self, settings: &PsaSettings) -> Option<&PsaSettings> {
        [&self.settings].into_iter().chain(&self.former).find(|known| settings.is_same_instance(known))
    }
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    psa: String,
    settings: String,
    former: String,
    unproven: bool,
    merged_into: Option<String>,
    has_worked: bool,
}

impl KnownRow {
    fn read(self, instance: PsaInstance) -> Result<Known> {
        Ok(Known {
            instance,
            settings: rows::read_json(TABLE, "settings", &self.settings)?,
            former: rows::read_json(TABLE, "former", &self.former)?,
            unproven: self.unproven,
            merged_into: self.merged_into.map(|into| rows::read_instance(TABLE, &into)).transpose()?,
            has_worked: self.has_worked,
        })
    }
}

/// All of one product.
pub(super) async fn known(tx: &mut Tx, tenant: TenantId, kind: PsaKind) -> Result<Vec<Known>> {
    let rows = fetch_all!(
        tx,
        KnownRow,
        concat!(
            "SELECT i.psa, i.settings, i.former, i.unproven, i.merged_into, ",
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
    /// to be there.
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
        let is_another =
            |known: &&Known| known.has_worked && known.settings.is_surely_same_instance(settings);
        let is_stray = !named.has_worked && known.iter().any(|known| is_another(&known));
        Ok(if is_stray { Self::ByAddress } else { self })
    }
}

/// Where settings lead, and what is known of it from now on.
pub(super) struct Found {
    pub(super) instance: PsaInstance,
    settings: PsaSettings,
    former: Vec<PsaSettings>,
    unproven: bool,
    /// It is a system that let us in before.
    pub(super) has_worked: bool,
    /// It was known to be elsewhere.
    pub(super) moves: bool,
    /// And there it never let us in.
    pub(super) was_unproven: bool,
}

impl Found {
    /// The settings it is known by.
    pub(super) async fn keep(self, tx: &mut Tx, tenant: TenantId) -> Result<PsaSettings> {
        let former: Vec<PsaSettings> = self.former.iter().map(without_secret).collect();
        execute!(
            tx,
            "INSERT INTO psa_instances (tenant_id, psa, settings, former, unproven) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant_id, psa) DO UPDATE SET settings = excluded.settings, former = excluded.former,
               unproven = excluded.unproven",
            tenant.0,
            self.instance.to_string(),
            rows::json(&without_secret(&self.settings))?,
            rows::json(&former)?,
            self.unproven
        )?;
        Ok(self.settings)
    }
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
        // Settings that leave something open may fit several: what let us in goes before what did not.
        Leads::ByAddress => open()
            .filter(|known| known.at(settings).is_some())
            .min_by_key(|known| (!known.has_worked, !present(known), known.instance)),
    };
    let Some(found) = found else {
        let newest = known.iter().map(|known| known.instance.number).max().unwrap_or_default();
        let instance = PsaInstance { kind: settings.kind(), number: newest + 1 };
        return Found {
            instance,
            settings: settings.clone(),
            former: Vec::new(),
            unproven: false,
            has_worked: false,
            moves: false,
            was_unproven: false,
        };
    };
    let (instance, has_worked) = (found.instance, found.has_worked);
    let stays = settings.is_same_instance(&found.settings);
    let at = found.at(settings);
    let mut former = found.former.clone();
    if !stays {
        former.retain(|former| !settings.is_same_instance(former));
        if has_worked && !found.unproven {
            former.push(found.settings.clone());
        }
    }
    let unproven = if stays { found.unproven } else { has_worked && at.is_none() };
    let settings = settings.clone();
    let settings = at.map_or_else(|| settings.clone(), |at| settings.clone().or_what_was_known(at));
    Found { instance, settings, former, unproven, has_worked, moves: !stays, was_unproven: found.unproven }
}
