//! The only file that knows there are two engines.
//!
//! [`Reader`] is a connection for reading, [`Tx`] a transaction for writing; both lend a [`ConnRef`], over which the
//! macros below expand one SQL text for either engine. Placeholders are `$1` on both. What differs:
//!
//! | | SQLite | PostgreSQL |
//! |---|---|---|
//! | begin | `BEGIN IMMEDIATE` on the one writing connection | `BEGIN` |
//! | read | a connection with `query_only` | `BEGIN READ ONLY` |
//! | whose rows are visible | all; each statement names its tenant | those of its [`Scope`], by row security |
//! | commit without waiting for the disk | `PRAGMA synchronous = NORMAL` | `synchronous_commit = off` |
//! | rows read in order to be changed | nothing to do | `FOR UPDATE` (see [`locked!`]) |
//! | claiming jobs | | `FOR UPDATE SKIP LOCKED`, `LATERAL` (see [`crate::jobs`]) |
//! | news of work from other nodes | none: one file, one machine | `LISTEN`/`NOTIFY` |
//! | backup | `VACUUM INTO` | `pg_dump` |
//!
//! Common rules: time is bound, never asked of the database; sums are cast to `bigint`; `LIKE` compares `lower()` with
//! `lower()`; JSON is TEXT, so that it comes back byte for byte and may hold U+0000, which `jsonb` refuses.

use crate::Result;
mod scope;
mod sql;

pub(crate) use scope::Scope;
pub(crate) use sql::*;

use crate::error::StoreError;
use crate::trends::TallyChange;
use crate::writer::Flush;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgListener, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use uuid::Uuid;

/// Another process may write to the same SQLite file (the command line beside a server); past this it is `Unavailable`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a caller waits for a connection before it is told that the database is not available.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A lock held longer than this by someone else is `Unavailable`, not a reason to wait on.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '5s'";
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;
/// Batched inserts come in a few sizes of a few texts; all of them stay prepared.
const STATEMENTS: usize = 256;
/// The PostgreSQL channel on which nodes tell each other of new work.
const CHANNEL: &str = "undertone_work";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// The connections to one database.
#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite { write: SqlitePool, read: SqlitePool },
    Postgres(PgPool),
}

/// A connection for reading. On PostgreSQL a transaction, so that its scope ends with it; dropping it rolls it back with
/// the check that the pool makes of each connection that is returned.
pub(crate) enum Reader {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What becomes of the roll-ups, in the order it came to be.
pub(crate) enum Gathered {
    Change(TallyChange),
    CountedAnew(Uuid),
}

/// A transaction, and what is to happen when it commits.
pub(crate) struct Tx {
    open: Open,
    scope: Scope,
    /// Changes of the roll-ups, written together at the end: hot rows are locked briefly and in one order.
    tallies: Vec<Gathered>,
    work: News,
}

enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Who should look for work once a transaction is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum News {
    #[default]
    None,
    /// This process.
    Here,
    /// Every node.
    Everywhere,
}

/// A connection of either engine, for the macros.
pub(crate) enum ConnRef<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Pools {
    pub(crate) async fn open(url: &str) -> Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options =
                sqlx::postgres::PgConnectOptions::from_str(url)?.statement_cache_capacity(STATEMENTS);
            let pool = PgPoolOptions::new()
                .max_connections(POSTGRES_CONNECTIONS)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .after_connect(|connection, _| {
                    Box::pin(async move { sqlx::query(LOCK_TIMEOUT).execute(connection).await.map(drop) })
                })
                .connect_with(options)
                .await?;
            Ok(Self::Postgres(pool))
        } else if url.starts_with("sqlite:") {
            Self::open_sqlite(SqliteConnectOptions::from_str(url)?).await
        } else {
            Err(StoreError::Unsupported("the database address must begin with sqlite:// or postgres://"))
        }
    }

    async fn open_sqlite(options: SqliteConnectOptions) -> Result<Self> {
        if let Some(folder) = options.get_filename().parent().filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
        }
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Acknowledged means stored: NORMAL may lose the last commits with the power.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS);
        let pool = |size| SqlitePoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_TIMEOUT);
        let write = pool(1)
            // A write that the disk refuses ends the transaction behind the driver's back; the driver goes on counting it,
            // and would begin none ever after. Asked behind a ping, so that a rollback that was sent has been seen to.
            .after_release(|connection, _| {
                Box::pin(async move {
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(options.clone())
            .await?;
        let read = pool(SQLITE_READERS).connect_with(options.pragma("query_only", "on")).await?;
        Ok(Self::Sqlite { write, read })
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// How many transactions may write side by side.
    pub(crate) fn writers(&self) -> usize {
        match self {
            Self::Sqlite { .. } => 1,
            Self::Postgres(_) => 4,
        }
    }

    pub(crate) async fn read(&self, scope: Scope) -> Result<Reader> {
        Ok(match self {
            Self::Sqlite { read, .. } => Reader::Sqlite(read.acquire().await?),
            Self::Postgres(pool) => {
                Reader::Postgres(pool.begin_with(AssertSqlSafe(format!("BEGIN READ ONLY; {scope}"))).await?)
            }
        })
    }

    pub(crate) async fn begin(&self, flush: Flush, scope: Scope) -> Result<Tx> {
        // A transaction that begins deferred gets SQLITE_BUSY at its first write when another process wrote meanwhile,
        // and the busy timeout does not help it. How a commit treats the disk is said in the same breath.
        let open = match (self, flush) {
            (Self::Sqlite { write, .. }, Flush::First) => {
                Open::Sqlite(write.begin_with("PRAGMA synchronous = FULL; BEGIN IMMEDIATE").await?)
            }
            (Self::Sqlite { write, .. }, Flush::Later) => {
                Open::Sqlite(write.begin_with("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE").await?)
            }
            (Self::Postgres(pool), Flush::First) => {
                Open::Postgres(pool.begin_with(AssertSqlSafe(format!("BEGIN; {scope}"))).await?)
            }
            (Self::Postgres(pool), Flush::Later) => {
                let text = format!("BEGIN; SET LOCAL synchronous_commit = off; {scope}");
                Open::Postgres(pool.begin_with(AssertSqlSafe(text)).await?)
            }
        };
        Ok(Tx { open, scope, tallies: Vec::new(), work: News::None })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    fn migrator(&self) -> &'static sqlx::migrate::Migrator {
        static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");
        static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/postgres");
        match self {
            Self::Sqlite { .. } => &SQLITE,
            Self::Postgres(_) => &POSTGRES,
        }
    }

    pub(crate) async fn migrate(&self) -> Result<()> {
        match self {
            Self::Sqlite { write, .. } => self.migrator().run(write).await,
            Self::Postgres(pool) => {
                // A migration may have rows to change, and runs under the same rules as everyone else.
                let mut connection = pool.acquire().await?.detach();
                sqlx::query("SET undertone.tenant = 'every'").execute(&mut connection).await?;
                let ran = self.migrator().run(&mut connection).await;
                connection.close().await?;
                ran
            }
        }
        .map_err(StoreError::Migrate)
    }

    pub(crate) async fn pending_migrations(&self) -> Result<Vec<String>> {
        let mut reader = self.read(Scope::NoTenant).await?;
        let (known,): (bool,) = fetch_one!(
            reader,
            (bool,),
            sql!(reader,
                sqlite: "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')",
                postgres: "SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        )?;
        let applied: Vec<(i64,)> = if known {
            fetch_all!(reader, (i64,), "SELECT version FROM _sqlx_migrations WHERE success")?
        } else {
            Vec::new()
        };
        Ok(self
            .migrator()
            .iter()
            .filter(|migration| !applied.contains(&(migration.version,)))
            .map(|migration| format!("{:04} {}", migration.version, migration.description))
            .collect())
    }

    pub(crate) async fn backup(&self, to: &Path) -> Result<()> {
        let Self::Sqlite { read, .. } = self else {
            return Err(StoreError::Unsupported("PostgreSQL is backed up with pg_dump, not from here"));
        };
        let Some(to) = to.to_str() else {
            return Err(StoreError::Unsupported("the path of the backup must be valid UTF-8"));
        };
        // A reader's snapshot: writers go on meanwhile. `query_only` would refuse the new file too.
        let mut connection = read.acquire().await?.detach();
        sqlx::query("PRAGMA query_only = off").execute(&mut connection).await?;
        let copied = sqlx::query("VACUUM INTO $1").bind(to).execute(&mut connection).await;
        Connection::close(connection).await?;
        copied.map(drop).map_err(StoreError::from)
    }

    /// The name of the role that row security does not bind, if this is one; see [`crate::Store::unbound_role`].
    pub(crate) async fn unbound_role(&self) -> Result<Option<String>> {
        let Self::Postgres(pool) = self else { return Ok(None) };
        let unbound =
            "SELECT rolname::text FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)";
        Ok(sqlx::query_scalar(unbound).fetch_optional(pool).await?)
    }

    /// Waits for news of work from another node. SQLite has no other nodes: `None`.
    pub(crate) async fn listener(&self) -> Result<Option<Listener>> {
        let Self::Postgres(pool) = self else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(Listener(listener)))
    }
}

/// See [`Pools::listener`].
pub(crate) struct Listener(PgListener);

impl Listener {
    /// Returns at the next news; reconnects by itself.
    pub(crate) async fn heard(&mut self) -> Result<()> {
        self.0.recv().await.map(drop).map_err(StoreError::from)
    }
}

impl Reader {
    pub(crate) fn connection(&mut self) -> ConnRef<'_> {
        match self {
            Self::Sqlite(connection) => ConnRef::Sqlite(connection),
            Self::Postgres(connection) => ConnRef::Postgres(connection),
        }
    }
    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }
}

impl Tx {
    pub(crate) fn connection(&mut self) -> ConnRef<'_> {
        match &mut self.open {
            Open::Sqlite(transaction) => ConnRef::Sqlite(transaction),
            Open::Postgres(transaction) => ConnRef::Postgres(transaction),
        }
    }
    pub(crate) fn engine(&self) -> Engine {
        match &self.open {
            Open::Sqlite(_) => Engine::Sqlite,
            Open::Postgres(_) => Engine::Postgres,
        }
    }
    /// Who should look for work after the commit.
    pub(crate) fn announce(&mut self, work: News) {
        self.work = self.work.max(work);
    }
    /// Changes the roll-ups when the transaction commits.
    pub(crate) fn tally(&mut self, change: TallyChange) {
        self.tallies.push(Gathered::Change(change));
    }
    /// The roll-ups were counted anew: what was gathered for this tenant is in them.
    pub(crate) fn counted_anew(&mut self, tenant: Uuid) {
        self.tallies.push(Gathered::CountedAnew(tenant));
    }

    /// From here on, those tenants' rows.
    pub(crate) async fn enter(&mut self, scope: Scope) -> Result<()> {
        if self.scope != scope
            && let ConnRef::Postgres(connection) = self.connection()
        {
            sqlx::raw_sql(AssertSqlSafe(scope.to_string())).execute(connection).await?;
        }
        self.scope = scope;
        Ok(())
    }

    /// Marks a point to come back to, in this scope. With `again`, the mark before it is dropped in the same breath.
    pub(crate) async fn mark(&mut self, again: bool, scope: Scope) -> Result<Mark> {
        let enters = self.scope != scope;
        let text =
            if again { "RELEASE SAVEPOINT operation; SAVEPOINT operation" } else { "SAVEPOINT operation" };
        match self.connection() {
            ConnRef::Postgres(c) if enters => {
                // Entered before the mark: coming back to it is coming back into its scope.
                let drops = if again { "RELEASE SAVEPOINT operation; " } else { "" };
                let text = AssertSqlSafe(format!("{drops}{scope}; SAVEPOINT operation"));
                sqlx::raw_sql(text).execute(c).await.map(drop)?;
            }
            ConnRef::Postgres(c) => sqlx::raw_sql(text).execute(c).await.map(drop)?,
            ConnRef::Sqlite(c) => sqlx::raw_sql(text).execute(c).await.map(drop)?,
        }
        self.scope = scope;
        Ok(Mark { scope, tallies: self.tallies.len(), work: self.work })
    }
    /// Undoes everything since the mark.
    pub(crate) async fn return_to(&mut self, mark: Mark) -> Result<()> {
        on_engine!(self, c => sqlx::raw_sql("ROLLBACK TO SAVEPOINT operation").execute(c).await.map(drop))?;
        self.scope = mark.scope;
        self.tallies.truncate(mark.tallies);
        self.work = mark.work;
        Ok(())
    }

    pub(crate) async fn commit(mut self) -> Result<News> {
        crate::trends::apply(&mut self).await?;
        if self.work == News::Everywhere
            && let ConnRef::Postgres(connection) = self.connection()
        {
            sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(connection).await?;
        }
        match self.open {
            Open::Sqlite(transaction) => transaction.commit().await?,
            Open::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(self.work)
    }
    pub(crate) fn take_tallies(&mut self) -> Vec<Gathered> {
        std::mem::take(&mut self.tallies)
    }
}

/// A point within a transaction; see [`Tx::mark`].
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    scope: Scope,
    tallies: usize,
    work: News,
}
