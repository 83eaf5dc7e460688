//! Carries tickets between the stages: claims due jobs, runs their stages, and gives each outcome its consequence.
//!
//! A claim leases a job, which is then carried through its stages. Each ends in one transaction in the store that keeps
//! its result and moves the job on, so a crash anywhere repeats a stage and never skips one. What a stage found out is
//! handed to the next in memory ([`Work`]); one that begins with a job of another's life asks the store for it.

mod checkpoints;
mod consequences;
mod import;
mod jumps;
mod leases;
mod nodes;
mod probe;
mod setback;
mod sweep;

pub use checkpoints::{Checkpoints, DETOUR, STEPS};
pub use leases::LEASE;
pub use nodes::CLOCKS_APART;
pub use setback::{Setback, Wait};

use crate::clock::{Clock, Luck};
use crate::connections::Connections;
use crate::outside::Outside;
use crate::{deciding, inbound, outbound, telemetry};
use chrono::{DateTime, Utc};
use domain::{DeliveryId, TicketId, backoff};
use futures::FutureExt;
use leases::{Held, Leases};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::Store;
use store::analyses::Analysis;
use store::jobs::{Job, Share, Stage};
use store::ledger::LedgerRow;
use store::tickets::ReadTicket;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// What the stages work with.
pub struct Tools {
    pub store: Store,
    pub clock: Clock,
    pub luck: Luck,
    pub outside: Outside,
    pub connections: Connections,
    pub checkpoints: Checkpoints,
}

/// A job on its way, with what its stages have found out.
pub struct Work {
    pub job: Job,
    pub read: Option<ReadTicket>,
    pub plan: Option<(Analysis, Vec<LedgerRow>)>,
}

impl Work {
    /// The ticket of a job that is past the read stage.
    pub async fn ticket(&mut self, tools: &Tools) -> Result<(TicketId, &ReadTicket), Setback> {
        let gone = || Setback::Fail { reason: "the ticket is not in our database any more".into() };
        let id = self.job.ticket.ok_or_else(gone)?;
        if self.read.is_none() {
            let tenant = tools.store.tenant(self.job.tenant);
            self.read = tenant.ticket_for_work(id).await.map_err(Setback::store)?.map(|(_, read)| read);
        }
        Ok((id, self.read.as_ref().ok_or_else(gone)?))
    }
}

/// How a stage ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// The job stands in its next stage.
    Next,
    /// The job is finished.
    Through,
}

/// Without a wake-up the queue is looked at this often.
const POLL: Duration = Duration::from_secs(1);
/// A queue that was not looked at for so long is not alive.
const ALIVE: Duration = Duration::from_secs(30);
/// Jobs taken by one claim.
const BATCH: usize = 64;
/// An outage of the other side does not count against a job that is younger.
const PATIENCE: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// A running queue. Cheap to clone.
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    tools: Arc<Tools>,
    workers: usize,
    slots: Arc<Semaphore>,
    leases: Leases,
    lease: Duration,
    /// For trying paused connections, and when one last looked for them.
    probes: Arc<Semaphore>,
    probed_at: tokio::sync::Mutex<Option<Instant>>,
    /// The same for sweeps.
    sweeps: Arc<Semaphore>,
    swept_at: tokio::sync::Mutex<Option<Instant>>,
    /// And for imports.
    imports: Arc<Semaphore>,
    imported_at: tokio::sync::Mutex<Option<Instant>>,
    /// Work may be due: a slot became free for it, or somebody says so.
    nudge: Notify,
    /// The last claim may have left due work behind.
    more: AtomicBool,
    /// No new jobs; running ones finish their stage.
    stop: CancellationToken,
    /// Running jobs stop where they are and are handed back.
    now: CancellationToken,
    /// The claiming task and the running jobs.
    jobs: TaskTracker,
    settling: Settling,
    /// When the store last answered what is due.
    looked_at: Mutex<Option<Instant>>,
    /// When the queue was last compared with the clock, and what it showed at the last look.
    heeded: Mutex<Option<(tokio::time::Instant, DateTime<Utc>)>>,
}

/// Lets a test wait until nothing is due.
#[derive(Default)]
struct Settling {
    asked: AtomicU64,
    /// The newest question that was followed by a look at an empty queue with nothing running.
    idle: watch::Sender<u64>,
}

impl Settling {
    fn is_waited_for(&self) -> bool {
        self.asked.load(Ordering::SeqCst) > *self.idle.borrow()
    }
}

impl Queue {
    /// Begins to work. At most `workers` jobs run at once.
    /// `lease`: for how long a claimed job is ours without a renewal; see [`LEASE`].
    pub fn start(tools: Arc<Tools>, workers: usize, lease: Duration, tasks: &TaskTracker) -> Self {
        let queue = Self(Arc::new(Inner {
            slots: Arc::new(Semaphore::new(workers)),
            workers,
            leases: Leases::default(),
            lease,
            heeded: Mutex::default(),
            probes: Arc::new(Semaphore::new(probe::AT_ONCE)),
            probed_at: tokio::sync::Mutex::default(),
            sweeps: Arc::new(Semaphore::new(sweep::AT_ONCE)),
            swept_at: tokio::sync::Mutex::default(),
            imports: Arc::new(Semaphore::new(import::AT_ONCE)),
            imported_at: tokio::sync::Mutex::default(),
            nudge: Notify::new(),
            more: AtomicBool::new(false),
            stop: CancellationToken::new(),
            now: CancellationToken::new(),
            jobs: TaskTracker::new(),
            settling: Settling::default(),
            looked_at: Mutex::default(),
            tools,
        }));
        let inner = &queue.0;
        let (leases, store, clock) =
            (inner.leases.clone(), inner.tools.store.clone(), inner.tools.clock.clone());
        let over = inner.now.clone();
        tasks.spawn(async move { leases.keep(store, clock, lease, over).await });
        tasks.spawn(nodes::keep(Arc::clone(&inner.tools), inner.now.clone()));
        inner.jobs.spawn(Arc::clone(inner).claim_until_stopped());
        queue
    }

    /// Takes no new jobs, lets running stages finish within `limit`, and hands back what is left.
    pub async fn stop(&self, limit: Duration) {
        let inner = &self.0;
        inner.stop.cancel();
        inner.jobs.close();
        if tokio::time::timeout(limit, inner.jobs.wait()).await.is_err() {
            inner.now.cancel();
            inner.jobs.wait().await;
        }
        inner.now.cancel();
    }

    /// Returns once a look at the queue, begun after this call, found nothing due and nothing running.
    pub async fn settle(&self) {
        let settling = &self.0.settling;
        let question = settling.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut idle = settling.idle.subscribe();
        self.0.nudge.notify_one();
        // An error means the queue was stopped: nothing will run any more.
        let _ = idle.wait_for(|answered| *answered >= question).await;
    }

    /// Whether the queue is being looked at: all slots in use, or asked a moment ago.
    pub fn is_alive(&self) -> bool {
        let looked_at = *self.0.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.slots.available_permits() == 0 || looked_at.is_some_and(|at| at.elapsed() < ALIVE)
    }

    /// Jobs running in this process.
    pub fn running(&self) -> usize {
        self.0.leases.count()
    }
}

impl Inner {
    async fn claim_until_stopped(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            // A fault here must not end the work of this process for good.
            if AssertUnwindSafe(self.claim_and_wait()).catch_unwind().await.is_err() {
                tracing::error!("looking for work panicked; trying again");
                self.pause().await;
            }
        }
    }

    async fn claim_and_wait(self: &Arc<Self>) {
        // Armed before the query, so that work which arrives in between is not missed.
        let arrived = self.tools.store.work_arrived();
        tokio::pin!(arrived);
        let news = futures::poll!(arrived.as_mut()).is_ready();
        if self.claim().await > 0 || news {
            return;
        }
        tokio::select! {
            () = &mut arrived => {}
            () = self.nudge.notified() => {}
            () = self.pause() => {}
            () = self.stop.cancelled() => {}
        }
    }

    async fn pause(&self) {
        tokio::time::sleep(POLL.mul_f64(0.8 + 0.4 * self.tools.luck.next())).await;
    }

    /// Claims and starts due jobs; how many.
    async fn claim(self: &Arc<Self>) -> usize {
        let question = self.settling.asked.load(Ordering::SeqCst);
        let idle = self.leases.count() == 0
            && self.probes_nothing()
            && self.sweeps_nothing()
            && self.imports_nothing();
        let is_awaited = *self.settling.idle.borrow() < question;
        let idle = self.probe_due(is_awaited).await == 0 && idle;
        let idle = self.sweep_due(is_awaited).await == 0 && idle;
        let idle = self.import_due(is_awaited).await == 0 && idle;
        let free = self.slots.available_permits().min(BATCH);
        let Ok(limit @ 1..) = u32::try_from(free) else { return 0 };
        let share = self.share();
        // Whatever ends while the store is asked may have made room for what this claim leaves behind.
        self.more.store(true, Ordering::SeqCst);
        self.heed_the_clock().await;
        self.tools.checkpoints.pass("claiming", "").await;
        let now = self.tools.clock.now();
        let claimed = self.tools.store.job_claim(now, self.lease, limit, share).await;
        match claimed {
            Ok(jobs) => {
                if jobs.is_empty() && idle {
                    self.settling.idle.send_replace(question);
                }
                *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                let count = jobs.len();
                for job in jobs {
                    self.run(job);
                }
                let was_full = count == free
                    || self.leases.fullest() >= usize::try_from(share.late).unwrap_or(usize::MAX);
                self.more.store(was_full, Ordering::SeqCst);
                count
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not ask the queue for work");
                0
            }
        }
    }

    /// One tenant alone may use half of the slots; several share them evenly, with as much left free as one of them has. So
    /// neither a flood nor a PSA that hangs keeps a tenant waiting that comes anew, and the last slots are for such. Of its
    /// own a tenant may use three quarters for what is late: its retries do not keep its fresh tickets waiting.
    fn share(&self) -> Share {
        let even = self.workers.div_ceil(self.leases.tenants().max(1) + 1);
        let most = even.max(2).min(self.workers.max(1));
        let reserved = if self.workers < 4 { 0 } else { self.workers.div_ceil(8) };
        let bounded = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Share { most: bounded(most), late: bounded((most * 3 / 4).max(1)), reserved: bounded(reserved) }
    }

    fn run(self: &Arc<Self>, job: Job) {
        let held = self.leases.hold(job.lease, job.tenant);
        // Never waits: only this task takes slots, and it claimed no more than were free.
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else { return };
        let span = tracing::info_span!(
            "job",
            job.id = %job.id(),
            tenant.id = %job.tenant,
            delivery.id = job.delivery.map(|id| id.to_string()),
            trace_id = job.delivery.map(DeliveryId::trace),
            ticket.external_id = job.external_ticket,
        );
        telemetry::join_trace(&span, job.delivery);
        let inner = Arc::clone(self);
        self.jobs.spawn(async move { inner.carry(job, held, slot).await }.instrument(span));
    }

    async fn carry(self: Arc<Self>, job: Job, held: Held, slot: OwnedSemaphorePermit) {
        tokio::select! {
            () = self.in_turn(job.clone(), &held) => {}
            () = held.lost.cancelled() => {}
            () = self.now.cancelled() => self.hand_back(&job, Duration::ZERO, "the server was stopped").await,
        }
        drop((held, slot));
        // A look at the queue that finds nothing costs as much as a stage.
        if self.more.load(Ordering::SeqCst) || self.settling.is_waited_for() {
            self.nudge.notify_one();
        }
    }

    /// A clock that jumps ahead, or a database that is away for longer than a lease, gives a job to the process that is
    /// still at it: what an earlier run has sent must have arrived before this one looks for it.
    async fn in_turn(&self, job: Job, held: &Held) {
        held.alone().await;
        self.tools.checkpoints.pass("claimed", "").await;
        self.all_stages(job).await;
    }

    async fn all_stages(&self, job: Job) {
        if job.attempts > backoff::MAX_ATTEMPTS {
            let cause =
                format!("gave up after {} attempts; the last one did not finish", backoff::MAX_ATTEMPTS);
            return self.bury(&job, &cause).await;
        }
        let mut work = Work { job, read: None, plan: None };
        loop {
            let (stage, begun) = (work.job.stage, Instant::now());
            let span = tracing::info_span!("stage", stage = word(stage));
            let result = stage_of(&self.tools, &mut work).instrument(span.clone());
            let result = AssertUnwindSafe(result).catch_unwind().await;
            let result = span.in_scope(|| {
                let result = result.unwrap_or_else(|_| Err(panicked(stage)));
                count(stage, &result, begun.elapsed());
                result
            });
            match result {
                Ok(Onward::Through) => return,
                Ok(Onward::Next) if self.stop.is_cancelled() => {
                    return self.hand_back(&work.job, Duration::ZERO, "the server was stopped").await;
                }
                Ok(Onward::Next) => {}
                Err(setback) => return self.set_back(&work.job, setback).await,
            }
        }
    }
}

/// The stages, in the order of a ticket's way.
async fn stage_of(tools: &Tools, work: &mut Work) -> Result<Onward, Setback> {
    match work.job.stage {
        Stage::Read => inbound::read::read(tools, work).await,
        Stage::Score => deciding::score_and_decide(tools, work).await,
        Stage::Act => outbound::write_back::carry_out(tools, work).await,
    }
}

fn panicked(stage: Stage) -> Setback {
    // What the panic said is in the log already, by the panic hook; a person gets something to search for.
    let reference = uuid::Uuid::now_v7();
    tracing::error!(?stage, %reference, "a stage panicked");
    Setback::Retry {
        wait: Wait::Growing { asked: None },
        cause: format!("a fault on our side (reference {reference})"),
    }
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "read",
        Stage::Score => "score",
        Stage::Act => "act",
    }
}

fn count(stage: Stage, result: &Result<Onward, Setback>, took: Duration) {
    let stage = word(stage);
    let outcome = match result {
        Ok(Onward::Next | Onward::Through) => "done",
        Err(Setback::Retry { .. }) => "retry",
        Err(Setback::Pause { .. } | Setback::Paused { .. }) => "pause",
        Err(Setback::Fail { .. }) => "fail",
        Err(Setback::LeaseLost) => "lost",
    };
    metrics::counter!("undertone_stage_outcomes_total", "stage" => stage, "outcome" => outcome).increment(1);
    metrics::histogram!("undertone_stage_seconds", "stage" => stage).record(took.as_secs_f64());
    tracing::info!(outcome, took_ms = took.as_millis(), "a stage ended");
}
