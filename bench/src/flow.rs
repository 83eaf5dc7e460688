//! Whole tickets: from the webhook to the last note. Every ticket of these is angry, urgent and wide, so that each takes
//! the longest way: two changes, two notes.

use super::instance::{Instance, NO_LIMIT, Owner};
use super::pages;
use super::report::{Goal, Report, Waits};
use anyhow::{Context, ensure};
use domain::{Escalation, Lookups, Mode, NoteStyle, Policy, PsaKind};
use sandbox::autotask::{self, Autotask};
use sandbox::connectwise::{self, ConnectWise};
use sandbox::deliver::Retry;
use sandbox::halo::{self, Halo, Payload};
use sandbox::model::Model;
use sandbox::record::Recorder;
use sandbox::{Fault, Running};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use store::testing::TestStore;

const TITLE: &str = "Mail is down";
const NOTE: &str = "This is the fourth time this month and it is unacceptable. Nobody can work right now, the whole company is waiting. \
    Please send somebody who knows what they are doing.";
/// Tickets that wait in the stand-in's and the program's hands at once.
const UNDER_WAY: usize = 192;
const ONE_AT_A_TIME: usize = 300;
const PATIENCE: Duration = Duration::from_secs(300);

/// The tickets a second of the PSA where they were the most.
pub async fn measure(
    program: &Path,
    store: &TestStore,
    tickets: usize,
    report: &mut Report,
) -> anyhow::Result<f64> {
    let instance = Instance::start(program, "serve", store, &NO_LIMIT).await?;
    // A process that has just started still gives memory back.
    let idle = settled_memory(&instance).await?;
    report.figure("memory, idle", idle, "MB", Goal::AtMost(40.0));
    let owner = instance.workspace(program, store, "bench")?;
    let any = ([127, 0, 0, 1], 0).into();
    let model = sandbox::serve(any, Model::default().router()).await?;
    let settings = json!({"kind": "openai", "api_key": Model::KEY, "model": Model::NAME, "base_url": format!("{}/v1", model.url())});
    instance.api(&owner, "PUT", "/connections/model", Some(&settings)).await?;

    let mut fastest = 0.0_f64;
    for psa in [PsaKind::Autotask, PsaKind::HaloPsa, PsaKind::ConnectWise] {
        let desk = Desk::open(psa, &instance, &owner).await?;
        let waits = desk.one_at_a_time(ONE_AT_A_TIME).await?;
        let what = format!("{psa}: webhook to last note, one at a time");
        report.figure(&format!("{what}, p50"), waits.percentile(50), "ms", Goal::AtMost(10.0));
        report.figure(&format!("{what}, p99"), waits.percentile(99), "ms", Goal::None);
        fastest = fastest.max(desk.many(&instance, tickets, report).await?);
    }
    pages::measure(&instance, &owner, report).await?;
    Ok(fastest)
}

async fn settled_memory(instance: &Instance) -> anyhow::Result<f64> {
    let mut least = f64::MAX;
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..20 {
        ticks.tick().await;
        least = least.min(instance.memory()?.0);
    }
    Ok(least)
}

enum Product {
    ConnectWise(ConnectWise),
    Autotask(Autotask),
    Halo(Halo),
}

/// A stand-in that is connected to the instance.
pub struct Desk {
    psa: PsaKind,
    product: Product,
    recorder: Recorder,
    _running: Running,
}

const NO_REPEATS: Retry = Retry {
    timeout: Duration::from_secs(10),
    tries: 5,
    pause: Duration::from_millis(50),
    gives_up_after: None,
};

impl Desk {
    pub async fn open(psa: PsaKind, instance: &Instance, owner: &Owner) -> anyhow::Result<Self> {
        let any = ([127, 0, 0, 1], 0).into();
        let (product, recorder, running, settings) = match psa {
            PsaKind::ConnectWise => {
                let it = ConnectWise::new(connectwise::Keys::default());
                let running = it.serve(any).await?;
                let keys = it.keys();
                let settings = json!({"kind": psa, "site": running.url(), "company_id": keys.company_id,
                    "public_key": keys.public_key, "private_key": keys.private_key, "client_id": keys.client_id});
                (Product::ConnectWise(it.clone()), it.watch().recorder.clone(), running, settings)
            }
            PsaKind::Autotask => {
                let it = Autotask::new(autotask::Credentials::default(), NO_REPEATS);
                let running = sandbox::serve(any, it.router()).await?;
                it.set_url(&running.url());
                let keys = it.credentials();
                let settings = json!({"kind": psa, "username": keys.username, "secret": keys.secret,
                    "integration_code": keys.integration_code, "zone_url": it.zone_url()});
                (Product::Autotask(it.clone()), it.watch.recorder.clone(), running, settings)
            }
            PsaKind::HaloPsa => {
                let it = Halo::new(halo::Credentials::default(), NO_REPEATS);
                let running = sandbox::serve(any, it.router()).await?;
                it.set_url(&running.url());
                let keys = it.credentials();
                let settings = json!({"kind": psa, "url": running.url(), "client_id": keys.client_id,
                    "client_secret": keys.client_secret, "tenant": keys.tenant});
                (Product::Halo(it.clone()), it.watch.recorder.clone(), running, settings)
            }
        };
        let desk = Self { psa, product, recorder, _running: running };
        instance.api(owner, "PUT", "/connections/psa", Some(&settings)).await?;
        let lookups: Lookups = serde_json::from_value(
            instance.api(owner, "GET", "/connections/psa/lookups?refresh=true", None).await?,
        )?;
        let policy = Policy {
            mode: Mode::Live,
            updates: Policy::suggest(&lookups),
            escalation: Escalation { owner: lookups.owners.last().cloned(), ..Escalation::default() },
            notes: NoteStyle::PerAction,
            ..Policy::default()
        };
        instance.api(owner, "PUT", "/policy", Some(&serde_json::to_value(&policy)?)).await?;
        let hook = instance.api(owner, "GET", "/hook", None).await?;
        desk.subscribe(&hook)?;
        Ok(desk)
    }

    fn subscribe(&self, hook: &Value) -> anyhow::Result<()> {
        let addresses = hook["addresses"].as_array().context("addresses")?;
        let ours = addresses.iter().find(|one| one["psa"] == self.psa.slug()).context("an address")?;
        let (url, secret) = (ours["url"].as_str().context("an address")?, ours["secret"].as_str());
        match &self.product {
            Product::ConnectWise(it) => {
                it.register(url).map_err(anyhow::Error::msg)?;
            }
            Product::Autotask(it) => {
                it.subscribe(url, secret.unwrap_or_default()).map_err(anyhow::Error::msg)?;
            }
            Product::Halo(it) => {
                it.subscribe(url, secret, Payload::Full, 0);
            }
        }
        Ok(())
    }

    /// A customer's mail becomes a ticket, and the webhook is sent in the background.
    pub fn ticket(&self) -> i64 {
        let (title, note) = (TITLE.to_owned(), NOTE.to_owned());
        match &self.product {
            Product::ConnectWise(it) => {
                let id = it.create_ticket(connectwise::NewTicket { title, note, ..Default::default() });
                i64::try_from(id).unwrap_or_default()
            }
            Product::Autotask(it) => it.create_ticket(autotask::NewTicket {
                company: 174,
                contact: Some(29_683_586),
                title,
                description: note,
                ..Default::default()
            }),
            Product::Halo(it) => it.create_ticket(halo::NewTicket {
                client: 12,
                user: Some(77),
                summary: title,
                details: note,
                ..Default::default()
            }),
        }
    }

    /// Answers nothing from now on.
    pub fn hang(&self) {
        let faults = match &self.product {
            Product::ConnectWise(it) => &it.watch().faults,
            Product::Autotask(it) => &it.watch.faults,
            Product::Halo(it) => &it.watch.faults,
        };
        faults.add(None, "", u32::MAX, Fault::Delay(Duration::from_secs(3_600)));
    }

    /// Notes that we wrote on a ticket.
    fn our_notes(&self, ticket: i64) -> usize {
        let notes = match &self.product {
            Product::ConnectWise(it) => it.notes(ticket.unsigned_abs()),
            Product::Autotask(it) => it.notes(ticket),
            Product::Halo(it) => it.actions(ticket),
        };
        notes.iter().filter(|note| note.to_string().contains("[Undertone ref ")).count()
    }

    pub async fn one_at_a_time(&self, count: usize) -> anyhow::Result<Waits> {
        let mut waits = Vec::with_capacity(count);
        for _ in 0..count {
            let begun = Instant::now();
            let ticket = self.ticket();
            let done = async {
                loop {
                    let next = self.recorder.next();
                    if self.our_notes(ticket) >= 2 {
                        return;
                    }
                    next.await;
                }
            };
            tokio::time::timeout(PATIENCE, done).await.context("a ticket's notes did not appear")?;
            waits.push(begun.elapsed());
        }
        Ok(Waits::new(waits))
    }

    /// As many as the program can take, with a bounded number under way; how many a second that were.
    async fn many(&self, instance: &Instance, count: usize, report: &Report) -> anyhow::Result<f64> {
        let finished = async || {
            instance.counter("undertone_stage_outcomes_total", "stage=\"act\",outcome=\"done\"").await
        };
        instance.forget_peak()?;
        let (before, cpu, ours, begun) = (finished().await?, instance.cpu()?, own_cpu()?, Instant::now());
        let mut tickets = Vec::with_capacity(count);
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        loop {
            ticks.tick().await;
            let done = finished().await? - before;
            if done >= count {
                break;
            }
            while tickets.len() < count && tickets.len() < done + UNDER_WAY {
                tickets.push(self.ticket());
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "only {done} of {count} tickets were through after {PATIENCE:?}"
            );
        }
        let (took, cpu) = (begun.elapsed().as_secs_f64(), (instance.cpu()? - cpu).as_secs_f64());
        let ours = (own_cpu()? - ours).as_secs_f64();
        let (_, peak) = instance.memory()?;
        let wrong = tickets.iter().filter(|ticket| self.our_notes(**ticket) != 2).count();
        ensure!(wrong == 0, "{wrong} tickets do not have exactly two notes");
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let count = count as f64;
        report.figure(
            &format!("{}: tickets, webhook to last note", self.psa),
            count / took,
            "/s",
            Goal::AtLeast(1_000.0),
        );
        report.figure("  processor time a ticket", cpu * 1_000.0 / count, "ms", Goal::AtMost(1.5));
        report.figure(
            "  the stand-ins' own processor time a ticket",
            ours * 1_000.0 / count,
            "ms",
            Goal::None,
        );
        report.figure("  memory, highest", peak, "MB", Goal::AtMost(150.0));
        Ok(count / took)
    }
}

/// Processor time of this process: stand-ins and callers.
fn own_cpu() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
}
