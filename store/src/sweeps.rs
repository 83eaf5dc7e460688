//! What a sweep found: the PSA's own list of new tickets, beside what its webhooks told.
//!
//! A ticket of the list is counted once, however often it is listed: by its row in `swept_tickets`. Whether a webhook told
//! of it, or a sweep took it in, is nowhere stored a second time: it is what decided in `intake`, where each ticket has one
//! row. So the three counts hold under overlapping spans, repeats, crashes, and a webhook that comes at the same moment.

use crate::connections::{self, Save, Which};
use crate::engine::{Query, Scope, Tx, execute, execute_query, fetch_all, fetch_one, fetch_optional, sql};
use crate::rows::{self, Word, clean};
use crate::{Result, Store, StoreError, TenantStore};
use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use domain::{HookState, PsaInstance, PsaKind, TenantId};
use uuid::Uuid;

/// How long after it is saved a connection is first swept: its webhook is being set up.
const FIRST: TimeDelta = TimeDelta::minutes(2);
/// How long a ticket that was found is remembered.
const KEPT: TimeDelta = TimeDelta::days(35);
/// An instance that is connected again within this time is swept on from where it was left.
pub(crate) const LEFT: TimeDelta = TimeDelta::hours(24);
/// Rows in one insert.
const ROWS: usize = 64;

/// How far a connection was swept, and what its PSA says of its webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    pub psa: PsaInstance,
    /// Tickets created before are left alone. `None` until the first sweep of a connection that is older than sweeps.
    pub since: Option<DateTime<Utc>>,
    /// What was created until then was asked for.
    pub through: Option<DateTime<Utc>>,
    /// A list that was not read to its end.
    pub list: Option<List>,
    pub next_at: DateTime<Utc>,
    /// Sweeps in a row that found nothing missing.
    pub quiet: i64,
    /// When the last one succeeded.
    pub swept_at: Option<DateTime<Utc>>,
    /// Why the last one failed, for people.
    pub problem: Option<String>,
    /// Whether the PSA's webhook calls us, and since when that is so. `None`: the PSA does not say.
    pub hook: Option<(HookState, DateTime<Utc>)>,
}

/// Where to go on in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub begun_at: DateTime<Utc>,
    /// The adapter's own word for the place.
    pub cursor: String,
}

/// A ticket as the PSA's list of new ones names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweptTicket {
    pub external_ticket: String,
    /// Another name that a webhook may have given it.
    pub number: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// How a sweep ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepEnd {
    pub next_at: DateTime<Utc>,
    pub quiet: i64,
    /// Why it failed.
    pub problem: Option<String>,
}

/// The tickets created on one day, and how they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// In the tenant's zone.
    pub day: NaiveDate,
    /// As the PSA says.
    pub created: i64,
    /// Told by a webhook.
    pub seen: i64,
    /// Taken in by a sweep.
    pub recovered: i64,
}

impl Arrivals {
    /// Not taken in yet: a webhook may still tell of them, or the next sweep takes them in.
    pub fn waiting(&self) -> i64 {
        self.created - self.seen - self.recovered
    }
}

#[derive(sqlx::FromRow)]
struct SweepRow {
    psa: String,
    since: Option<DateTime<Utc>>,
    through: Option<DateTime<Utc>>,
    list_begun_at: Option<DateTime<Utc>>,
    list_cursor: Option<String>,
    due_at: DateTime<Utc>,
    quiet: i64,
    swept_at: Option<DateTime<Utc>>,
    problem: Option<String>,
    hook: Option<String>,
    hook_since: Option<DateTime<Utc>>,
}

impl TryFrom<SweepRow> for Sweep {
    type Error = StoreError;
    fn try_from(row: SweepRow) -> Result<Self> {
        let hook = rows::read_word::<HookState>("sweeps", "hook", row.hook.as_deref())?;
        let list = row.list_begun_at.zip(row.list_cursor);
        Ok(Self {
            psa: rows::read_instance("sweeps", &row.psa)?,
            since: row.since,
            through: row.through,
            list: list.map(|(begun_at, cursor)| List { begun_at, cursor }),
            next_at: row.due_at,
            quiet: row.quiet,
            swept_at: row.swept_at,
            problem: row.problem,
            hook: hook.zip(row.hook_since),
        })
    }
}

/// Which system was asked, and through which save of its connection; `None`: it does not matter. What is found through one
/// save is not kept after the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepOf {
    pub psa: PsaInstance,
    pub revision: Option<i64>,
}

impl SweepOf {
    async fn holds(self, tx: &mut Tx, tenant: TenantId) -> Result<bool> {
        match self.revision {
            Some(revision) => connections::holds(tx, tenant, Save { which: Which::Psa, revision }).await,
            None => Ok(true),
        }
    }
}

impl From<PsaInstance> for SweepOf {
    fn from(psa: PsaInstance) -> Self {
        Self { psa, revision: None }
    }
}

impl From<PsaKind> for SweepOf {
    fn from(kind: PsaKind) -> Self {
        PsaInstance::from(kind).into()
    }
}

/// What the save of a connection changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It leads where it led.
    None,
    /// It leads elsewhere, and where it led before was a mistake.
    Mended,
    /// It leads to another ticketing system.
    Another,
}

/// How far an instance was swept when it was left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SweptSpan {
    pub(crate) since: DateTime<Utc>,
    pub(crate) through: DateTime<Utc>,
}

/// A connection was saved. Another ticketing system is read from now on, or from where it was left if that was not long
/// ago: what was created there before is none of ours. `swept`: the connected one's, if it was connected before.
pub(crate) async fn connected(
    tx: &mut Tx,
    tenant: TenantId,
    psa: PsaInstance,
    change: Change,
    swept: Option<SweptSpan>,
    now: DateTime<Utc>,
) -> Result<()> {
    let goes_on = swept.filter(|swept| change == Change::Mended || now - swept.through <= LEFT);
    if goes_on.is_none() && change != Change::Another {
        return execute!(
            tx,
            "UPDATE sweeps SET psa = $1, due_at = $2, problem = NULL,
               list_begun_at = CASE WHEN psa = $1 THEN list_begun_at END,
               list_cursor = CASE WHEN psa = $1 THEN list_cursor END
             WHERE tenant_id = $3",
            psa.to_string(),
            now + FIRST,
            tenant.0
        )
        .map(drop);
    }
    // PSAs tell times in whole seconds.
    let from_now = SweptSpan { since: now.trunc_subsecs(0), through: now.trunc_subsecs(0) };
    let span = goes_on.unwrap_or(from_now);
    execute!(
        tx,
        "INSERT INTO sweeps (tenant_id, psa, since, through, due_at, quiet) VALUES ($1, $2, $3, $4, $5, 0)
         ON CONFLICT (tenant_id) DO UPDATE SET psa = excluded.psa, since = excluded.since, through = excluded.through,
           list_begun_at = NULL, list_cursor = NULL, due_at = excluded.due_at, quiet = 0, swept_at = NULL, problem = NULL,
           hook = NULL, hook_since = NULL",
        tenant.0,
        psa.to_string(),
        span.since,
        span.through,
        now + FIRST
    )
    .map(drop)
}

/// A connection works again.
pub(crate) async fn at_once(tx: &mut Tx, tenant: TenantId, now: DateTime<Utc>) -> Result<()> {
    execute!(tx, "UPDATE sweeps SET due_at = $1 WHERE tenant_id = $2", now, tenant.0).map(drop)
}

impl Store {
    /// Up to `limit` connections that are due to be swept and not paused, longest waiting first. Each is due again at
    /// `until`, so that nobody else sweeps it meanwhile, and somebody does if the caller dies. Asks without writing when
    /// none is due.
    pub async fn sweep_claim(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<TenantId>> {
        let mut reader = self.read(Scope::EveryTenant).await?;
        let due: Option<(Uuid,)> = fetch_optional!(
            reader,
            (Uuid,),
            "SELECT s.tenant_id FROM sweeps s JOIN psa_connections p ON p.tenant_id = s.tenant_id
             WHERE s.due_at <= $1 AND p.state <> 'paused' LIMIT 1",
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
                            "UPDATE sweeps SET due_at = $1, since = coalesce(since, $4), through = coalesce(through, $4)
                             WHERE tenant_id IN (
                               SELECT s.tenant_id FROM sweeps s JOIN psa_connections p ON p.tenant_id = s.tenant_id
                               WHERE s.due_at <= $2 AND p.state <> 'paused' ORDER BY s.due_at LIMIT $3",
                            $lock,
                            ") RETURNING tenant_id"
                        )
                    };
                }
                let text = sql!(tx, sqlite: claim!(""), postgres: claim!(" FOR UPDATE OF s SKIP LOCKED"));
                let claimed: Vec<(Uuid,)> =
                    fetch_all!(tx, (Uuid,), text, *until, *now, *limit, now.trunc_subsecs(0))?;
                Ok(claimed.into_iter().map(|(tenant,)| tenant.into()).collect())
            })
        })
        .await
    }

    /// Workspaces whose PSA has switched their webhook off.
    pub async fn hooks_off(&self) -> Result<i64> {
        let mut reader = self.read(Scope::EveryTenant).await?;
        let (count,): (i64,) =
            fetch_one!(reader, (i64,), "SELECT count(tenant_id) FROM sweeps WHERE hook = 'off'")?;
        Ok(count)
    }
}

impl TenantStore {
    /// `None` while no PSA is connected.
    pub async fn sweep(&self) -> Result<Option<Sweep>> {
        let mut reader = self.read().await?;
        let found = fetch_optional!(
            reader,
            SweepRow,
            "SELECT psa, since, through, list_begun_at, list_cursor, due_at, quiet, swept_at, problem, hook, hook_since
             FROM sweeps WHERE tenant_id = $1",
            self.tenant.0
        )?;
        found.map(Sweep::try_from).transpose()
    }

    /// Keeps a page of the list, and where to go on: `list` until it was read to its end. A ticket that was found before,
    /// or created before the connection was made, is left out. `false`: another PSA is connected by now, or through another
    /// save, and nothing is kept.
    pub async fn sweep_keep(
        &self,
        swept: SweepOf,
        found: Vec<SweptTicket>,
        begun_at: DateTime<Utc>,
        cursor: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        self
            .write((self.tenant, swept, found, begun_at, cursor, now), |tx, input| {
                Box::pin(async move {
                    let (tenant, swept, found, begun_at, cursor, now) = input;
                    let psa = &swept.psa;
                    if !swept.holds(tx, *tenant).await? {
                        return Ok(false);
                    }
                    let (through, list) = match cursor {
                        Some(_) => (None, Some(*begun_at)),
                        None => (Some(*begun_at), None),
                    };
                    let since: Option<(Option<DateTime<Utc>>,)> = fetch_optional!(
                        tx,
                        (Option<DateTime<Utc>>,),
                        "UPDATE sweeps SET through = coalesce($1, through), list_begun_at = $2, list_cursor = $3
                         WHERE tenant_id = $4 AND psa = $5 RETURNING since",
                        through,
                        list,
                        cursor.as_deref(),
                        tenant.0,
                        psa.to_string()
                    )?;
                    let Some((Some(since),)) = since else { return Ok(false) };
                    keep(tx, *tenant, *psa, found.iter().filter(|one| one.created_at >= since), *now).await?;
                    execute!(
                        tx,
                        "DELETE FROM swept_tickets WHERE tenant_id = $1 AND day < $2 AND found_at < $3 AND NOT open",
                        tenant.0,
                        (*now - KEPT).date_naive(),
                        *now - KEPT
                    )
                    .map(|_| true)
                })
            })
            .await
    }

    /// Tickets of `psa`'s list that nobody told us of though they were created before `before`, oldest first. A call that
    /// could not be verified does not count as telling: the list proves what it said.
    pub async fn sweep_missing(
        &self,
        psa: PsaInstance,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<SweptTicket>> {
        self
            .write((self.tenant, psa.to_string(), before, i64::from(limit)), |tx, (tenant, psa, before, limit)| {
                Box::pin(async move {
                    execute!(
                        tx,
                        "UPDATE swept_tickets AS s SET open = false WHERE s.tenant_id = $1 AND s.open
                           AND EXISTS (SELECT 1 FROM intake i WHERE i.tenant_id = s.tenant_id AND i.psa = s.psa
                             AND i.external_ticket IN (s.external_ticket, s.number))
                           AND NOT EXISTS (SELECT 1 FROM jobs j
                             JOIN deliveries d ON d.tenant_id = j.tenant_id AND d.id = j.delivery_id
                             WHERE j.tenant_id = s.tenant_id AND j.psa = s.psa
                               AND j.external_ticket = s.external_ticket AND j.stage = 'read' AND NOT d.verified)",
                        tenant.0
                    )?;
                    let missing: Vec<(String, Option<String>, DateTime<Utc>)> = fetch_all!(
                        tx,
                        (String, Option<String>, DateTime<Utc>),
                        "SELECT t.external_ticket, t.number, t.created_at FROM swept_tickets t
                         JOIN sweeps s ON s.tenant_id = t.tenant_id AND s.psa = t.psa AND t.created_at >= s.since
                         WHERE t.tenant_id = $1 AND t.open AND t.created_at <= $2 AND t.psa = $4
                         ORDER BY t.created_at, t.external_ticket LIMIT $3",
                        tenant.0,
                        *before,
                        *limit,
                        psa.as_str()
                    )?;
                    let ticket = |(external_ticket, number, created_at)| SweptTicket {
                        external_ticket,
                        number,
                        created_at,
                    };
                    Ok(missing.into_iter().map(ticket).collect())
                })
            })
            .await
    }

    /// A sweep is over, well or not; unless another PSA is connected meanwhile, or through another save: of that it says
    /// nothing.
    pub async fn sweep_end(&self, swept: SweepOf, end: SweepEnd, now: DateTime<Utc>) -> Result<()> {
        self.write((self.tenant, swept, end, now), |tx, (tenant, swept, end, now)| {
            Box::pin(async move {
                if !swept.holds(tx, *tenant).await? {
                    return Ok(());
                }
                execute!(
                    tx,
                    "UPDATE sweeps SET due_at = $1, quiet = $2, problem = $3,
                           swept_at = CASE WHEN $3 IS NULL THEN $4 ELSE swept_at END
                     WHERE tenant_id = $5 AND psa = $6",
                    end.next_at,
                    end.quiet,
                    end.problem.as_deref().map(|text| clean(text).into_owned()),
                    *now,
                    tenant.0,
                    swept.psa.to_string()
                )
                .map(drop)
            })
        })
        .await
    }

    /// What the PSA says of its webhook; the time stays that of the last change. `None`: it does not say.
    pub async fn hook_found(
        &self,
        swept: SweepOf,
        state: Option<HookState>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self
            .write((self.tenant, swept, state, now), |tx, (tenant, swept, state, now)| {
                Box::pin(async move {
                    if !swept.holds(tx, *tenant).await? {
                        return Ok(());
                    }
                    execute!(
                        tx,
                        "UPDATE sweeps SET hook_since = CASE WHEN hook = $1 THEN hook_since ELSE $2 END, hook = $1
                         WHERE tenant_id = $3 AND psa = $4",
                        state.map(Word::word),
                        *now,
                        tenant.0,
                        swept.psa.to_string()
                    )
                    .map(drop)
                })
            })
            .await
    }

    /// Tickets created, seen and recovered on each day from `from` on that had any, newest first.
    pub async fn arrivals(&self, from: NaiveDate) -> Result<Vec<Arrivals>> {
        let mut reader = self.read().await?;
        let days: Vec<(NaiveDate, i64, i64, i64)> = fetch_all!(
            reader,
            (NaiveDate, i64, i64, i64),
            "SELECT t.day, count(*),
               count(CASE WHEN NOT coalesce(i.by_sweep, n.by_sweep) THEN 1 END),
               count(CASE WHEN coalesce(i.by_sweep, n.by_sweep) THEN 1 END)
             FROM swept_tickets t
             LEFT JOIN intake i ON i.tenant_id = t.tenant_id AND i.psa = t.psa AND i.external_ticket = t.external_ticket
             LEFT JOIN intake n ON n.tenant_id = t.tenant_id AND n.psa = t.psa AND n.external_ticket = t.number
             WHERE t.tenant_id = $1 AND t.day >= $2 GROUP BY t.day ORDER BY t.day DESC",
            self.tenant.0,
            rows::known_day(from)
        )?;
        let of_day = |(day, created, seen, recovered)| Arrivals { day, created, seen, recovered };
        Ok(days.into_iter().map(of_day).collect())
    }
}

async fn keep(
    tx: &mut Tx,
    tenant: TenantId,
    psa: PsaInstance,
    found: impl Iterator<Item = &SweptTicket>,
    now: DateTime<Utc>,
) -> Result<()> {
    let (zone,): (String,) =
        fetch_one!(tx, (String,), "SELECT time_zone FROM tenants WHERE id = $1", tenant.0)?;
    let mut found: Vec<&SweptTicket> = found.collect();
    // One order for all nodes, so that none waits for another in a circle.
    found.sort_unstable_by(|one, other| one.external_ticket.cmp(&other.external_ticket));
    for chunk in found.chunks(ROWS) {
        let mut query = Query::new(
            "INSERT INTO swept_tickets (tenant_id, psa, external_ticket, number, created_at, day, found_at, open) VALUES ",
        );
        query.rows(chunk.iter().map(|one| {
            vec![
                tenant.0.into(),
                psa.to_string().into(),
                clean(&one.external_ticket).into_owned().into(),
                one.number.as_deref().map(|number| clean(number).into_owned()).into(),
                one.created_at.into(),
                rows::day_of(one.created_at, &zone).into(),
                now.into(),
                true.into(),
            ]
        }));
        query.push(" ON CONFLICT DO NOTHING");
        execute_query!(tx, query)?;
    }
    Ok(())
}
