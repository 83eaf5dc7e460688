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
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("a sealed value could not be opened")]
    Vault(#[from] crate::vault::VaultError),
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
