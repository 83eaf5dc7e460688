//! Stores for tests: each a fresh, migrated database that is gone when the test is.
//!
//! PostgreSQL comes from `UNDERTONE_TEST_PG` (the address of a server, of version 15 or later, with an ordinary role that
//! may create databases: row security does not bind a superuser, and all tests run under it), or from a throw-away cluster that the tests of this machine share: the first test starts it, each holds a lock while it
//! runs, and a watchdog stops it a few seconds after the last lock is gone, however the tests ended. Nothing is left
//! behind. As root, the server runs as nobody, because it refuses to run as root. A test that stops and starts the server has
//! one of its own.

mod cluster;
mod history;
pub mod raw;

pub use history::History;

use crate::connections::{Save, Which};
use crate::engine::Pools;
use crate::{KeyRing, Store, TenantStore};
use cluster::{Cluster, ROLE, binaries};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::fs::File;
use std::ops::Deref;
use std::sync::OnceLock;
use uuid::Uuid;

/// A store of its own for one test.
pub struct TestStore {
    store: Store,
    url: String,
    keys: KeyRing,
    place: Place,
    /// Keeps a server of its own running.
    in_use: Option<File>,
    /// The server that nobody else uses; see [`Self::postgres_alone`].
    alone: Option<Cluster>,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Connections are ended, what is committed is written down.
    Fast,
    /// As when its processes are killed: the next start recovers from the log.
    Immediate,
}

enum Place {
    Folder { _folder: tempfile::TempDir },
    Database { server: String, name: String },
}

impl Deref for TestStore {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let url = format!("sqlite://{}", folder.path().join("undertone.db").display());
        let keys = keys();
        let store = Store::open(&url, keys.clone()).await.expect("a new SQLite file opens");
        store.migrate().await.expect("the migrations run on SQLite");
        Self { store, url, keys, place: Place::Folder { _folder: folder }, in_use: None, alone: None }
    }

    /// `None`, after saying so, where there is no PostgreSQL; under `CI` that is a failure.
    pub async fn postgres() -> Option<Self> {
        let server = server()?;
        let template = template(server).await;
        Some(Self::from_template(server, &template).await)
    }

    async fn from_template(server: &str, template: &str) -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        // Copying files is several times as fast as the default, which logs each page.
        admin(server, format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")).await;
        let url = database_url(server, &name);
        let keys = keys();
        let store = Store::open(&url, keys.clone()).await.expect("a new database opens");
        let place = Place::Database { server: server.to_owned(), name };
        Self { store, url, keys, place, in_use: None, alone: None }
    }

    /// As [`Self::postgres`], on a server of its own that waits for the disk at each commit, for measurements.
    pub async fn postgres_durable() -> Option<Self> {
        let cluster = Cluster::durable(binaries()?);
        let (server, in_use) = cluster.join();
        let template = template(&server).await;
        let mut store = Self::from_template(&server, &template).await;
        store.in_use = Some(in_use);
        Some(store)
    }

    /// As [`Self::postgres_durable`], on a server that no other test uses, so that it can be stopped.
    pub async fn postgres_alone() -> Option<Self> {
        // As `server()` has it: of the tests for PostgreSQL this one needs the programs, not just an address.
        let Some(bin) = binaries() else {
            assert!(
                env("CI").is_none(),
                "PostgreSQL is not installed, and under CI its half of the tests must run"
            );
            eprintln!("left out: PostgreSQL is not installed (looked in /usr/lib/postgresql and PATH)");
            return None;
        };
        let cluster = Cluster::alone(bin);
        let (server, in_use) = cluster.join();
        let template = template(&server).await;
        let mut store = Self::from_template(&server, &template).await;
        (store.in_use, store.alone) = (Some(in_use), Some(cluster));
        Some(store)
    }

    /// Stops the server of [`Self::postgres_alone`].
    pub async fn stop_server(&self, how: Stop) {
        let mode = if how == Stop::Fast { "fast" } else { "immediate" };
        self.told(move |cluster| cluster.control(&["-m", mode, "-w", "stop"])).await;
    }

    /// Starts it again, with everything that was committed.
    pub async fn start_server(&self) {
        self.told(Cluster::start).await;
    }

    async fn told(&self, what: impl FnOnce(&Cluster) + Send + 'static) {
        let cluster = self.alone.clone().expect("the test asked for a server of its own");
        let done = tokio::task::spawn_blocking(move || what(&cluster));
        done.await.expect("the server obeys");
    }

    /// Another store on the same database, as another node or a restarted program has it.
    pub async fn reopen(&self) -> Store {
        Store::open(&self.url, self.keys.clone()).await.expect("the database opens again")
    }
    /// Another store on the same database, as the throw-away server's superuser. `None` on a server that was given and does
    /// not let it in.
    pub async fn reopen_as_superuser(&self) -> Option<Store> {
        Store::open(&self.superuser_url()?, self.keys.clone()).await.ok()
    }
    /// As [`Self::beside`], for what only a superuser may do.
    pub async fn superuser(&self) -> Option<Beside> {
        PgConnection::connect(&self.superuser_url()?).await.ok().map(Beside::Postgres)
    }
    fn superuser_url(&self) -> Option<String> {
        self.url
            .strip_prefix(&format!("postgres://{ROLE}@"))
            .map(|rest| format!("postgres://postgres@{rest}"))
    }
    /// A connection of the test's own, for what the store does not offer; every tenant's rows are visible to it.
    pub async fn beside(&self) -> Beside {
        let mut beside = self.stranger().await;
        if matches!(beside, Beside::Postgres(_)) {
            beside.run("SET undertone.tenant = 'every'").await;
        }
        beside
    }
    /// As [`Self::beside`], but it has not said whose rows it wants.
    pub async fn stranger(&self) -> Beside {
        match &self.place {
            Place::Folder { .. } => {
                Beside::Sqlite(SqliteConnection::connect(&self.url).await.expect("the file opens again"))
            }
            Place::Database { .. } => {
                Beside::Postgres(PgConnection::connect(&self.url).await.expect("the database opens again"))
            }
        }
    }
    /// Leaves the database no room for another row.
    pub async fn fill(&self) {
        match &self.store.inner.pools {
            Pools::Sqlite { write, .. } => {
                // Holds for the one connection that writes.
                let pages: i64 =
                    sqlx::query_scalar("PRAGMA page_count").fetch_one(write).await.expect("it counts");
                let limit = format!("PRAGMA max_page_count = {pages}");
                sqlx::raw_sql(AssertSqlSafe(limit)).execute(write).await.expect("the limit is taken");
            }
            Pools::Postgres(_) => {
                self.beside()
                    .await
                    .run(
                        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
                     BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;
                     CREATE TRIGGER full_disk BEFORE INSERT ON deliveries EXECUTE FUNCTION full_disk()",
                    )
                    .await;
            }
        }
    }
    /// Undoes [`Self::fill`].
    pub async fn make_room(&self) {
        match &self.store.inner.pools {
            Pools::Sqlite { write, .. } => {
                sqlx::raw_sql("PRAGMA max_page_count = 1000000")
                    .execute(write)
                    .await
                    .expect("the limit is taken");
            }
            Pools::Postgres(_) => self.beside().await.run("DROP FUNCTION full_disk CASCADE").await,
        }
    }
    pub fn url(&self) -> &str {
        &self.url
    }
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }
}

/// See [`TestStore::beside`].
pub enum Beside {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Beside {
    /// Runs statements that both engines understand, or the one this is.
    pub async fn run(&mut self, statements: &str) {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        match self {
            Self::Sqlite(connection) => statements.execute(connection).await.map(drop),
            Self::Postgres(connection) => statements.execute(connection).await.map(drop),
        }
        .expect("the test's own statement is right");
    }
    /// Runs a statement that may be refused: how many rows it changed, or what the database says.
    pub async fn attempt(&mut self, statement: &str) -> Result<u64, String> {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        match self {
            Self::Sqlite(connection) => statement.execute(connection).await.map(|done| done.rows_affected()),
            Self::Postgres(connection) => {
                statement.execute(connection).await.map(|done| done.rows_affected())
            }
        }
        .map_err(|error| error.to_string())
    }
    /// Reads rows of what both engines decode alike.
    pub async fn rows<T>(&mut self, query: &str) -> Vec<T>
    where
        T: Send + Unpin,
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>,
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        let query = AssertSqlSafe(query.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_as(query).fetch_all(connection).await,
            Self::Postgres(connection) => sqlx::query_as(query).fetch_all(connection).await,
        }
        .expect("the test's own query is right")
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        let Place::Database { server, name } = &self.place else { return };
        let (server, statement) = (server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // Drop cannot wait for a future on the test's own runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(admin(&server, statement));
        });
        if dropped.join().is_err() {
            eprintln!("the test's database could not be dropped; it goes with its server");
        }
    }
}

fn keys() -> KeyRing {
    KeyRing::parse(&KeyRing::generate(None)).expect("a generated key file is valid")
}

async fn admin(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.expect("the test server answers");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("the test server obeys");
}

/// The name of a database with all migrations applied; made by whoever comes first.
async fn template(server: &str) -> String {
    let migrations = sqlx::migrate!("../migrations/postgres");
    let checksums =
        migrations.iter().flat_map(|migration| migration.checksum.iter().copied()).collect::<Vec<u8>>();
    let name = format!("template_{}", hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(checksums)[..8]));
    let mut connection = PgConnection::connect(server).await.expect("the test server answers");
    let known = |name: String| {
        sqlx::query_scalar::<_, i32>("SELECT 1 FROM pg_database WHERE datname = $1").bind(name)
    };
    if known(name.clone()).fetch_optional(&mut connection).await.expect("the test server answers").is_some() {
        return name;
    }
    sqlx::query("SELECT pg_advisory_lock(7065)")
        .execute(&mut connection)
        .await
        .expect("the lock is free some time");
    if known(name.clone()).fetch_optional(&mut connection).await.expect("the test server answers").is_none() {
        let making = format!("making_{}", Uuid::new_v4().simple());
        admin(server, format!("CREATE DATABASE {making}")).await;
        let fresh = Pools::open(&database_url(server, &making)).await.expect("it is there");
        fresh.migrate().await.expect("the migrations run on PostgreSQL");
        fresh.close().await;
        admin(server, format!("ALTER DATABASE {making} RENAME TO {name}")).await;
    }
    connection.close().await.expect("a connection closes, and its lock with it");
    name
}

/// The server's address with another database in it.
fn database_url(server: &str, name: &str) -> String {
    let (address, query) =
        server.split_once('?').map_or((server, None), |(address, query)| (address, Some(query)));
    let (host, _) = address.rsplit_once('/').expect("the address of a server names a database");
    query.map_or_else(|| format!("{host}/{name}"), |query| format!("{host}/{name}?{query}"))
}

fn env(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The address of the server all tests of this process use.
fn server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<(String, Option<File>)>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        if let Some(url) = env("UNDERTONE_TEST_PG") {
            return Some((url, None));
        }
        let Some(bin) = binaries() else {
            assert!(
                env("CI").is_none(),
                "PostgreSQL is not installed, and under CI its half of the tests must run"
            );
            eprintln!("left out: PostgreSQL is not installed (looked in /usr/lib/postgresql and PATH)");
            return None;
        };
        let (url, in_use) = Cluster::at(bin).join();
        Some((url, Some(in_use)))
    });
    server.as_ref().map(|(url, _)| url.as_str())
}

impl TenantStore {
    /// What a connection was last saved as.
    pub async fn newest_save(&self, which: Which) -> Save {
        let revision = match which {
            Which::Psa => {
                self.psa_connection().await.expect("it can be read").map_or(0, |saved| saved.revision)
            }
            Which::Model => self.model_connection().await.expect("it can be read").revision,
        };
        Save { which, revision }
    }
}
