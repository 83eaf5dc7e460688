//! The program in a process of its own; ended with the test.

use crate::wire::{Answer, PATIENCE, Wire, request};
use serde_json::{Value, json};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_undertone");

/// A database with its keys, and a place for what belongs to it.
pub struct Home {
    folder: TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One command of the program, on the database `name`.
    pub fn command(&self, name: &str, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(args)
            .arg("--database-url")
            .arg(format!("sqlite://{}", self.path(name).display()))
            .arg("--secret-key-file")
            .arg(self.path("secret.key"))
            .current_dir(self.folder.path());
        command
    }

    /// Runs a command with what it reads; what it prints.
    pub fn run(&self, name: &str, args: &[&str], input: &str) -> (ExitStatus, String) {
        let mut child = self
            .command(name, args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status, String::from_utf8_lossy(&printed).into_owned())
    }

    pub async fn serve(&self, name: &str, args: &[&str]) -> Program {
        let (web, metrics) = (free(), free());
        let log = self.path(&format!("{name}.{}.log", web.port()));
        let child = self
            .command(name, &["serve", "--allow-private-hosts", "--hook-rate", "1000000"])
            .args(["--listen", &web.to_string(), "--metrics-listen", &metrics.to_string()])
            .args(args)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let program = Program { child, web, log };
        program.ready().await;
        program
    }
}

/// A running program.
pub struct Program {
    child: Child,
    pub web: SocketAddr,
    log: PathBuf,
}

impl Program {
    async fn ready(&self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let ask = async {
            loop {
                ticks.tick().await;
                if let Ok(mut wire) = Wire::open(self.web).await
                    && wire.send(&request("GET", "/readyz", &[], b"")).await
                    && wire.answer().await.is_some_and(|answer| answer.status == 200)
                {
                    return;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, ask).await.is_err() {
            panic!("the program was not ready in time: {}", self.log());
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub async fn call(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut wire = Wire::open(self.web).await.unwrap();
        wire.send(&request(method, path, headers, body)).await;
        wire.answer().await.expect("an answer")
    }

    /// What the system says that the process holds in memory, in bytes.
    #[cfg(target_os = "linux")]
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    pub fn terminate(&self) {
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
    }

    /// How it ended, once it has.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let wait = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                ticks.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the process ends in time")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A workspace, as its operator makes it and its owner connects it.
pub struct Workspace {
    pub token: String,
    /// The path of its webhook address, and the secret.
    pub hook: String,
    pub secret: String,
}

impl Workspace {
    pub async fn new(home: &Home, name: &str, program: &Program, psa: Value) -> Self {
        let kind = psa["kind"].as_str().unwrap().to_owned();
        let owner = format!("owner@{kind}.example");
        let args = ["tenant", "create", "--name", &kind, "--owner-email", &owner, "--json"];
        let (status, printed) = home.run(name, &args, "correct horse battery staple");
        assert!(status.success(), "{printed}");
        let made: Value =
            serde_json::from_str(printed.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
        let token = made["api_token"].as_str().unwrap().to_owned();
        let new = Self { token, hook: String::new(), secret: String::new() };
        new.api(program, "PUT", "/connections/psa", &psa).await;
        let hook = new.api(program, "GET", "/hook", &Value::Null).await;
        let address =
            hook["addresses"].as_array().unwrap().iter().find(|address| address["psa"] == kind).unwrap();
        let url = address["url"].as_str().unwrap().trim_end_matches("?recordId=").to_owned();
        let path = url.split_once("/hooks/").unwrap().1;
        let secret = address["secret"].as_str().unwrap_or_default().to_owned();
        Self { hook: format!("/hooks/{path}"), secret, ..new }
    }

    /// One call of the API that must succeed, once the token may call again.
    pub async fn api(&self, program: &Program, method: &str, path: &str, body: &Value) -> Value {
        let bearer = format!("authorization: Bearer {}", self.token);
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [bearer.as_str(), "content-type: application/json"];
        let began = Instant::now();
        let answer = loop {
            let answer = program.call(method, &format!("/api/v1{path}"), &headers, text.as_bytes()).await;
            if answer.status != 429 || began.elapsed() > PATIENCE {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {} {:?}",
            answer.status,
            answer.json()
        );
        answer.json()
    }

    /// The call of a new ticket, for Halo.
    pub fn new_ticket(&self, number: usize) -> Vec<u8> {
        use base64::Engine;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("undertone:{}", self.secret));
        let body = json!({"event": "new ticket logged", "object_id": number}).to_string();
        let basic = format!("authorization: Basic {pair}");
        request("POST", &self.hook, &[&basic, "content-type: application/json"], body.as_bytes())
    }
}

/// A Halo at `url`.
pub fn halo(url: &str) -> Value {
    json!({"kind": "halopsa", "url": url, "client_id": "id", "client_secret": "secret", "tenant": "acme"})
}

/// A port that nobody uses.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// As a path is given to the program.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
