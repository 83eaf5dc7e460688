//! `serve`, `web` and `work`: binds, starts, waits for a signal, stops softly and then hard.

use super::ready;
use crate::clock::{Clock, Luck};
use crate::config::Config;
use crate::demo::{self, Demo};
use crate::queue::Checkpoints;
use crate::{Listeners, Setup, run};
use anyhow::Context;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

pub use crate::Roles;

/// How long closing the database may take.
const CLOSING: Duration = Duration::from_secs(5);

/// Runs until the first signal, then finishes what is under way; a second signal ends at once.
pub async fn serve(mut config: Config, roles: Roles, sandbox_at: Option<SocketAddr>) -> anyhow::Result<()> {
    config.check(sandbox_at.is_some())?;
    config.allow_private_hosts |= sandbox_at.is_some();
    let metrics = bind(config.metrics_listen, "METRICS_LISTEN").await?;
    let store = ready(&config).await?;
    if let Some(role) =
        store.unbound_role().await.context("could not ask which role the database knows us by")?
    {
        tracing::warn!("{}", super::doctor::unbound(&role));
    }
    let clock = Clock::system();

    let demo = match sandbox_at {
        Some(at) => Some(Demo::start(&config, &store, &clock, at).await?),
        None => None,
    };
    let web = bind(config.listen, "LISTEN").await?;
    let setup = Setup {
        config: config.clone(),
        store: store.clone(),
        clock,
        luck: Luck::system(),
        listeners: Listeners { web: Some(web), metrics: Some(metrics) },
        roles,
        checkpoints: Checkpoints::default(),
        sandbox: demo.as_ref().map(Demo::stand_ins).unwrap_or_default(),
    };
    // Before anybody is told that it is ready: whoever waits for that may stop it at once.
    let mut signals = Signals::heard();
    let running = run(setup).context("could not start serving")?;
    println!("Undertone is at {}", config.public_url());
    let live = match &demo {
        Some(demo) => {
            println!("{}", demo.welcome());
            Some(demo.keep_going())
        }
        None => None,
    };

    signals.next().await;
    println!("stopping (again to stop at once) …");
    drop(live);
    tokio::select! {
        () = running.shutdown() => {}
        () = signals.next() => tracing::warn!("stopped at once; what was under way is taken up at the next start"),
    }
    // It waits for connections that are in use, and what hangs gives none back.
    if tokio::time::timeout(CLOSING, store.close()).await.is_err() {
        tracing::warn!("the database was left without a farewell");
    }
    Ok(())
}

async fn bind(at: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(at).await.with_context(|| {
        format!("could not listen at {at}: is another Undertone running? {setting} sets another address")
    })
}

/// Ctrl-C, or what a service manager sends. Each is kept from the moment it is listened for until it is asked for.
struct Signals {
    #[cfg(unix)]
    kinds: Vec<tokio::signal::unix::Signal>,
}

impl Signals {
    #[cfg(unix)]
    fn heard() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
        Self { kinds: kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect() }
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        use futures::FutureExt;
        if self.kinds.is_empty() {
            return std::future::pending().await;
        }
        let each = self.kinds.iter_mut().map(|kind| kind.recv().boxed());
        futures::future::select_all(each).await;
    }

    #[cfg(not(unix))]
    fn heard() -> Self {
        Self {}
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Where the first of the four stand-ins listens by default.
pub const SANDBOX: SocketAddr = demo::DEFAULT_LISTEN;
