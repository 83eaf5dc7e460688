//! Everything around the nodes: a database, workspaces with their desks, one model for all.

use super::desk::Desk;
use super::scripted;
use domain::PsaKind;
use sandbox::Running;
use sandbox::faults::Watch;
use server::clock::Clock;
use std::path::PathBuf;
use std::time::Duration;
use store::accounts::{NewTenant, hash_password};
use store::testing::TestStore;
use store::{Actor, KeyRing, Store};
use tempfile::TempDir;

pub struct World {
    pub test: TestStore,
    /// As a node has it.
    pub store: Store,
    pub desks: Vec<Desk>,
    pub model: Watch,
    model_runs: Running,
    folder: TempDir,
}

/// The longest that anything may take that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(150);
pub const PASSWORD: &str = "correct horse battery staple";

impl World {
    pub async fn new(test: TestStore, desks: &[PsaKind]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyRing::generate(None);
        std::fs::write(folder.path().join("secret.key"), &keys).unwrap();
        let store = Store::open(test.url(), KeyRing::parse(&keys).unwrap()).await.unwrap();
        let model = Watch::default();
        let running = sandbox::serve(([127, 0, 0, 1], 0).into(), scripted::router(&model)).await.unwrap();
        let mut world = Self { test, store, desks: Vec::new(), model, model_runs: running, folder };
        for kind in desks {
            world.open(*kind).await;
        }
        world
    }

    async fn open(&mut self, kind: PsaKind) {
        let (number, now) = (self.desks.len(), Clock::system().now());
        let new = NewTenant {
            name: format!("MSP {number}"),
            owner_email: owner(number),
            owner_name: "Owner".into(),
            password_hash: hash_password(PASSWORD).await,
        };
        let tenant = self.store.tenant(self.store.tenant_create(new, now).await.unwrap().0);
        let product = Desk::serve(kind).await;
        tenant.psa_connection_put(Desk::settings(&product), &Actor::System, now).await.unwrap();
        let model = scripted::settings(&self.model_runs.url());
        tenant.model_connection_put(model, &Actor::System, now).await.unwrap();
        tenant.policy_put(&Desk::policy(&product), &Actor::System, now).await.unwrap();
        let hook = tenant.hook().await.unwrap();
        self.desks.push(Desk::new(tenant, hook, product));
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("secret.key")
    }

    /// Jobs that are not finished, the dead apart; `None`: the database does not say.
    pub async fn waiting(&self) -> Option<i64> {
        let health = self.store.queue_health().await.ok()?;
        Some(health.ready + health.leased)
    }
}

/// Who signs in to the workspace of a desk.
pub fn owner(desk: usize) -> String {
    format!("owner{desk}@example.com")
}

/// Waits until `condition` holds; fails after a while.
pub async fn eventually(what: &str, condition: impl AsyncFnMut() -> bool) {
    within(PATIENCE, what, condition).await;
}

/// As [`eventually`], with a patience of one's own.
pub async fn within(patience: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let done = tokio::time::timeout(patience, async {
        while !condition().await {
            ticks.tick().await;
        }
    });
    assert!(done.await.is_ok(), "{what} took longer than {patience:?}");
}
