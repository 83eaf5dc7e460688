//! Puts the parts together, starts them, and stops them softly.

use crate::clock::{Clock, Luck};
use crate::config::Config;
use crate::connections::Connections;
use crate::ops::Operations;
use crate::outside::Outside;
use crate::queue::{Checkpoints, Queue, Tools};
use crate::telemetry;
use crate::upkeep::Upkeep;
use crate::web::{
    self,
    guard::Site,
    health::Health,
    hooks::Door,
    listener::{self, Manners},
};
use app::Instance;
use app::ops::StandIn;
use axum::Router;
use domain::PsaKind;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What this process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Screens, API and webhooks.
    pub web: bool,
    /// Tickets.
    pub work: bool,
}

impl Roles {
    pub const ALL: Self = Self { web: true, work: true };
    pub const WEB: Self = Self { web: true, work: false };
    pub const WORK: Self = Self { web: false, work: true };
}

/// Bound by the caller, so that a port in use is its error and a test may ask for any port.
#[derive(Default)]
pub struct Listeners {
    /// Needed for [`Roles::web`]; without that role it serves `/healthz` and `/readyz` alone.
    pub web: Option<TcpListener>,
    pub metrics: Option<TcpListener>,
}

/// What [`run`] is given.
pub struct Setup {
    pub config: Config,
    /// Open and migrated.
    pub store: Store,
    pub clock: Clock,
    pub luck: Luck,
    pub listeners: Listeners,
    pub roles: Roles,
    /// Addresses of stand-ins that run beside this instance, offered as a first connection.
    pub sandbox: HashMap<PsaKind, StandIn>,
    pub checkpoints: Checkpoints,
}

/// A running instance.
pub struct Running {
    /// Where the web listener is.
    pub address: Option<SocketAddr>,
    pub metrics_address: Option<SocketAddr>,
    queue: Option<Queue>,
    stop: CancellationToken,
    tasks: TaskTracker,
    limit: Duration,
}

/// How long handing back may take after that, before the process ends without it.
const HARD: Duration = Duration::from_secs(5);

/// Starts what `roles` say and returns at once.
pub fn run(setup: Setup) -> io::Result<Running> {
    let Setup { config, store, clock, luck, listeners, roles, sandbox, checkpoints } = setup;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let outside = Outside::by(clock.clone(), config.allow_private_hosts);
    let connections = Connections::new(outside.clone());
    // Before the first counter is made.
    telemetry::recorder();

    if roles.work {
        let upkeep = Upkeep {
            store: store.clone(),
            clock: clock.clone(),
            luck: luck.clone(),
            texts_kept: config.texts_kept().map(|days| chrono::TimeDelta::days(i64::from(days))),
            checkpoints: checkpoints.clone(),
        };
        tasks.spawn(upkeep.run(stop.clone()));
    }
    let queue = roles.work.then(|| {
        let tools = Tools {
            store: store.clone(),
            clock: clock.clone(),
            luck: luck.clone(),
            outside: outside.clone(),
            connections: connections.clone(),
            checkpoints: checkpoints.clone(),
        };
        let lease = Duration::from_secs(config.lease_seconds);
        Queue::start(Arc::new(tools), usize::from(config.workers), lease, &tasks)
    });
    let health = Health { store: store.clone(), queue: queue.clone() };
    let public = if roles.web {
        let hooks = Door::new(store.clone(), outside, clock.clone(), config.hook_rate, checkpoints);
        let ops = Operations::new(connections, clock.clone(), luck, config.public_url(), sandbox)
            .keeping_texts(config.texts_kept());
        let instance = Instance { store: store.clone(), ops: Arc::new(ops), secure: config.secure_cookies() };
        let ui = web::ui::Parts {
            instance,
            public_url: config.public_url().to_string(),
            session_hours: u32::from(config.session_hours),
            trusted_proxies: config.trusted_proxies.clone(),
            stop: stop.clone(),
            ask_again: web::ui::ASK_AGAIN,
        };
        web::router(web::Parts { hooks, health, ui, site: Site { public_url: config.public_url() } })
    } else {
        web::health::router(health)
    };
    let metrics = telemetry::router(store, move || clock.now());
    let serve = |listener: Option<TcpListener>, router: Router| -> io::Result<Option<SocketAddr>> {
        let Some(listener) = listener else { return Ok(None) };
        let address = listener.local_addr()?;
        let manners = Manners { drain: config.stop_limit(), ..Manners::default() };
        tasks.spawn(listener::serve(
            listener,
            router,
            manners,
            config.trusted_proxies.clone().into(),
            stop.clone(),
        ));
        Ok(Some(address))
    };
    let address = serve(listeners.web, public)?;
    let metrics_address = serve(listeners.metrics, metrics)?;
    tasks.close();
    tracing::info!(?address, ?metrics_address, web = roles.web, work = roles.work, "started");
    Ok(Running { address, metrics_address, queue, stop, tasks, limit: config.stop_limit() })
}

impl Running {
    /// Takes no new requests and no new jobs, lets what runs finish for a while, hands back what is left. Ends in any
    /// case: what cannot even be handed back is taken up when its lease has run out.
    pub async fn shutdown(self) {
        self.stop.cancel();
        let softly = async {
            if let Some(queue) = &self.queue {
                queue.stop(self.limit).await;
            }
            self.tasks.wait().await;
        };
        match tokio::time::timeout(self.limit + HARD, softly).await {
            Ok(()) => tracing::info!("stopped"),
            Err(_) => {
                tracing::warn!("stopped hard; what was under way is taken up when its lease has run out")
            }
        }
    }

    /// Returns once nothing is due and nothing runs in this process. What waits for a later time stays.
    pub async fn settle(&self) {
        if let Some(queue) = &self.queue {
            queue.settle().await;
        }
    }

    /// Jobs running in this process.
    pub fn busy(&self) -> usize {
        self.queue.as_ref().map_or(0, Queue::running)
    }
}
