//! The processes that share a database.

use crate::engine::{Scope, execute, fetch_one, sql};
use crate::{Result, Store};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// An open store among those that share a database. Its leases begin with its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node(u64);

impl Node {
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4().as_u64_pair().0)
    }
    pub(crate) fn token(self) -> Uuid {
        Uuid::from_u64_pair(self.0, Uuid::new_v4().as_u64_pair().1)
    }
    /// The least and the greatest that [`Self::token`] may make.
    pub(crate) fn tokens(self) -> (Uuid, Uuid) {
        (self.name(), Uuid::from_u64_pair(self.0, u64::MAX))
    }
    fn name(self) -> Uuid {
        Uuid::from_u64_pair(self.0, 0)
    }
}

/// Who has not been heard of for so long does not work any more.
const QUIET: TimeDelta = TimeDelta::seconds(30);

impl Store {
    /// Says that this process works on tickets; how many do, this one included. To be said every ten seconds.
    ///
    /// Machines disagree about the time, so PostgreSQL's counts there. A SQLite file has one server: `now` is its clock.
    pub async fn node_seen(&self, now: DateTime<Utc>) -> Result<u32> {
        let name = self.inner.node.name();
        let seen: i64 = self
            .write_later(Scope::NoTenant, (name, now), |tx, (name, now)| {
                Box::pin(async move {
                    let (there,) =
                        fetch_one!(tx, (Option<DateTime<Utc>>,), sql!(tx, sqlite: NO_TIME, postgres: TIME))?;
                    let now = there.unwrap_or(*now);
                    execute!(
                        tx,
                        "INSERT INTO nodes (id, seen_at) VALUES ($1, $2)
                         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
                        *name,
                        now
                    )?;
                    // A row that is locked is being renewed.
                    let gone = sql!(tx,
                        sqlite: "DELETE FROM nodes WHERE seen_at < $1",
                        postgres: "DELETE FROM nodes WHERE id IN (
                                     SELECT id FROM nodes WHERE seen_at < $1 FOR UPDATE SKIP LOCKED)");
                    execute!(tx, gone, now - QUIET)?;
                    fetch_one!(tx, (i64,), "SELECT count(*) FROM nodes").map(|(count,)| count)
                })
            })
            .await?;
        Ok(u32::try_from(seen).unwrap_or(u32::MAX))
    }

    /// This process works no more.
    pub async fn node_gone(&self) -> Result<()> {
        let name = self.inner.node.name();
        self.write_later(Scope::NoTenant, name, |tx, name| {
            Box::pin(async move { execute!(tx, "DELETE FROM nodes WHERE id = $1", *name).map(drop) })
        })
        .await
    }

    /// What time it is by the database's own clock; `None` where it has none.
    pub async fn database_time(&self) -> Result<Option<DateTime<Utc>>> {
        let mut reader = self.read(Scope::NoTenant).await?;
        let (now,) =
            fetch_one!(reader, (Option<DateTime<Utc>>,), sql!(reader, sqlite: NO_TIME, postgres: TIME))?;
        Ok(now)
    }
}

const NO_TIME: &str = "SELECT NULL";
const TIME: &str = "SELECT statement_timestamp()";
