//! The program as a process of its own, and what the system says of it.

use super::wire::Wire;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use store::testing::TestStore;
use tempfile::TempDir;

/// The limit of one workspace's calls is there to be reached by mistakes, not by what is measured.
pub const NO_LIMIT: [&str; 2] = ["--hook-rate", "1000000"];

/// A running program; ended when dropped.
pub struct Instance {
    child: Child,
    pub web: SocketAddr,
    metrics: SocketAddr,
    folder: TempDir,
}

/// A workspace and what its owner holds.
pub struct Owner {
    pub email: String,
    pub token: String,
}

pub const PASSWORD: &str = "bench-correct-horse";
const PATIENCE: Duration = Duration::from_secs(30);

impl Instance {
    /// `role` is `serve` or `web`. The database is the store's, with a key file of its own.
    pub async fn start(
        program: &Path,
        role: &str,
        store: &TestStore,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let keys = folder.path().join("secret.key");
        let made =
            Command::new(program).args(["key", "generate"]).arg(&keys).stdout(Stdio::null()).status()?;
        ensure!(made.success(), "the program could not make a key");
        let (web, metrics) = (free()?, free()?);
        let child = Command::new(program)
            .arg(role)
            .args(["--database-url", store.url(), "--log", "warn", "--allow-private-hosts"])
            .args(["--listen", &web.to_string(), "--metrics-listen", &metrics.to_string()])
            .args(flags)
            .arg("--secret-key-file")
            .arg(&keys)
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("could not start {}", program.display()))?;
        let instance = Self { child, web, metrics, folder };
        instance.ready().await?;
        Ok(instance)
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let request = format!("GET /readyz HTTP/1.1\r\nhost: {}\r\n\r\n", self.web);
        loop {
            ticks.tick().await;
            if let Ok(mut wire) = Wire::open(self.web).await
                && wire.call(request.as_bytes()).await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "the program was not ready within {PATIENCE:?}");
        }
    }

    /// Makes a workspace beside the running program, as its operator does.
    pub fn workspace(&self, program: &Path, store: &TestStore, name: &str) -> anyhow::Result<Owner> {
        use std::io::Write;
        let email = format!("owner@{name}.example");
        let mut child = Command::new(program)
            .args(["tenant", "create", "--name", name, "--owner-email", &email, "--json"])
            .args(["--database-url", store.url(), "--log", "warn", "--secret-key-file"])
            .arg(self.folder.path().join("secret.key"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("its input")?.write_all(PASSWORD.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "the workspace could not be made");
        let made: Value = serde_json::from_slice(&output.stdout)?;
        let token = made["api_token"].as_str().context("a token")?.to_owned();
        Ok(Owner { email, token })
    }

    /// One call of the API, as `owner`.
    pub async fn api(
        &self,
        owner: &Owner,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.web,
            owner.token,
            body.len()
        );
        let mut wire = Wire::open(self.web).await?;
        let answer = wire.call(request.as_bytes()).await?;
        ensure!((200..300).contains(&answer.status), "{path} answered {}: {}", answer.status, wire.text());
        Ok(serde_json::from_str(&wire.text()).unwrap_or_default())
    }

    /// The sum of a counter over the given label, from the metrics' page.
    pub async fn counter(&self, name: &str, label: &str) -> anyhow::Result<usize> {
        let request = format!("GET /metrics HTTP/1.1\r\nhost: {}\r\n\r\n", self.metrics);
        let mut wire = Wire::open(self.metrics).await?;
        wire.call(request.as_bytes()).await?;
        let text = wire.text();
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum())
    }

    /// Processor time used so far, in all threads.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        // Fields 14 and 15 of proc(5), counted after the name in brackets; in hundredths of a second.
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
    }

    /// Resident memory now and at its highest since [`Self::forget_peak`], in megabytes.
    pub fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let of = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or_default()
                / 1_000.0
        };
        Ok((of("VmRSS:"), of("VmHWM:")))
    }

    pub fn forget_peak(&self) -> anyhow::Result<()> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens at.
fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
