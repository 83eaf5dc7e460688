//! The program as a process of its own.

use super::world::{World, eventually};
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

pub struct Node {
    arguments: Vec<String>,
    pub web: SocketAddr,
    child: Option<Child>,
}

/// Longer than the renewals miss in a debug build on a busy machine, short enough to wait for.
pub const LEASE: Duration = Duration::from_secs(5);

impl Node {
    /// Not started yet. `role`: `serve`, `web` or `work`.
    pub fn new(world: &World, role: &str, workers: u16) -> Self {
        let (web, metrics, keys) = (free(), free(), world.key_file());
        let arguments = [
            role,
            "--database-url",
            world.test.url(),
            "--secret-key-file",
            &keys.to_string_lossy(),
            "--listen",
            &web.to_string(),
            "--metrics-listen",
            &metrics.to_string(),
            "--public-url",
            // One for all nodes, as behind a proxy.
            "http://127.0.0.1:3000",
            "--allow-private-hosts",
            "--workers",
            &workers.to_string(),
            "--lease-seconds",
            &LEASE.as_secs().to_string(),
            "--hook-rate",
            "1000000",
            "--log",
            "error,undertone=error,server::web=off",
        ];
        Self { arguments: arguments.map(str::to_owned).to_vec(), web, child: None }
    }

    /// Starts it (again), on the same addresses, and waits until it is ready.
    pub async fn start(&mut self) {
        self.spawn();
        self.ready().await;
    }

    pub fn spawn(&mut self) {
        // A full disk is to be an error, as it is on a real one, and not the signal of a limit.
        let child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_undertone")])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.expect("the program starts"));
    }

    pub async fn ready(&mut self) {
        let (web, child) = (self.web, self.child.as_mut().expect("it was started"));
        eventually("the program to be ready", async || {
            let ended = child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the program ended at its start: {ended:?}");
            get(web, "/readyz", "").await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
        })
        .await;
    }

    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Without a word, as a power cut.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("a child can be killed");
    }

    /// As its operator would.
    pub async fn stop(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let id = child.id().expect("it has not ended by itself").to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(told.is_ok_and(|status| status.success()), "the signal is sent");
        let ended = tokio::time::timeout(Duration::from_secs(25), child.wait()).await;
        let status = ended.expect("a soft stop ends").expect("a child can be waited for");
        assert!(status.success(), "a soft stop is no failure: {status}");
    }

    /// The disk has no room beyond `bytes` of any file; `None`: it has again.
    pub async fn limit_files(&self, bytes: Option<u64>) {
        let id = self.child.as_ref().and_then(Child::id).expect("it runs").to_string();
        let soft = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let limited =
            Command::new("prlimit").args(["--pid", &id, &format!("--fsize={soft}:")]).status().await;
        assert!(limited.is_ok_and(|status| status.success()), "prlimit, of util-linux, sets a limit");
    }
}

/// Below the range from which the system takes ports by itself: one of a node that is down for a moment stays free.
fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 5_000).unwrap_or_default() + 21_000;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::SeqCst);
        assert!(port < 32_000, "a port is free");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// One request, and all of its answer; `None`: nobody answered.
pub async fn get(at: SocketAddr, path: &str, cookie: &str) -> Option<String> {
    let cookie = if cookie.is_empty() { String::new() } else { format!("cookie: {cookie}\r\n") };
    call(
        at,
        &format!(
            "GET {path} HTTP/1.1\r\nhost: {at}\r\naccept: text/html\r\n{cookie}connection: close\r\n\r\n"
        ),
    )
    .await
}

pub async fn call(at: SocketAddr, request: &str) -> Option<String> {
    let work = async {
        let mut stream = TcpStream::connect(at).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        (!answer.is_empty()).then(|| String::from_utf8_lossy(&answer).into_owned())
    };
    tokio::time::timeout(Duration::from_secs(12), work).await.ok().flatten()
}
