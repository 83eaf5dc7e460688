//! A throw-away PostgreSQL for one run of the tests, which need its rules and not its durability.

use crate::setup::postgres_bin;
use crate::step::{Outcome, command};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Stops the server and removes its folder when dropped.
pub struct Postgres {
    bin: PathBuf,
    folder: PathBuf,
}

impl Postgres {
    /// Starts a fresh cluster on a unix socket in a temporary folder. Works as root too, which PostgreSQL itself refuses.
    pub fn start() -> Outcome<Self> {
        let bin = postgres_bin().ok_or("PostgreSQL is not installed: run `cargo xtask setup`")?;
        let folder = std::env::temp_dir().join(format!("undertone-pg-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let server = Self { bin, folder };
        server.prepare_folder()?;
        let data = server.data();
        server.quiet(
            "initdb",
            &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        )?;
        server.make_role(&data)?;
        let relaxed = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off";
        let options =
            format!("-c listen_addresses='' -k {} -c max_connections=300 {relaxed}", server.folder.display());
        let log = format!("{data}/log");
        server.quiet("pg_ctl", &["-D", &data, "-w", "-l", &log, "-o", &options, "start"])?;
        Ok(server)
    }

    /// The address for the tests. Its role may create databases and is no superuser: row security does not bind those.
    pub fn url(&self) -> String {
        format!("postgres://undertone@localhost/postgres?host={}", self.folder.display())
    }

    fn make_role(&self, data: &str) -> Outcome {
        let statement = self.folder.join("role.sql");
        let failed = |error: std::io::Error| format!("the role of the tests: {error}");
        std::fs::write(&statement, "CREATE ROLE undertone LOGIN CREATEDB\n").map_err(failed)?;
        let made = as_nobody(&self.bin.join("postgres"), &["--single", "-D", data, "postgres"])
            .current_dir("/")
            .stdin(std::fs::File::open(&statement).map_err(failed)?)
            .stdout(std::process::Stdio::null())
            .status()
            .map_err(failed)?;
        if made.success() { Ok(()) } else { Err("the role of the tests could not be made".into()) }
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn prepare_folder(&self) -> Outcome {
        use std::os::unix::fs::PermissionsExt;
        let failed = |error: std::io::Error| format!("{}: {error}", self.folder.display());
        std::fs::set_permissions(&self.folder, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
        if is_root() {
            std::os::unix::fs::chown(&self.folder, Some(NOBODY), Some(NOBODY)).map_err(failed)?;
        }
        Ok(())
    }

    fn quiet(&self, program: &str, args: &[&str]) -> Outcome {
        // pg_ctl's server inherits our output; with a pipe we would wait for its end. A file in the folder has none of that.
        let log = self.folder.join(format!("{program}.out"));
        let file = std::fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let copy = file.try_clone().map_err(|error| error.to_string())?;
        let status = as_nobody(&self.bin.join(program), args)
            .env("HOME", &self.folder)
            .current_dir("/")
            .stdin(std::process::Stdio::null())
            .stdout(file)
            .stderr(copy)
            .status()
            .map_err(|error| format!("could not start {program}: {error}"))?;
        if status.success() {
            return Ok(());
        }
        Err(format!("{program} failed: {}", std::fs::read_to_string(&log).unwrap_or_default()))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        if let Err(error) = self.quiet("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]) {
            eprintln!("the throw-away PostgreSQL did not stop: {error}");
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    command("id", &["-u"]).output().is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

fn as_nobody(program: &Path, args: &[&str]) -> Command {
    if !is_root() {
        let mut plain = Command::new(program);
        plain.args(args);
        return plain;
    }
    let mut dropped = Command::new("setpriv");
    dropped.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program).args(args);
    dropped
}
