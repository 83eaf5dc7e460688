//! What is old goes, and counts stay: the text of a ticket when its time is up, webhook calls that are done with, and what
//! has expired.
//!
//! Everything here is done in small pieces, one transaction each, so that nobody who writes waits long; a piece that was
//! not finished is done again. One process at a time looks after a workspace: it claims it for a while.
//!
//! Nothing that a job needs is touched: what waits or is given up keeps its delivery and its text until it is through.

mod deliveries;
mod texts;

use crate::engine::{Query, Scope, execute, fetch_all, fetch_optional, sql};
use crate::rows::Cursor;
use crate::{Actor, Result, Store, StoreError, TenantStore, accounts, audit, sessions};
use chrono::{DateTime, Utc};
use domain::{Retention, TenantId};
use uuid::Uuid;

/// A workspace whose turn it is to be tidied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tidy {
    pub tenant: TenantId,
    /// Its own choice; `None`: as long as the instance keeps them.
    pub retention: Option<Retention>,
    /// Until then it is ours.
    pub until: DateTime<Utc>,
}

/// What one piece of tidying did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tidied {
    pub removed: u64,
    /// Pass it back to go on; `None`: nothing that is old is left behind.
    pub next: Option<String>,
}

/// What expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    pub sessions: u64,
    pub attempts: u64,
}

/// `$1` when to be due again, `$2` now.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE tenants SET tidy_at = $1 WHERE id IN (
               SELECT id FROM tenants WHERE tidy_at IS NULL OR tidy_at <= $2
               ORDER BY coalesce(tidy_at, created_at), id LIMIT 1",
            $lock,
            ") RETURNING id, retention_days"
        )
    };
}
impl Store {
    /// The workspace that has waited longest to be tidied, if one is due. It is due again at `until`, so that nobody else
    /// takes it meanwhile, and somebody does if the caller dies. Asks without writing when none is due.
    pub async fn tidy_claim(&self, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Option<Tidy>> {
        let mut reader = self.read(Scope::EveryTenant).await?;
        let due: Option<(Uuid,)> = fetch_optional!(
            reader,
            (Uuid,),
            "SELECT id FROM tenants WHERE tidy_at IS NULL OR tidy_at <= $1 LIMIT 1",
            now
        )?;
        drop(reader);
        if due.is_none() {
            return Ok(None);
        }
        let claimed: Vec<(Uuid, Option<i64>)> = self
            .write_later(Scope::EveryTenant, (now, until), |tx, (now, until)| {
                Box::pin(async move {
                    fetch_all!(
                        tx,
                        (Uuid, Option<i64>),
                        sql!(tx, sqlite: claim!(""), postgres: claim!(" FOR UPDATE SKIP LOCKED")),
                        *until,
                        *now
                    )
                })
            })
            .await?;
        let Some((tenant, days)) = claimed.into_iter().next() else { return Ok(None) };
        Ok(Some(Tidy { tenant: tenant.into(), retention: read_days(days)?, until }))
    }

    /// Removes up to `limit` sessions that are over, and as many attempts to sign in that no longer count.
    pub async fn expired_trim(&self, now: DateTime<Utc>, limit: u32) -> Result<Expired> {
        self.write_later(Scope::EveryTenant, (now, i64::from(limit)), |tx, (now, limit)| {
            Box::pin(async move {
                Ok(Expired {
                    sessions: sessions::trim(tx, *limit).await?,
                    attempts: accounts::trim_attempts(tx, *now, *limit).await?,
                })
            })
        })
        .await
    }
}

fn read_days(days: Option<i64>) -> Result<Option<Retention>> {
    let read =
        |days| Retention::new(days).map_err(|error| StoreError::corrupt("tenants", "retention_days", error));
    days.map(read).transpose()
}

impl TenantStore {
    /// How long this workspace wants its texts kept; `None`: as long as the instance keeps them.
    pub async fn retention(&self) -> Result<Option<Retention>> {
        let mut reader = self.read().await?;
        let found: Option<(Option<i64>,)> = fetch_optional!(
            reader,
            (Option<i64>,),
            "SELECT retention_days FROM tenants WHERE id = $1",
            self.tenant.0
        )?;
        read_days(found.and_then(|(days,)| days))
    }

    /// The workspace is looked through by it soon.
    pub async fn retention_put(
        &self,
        retention: Option<Retention>,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.write((self.tenant, retention, actor.clone(), now), |tx, (tenant, retention, actor, now)| {
            Box::pin(async move {
                let days = retention.map(|retention| i64::from(retention.days()));
                execute!(
                    tx,
                    "UPDATE tenants SET retention_days = $1, tidy_at = NULL WHERE id = $2",
                    days,
                    tenant.0
                )?;
                let by = audit::name(tx, *tenant, actor).await?;
                let detail = match retention {
                    Some(retention) => format!("the texts of tickets are kept for {retention}"),
                    None => "the texts of tickets are kept as long as this instance keeps them".to_owned(),
                };
                audit::append(tx, *tenant, &by, "retention.saved", &detail, *now).await
            })
        })
        .await
    }

    /// The workspace is tidy and due again at `next`; unless it is due sooner by now, because somebody chose anew or it
    /// is another's. `until` is that of the claim.
    pub async fn tidy_done(&self, until: DateTime<Utc>, next: DateTime<Utc>) -> Result<()> {
        self.write_later((self.tenant, until, next), |tx, (tenant, until, next)| {
            Box::pin(async move {
                execute!(
                    tx,
                    "UPDATE tenants SET tidy_at = $1 WHERE id = $2 AND tidy_at = $3",
                    *next,
                    tenant.0,
                    *until
                )
                .map(drop)
            })
        })
        .await
    }
}

/// Where to go on, if anywhere: a full piece may have left something behind.
fn going_on(read: usize, limit: u32, last: Option<Cursor>) -> Option<String> {
    last.filter(|_| u32::try_from(read).is_ok_and(|read| read >= limit)).map(Cursor::encode)
}

fn one_of(query: &mut Query, column: &str, ids: impl Iterator<Item = Uuid>) {
    query.push(column).push(" IN (");
    for (index, id) in ids.enumerate() {
        query.push(if index == 0 { "" } else { ", " }).bind(id);
    }
    query.push(")");
}
