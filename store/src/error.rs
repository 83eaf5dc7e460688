use std::error::Error as StdError;
use std::sync::Arc;

/// What can go wrong in the store, by what a caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Too busy, locked, full, restarting or unreachable: try again later; nothing was written.
    #[error("the database cannot take this now")]
    Unavailable(#[source] sqlx::Error),
    /// Something else has this name or address already; `what` names it.
    #[error("{what} exists already")]
    Conflict { what: &'static str },
    /// The job's lease has passed to another worker; drop the work.
    #[error("the lease on this job was lost")]
    LeaseLost,
    /// A row does not hold what it must.
    #[error("{table}.{column} of a row is not readable")]
    Corrupt {
        table: &'static str,
        column: &'static str,
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    #[error("a sealed value could not be opened")]
    Vault(#[from] crate::vault::VaultError),
    /// The ticket is in a ticketing system that the workspace was connected to before.
    #[error("the ticket is in a ticketing system that is not connected any more")]
    NotConnected,
    /// Where a system is said to be now is this one.
    #[error("the address is that of {0}, which has tickets of its own")]
    AnotherSystem(domain::PsaInstance),
    #[error("the address of a page is not one of ours")]
    BadCursor,
    /// For instance backing up PostgreSQL from here.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A bug or an unforeseen failure of the driver.
    #[error("the database refused a statement")]
    Driver(#[source] sqlx::Error),
    #[error("a migration failed")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

impl StoreError {
    pub(crate) fn corrupt(
        table: &'static str,
        column: &'static str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Corrupt { table, column, source: source.into() }
    }

    /// `Unavailable` for a reason of our own making.
    pub(crate) fn busy(why: &'static str) -> Self {
        Self::Unavailable(sqlx::Error::Io(std::io::Error::other(why)))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_passing(&error) { Self::Unavailable(error) } else { Self::Driver(error) }
    }
}

/// Whether the same statement may work later without anyone changing it.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => {
            let Some(code) = database.code() else { return false };
            if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                // The low byte is the primary code: BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL.
                // https://www.sqlite.org/rescode.html
                code.parse::<i64>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14 | 15))
            } else {
                // Connection lost, out of resources, shutting down, a standby, cancelled, serialisation, locks.
                // https://www.postgresql.org/docs/current/errcodes-appendix.html
                matches!(code.get(..2), Some("08" | "53" | "57" | "58"))
                    || matches!(code.as_ref(), "25006" | "40001" | "40P01" | "55P03")
            }
        }
        _ => false,
    }
}

/// Why a batch of several callers' work was not kept: each of them is told the same.
#[derive(Clone, Debug)]
pub(crate) enum BatchFailure {
    Unavailable(Arc<sqlx::Error>),
    Driver(Arc<sqlx::Error>),
}

impl BatchFailure {
    pub(crate) fn of(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source) => Self::Unavailable(Arc::new(source)),
            StoreError::Driver(source) => Self::Driver(Arc::new(source)),
            other => Self::Driver(Arc::new(sqlx::Error::Protocol(other.to_string()))),
        }
    }
    /// One caller's copy.
    pub(crate) fn told(&self) -> StoreError {
        match self {
            Self::Unavailable(source) => {
                StoreError::Unavailable(sqlx::Error::Io(std::io::Error::other(Arc::clone(source))))
            }
            Self::Driver(source) => {
                StoreError::Driver(sqlx::Error::Io(std::io::Error::other(Arc::clone(source))))
            }
        }
    }
    /// Whether running the same work alone may succeed where the batch did not: two batches waited for each other, or
    /// one caller's work spoiled the others'.
    pub(crate) fn worth_repeating_alone(&self) -> bool {
        match self {
            Self::Driver(_) => true,
            Self::Unavailable(_) => self.was_in_anothers_way(),
        }
    }
    /// Two transactions waited for each other, and this one was chosen to give way.
    pub(crate) fn was_in_anothers_way(&self) -> bool {
        let (Self::Unavailable(source) | Self::Driver(source)) = self;
        let code = source.as_database_error().and_then(sqlx::error::DatabaseError::code);
        code.is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01"))
    }
}
