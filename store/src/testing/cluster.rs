//! The throw-away PostgreSQL of the tests.

use super::env;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder of initdb and pg_ctl: `PG_BIN`, Debian's newest, or what is on the PATH.
pub(super) fn binaries() -> Option<PathBuf> {
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
pub(super) struct Cluster {
    bin: PathBuf,
    is_root: bool,
    user: u32,
    /// Waits for the disk at each commit. Tests do not need that.
    fsync: bool,
    /// A name for one that is not shared.
    alone: Option<String>,
}

impl Cluster {
    pub(super) fn at(bin: PathBuf) -> Self {
        let mine = tempfile::NamedTempFile::new().and_then(|file| file.as_file().metadata());
        let user = mine.expect("a temporary file can be made").uid();
        Self { bin, is_root: user == 0, user, fsync: false, alone: None }
    }

    /// One that waits for the disk, for measurements.
    pub(super) fn durable(bin: PathBuf) -> Self {
        Self { fsync: true, ..Self::at(bin) }
    }

    /// As [`Self::durable`], shared with nobody, so that it can be stopped.
    pub(super) fn alone(bin: PathBuf) -> Self {
        Self { alone: Some(uuid::Uuid::new_v4().simple().to_string()), ..Self::durable(bin) }
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
    pub(super) fn join(&self) -> (String, File) {
        // Under this lock nobody starts or stops the server; see `watchdog`.
        let _door = self.door();
        let in_use = File::create(self.folder().join("users")).expect("the folder is ours");
        if !self.answers() {
            self.make();
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

    fn make(&self) {
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
    }

    /// With everything that was committed.
    pub(super) fn start(&self) {
        let log = self.folder().join("log");
        self.control(&["-w", "-l", path(&log), "-o", &self.options(), "start"]);
    }

    pub(super) fn control(&self, arguments: &[&str]) {
        let data = self.data();
        self.run("pg_ctl", &[&["-D", path(&data)], arguments].concat());
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
pub(super) const ROLE: &str = "undertone";
/// The user without rights.
const NOBODY: u32 = 65534;

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}
