//! Stores for tests: each a fresh, migrated database that is gone when the test is.
//!
//! PostgreSQL comes from `UNDERTONE_TEST_PG` (the address of a server, of version 15 or later, with an ordinary role that
//! may create databases: row security does not bind a superuser, and all tests run under it), or from a throw-away cluster that the tests of this machine share: the first test starts it, each holds a lock while it
//! runs, and a watchdog stops it a few seconds after the last lock is gone, however the tests ended. Nothing is left
//! behind. As root, the server runs as nobody, because it refuses to run as root. A test that stops and starts the server has
//! one of its own.

mod history;
pub mod raw;

pub use history::History;

use crate::engine::Pools;
use crate::{KeyRing, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::fs::File;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
        let cluster = Cluster { fsync: true, ..Cluster::at(binaries()?) };
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
        let alone = Some(Uuid::new_v4().simple().to_string());
        let cluster = Cluster { fsync: true, alone, ..Cluster::at(bin) };
        let (server, in_use) = cluster.join();
        let template = template(&server).await;
        let mut store = Self::from_template(&server, &template).await;
        (store.in_use, store.alone) = (Some(in_use), Some(cluster));
        Some(store)
    }

    /// Stops the server of [`Self::postgres_alone`].
    pub async fn stop_server(&self, how: Stop) {
        let mode = if how == Stop::Fast { "fast" } else { "immediate" };
        self.pg_ctl(&["-m", mode, "-w", "stop"]).await;
    }

    /// Starts it again, with everything that was committed.
    pub async fn start_server(&self) {
        let cluster = self.alone.as_ref().expect("the test asked for a server of its own");
        let (log, options) = (cluster.folder().join("log"), cluster.options());
        self.pg_ctl(&["-w", "-l", path(&log), "-o", &options, "start"]).await;
    }

    async fn pg_ctl(&self, arguments: &[&str]) {
        let cluster = self.alone.clone().expect("the test asked for a server of its own");
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let done = tokio::task::spawn_blocking(move || {
            let data = cluster.data();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            cluster.run("pg_ctl", &[&["-D", path(&data)], arguments.as_slice()].concat());
        });
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

/// The folder of initdb and pg_ctl: `PG_BIN`, Debian's newest, or what is on the PATH.
fn binaries() -> Option<PathBuf> {
    if let Some(given) = env("PG_BIN") {
        return Some(given.into());
    }
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort();
    let path = env("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).collect::<Vec<_>>();
    let folders = found.into_iter().rev().map(|(_, folder)| folder).chain(in_path);
    folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}

/// A throw-away cluster in a folder of this user, shared by all test processes that hold its `users` lock.
#[derive(Clone)]
struct Cluster {
    bin: PathBuf,
    is_root: bool,
    user: u32,
    /// Waits for the disk at each commit. Tests do not need that.
    fsync: bool,
    /// A name for one that is not shared.
    alone: Option<String>,
}

impl Cluster {
    fn at(bin: PathBuf) -> Self {
        let mine = tempfile::NamedTempFile::new().and_then(|file| file.as_file().metadata());
        let user = mine.expect("a temporary file can be made").uid();
        Self { bin, is_root: user == 0, user, fsync: false, alone: None }
    }

    fn folder(&self) -> PathBuf {
        let version = [self.bin.as_os_str().as_encoded_bytes(), ROLE.as_bytes()].concat();
        let version = <sha2::Sha256 as sha2::Digest>::digest(version);
        let kind = if self.fsync { "durable" } else { "tests" };
        if let Some(name) = &self.alone {
            return std::env::temp_dir().join(format!("undertone-postgres-{name}"));
        }
        std::env::temp_dir().join(format!(
            "undertone-postgres-{kind}-{}-{}",
            self.user,
            hex::encode(&version[..4])
        ))
    }

    /// Starts the server unless it runs; it stays while the returned file is open.
    fn join(&self) -> (String, File) {
        // Under this lock nobody starts or stops the server; see `watchdog`.
        let _door = self.door();
        let in_use = File::create(self.folder().join("users")).expect("the folder is ours");
        if !self.answers() {
            self.start();
            self.watchdog();
        }
        in_use.lock_shared().expect("files can be locked");
        let url = format!("postgres://{ROLE}@localhost/postgres?host={}", self.folder().display());
        (url, in_use)
    }

    /// The lock of a folder that is there: whoever stops the server takes its folder away, under the lock of those who wait.
    fn door(&self) -> File {
        let path = self.folder().join("door");
        loop {
            std::fs::create_dir_all(self.folder()).expect("the temporary folder takes a folder");
            let door = match File::create(&path) {
                Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => continue,
                door => door.expect("the folder is ours"),
            };
            door.lock().expect("files can be locked");
            let mine = door.metadata().expect("an open file is described").ino();
            if std::fs::metadata(&path).is_ok_and(|there| there.ino() == mine) {
                return door;
            }
        }
    }

    fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    fn answers(&self) -> bool {
        std::os::unix::net::UnixStream::connect(self.folder().join(".s.PGSQL.5432")).is_ok()
    }

    fn start(&self) {
        let data = self.data();
        // What a killed machine may have left.
        let _ = std::fs::remove_dir_all(&data);
        if self.is_root {
            std::os::unix::fs::chown(self.folder(), Some(NOBODY), Some(NOBODY))
                .expect("root gives folders away");
        }
        self.run(
            "initdb",
            &["-D", path(&data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        );
        self.make_role();
        let log = self.folder().join("log");
        self.run("pg_ctl", &["-D", path(&data), "-w", "-l", path(&log), "-o", &self.options(), "start"]);
    }

    fn options(&self) -> String {
        format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c port=5432 -c max_connections=300 {} \
             -c shared_buffers=64MB",
            self.folder().display(),
            if self.fsync {
                ""
            } else {
                "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off"
            },
        )
    }

    /// The role that the stores under test have, as a program that is run for real has it: no superuser.
    fn make_role(&self) {
        let statement = self.folder().join("role.sql");
        std::fs::write(&statement, format!("CREATE ROLE {ROLE} LOGIN CREATEDB\n"))
            .expect("the folder is ours");
        let statement = File::open(statement).expect("it was written just now");
        let made = self
            .command("postgres")
            .args(["--single", "-D", path(&self.data()), "postgres"])
            .stdin(statement)
            .stdout(Stdio::null())
            .status();
        assert!(made.is_ok_and(|made| made.success()), "the role {ROLE} could not be made");
    }

    /// As nobody where we are root.
    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if self.is_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.env("HOME", self.folder()).current_dir(self.folder()).stdin(Stdio::null());
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        // Not a pipe: the server would inherit it, and waiting for its end would wait for the server's.
        let log = File::create(self.folder().join(format!("{program}.log"))).expect("the folder is ours");
        let error_log = log.try_clone().expect("a file can be opened twice");
        let ran = self.command(program).args(arguments).stdout(log).stderr(error_log).status();
        let ran = ran.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        assert!(ran.success(), "{program} failed; see {}/{program}.log and log", self.folder().display());
    }

    /// Waits until nobody holds `users`, gives the next test a few seconds, and stops the server. Locks go with their
    /// process, even a killed one.
    fn watchdog(&self) {
        const SCRIPT: &str = r#"
            cd "$1" && shift
            while :; do
              flock -x users true; sleep 5
              exec 8>door; flock -x 8
              exec 9>users
              if flock -n -x 9; then "$@" -D data -m immediate -w stop; cd /; rm -rf "$OLDPWD"; exit; fi
              exec 8>&- 9>&-
            done &"#;
        let stop = self.command("pg_ctl");
        // The script goes on in the background of a shell that ends at once.
        let started = Command::new("sh")
            .args(["-c", SCRIPT, "watchdog"])
            .arg(self.folder())
            .arg(stop.get_program())
            .args(stop.get_args())
            // Whoever ends the test's process group must not end this.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(started.is_ok_and(|status| status.success()), "sh could not start the watchdog");
    }
}

/// Owns the databases of the tests.
const ROLE: &str = "undertone";
/// The user without rights.
const NOBODY: u32 = 65534;

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}
