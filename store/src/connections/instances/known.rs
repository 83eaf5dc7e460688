//! The ticketing systems of a workspace, and which of them settings lead to.

use super::super::without_secret;
use super::{Leads, TABLE, has_worked};
use crate::engine::{Tx, execute, fetch_all, fetch_one};
use crate::sweeps::SweptSpan;
use crate::{Result, StoreError, rows};
use chrono::{DateTime, Utc};
use domain::{PsaInstance, PsaKind, PsaSettings, TenantId};
use serde::{Deserialize, Serialize};

/// An address at which a system was, and how far it was swept there when it was left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    settings: PsaSettings,
    swept: Option<SweptSpan>,
}

/// Releases before kept the settings alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum KeptPlace {
    Place(Place),
    Settings(PsaSettings),
}

impl From<KeptPlace> for Place {
    fn from(kept: KeptPlace) -> Self {
        match kept {
            KeptPlace::Place(place) => place,
            KeptPlace::Settings(settings) => Self { settings, swept: None },
        }
    }
}

pub(super) struct Known {
    pub(super) instance: PsaInstance,
    pub(super) settings: PsaSettings,
    /// Where it was before, the latest last.
    former: Vec<Place>,
    /// It is said to be where it is now, and did not let us in there yet.
    pub(super) unproven: bool,
    /// How far it was swept when it was left.
    swept: Option<SweptSpan>,
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
        self.places().find(|known| settings.is_same_instance(known))
    }

    fn places(&self) -> impl Iterator<Item = &PsaSettings> {
        [&self.settings].into_iter().chain(self.former.iter().map(|place| &place.settings))
    }

    /// It let us in where these settings lead, as far as they tell: its tickets are there.
    fn worked_at(&self, settings: &PsaSettings) -> bool {
        let proven = self.places().skip(usize::from(self.unproven));
        self.has_worked && proven.into_iter().any(|known| known.is_surely_same_instance(settings))
    }

    /// It is only said to be there.
    fn is_said_to_be_at(&self, settings: &PsaSettings) -> bool {
        self.unproven && self.settings.is_surely_same_instance(settings)
    }

    /// It is where it was before.
    fn give_up(&mut self) {
        if let Some(Place { settings, swept }) = self.former.pop() {
            self.settings = settings;
            self.swept = swept;
            self.unproven = false;
        }
    }
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    psa: String,
    settings: String,
    former: String,
    unproven: bool,
    swept_since: Option<DateTime<Utc>>,
    swept_through: Option<DateTime<Utc>>,
    merged_into: Option<String>,
    has_worked: bool,
}

impl KnownRow {
    fn read(self, instance: PsaInstance) -> Result<Known> {
        let former: Vec<KeptPlace> = rows::read_json(TABLE, "former", &self.former)?;
        let span = self.swept_since.zip(self.swept_through);
        Ok(Known {
            instance,
            settings: rows::read_json(TABLE, "settings", &self.settings)?,
            former: former.into_iter().map(Place::from).collect(),
            unproven: self.unproven,
            swept: span.map(|(since, through)| SweptSpan { since, through }),
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
            "SELECT i.psa, i.settings, i.former, i.unproven, i.swept_since, i.swept_through, i.merged_into, ",
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
    /// to be there. One that worked cannot have moved to where another one is: each has tickets of its own.
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
        let mut others = known.iter().filter(|known| known.is_open() && known.instance != named.instance);
        match others.find(|known| known.worked_at(settings)) {
            Some(there) if named.has_worked => Err(StoreError::AnotherSystem(there.instance)),
            Some(_) => Ok(Self::ByAddress),
            None => Ok(self),
        }
    }
}

/// Others that are only said to be where `named` is are where they were before.
pub(super) async fn give_up(
    tx: &mut Tx,
    tenant: TenantId,
    known: &mut [Known],
    settings: &PsaSettings,
    named: PsaInstance,
) -> Result<()> {
    for known in known.iter_mut().filter(|known| known.instance != named) {
        if known.is_said_to_be_at(settings) {
            known.give_up();
            let Known { instance, settings, former, unproven, swept, .. } = known;
            keep(tx, tenant, *instance, (settings, former), *unproven, *swept).await?;
        }
    }
    Ok(())
}

/// Where settings lead, and what is known of it from now on.
pub(super) struct Found {
    pub(super) instance: PsaInstance,
    pub(super) settings: PsaSettings,
    former: Vec<Place>,
    unproven: bool,
    /// It is a system that let us in before.
    pub(super) has_worked: bool,
    /// It was known to be elsewhere.
    pub(super) moves: bool,
    /// And that may have been a mistake: it was there by a person's word.
    pub(super) undoes: bool,
    /// From where it is swept on.
    pub(super) swept: Option<SweptSpan>,
}

impl Found {
    pub(super) async fn keep(&self, tx: &mut Tx, tenant: TenantId) -> Result<()> {
        let places = (&self.settings, &self.former[..]);
        keep(tx, tenant, self.instance, places, self.unproven, self.swept).await
    }

    /// Forgets what was listed where it may never have been, and is not taken in: the next list, which begins early enough,
    /// finds what is of this system again.
    pub(super) async fn unlist(&mut self, tx: &mut Tx, tenant: TenantId) -> Result<()> {
        let Some(swept) = &mut self.swept else { return Ok(()) };
        let instance = self.instance.to_string();
        let (oldest,): (Option<DateTime<Utc>>,) = fetch_one!(
            tx,
            (Option<DateTime<Utc>>,),
            "SELECT min(created_at) FROM swept_tickets WHERE tenant_id = $1 AND psa = $2 AND open AND found_at > $3",
            tenant.0,
            &instance,
            swept.through
        )?;
        execute!(
            tx,
            "DELETE FROM swept_tickets WHERE tenant_id = $1 AND psa = $2 AND open AND found_at > $3",
            tenant.0,
            &instance,
            swept.through
        )?;
        let Some(oldest) = oldest else { return Ok(()) };
        swept.through = swept.through.min(oldest);
        // What is forgotten may be of the place that is left, too.
        if let Some(left) = self.former.last_mut().and_then(|place| place.swept.as_mut()) {
            left.through = left.through.min(oldest);
        }
        Ok(())
    }
}

async fn keep(
    tx: &mut Tx,
    tenant: TenantId,
    instance: PsaInstance,
    (settings, former): (&PsaSettings, &[Place]),
    unproven: bool,
    swept: Option<SweptSpan>,
) -> Result<()> {
    let place = |place: &Place| Place { settings: without_secret(&place.settings), swept: place.swept };
    let former: Vec<Place> = former.iter().map(place).collect();
    execute!(
        tx,
        "INSERT INTO psa_instances (tenant_id, psa, settings, former, unproven, swept_since, swept_through)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant_id, psa) DO UPDATE SET settings = excluded.settings, former = excluded.former,
           unproven = excluded.unproven, swept_since = excluded.swept_since, swept_through = excluded.swept_through",
        tenant.0,
        instance.to_string(),
        rows::json(&without_secret(settings))?,
        rows::json(&former)?,
        unproven,
        swept.map(|swept| swept.since),
        swept.map(|swept| swept.through)
    )
    .map(drop)
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
    match found {
        Some(found) => found.moved_to(settings),
        None => {
            let newest = known.iter().map(|known| known.instance.number).max().unwrap_or_default();
            Found {
                instance: PsaInstance { kind: settings.kind(), number: newest + 1 },
                settings: settings.clone(),
                former: Vec::new(),
                unproven: false,
                has_worked: false,
                moves: false,
                undoes: false,
                swept: None,
            }
        }
    }
}

impl Known {
    fn moved_to(&self, settings: &PsaSettings) -> Found {
        let stays = settings.is_same_instance(&self.settings);
        let known = self.at(settings).map(|at| settings.clone().or_what_was_known(at));
        let (mut former, mut swept) = (self.former.clone(), self.swept);
        let undoes = !stays && (self.unproven || !former.is_empty());
        if !stays {
            match former.iter().position(|place| settings.is_same_instance(&place.settings)) {
                Some(back) => swept = former.remove(back).swept,
                None if undoes => swept = earlier(swept, former.last().and_then(|place| place.swept)),
                None => {}
            }
            if self.has_worked && !self.unproven {
                former.push(Place { settings: self.settings.clone(), swept: self.swept });
            }
        }
        Found {
            instance: self.instance,
            unproven: if stays { self.unproven } else { self.has_worked && known.is_none() },
            settings: known.unwrap_or_else(|| settings.clone()),
            former,
            has_worked: self.has_worked,
            moves: !stays,
            undoes,
            swept,
        }
    }
}

fn earlier(one: Option<SweptSpan>, other: Option<SweptSpan>) -> Option<SweptSpan> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if one.through <= other.through { one } else { other }),
        (one, other) => one.or(other),
    }
}
