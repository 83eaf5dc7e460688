//! Whether a connection works, and when one that was refused is tried again.
//!
//! A connection is `untested` when it is saved, `working` once something succeeded through it, `paused` when its
//! credentials were refused. While it is paused, jobs that need it are not claimed. It leaves the pause when it is saved
//! anew, or when a test or a probe finds that it works; a success of work that was already under way does not count, as a
//! right to read says nothing about the right to write that was refused. What was found through the settings of one save
//! says nothing about those of a later one: it is dropped.

use super::{Save, Which, instances};
use crate::engine::{News, Reader, Scope, Tx, execute, fetch_all, fetch_optional, locked, sql};
use crate::rows::clean;
use crate::{Result, Store, StoreError, TenantStore, sweeps};
use chrono::{DateTime, SubsecRound, Utc};
use domain::TenantId;
use domain::backoff::Pace;
use uuid::Uuid;

/// Whether a connection works, as far as we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Saved, not tried yet.
    Untested,
    Working {
        since: DateTime<Utc>,
    },
    /// Everything that needs it waits; `reason` is for people and says what to do.
    Paused {
        since: DateTime<Utc>,
        reason: String,
        /// When it is tried again by itself.
        next_try: DateTime<Utc>,
    },
}

/// A paused connection whose time to be tried has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    pub tenant: TenantId,
    pub which: Which,
}

/// The columns of a state, as they are stored.
#[derive(sqlx::FromRow)]
pub(super) struct StateRow {
    state: String,
    state_since: Option<DateTime<Utc>>,
    state_reason: Option<String>,
    retry_at: Option<DateTime<Utc>>,
    retries: i64,
    updated_at: DateTime<Utc>,
}

impl StateRow {
    pub(super) fn state(&self, table: &'static str) -> Result<ConnectionState> {
        let since = self.state_since.unwrap_or(self.updated_at);
        match self.state.as_str() {
            "untested" => Ok(ConnectionState::Untested),
            "working" => Ok(ConnectionState::Working { since }),
            "paused" => Ok(ConnectionState::Paused {
                since,
                reason: self.state_reason.clone().unwrap_or_default(),
                next_try: self.retry_at.unwrap_or(since),
            }),
            other => Err(StoreError::corrupt(table, "state", format!("{other:?} is not one of its words"))),
        }
    }

    fn is_paused(&self) -> bool {
        self.state == "paused"
    }

    /// Tries in a row that were refused, if it is refused now.
    fn refused_before(&self, now: DateTime<Utc>) -> i64 {
        let relapses =
            self.state == "working" && self.state_since.is_some_and(|since| now - since < relapse());
        if relapses { self.retries + 1 } else { 0 }
    }
}

fn relapse() -> chrono::TimeDelta {
    chrono::TimeDelta::from_std(Pace::RELAPSE).unwrap_or(chrono::TimeDelta::MAX)
}

impl Store {
    /// Up to `limit` paused connections that are due to be tried, longest waiting first. Each is due again at `until`, so
    /// that nobody else tries it meanwhile, and somebody does if the caller dies. Asks without writing when none is due.
    pub async fn probe_claim(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Probe>> {
        let mut reader = self.read(Scope::EveryTenant).await?;
        if !any_due(&mut reader, now).await? {
            return Ok(Vec::new());
        }
        drop(reader);
        self.write(Scope::EveryTenant, (now, until, i64::from(limit)), |tx, (now, until, limit)| {
            Box::pin(async move {
                let mut probes = claim(tx, Which::Psa, *now, *until, *limit).await?;
                let left = *limit - i64::try_from(probes.len()).unwrap_or(*limit);
                probes.extend(claim(tx, Which::Model, *now, *until, left).await?);
                Ok(probes)
            })
        })
        .await
    }
}

async fn any_due(reader: &mut Reader, now: DateTime<Utc>) -> Result<bool> {
    let due: Vec<(Uuid,)> = fetch_all!(
        reader,
        (Uuid,),
        "SELECT tenant_id FROM psa_connections WHERE state = 'paused' AND retry_at <= $1
         UNION ALL SELECT tenant_id FROM model_connections WHERE state = 'paused' AND retry_at <= $1 LIMIT 1",
        now
    )?;
    Ok(!due.is_empty())
}

/// `$1` when to be due again, `$2` now, `$3` how many.
macro_rules! claim {
    ($table:literal, $lock:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET retry_at = $1 WHERE tenant_id IN (
               SELECT tenant_id FROM ",
            $table,
            " WHERE state = 'paused' AND retry_at <= $2
               ORDER BY retry_at LIMIT $3",
            $lock,
            ") RETURNING tenant_id"
        )
    };
}

async fn claim(
    tx: &mut Tx,
    which: Which,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Probe>> {
    let text = match which {
        Which::Psa => {
            sql!(tx, sqlite: claim!("psa_connections", ""), postgres: claim!("psa_connections", " FOR UPDATE SKIP LOCKED"))
        }
        Which::Model => {
            sql!(tx, sqlite: claim!("model_connections", ""), postgres: claim!("model_connections", " FOR UPDATE SKIP LOCKED"))
        }
    };
    let claimed: Vec<(Uuid,)> = fetch_all!(tx, (Uuid,), text, until, now, limit)?;
    Ok(claimed.into_iter().map(|(tenant,)| Probe { tenant: tenant.into(), which }).collect())
}

impl TenantStore {
    /// Something succeeded through it: what was untested works. Anything else stays as it is. `true`: it changed.
    pub async fn connection_used(&self, save: Save, now: DateTime<Utc>) -> Result<bool> {
        self.write((self.tenant, save, now), |tx, (tenant, save, now)| {
            Box::pin(async move {
                let update = match save.which {
                    Which::Psa => {
                        "UPDATE psa_connections SET state = 'working', state_since = $1
                             WHERE tenant_id = $2 AND state = 'untested' AND revision = $3"
                    }
                    Which::Model => {
                        "UPDATE model_connections SET state = 'working', state_since = $1
                             WHERE tenant_id = $2 AND state = 'untested' AND revision = $3"
                    }
                };
                let is_news = execute!(tx, update, *now, tenant.0, save.revision)? > 0;
                if is_news && save.which == Which::Psa {
                    instances::worked(tx, *tenant, *now).await?;
                }
                Ok(is_news)
            })
        })
        .await
    }

    /// The other side answers again after an outage: jobs that waited for its end are due at once, in their old places. Those
    /// that failed by themselves wait out their time.
    pub async fn connection_answers(&self, which: Which) -> Result<()> {
        self.write((self.tenant, which), |tx, (tenant, which)| {
            Box::pin(bring_forward(tx, *tenant, *which, Waiting::ForOutage))
        })
        .await
    }

    /// A test or a probe found that it works. Jobs that waited for it are due at once, in their old places.
    pub async fn connection_resumed(&self, save: Save, now: DateTime<Utc>) -> Result<()> {
        self.write((self.tenant, save, now), |tx, (tenant, save, now)| {
            Box::pin(async move {
                let which = &save.which;
                let Some(before) = locked_state(tx, *tenant, *save).await? else { return Ok(()) };
                if before.state == "working" {
                    return Ok(());
                }
                let after = After {
                    state: "working",
                    since: *now,
                    reason: None,
                    retry_at: None,
                    retries: before.retries,
                };
                after.keep(tx, *tenant, *which).await?;
                if *which == Which::Psa {
                    instances::worked(tx, *tenant, *now).await?;
                }
                if !before.is_paused() {
                    return Ok(());
                }
                if *which == Which::Psa {
                    sweeps::at_once(tx, *tenant, *now).await?;
                }
                resume(tx, *tenant, *which).await
            })
        })
        .await
    }

    /// It was refused: jobs that need it wait, and it is tried again by itself at `pace`. A pause that is there already
    /// keeps its beginning and its next try. `luck` (0.0 to 1.0) spreads the tries.
    pub async fn connection_paused(
        &self,
        save: Save,
        reason: &str,
        pace: Pace,
        luck: f64,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let input = (self.tenant, save, clean(reason).into_owned(), pace, luck, now);
        self.write(input, |tx, (tenant, save, reason, pace, luck, now)| {
            Box::pin(async move {
                let Some(before) = locked_state(tx, *tenant, *save).await? else { return Ok(()) };
                let mut after = After::paused(reason, before.refused_before(*now), *pace, *luck, *now);
                if before.is_paused() {
                    (after.since, after.retry_at) = (before.state_since.unwrap_or(*now), before.retry_at);
                    after.retries = before.retries;
                }
                after.keep(tx, *tenant, save.which).await
            })
        })
        .await
    }

    /// A probe found that it is still refused: the next one comes later. Nothing happens if the pause is over.
    pub async fn connection_still_paused(
        &self,
        save: Save,
        reason: &str,
        pace: Pace,
        luck: f64,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let input = (self.tenant, save, clean(reason).into_owned(), pace, luck, now);
        self.write(input, |tx, (tenant, save, reason, pace, luck, now)| {
            Box::pin(async move {
                let before = locked_state(tx, *tenant, *save).await?;
                let Some(before) = before.filter(StateRow::is_paused) else { return Ok(()) };
                let mut after = After::paused(reason, before.retries + 1, *pace, *luck, *now);
                after.since = before.state_since.unwrap_or(*now);
                after.keep(tx, *tenant, save.which).await
            })
        })
        .await
    }
}

/// What becomes of a state.
struct After<'a> {
    state: &'static str,
    since: DateTime<Utc>,
    reason: Option<&'a str>,
    retry_at: Option<DateTime<Utc>>,
    retries: i64,
}

impl<'a> After<'a> {
    fn paused(reason: &'a str, retries: i64, pace: Pace, luck: f64, now: DateTime<Utc>) -> Self {
        let wait = pace.after(u32::try_from(retries).unwrap_or(u32::MAX), luck);
        Self {
            state: "paused",
            since: now,
            reason: Some(reason),
            retry_at: Some((now + wait).trunc_subsecs(6)),
            retries,
        }
    }

    async fn keep(&self, tx: &mut Tx, tenant: TenantId, which: Which) -> Result<()> {
        let update = match which {
            Which::Psa => {
                "UPDATE psa_connections SET state = $1, state_since = $2, state_reason = $3, retry_at = $4, retries = $5
                 WHERE tenant_id = $6"
            }
            Which::Model => {
                "UPDATE model_connections SET state = $1, state_since = $2, state_reason = $3, retry_at = $4, retries = $5
                 WHERE tenant_id = $6"
            }
        };
        execute!(tx, update, self.state, self.since, self.reason, self.retry_at, self.retries, tenant.0)
            .map(drop)
    }
}

/// `None`: there is none, or a later save.
async fn locked_state(tx: &mut Tx, tenant: TenantId, save: Save) -> Result<Option<StateRow>> {
    fetch_optional!(
        tx,
        StateRow,
        match save.which {
            Which::Psa => locked!(
                tx,
                "SELECT state, state_since, state_reason, retry_at, retries, updated_at FROM psa_connections
                 WHERE tenant_id = $1 AND revision = $2"
            ),
            Which::Model => locked!(
                tx,
                "SELECT state, state_since, state_reason, retry_at, retries, updated_at FROM model_connections
                 WHERE tenant_id = $1 AND revision = $2"
            ),
        },
        tenant.0,
        save.revision
    )
}

/// Jobs that were put off while the connection was paused are due at once, in their old places. Those of another instance
/// wait for that one; those of an import, whose places are long ago, for their own time.
pub(super) async fn resume(tx: &mut Tx, tenant: TenantId, which: Which) -> Result<()> {
    bring_forward(tx, tenant, which, Waiting::Any).await
}

/// What jobs wait for.
#[derive(Clone, Copy)]
enum Waiting {
    Any,
    ForOutage,
}

async fn bring_forward(tx: &mut Tx, tenant: TenantId, which: Which, waiting: Waiting) -> Result<()> {
    let text = match which {
        Which::Psa => {
            "UPDATE jobs SET due_at = created_at WHERE tenant_id = $1 AND stage IN ('read', 'act')
               AND lease_token IS NULL AND due_at > created_at AND (for_outage OR $2) AND import_id IS NULL
               AND psa = coalesce((SELECT c.psa FROM psa_connections c WHERE c.tenant_id = $1 AND c.psa <> ''), psa)"
        }
        Which::Model => {
            "UPDATE jobs SET due_at = created_at WHERE tenant_id = $1 AND stage = 'score'
               AND lease_token IS NULL AND due_at > created_at AND (for_outage OR $2) AND import_id IS NULL"
        }
    };
    execute!(tx, text, tenant.0, matches!(waiting, Waiting::Any))?;
    tx.announce(News::Everywhere);
    Ok(())
}
