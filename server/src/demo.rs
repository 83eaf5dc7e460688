//! `serve --demo`: the sandbox's stand-ins on this machine, and a workspace for each PSA that is connected to them.
//!
//! Everything takes the real way: tickets are created in a stand-in, which calls the workspace's webhook; the pipeline
//! reads them over HTTP, scores them and writes back. For the past, a first run lives through the weeks with a clock
//! that is set; then the real one takes over.

mod live;
mod workspace;

pub use live::Live;

use crate::clock::{Clock, Luck};
use crate::config::Config;
use crate::connections::Connections;
use crate::ops::Operations;
use crate::outside::Outside;
use crate::queue::Checkpoints;
use crate::{Listeners, Roles, Setup, run};
use anyhow::Context;
use app::ops::StandIn;
use chrono::{DateTime, Duration, NaiveTime, Utc};
use domain::{PsaKind, PsaSettings, Secret};
use sandbox::autotask::Autotask;
use sandbox::connectwise::ConnectWise;
use sandbox::halo::Halo;
use sandbox::model::Model;
use sandbox::scenes::{self, Scene};
use std::collections::HashMap;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use store::Store;
use tokio::net::TcpListener;
use workspace::Workspace;

/// Where the first stand-in listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3001);

/// Everyone's password in the demo; it is printed at each start and serves on a loopback address only.
const PASSWORD: &str = "demo workspace";

/// The stand-ins. Cheap to clone.
#[derive(Clone)]
struct Desks {
    connectwise: ConnectWise,
    autotask: Autotask,
    halo: Halo,
}

impl Desks {
    /// Creates a scene's ticket in `psa`, which then calls its webhooks.
    fn play(&self, psa: PsaKind, scene: &Scene, at: Option<DateTime<Utc>>) {
        match psa {
            PsaKind::ConnectWise => {
                self.connectwise.play(scene, at);
            }
            PsaKind::Autotask => {
                self.autotask.play(scene, at);
            }
            PsaKind::HaloPsa => {
                self.halo.play(scene, at);
            }
        }
    }

    /// How an MSP would be connected to the stand-in that is at `address`.
    fn settings(&self, psa: PsaKind, address: &str) -> PsaSettings {
        match psa {
            PsaKind::ConnectWise => {
                let keys = self.connectwise.keys();
                PsaSettings::ConnectWise {
                    site: address.into(),
                    company_id: keys.company_id.clone(),
                    public_key: keys.public_key.clone(),
                    private_key: Secret::new(&keys.private_key),
                    client_id: keys.client_id.clone(),
                }
            }
            PsaKind::Autotask => {
                let keys = self.autotask.credentials();
                PsaSettings::Autotask {
                    username: keys.username.clone(),
                    secret: Secret::new(&keys.secret),
                    integration_code: keys.integration_code.clone(),
                    zone_url: Some(self.autotask.zone_url()),
                }
            }
            PsaKind::HaloPsa => {
                let keys = self.halo.credentials();
                PsaSettings::HaloPsa {
                    url: address.into(),
                    client_id: keys.client_id.clone(),
                    client_secret: Secret::new(&keys.client_secret),
                    tenant: Some(keys.tenant.clone()),
                    auth_url: None,
                }
            }
        }
    }

    /// A stand-in forgets its tickets when it ends; the workspaces do not. New numbers start where no old one can be.
    fn continue_after(&self, now: DateTime<Utc>) {
        let number = now.timestamp() - 1_767_225_600;
        self.connectwise.continue_from(number.unsigned_abs());
        self.autotask.continue_from(number);
        self.halo.continue_from(number);
    }
}

/// The running sandbox.
pub struct Demo {
    desks: Desks,
    addresses: HashMap<PsaKind, String>,
    model: String,
    workspaces: Vec<Workspace>,
    // Serving ends when these go.
    _running: Vec<sandbox::Running>,
}

impl Demo {
    /// Serves the stand-ins at `at` and the next three ports, makes the workspaces on a first start, connects them, and
    /// lets them live through the past weeks.
    pub async fn start(
        config: &Config,
        store: &Store,
        clock: &Clock,
        at: SocketAddr,
    ) -> anyhow::Result<Self> {
        let desks = Desks {
            connectwise: ConnectWise::new(sandbox::connectwise::Keys::default()),
            autotask: Autotask::default(),
            halo: Halo::default(),
        };
        desks.continue_after(clock.now());
        let port = |step: u16| SocketAddr::new(at.ip(), if at.port() == 0 { 0 } else { at.port() + step });
        let busy = |step: u16| {
            format!("could not serve a stand-in at {}: --sandbox-listen sets other ports", port(step))
        };
        let connectwise = desks.connectwise.serve(port(0)).await.with_context(|| busy(0))?;
        let autotask = sandbox::serve(port(1), desks.autotask.router()).await.with_context(|| busy(1))?;
        let halo = sandbox::serve(port(2), desks.halo.router()).await.with_context(|| busy(2))?;
        let model = sandbox::serve(port(3), Model::default().router()).await.with_context(|| busy(3))?;
        desks.autotask.set_url(&autotask.url());
        desks.halo.set_url(&halo.url());

        let addresses = HashMap::from([
            (PsaKind::ConnectWise, connectwise.url()),
            (PsaKind::Autotask, autotask.url()),
            (PsaKind::HaloPsa, halo.url()),
        ]);
        let outside = Outside::new(true);
        let ops = Operations::new(
            Connections::new(outside),
            clock.clone(),
            Luck::system(),
            config.public_url(),
            HashMap::new(),
        );
        let mut workspaces = Vec::new();
        for psa in PsaKind::ALL {
            let address = addresses.get(&psa).map(String::as_str).unwrap_or_default();
            workspaces.push(Workspace::ready(store, &ops, &desks, psa, address, config, clock.now()).await?);
        }
        let demo = Self {
            desks,
            addresses,
            model: model.url(),
            workspaces,
            _running: vec![connectwise, autotask, halo, model],
        };
        demo.live_through_the_past(config, store, clock).await?;
        Ok(demo)
    }

    /// The stand-ins as the Connections page offers them.
    pub fn stand_ins(&self) -> HashMap<PsaKind, StandIn> {
        let stand_in = |(psa, desk): (&PsaKind, &String)| {
            let settings = self.desks.settings(*psa, desk);
            (*psa, StandIn { settings, desk: desk.clone() })
        };
        self.addresses.iter().map(stand_in).collect()
    }

    /// What a person who started the demo needs to know.
    pub fn welcome(&self) -> String {
        let mut text = format!("\nSign in with the password “{PASSWORD}” as\n");
        for workspace in &self.workspaces {
            let desk = self.addresses.get(&workspace.psa).map(String::as_str).unwrap_or_default();
            let _ =
                writeln!(text, "  {:<28} {:<16} its tickets: {desk}", workspace.email, workspace.psa.name());
        }
        let _ = writeln!(text, "A stand-in for an OpenAI-compatible model is at {}/v1", self.model);
        text
    }

    /// New tickets every few seconds, in turns, until the returned guard is dropped.
    pub fn keep_going(&self) -> Live {
        Live::begin(self.desks.clone())
    }

    /// Plays the history of the workspaces that have none, through a first run with a clock that is set.
    async fn live_through_the_past(
        &self,
        config: &Config,
        store: &Store,
        clock: &Clock,
    ) -> anyhow::Result<()> {
        let today = clock.now();
        let mut played = Vec::new();
        for (number, workspace) in
            self.workspaces.iter().enumerate().filter(|(_, workspace)| workspace.is_new)
        {
            let scenes = scenes::history(number).into_iter();
            played.extend(scenes.filter_map(|scene| Some((when(&scene, today)?, workspace, scene))));
        }
        played.sort_by_key(|(at, ..)| *at);
        let Some(&(first, ..)) = played.first() else { return Ok(()) };
        println!("living through the past {} weeks of three workspaces …", scenes::WEEKS);

        let past = Clock::fixed(first);
        let web = TcpListener::bind(config.listen).await.context("could not listen for the demo's past")?;
        let running = run(Setup {
            config: config.clone(),
            store: store.clone(),
            clock: past.clone(),
            luck: Luck::system(),
            listeners: Listeners { web: Some(web), metrics: None },
            roles: Roles::ALL,
            sandbox: self.stand_ins(),
            checkpoints: Checkpoints::default(),
        })?;
        for (at, workspace, scene) in played {
            past.advance((at - past.now()).to_std().unwrap_or_default());
            self.desks.play(workspace.psa, &scene, Some(at));
            workspace.arrived(at).await?;
            running.settle().await;
        }
        running.shutdown().await;
        Ok(())
    }
}

/// The scene's time, seen from today.
fn when(scene: &Scene, today: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let time = NaiveTime::from_hms_opt(scene.hour, scene.minute, 0)?;
    let at = (today - Duration::days(i64::from(scene.days_ago))).date_naive().and_time(time).and_utc();
    (at < today).then_some(at)
}
