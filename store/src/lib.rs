//! Durable truth, on SQLite or PostgreSQL. The only crate that speaks SQL; callers see neither sqlx nor the engine.
//!
//! [`Store`] is the whole instance: sign-in, tokens, the door, the queue. What belongs to one tenant is reached only
//! through [`TenantStore`], which is made from a signed-in viewer, an API token or a claimed job; every one of its
//! statements carries the tenant, and runs where PostgreSQL shows it no other's rows (`engine/scope.rs`).
//!
//! Times are bound, never asked of the database; callers give them cut to microseconds, which is what PostgreSQL keeps.
//!
//! The files follow a ticket: [`door`] (what arrived) → [`jobs`] (who works on it) → [`tickets`] (what it means) →
//! [`analyses`] (what the model said, what we decided) → [`ledger`] (what we did in the PSA) → [`trends`] →
//! [`retention`] (what stays in the end).

pub mod accounts;
pub mod analyses;
pub mod audit;
pub mod clients;
pub mod connections;
pub mod door;
mod engine;
mod error;
pub mod feedback;
pub mod imports;
pub mod jobs;
pub mod ledger;
mod nodes;
pub mod policies;
pub mod retention;
mod rows;
pub mod sessions;
pub mod sweeps;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tickets;
mod timeline;
pub mod trends;
mod vault;
pub mod views;
mod writer;

pub use error::StoreError;
pub use vault::{KeyRing, VaultError};

use domain::{JobId, TenantId, UserId};
use engine::{Pools, Reader, Scope};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use writer::{Operations, Queue};

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
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pools: Pools,
    keys: KeyRing,
    operations: Queue<Operations>,
    door: Queue<door::Door>,
    /// Rung when work may have arrived.
    arrived: Arc<Notify>,
    listening: std::sync::Once,
    closing: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    node: nodes::Node,
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
    pub async fn open(url: &str, keys: KeyRing) -> Result<Self> {
        let pools = Pools::open(url).await?;
        let (closing, closed) = watch::channel(false);
        let arrived = Arc::new(Notify::new());
        let (operations, mut tasks) = Queue::start(&pools, pools.writers(), &arrived, &closed);
        let (door, doormen) = Queue::start(&pools, 1, &arrived, &closed);
        tasks.extend(doormen);
        Ok(Self {
            inner: Arc::new(Inner {
                pools,
                keys,
                operations,
                door,
                arrived,
                listening: std::sync::Once::new(),
                closing,
                tasks: Mutex::new(tasks),
                node: nodes::Node::new(),
            }),
        })
    }
    /// Applies what is missing of the migrations.
    pub async fn migrate(&self) -> Result<()> {
        self.inner.pools.migrate().await
    }
    /// Names of migrations that are not applied yet; empty when all is well.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        self.inner.pools.pending_migrations().await
    }
    /// Answers when the database does, for `/readyz`.
    pub async fn ping(&self) -> Result<()> {
        let mut reader = self.read(Scope::NoTenant).await?;
        engine::execute!(reader, "SELECT 1").map(drop)
    }
    /// Copies a live SQLite database into a new file. PostgreSQL: an error that names `pg_dump`.
    pub async fn backup(&self, to: &std::path::Path) -> Result<()> {
        self.inner.pools.backup(to).await
    }
    /// `sqlite` or `postgres`, for logs and the doctor.
    pub fn engine_name(&self) -> &'static str {
        match self.inner.pools.engine() {
            engine::Engine::Sqlite => "sqlite",
            engine::Engine::Postgres => "postgres",
        }
    }
    /// For a viewer or a token whose tenant has been established. Never from a request parameter.
    pub fn tenant(&self, tenant: TenantId) -> TenantStore {
        TenantStore { store: self.clone(), tenant }
    }
    /// Closes the pools after what is under way has been committed. Later writes are `Unavailable`.
    pub async fn close(&self) {
        self.inner.closing.send_replace(true);
        let tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        // A writer that panicked has said so already.
        futures::future::join_all(tasks).await;
        self.inner.pools.close().await;
    }

    /// The name of the database's role, where PostgreSQL's row security does not bind it: a superuser, or one with
    /// `BYPASSRLS`. One tenant is then kept from another's rows by the statements alone. SQLite: `None`.
    pub async fn unbound_role(&self) -> Result<Option<String>> {
        self.inner.pools.unbound_role().await
    }

    pub(crate) async fn read(&self, scope: Scope) -> Result<Reader> {
        self.inner.pools.read(scope).await
    }
}

impl TenantStore {
    pub fn tenant_id(&self) -> TenantId {
        self.tenant
    }
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) async fn read(&self) -> Result<Reader> {
        self.store.read(Scope::Tenant(self.tenant)).await
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
