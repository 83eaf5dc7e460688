//! The API against its own document: requests that fit it and requests that do not, sent to the running program.

use crate::site::target;
use crate::step::{Outcome, command, root, run, succeeds};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(90);
/// Just below what a token may do on the long run.
const RATE: &str = "19/s";

fn folder() -> PathBuf {
    root().join("end2end/contract")
}

fn tools() -> PathBuf {
    target().join("contract-tools")
}

/// Whether there is a Python to run the tool with.
pub fn has_python() -> bool {
    succeeds("python3", &["-c", "import venv, ensurepip"])
}

/// Installs the tool, each file of it known by its hash, into a folder of its own.
pub fn install() -> Outcome {
    let wanted = read(&folder().join("requirements.txt"))?;
    let stamp = tools().join("installed");
    if std::fs::read(&stamp).is_ok_and(|seen| seen == wanted) {
        return Ok(());
    }
    let _ = std::fs::remove_dir_all(tools());
    run(command("python3", &["-m", "venv"]).arg(tools()))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"];
    run(command(tools().join("bin/python"), &pip).arg(folder().join("requirements.txt")))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}

/// Starts the debug program with the demo's workspaces and holds its API against `/api/v1/openapi.json`.
pub fn check() -> Outcome {
    let home = target().join(format!("contract-{}", std::process::id()));
    std::fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
    let checked = check_in(&home);
    let _ = std::fs::remove_dir_all(&home);
    checked
}

fn check_in(home: &Path) -> Outcome {
    // What an earlier run found would be tried again, and the same run be another one.
    let _ = std::fs::remove_dir_all(folder().join(".schemathesis"));
    let program = Program::start(home)?;
    let (id, token) = program.token()?;
    let python = tools().join("bin/python");
    let mut tool = command(python, &["-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run"]);
    tool.arg(format!("{}/api/v1/openapi.json", program.url))
        .args(["--rate-limit", RATE, "--continue-on-failure", "--no-color", "--header"])
        .arg(format!("Authorization: Bearer {token}"))
        .current_dir(folder())
        .env("UNDERTONE_TOKEN_ID", id)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    run(&mut tool).map_err(|failed| format!("{failed}\n{}", program.last_words()))
}

struct Program {
    child: Child,
    home: PathBuf,
    url: String,
}

impl Program {
    fn start(home: &Path) -> Outcome<Self> {
        let (web, metrics) = (free()?, free()?);
        let (log, told) = (home.join("log"), home.join("told"));
        let create = |path: &Path| File::create(path).map_err(|error| format!("{}: {error}", path.display()));
        let (file, said) = (create(&log)?, create(&told)?);
        let child = Self::command(home)
            // The stand-ins take any ports.
            .args(["serve", "--demo", "--sandbox-listen", "127.0.0.1:0", "--log", "warn"])
            .args(["--listen", &web, "--metrics-listen", &metrics])
            .stdout(said)
            .stderr(file)
            .spawn()
            .map_err(|error| format!("could not start undertone: {error}"))?;
        let program = Self { child, home: home.to_owned(), url: format!("http://{web}") };
        let begun = Instant::now();
        // It answers while it still lives through the demo's past, which wants no visitors.
        while !String::from_utf8_lossy(&read(&told)?).contains("Undertone is at") {
            if begun.elapsed() > PATIENCE {
                return Err(format!("it was not ready in time: {}", String::from_utf8_lossy(&read(&log)?)));
            }
            #[expect(clippy::disallowed_methods, reason = "asks a process of its own; bounded")]
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(program)
    }

    fn command(home: &Path) -> Command {
        let mut program = command(target().join("debug/undertone"), &[]);
        program.env("UNDERTONE_DATABASE_URL", format!("sqlite://{}", home.join("api.db").display()));
        program.env("UNDERTONE_SECRET_KEY_FILE", home.join("secret.key"));
        program
    }

    /// A token of the last workspace, and its id.
    fn token(&self) -> Outcome<(String, String)> {
        let tenants = self.ask(&["tenant", "list", "--json"])?;
        let tenant = field(&tenants, "tenant_id")?;
        let made = self.ask(&["token", "create", "--name", "contract", "--json", "--tenant", &tenant])?;
        Ok((field(&made, "token_id")?, field(&made, "api_token")?))
    }

    /// Whether it still runs, and the end of its log.
    fn last_words(mut self) -> String {
        let state = match self.child.try_wait() {
            Ok(Some(status)) => format!("the program had ended: {status}"),
            Ok(None) => "the program was running".to_owned(),
            Err(error) => error.to_string(),
        };
        let log = read(&self.home.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        format!("{state}; the last it said:\n{}", lines[lines.len().saturating_sub(20)..].join("\n"))
    }

    fn ask(&self, args: &[&str]) -> Outcome<String> {
        let output = Self::command(&self.home).args(args).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(format!("{args:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last value of this name in flat JSON.
fn field(json: &str, name: &str) -> Outcome<String> {
    let after = json.rsplit_once(&format!("\"{name}\":\"")).map(|(_, after)| after);
    let value = after.and_then(|after| after.split_once('"')).map(|(value, _)| value.to_owned());
    value.ok_or_else(|| format!("there is no {name} in {json}"))
}

fn free() -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map(|at| at.to_string()).map_err(|error| error.to_string())
}

fn read(path: &Path) -> Outcome<Vec<u8>> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
