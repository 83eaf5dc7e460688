//! Importing the past: tickets from before a workspace was connected, so that it has trends on its first day.
//!
//! What is to be read comes from the PSA's own list and is written down whole before anything is read of it; so a person
//! knows what it will cost before it begins, every ticket of it is accounted for, and it goes on after a restart. Tickets
//! are taken in a few at a time, as jobs of the same queue. They are put down as if they had come when they were created,
//! but nothing is ever written to the PSA because of them (`tickets.imported`).
//!
//! Only what was created before the sweeps of this connection began belongs to the past: what came later is new, and is
//! acted on.

mod counts;
mod fate;
mod listing;
mod taking_in;

use crate::analyses::Provenance;
use crate::engine::{Scope, Tx, execute, fetch_all, fetch_one, fetch_optional, locked, sql};
use crate::rows::{self, Word, clean};
use crate::sweeps::SweptTicket;
use crate::{Actor, Result, Store, StoreError, TenantStore, audit};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Dollars, PsaInstance, TenantId};
use std::time::Duration;
use uuid::Uuid;

pub use counts::ImportCounts;
use counts::{BY_STATE, StateRow, counts, failures};
pub(crate) use fate::{failed, left, scored, spent};

/// Of a longer list the oldest are left out, and it begins later.
pub const LISTED_AT_MOST: i64 = 50_000;
/// Readings from which a usual one is known.
const READINGS: i64 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// The PSA's list is being read.
    Listing,
    /// All that is to be read is known; a person has not allowed it yet.
    Listed,
    /// Tickets are read and scored.
    Running,
    /// By a person, or because a limit was reached.
    Paused,
    Done,
    Cancelled,
}

impl ImportState {
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }
}

/// The newest import of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub id: Uuid,
    pub psa: PsaInstance,
    pub state: ImportState,
    /// Why it stands still, or did not get on the last time.
    pub reason: Option<String>,
    /// Tickets created from then on, and before `until`.
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Where the PSA's list goes on.
    pub cursor: Option<String>,
    pub limits: ImportLimits,
    pub asked_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// How long it was at it, pauses left out.
    pub ran: Duration,
    pub counts: ImportCounts,
    /// The first few tickets that failed, and why.
    pub failures: Vec<(String, String)>,
}

/// What a person allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportLimits {
    /// The newest so many of the list.
    pub tickets: Option<u32>,
    pub cost: Option<Dollars>,
}

/// What a person does with an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportAct {
    /// Also: to go on after a pause.
    Start(ImportLimits),
    Pause,
    Cancel,
}

/// How it goes on after a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportNext {
    pub at: DateTime<Utc>,
    /// Why it did not get on.
    pub reason: Option<String>,
}

/// What one reading of a ticket takes, on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsualReading {
    pub readings: i64,
    pub tokens_in: i64,
    pub tokens_out: i64,
}

#[derive(sqlx::FromRow)]
struct ImportRow {
    id: Uuid,
    psa: String,
    state: String,
    reason: Option<String>,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    list_cursor: Option<String>,
    most_tickets: Option<i64>,
    most_cost: Option<i64>,
    asked_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    ran_ms: i64,
}

impl ImportRow {
    fn read(self, counts: ImportCounts, failures: Vec<(String, String)>) -> Result<Import> {
        Ok(Import {
            id: self.id,
            psa: rows::read_instance("imports", &self.psa)?,
            state: ImportState::read("imports", "state", &self.state)?,
            reason: self.reason,
            since: self.since,
            until: self.until,
            cursor: self.list_cursor,
            limits: limits(self.most_tickets, self.most_cost),
            asked_at: self.asked_at,
            ended_at: self.ended_at,
            ran: Duration::from_millis(u64::try_from(self.ran_ms).unwrap_or(0)),
            counts,
            failures,
        })
    }
}

fn limits(tickets: Option<i64>, cost: Option<i64>) -> ImportLimits {
    ImportLimits {
        tickets: tickets.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        cost: cost.map(|most| Dollars::from_millionths(most.unsigned_abs())),
    }
}

impl Store {
    /// Up to `limit` imports that are due and whose PSA is not paused, longest waiting first. Each is due again at `until`,
    /// so that nobody else goes on with it meanwhile, and somebody does if the caller dies. Asks without writing when none
    /// is due.
    pub async fn import_claim(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<TenantId>> {
        let mut reader = self.read(Scope::EveryTenant).await?;
        let due: Option<(Uuid,)> = fetch_optional!(
            reader,
            (Uuid,),
            "SELECT i.tenant_id FROM imports i JOIN psa_connections p ON p.tenant_id = i.tenant_id
             WHERE i.due_at <= $1 AND p.state <> 'paused' LIMIT 1",
            now
        )?;
        drop(reader);
        if due.is_none() {
            return Ok(Vec::new());
        }
        self.write(Scope::EveryTenant, (now, until, i64::from(limit)), |tx, (now, until, limit)| {
            Box::pin(async move {
                macro_rules! claim {
                    ($lock:literal) => {
                        concat!(
                            "UPDATE imports SET due_at = $1 WHERE tenant_id IN (
                               SELECT i.tenant_id FROM imports i JOIN psa_connections p ON p.tenant_id = i.tenant_id
                               WHERE i.due_at <= $2 AND p.state <> 'paused' ORDER BY i.due_at LIMIT $3",
                            $lock,
                            ") RETURNING tenant_id"
                        )
                    };
                }
                let text = sql!(tx, sqlite: claim!(""), postgres: claim!(" FOR UPDATE OF i SKIP LOCKED"));
                let claimed: Vec<(Uuid,)> = fetch_all!(tx, (Uuid,), text, *until, *now, *limit)?;
                Ok(claimed.into_iter().map(|(tenant,)| tenant.into()).collect())
            })
        })
        .await
    }
}

impl TenantStore {
    /// `None`: there never was one.
    pub async fn import(&self) -> Result<Option<Import>> {
        let mut reader = self.read().await?;
        let row = fetch_optional!(
            reader,
            ImportRow,
            "SELECT id, psa, state, reason, since, until, list_cursor, most_tickets, most_cost, asked_at, ended_at, ran_ms
             FROM imports WHERE tenant_id = $1",
            self.tenant.0
        )?;
        let Some(row) = row else { return Ok(None) };
        let states: Vec<StateRow> = fetch_all!(reader, StateRow, BY_STATE, self.tenant.0)?;
        let failures = failures(&mut reader, self.tenant).await?;
        row.read(counts(&states), failures).map(Some)
    }

    /// Asks for the tickets that were created in the `days` before sweeps began: they are listed, and wait for
    /// [`ImportAct::Start`]. The import before it is forgotten; its tickets stay.
    ///
    /// [`StoreError::NotConnected`]: there is no PSA. [`StoreError::Conflict`]: another is under way.
    pub async fn import_begin(&self, days: u16, actor: &Actor, now: DateTime<Utc>) -> Result<()> {
        self
            .write((self.tenant, days, actor.clone(), now), |tx, (tenant, days, actor, now)| {
                Box::pin(async move {
                    // Two at the same time come one after the other.
                    let connected: Option<(String,)> = fetch_optional!(
                        tx,
                        (String,),
                        locked!(tx, "SELECT psa FROM psa_connections WHERE tenant_id = $1 AND psa <> ''"),
                        tenant.0
                    )?;
                    let Some((psa,)) = connected else { return Err(StoreError::NotConnected) };
                    let (busy,): (bool,) = fetch_one!(
                        tx,
                        (bool,),
                        "SELECT EXISTS (SELECT 1 FROM imports WHERE tenant_id = $1 AND state NOT IN ('done', 'cancelled'))",
                        tenant.0
                    )?;
                    if busy {
                        return Err(StoreError::Conflict { what: "an import that is under way" });
                    }
                    // What came back to wait since the last one was cancelled.
                    taking_in::release(tx, *tenant).await?;
                    let swept: Option<(Option<DateTime<Utc>>,)> = fetch_optional!(
                        tx,
                        (Option<DateTime<Utc>>,),
                        "SELECT since FROM sweeps WHERE tenant_id = $1 AND psa = $2",
                        tenant.0,
                        &psa
                    )?;
                    let until = swept.and_then(|(since,)| since).unwrap_or(*now);
                    execute!(tx, "DELETE FROM imports WHERE tenant_id = $1", tenant.0)?;
                    execute!(
                        tx,
                        "INSERT INTO imports (tenant_id, id, psa, state, since, until, asked_at, due_at)
                         VALUES ($1, $2, $3, 'listing', $4, $5, $6, $6)",
                        tenant.0,
                        rows::id_at(*now),
                        &psa,
                        until - TimeDelta::days((*days).into()),
                        until,
                        *now
                    )?;
                    let by = audit::name(tx, *tenant, actor).await?;
                    let detail = format!("tickets of {days} days are listed");
                    audit::append(tx, *tenant, &by, "import.begun", &detail, *now).await
                })
            })
            .await
    }

    /// `false`: it is in no state for that.
    pub async fn import_act(&self, act: ImportAct, actor: &Actor, now: DateTime<Utc>) -> Result<bool> {
        self.write((self.tenant, act, actor.clone(), now), |tx, (tenant, act, actor, now)| {
            Box::pin(async move {
                let (changed, what, detail) = match act {
                    ImportAct::Start(limits) => {
                        (start(tx, *tenant, *limits, *now).await?, "import.started", allowed(limits))
                    }
                    ImportAct::Pause => {
                        let text = "UPDATE imports SET state = 'paused', due_at = NULL, reason = NULL
                                    WHERE tenant_id = $1 AND state = 'running'";
                        (execute!(tx, text, tenant.0)?, "import.paused", "no more tickets are taken in".into())
                    }
                    ImportAct::Cancel => {
                        let text = "UPDATE imports SET state = 'cancelled', due_at = NULL, reason = NULL, ended_at = $2
                                    WHERE tenant_id = $1 AND state NOT IN ('done', 'cancelled')";
                        let changed = execute!(tx, text, tenant.0, *now)?;
                        taking_in::release(tx, *tenant).await?;
                        (changed, "import.cancelled", "what was read stays".into())
                    }
                };
                if changed == 0 {
                    return Ok(false);
                }
                let by = audit::name(tx, *tenant, actor).await?;
                audit::append(tx, *tenant, &by, what, &detail, *now).await.map(|()| true)
            })
        })
        .await
    }

    /// Keeps a page of the list, and where to go on; at its end the import waits for a person. `false`: it is not being
    /// listed any more, and nothing is kept.
    pub async fn import_keep(
        &self,
        import: Uuid,
        found: Vec<SweptTicket>,
        cursor: Option<String>,
        next: ImportNext,
    ) -> Result<bool> {
        self.write((self.tenant, import, found, cursor, next), |tx, (tenant, import, found, cursor, next)| {
            Box::pin(async move {
                let span: Option<(DateTime<Utc>, DateTime<Utc>, String)> = fetch_optional!(
                    tx,
                    (DateTime<Utc>, DateTime<Utc>, String),
                    "UPDATE imports SET list_cursor = $1, due_at = $2, reason = NULL
                     WHERE tenant_id = $3 AND id = $4 AND state = 'listing' RETURNING since, until, psa",
                    cursor.as_deref(),
                    next.at,
                    tenant.0,
                    *import
                )?;
                let Some((since, until, psa)) = span else { return Ok(false) };
                // One of which the PSA told no time stands at the beginning: whether it is past is not known.
                let found = found.iter().filter(|one| one.created_at > since && one.created_at < until);
                listing::add(tx, *tenant, found).await?;
                listing::cut(tx, *tenant, LISTED_AT_MOST).await?;
                if cursor.is_none() {
                    listing::end(tx, *tenant, &psa).await?;
                }
                Ok(true)
            })
        })
        .await
    }

    /// Takes in the newest that wait, so that at most `room` are under way, and within the limits; how many. An import of
    /// which all is through, or whose limit is reached, ends here.
    pub async fn import_feed(
        &self,
        import: Uuid,
        room: u32,
        now: DateTime<Utc>,
        next: ImportNext,
    ) -> Result<u32> {
        self.write(
            (self.tenant, import, i64::from(room), now, next),
            |tx, (tenant, import, room, now, next)| {
                Box::pin(taking_in::step(tx, *tenant, *import, *room, *now, next))
            },
        )
        .await
    }

    /// It did not get on; it is tried again then.
    pub async fn import_stuck(&self, import: Uuid, next: ImportNext) -> Result<()> {
        self.write((self.tenant, import, next), |tx, (tenant, import, next)| {
            Box::pin(async move {
                execute!(
                    tx,
                    "UPDATE imports SET reason = $1, due_at = $2
                     WHERE tenant_id = $3 AND id = $4 AND state IN ('listing', 'running')",
                    next.reason.as_deref().map(clean),
                    next.at,
                    tenant.0,
                    *import
                )
                .map(drop)
            })
        })
        .await
    }

    /// Its PSA is not connected any more: what is left cannot be read.
    pub async fn import_abandon(&self, import: Uuid, reason: &str, now: DateTime<Utc>) -> Result<()> {
        self.write(
            (self.tenant, import, clean(reason).into_owned(), now),
            |tx, (tenant, import, reason, now)| {
                Box::pin(async move {
                    taking_in::release(tx, *tenant).await?;
                    execute!(
                        tx,
                        "UPDATE imports SET state = 'cancelled', due_at = NULL, reason = $1, ended_at = $2
                         WHERE tenant_id = $3 AND id = $4 AND state NOT IN ('done', 'cancelled')",
                        reason,
                        *now,
                        tenant.0,
                        *import
                    )
                    .map(drop)
                })
            },
        )
        .await
    }

    /// From the newest scored tickets that a model with tokens read; `None`: there are none.
    pub async fn usual_reading(&self) -> Result<Option<UsualReading>> {
        let mut reader = self.read().await?;
        let found = fetch_all!(
            reader,
            (String,),
            "SELECT provenance FROM analyses WHERE tenant_id = $1 AND state = 'scored' ORDER BY id DESC LIMIT $2",
            self.tenant.0,
            READINGS
        )?;
        let mut usual = UsualReading { readings: 0, tokens_in: 0, tokens_out: 0 };
        for (text,) in found {
            let one: Provenance = rows::read_json("analyses", "provenance", &text)?;
            if one.tokens_in > 0 && one.degraded.is_none() {
                usual.readings += 1;
                usual.tokens_in += one.tokens_in;
                usual.tokens_out += one.tokens_out;
            }
        }
        let mean = |sum: i64| sum.checked_div(usual.readings);
        Ok(mean(usual.tokens_in).zip(mean(usual.tokens_out)).map(|(tokens_in, tokens_out)| UsualReading {
            readings: usual.readings,
            tokens_in,
            tokens_out,
        }))
    }
}

/// Starts, or goes on after a pause; how many rows that changed.
async fn start(tx: &mut Tx, tenant: TenantId, limits: ImportLimits, now: DateTime<Utc>) -> Result<u64> {
    execute!(
        tx,
        "UPDATE imports SET state = 'running', reason = NULL, due_at = $1, most_tickets = $2, most_cost = $3
         WHERE tenant_id = $4 AND state IN ('listed', 'paused')",
        now,
        limits.tickets.map(i64::from),
        limits.cost.map(|most| i64::try_from(most.millionths()).unwrap_or(i64::MAX)),
        tenant.0
    )
}

fn allowed(limits: &ImportLimits) -> String {
    let tickets = limits.tickets.map(|most| format!("at most {most} tickets"));
    let cost = limits.cost.map(|most| format!("at most ${most}"));
    match (tickets, cost) {
        (Some(tickets), Some(cost)) => format!("{tickets}, {cost}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "without a limit".into(),
    }
}
