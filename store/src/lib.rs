//! Durable truth, on SQLite or PostgreSQL. The only crate that speaks SQL; callers see neither sqlx nor the engine.
//!
//! [`Store`] is the whole instance: sign-in, tokens, the door, the queue. What belongs to one tenant is reached only
//! through [`TenantStore`], which is made from a signed-in viewer, an API token or a claimed job; every one of its
//! statements carries the tenant.
//!
//! The files follow a ticket: [`door`] (what arrived) → [`jobs`] (who works on it) → [`tickets`] (what it means) →
//! [`analyses`] (what the model said, what we decided) → [`ledger`] (what we did in the PSA) → [`trends`].

pub mod accounts;
pub mod analyses;
pub mod audit;
pub mod connections;
pub mod door;
mod engine;
mod error;
pub mod jobs;
pub mod ledger;
pub mod policies;
pub mod sessions;
pub mod tickets;
pub mod trends;
mod vault;

pub use error::StoreError;
pub use vault::{KeyRing, VaultError};

use domain::{JobId, TenantId, UserId};

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Who does something, for the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    User(UserId),
    Token(domain::TokenId),
    /// The command line or the program itself.
    System,
}

/// The whole instance. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    // engine, writer, vault
}

/// One tenant's part of the store. Cheap to clone.
#[derive(Clone)]
pub struct TenantStore {
    pub(crate) store: Store,
    pub(crate) tenant: TenantId,
}

impl Store {
    /// Opens (for SQLite: creates) the database; does not migrate.
    ///
    /// `url` is `sqlite://path` or `postgres://…`.
    pub async fn open(_url: &str, _keys: KeyRing) -> Result<Self> {
        unimplemented!()
    }
    /// Applies what is missing of the migrations.
    pub async fn migrate(&self) -> Result<()> {
        unimplemented!()
    }
    /// Names of migrations that are not applied yet; empty when all is well.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        unimplemented!()
    }
    /// Answers when the database does, for `/readyz`.
    pub async fn ping(&self) -> Result<()> {
        unimplemented!()
    }
    /// Copies a live SQLite database into a new file. PostgreSQL: an error that names `pg_dump`.
    pub async fn backup(&self, _to: &std::path::Path) -> Result<()> {
        unimplemented!()
    }
    /// `sqlite` or `postgres`, for logs and the doctor.
    pub fn engine_name(&self) -> &'static str {
        unimplemented!()
    }
    /// For a viewer or a token whose tenant has been established. Never from a request parameter.
    pub fn tenant(&self, tenant: TenantId) -> TenantStore {
        TenantStore { store: self.clone(), tenant }
    }
    /// Closes the pools after what is under way has been committed.
    pub async fn close(&self) {
        unimplemented!()
    }
}

impl TenantStore {
    pub fn tenant_id(&self) -> TenantId {
        self.tenant
    }
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// A page of rows and where the next one begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Opaque; pass it back to get the next page. `None` at the end.
    pub next: Option<String>,
}

/// A job and the proof that we hold it: every write of a stage is refused once the lease is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub job: JobId,
    pub token: uuid::Uuid,
}
