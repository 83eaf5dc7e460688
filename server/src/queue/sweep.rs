//! Asks each PSA every few minutes which tickets were created, and takes in those that no webhook told us of: calls get
//! lost while a PSA, the network or we are away, and ConnectWise and Autotask switch a failing webhook off.
//!
//! A sweep reads the PSA's list from a while before where the last one ended, as lists and webhooks lag; the store counts a
//! ticket once however often it is listed ([`store::sweeps`]). A webhook gets time to come by itself; what is missing then
//! goes through the same door as a webhook, so each ticket is analysed once whichever was first. Where no webhook calls,
//! nothing is waited for: the sweep alone brings tickets in. Of several nodes one sweeps a connection.

use super::{Inner, Tools};
use crate::connections::{ConnectError, Opened};
use crate::outside::CallError;
use crate::psa::{Created, Psa};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{HookState, PsaInstance, TenantId};
use futures::FutureExt;
use serde_json::json;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::door::{Disposition, NewDelivery};
use store::sweeps::{Sweep, SweepEnd, SweepOf, SweptTicket};
use store::{StoreError, TenantStore};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

/// Connections swept at once by one process.
pub(super) const AT_ONCE: usize = 4;
/// How often one looks whether a sweep is due; they are minutes apart.
const LOOK: Duration = Duration::from_secs(5);
/// A sweep that takes longer goes on later.
const LONGEST: Duration = Duration::from_secs(120);
/// How long a sweep belongs to the process that took it.
const HELD: Duration = Duration::from_secs(180);

/// How far before the end of the last sweep the next one begins: for lists that lag and clocks that differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(30);
/// The time a webhook has to come by itself. Autotask's take up to five minutes under load.
const GRACE: TimeDelta = TimeDelta::minutes(6);
/// Pages of the list in one sweep; a longer list goes on in the next.
const PAGES: usize = 5;
/// Tickets that a sweep takes in at once, less what waits already: fresh tickets stand in the same line.
const ROOM: i64 = 50;
/// A way that told us of a ticket so recently still works, though the PSA lists no webhook of ours.
const HEARD: TimeDelta = TimeDelta::hours(24);

/// To the next sweep when this one could not do all, or when no webhook calls.
const SOON: Duration = Duration::from_secs(60);
const USUAL: Duration = Duration::from_secs(300);
/// Quiet sweeps in a row after which the wait doubles, and after which it is the longest.
const QUIET: i64 = 12;
const VERY_QUIET: i64 = 36;
const LONGEST_WAIT: Duration = Duration::from_secs(900);

/// Why a sweep ended early.
enum Trouble {
    Call(CallError),
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a sweep came to.
#[derive(Default)]
struct Swept {
    /// The list was read to its end, and what was missing is taken in.
    is_through: bool,
    recovered: i64,
    /// No webhook calls: the sweep is how tickets come.
    polls: bool,
    /// When the grace of the oldest ticket ends that a webhook may still tell of.
    grace_ends: Option<DateTime<Utc>>,
}

impl Swept {
    /// Sweeps in a row that found nothing missing.
    fn quiet(&self, before: i64) -> i64 {
        if self.recovered > 0 { 0 } else { before.saturating_add(1) }
    }

    fn wait(&self, quiet: i64, now: DateTime<Utc>) -> Duration {
        if !self.is_through || self.polls {
            return SOON;
        }
        let usual = match quiet {
            ..QUIET => USUAL,
            QUIET..VERY_QUIET => USUAL * 2,
            _ => LONGEST_WAIT,
        };
        let grace = self.grace_ends.map(|at| (at - now).to_std().unwrap_or_default().max(SOON));
        grace.map_or(usual, |grace| grace.min(usual))
    }
}

impl Inner {
    /// Whether no connection is being swept.
    pub(super) fn sweeps_nothing(&self) -> bool {
        self.sweeps.available_permits() == AT_ONCE
    }

    /// Begins the sweeps that are due; how many. `now`: whether somebody waits for the answer.
    pub(super) async fn sweep_due(self: &Arc<Self>, now: bool) -> usize {
        let mut looked = self.swept_at.lock().await;
        let free = self.sweeps.available_permits();
        if free == 0 || (!now && looked.is_some_and(|at| at.elapsed() < LOOK)) {
            return 0;
        }
        *looked = Some(Instant::now());
        let (at, limit) = (self.tools.clock.now(), u32::try_from(free).unwrap_or(1));
        let due = match self.tools.store.sweep_claim(at, at + HELD, limit).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not ask which sweeps are due"
                );
                return 0;
            }
        };
        let count = due.len();
        for tenant in due {
            // Never waits: only this function takes permits, and it asked for no more than were free.
            let Ok(permit) = Arc::clone(&self.sweeps).try_acquire_owned() else { break };
            let span = tracing::info_span!("sweep", tenant.id = %tenant);
            let inner = Arc::clone(self);
            self.jobs.spawn(async move { inner.sweep(tenant, permit).await }.instrument(span));
        }
        count
    }

    async fn sweep(self: Arc<Self>, tenant: TenantId, permit: OwnedSemaphorePermit) {
        let tenant = self.tools.store.tenant(tenant);
        let work = AssertUnwindSafe(self.tools.sweep(&tenant)).catch_unwind();
        tokio::select! {
            done = work => match done {
                Ok(Ok(())) => {}
                // The claim runs out, and it is swept again.
                Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "could not store what a sweep found"),
                Err(_) => tracing::error!("a sweep panicked"),
            },
            () = self.now.cancelled() => {}
        }
        drop(permit);
        self.nudge.notify_one();
    }
}

impl Tools {
    async fn sweep(&self, tenant: &TenantStore) -> Result<(), StoreError> {
        // First, so that a place in a list is never another save's.
        let (instance, psa) = match self.connections.instance(tenant).await {
            Ok(connected) => connected,
            Err(ConnectError::NoPsa | ConnectError::Elsewhere(_)) => return Ok(()),
            Err(ConnectError::Store(error)) => return Err(error),
        };
        let Some(sweep) = tenant.sweep().await? else { return Ok(()) };
        if instance != sweep.psa {
            // Another one was connected in this moment: its own sweep comes.
            return Ok(());
        }
        let result = match tokio::time::timeout(LONGEST, self.look(tenant, &psa, &sweep)).await {
            Ok(Err(Trouble::Store(error))) => return Err(error),
            Ok(Err(Trouble::Call(error))) => Err(error),
            Ok(Ok(swept)) => Ok(Some(swept)),
            // What was listed so far is kept.
            Err(_) => Ok(None),
        };
        let now = self.clock.now();
        let (outcome, end) = match result {
            Ok(swept) => {
                let quiet = swept.as_ref().map_or(sweep.quiet, |swept| swept.quiet(sweep.quiet));
                let wait = swept.map_or(SOON, |swept| swept.wait(quiet, now));
                ("done", SweepEnd { next_at: now + self.spread(wait), quiet, problem: None })
            }
            Err(error) => {
                tracing::info!(error = &error as &dyn std::error::Error, "a sweep did not work");
                let wait = error.retry_after().unwrap_or_default().clamp(USUAL, LONGEST_WAIT);
                self.judge(tenant, &psa, &error).await?;
                let problem = Some(error.to_string());
                ("failed", SweepEnd { next_at: now + self.spread(wait), quiet: sweep.quiet, problem })
            }
        };
        metrics::counter!("undertone_sweeps_total", "outcome" => outcome).increment(1);
        let swept = SweepOf { psa: sweep.psa, revision: Some(psa.save.revision) };
        tenant.sweep_end(swept, end, now).await
    }

    /// ± 20 %.
    fn spread(&self, wait: Duration) -> Duration {
        wait.mul_f64(0.8 + 0.4 * self.luck.next())
    }

    /// A refusal may be of the key or of this one right. The connection's own test tells; only a key pauses it.
    pub(super) async fn judge(
        &self,
        tenant: &TenantStore,
        psa: &Opened<dyn Psa>,
        error: &CallError,
    ) -> Result<(), StoreError> {
        if !matches!(error, CallError::Denied { .. }) {
            return Ok(());
        }
        match tokio::time::timeout(LONGEST, psa.probe()).await {
            Ok(report) if !report.works() => self.pause(tenant, psa.save, report.refusal()).await,
            _ => Ok(()),
        }
    }

    async fn look(
        &self,
        tenant: &TenantStore,
        psa: &Opened<dyn Psa>,
        sweep: &Sweep,
    ) -> Result<Swept, Trouble> {
        // Another save took the place of this one: the next sweep is its own.
        let Some(is_listed) = self.list(tenant, psa, sweep).await? else { return Ok(Swept::default()) };
        self.used(tenant, psa).await;
        let polls = self.look_at_hook(tenant, sweep.psa, psa).await?;
        let (recovered, is_all) = self.recover(tenant, sweep.psa, polls).await?;
        let waits = tenant.sweep_missing(sweep.psa, self.clock.now(), 1).await?;
        let grace_ends = waits.first().map(|one| one.created_at + GRACE);
        Ok(Swept { is_through: is_listed && is_all, recovered, polls, grace_ends })
    }

    /// Reads on in the list; whether its end was reached. `None`: nothing of it is kept any more.
    async fn list(
        &self,
        tenant: &TenantStore,
        psa: &Opened<dyn Psa>,
        sweep: &Sweep,
    ) -> Result<Option<bool>, Trouble> {
        let now = self.clock.now();
        let begun_at = sweep.list.as_ref().map_or(now, |list| list.begun_at);
        let mut cursor = sweep.list.as_ref().map(|list| list.cursor.clone());
        let since = sweep.since.unwrap_or(now);
        let from = sweep.through.map_or(since, |through| since.max(through - OVERLAP));
        for _ in 0..PAGES {
            let Created { tickets, next } =
                psa.created(from, cursor.as_deref()).await.map_err(Trouble::Call)?;
            let swept = SweepOf { psa: sweep.psa, revision: Some(psa.save.revision) };
            let kept = tenant.sweep_keep(swept, tickets, begun_at, next.clone(), self.clock.now()).await?;
            if !kept {
                return Ok(None);
            }
            if next.is_none() {
                return Ok(Some(true));
            }
            cursor = next;
        }
        Ok(Some(false))
    }

    /// Asks whether the webhook is on; whether nothing but the sweep brings tickets in. A PSA that does not let us ask is
    /// no failure.
    async fn look_at_hook(
        &self,
        tenant: &TenantStore,
        swept: PsaInstance,
        psa: &Opened<dyn Psa>,
    ) -> Result<bool, Trouble> {
        let hook = tenant.hook().await?;
        let found = match psa.hook_state(&hook.key).await {
            Ok(state) => Some(state),
            Err(error) if error.passing() => return Ok(false),
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the PSA does not tell of webhooks"
                );
                None
            }
        };
        let now = self.clock.now();
        if found == Some(HookState::Off) {
            tracing::warn!("the PSA has switched our webhook off; tickets come by sweeps");
        }
        let swept = SweepOf { psa: swept, revision: Some(psa.save.revision) };
        tenant.hook_found(swept, found, now).await?;
        Ok(match found {
            Some(HookState::Off) => true,
            Some(HookState::Absent) => {
                let heard = tenant.pipeline_health(now).await?.last_delivery_at;
                heard.is_none_or(|at| now - at > HEARD)
            }
            Some(HookState::On) | None => false,
        })
    }

    /// Takes in what nobody told us of, oldest first; how many, and whether that is all.
    async fn recover(
        &self,
        tenant: &TenantStore,
        psa: PsaInstance,
        polls: bool,
    ) -> Result<(i64, bool), Trouble> {
        let now = self.clock.now();
        // Tickets of this second too: the PSA's clock may be a little ahead.
        let before = if polls { now + OVERLAP } else { now - GRACE };
        let room = usize::try_from(ROOM - tenant.pipeline_health(now).await?.waiting).unwrap_or(0);
        let limit = u32::try_from(room + 1).unwrap_or(1);
        let mut missing = tenant.sweep_missing(psa, before, limit).await?;
        let is_all = missing.len() <= room;
        missing.truncate(room);
        let recovered = i64::try_from(missing.len()).unwrap_or(0);
        let accepted = missing.into_iter().map(|one| {
            self.store.accept(NewDelivery {
                tenant: tenant.tenant_id(),
                psa,
                dedupe_key: format!("sweep {}", one.external_ticket),
                headers: json!({}),
                body: told(&one).to_string().into_bytes(),
                disposition: Disposition::Recover { external_ticket: one.external_ticket },
                verified: true,
                received_at: now,
            })
        });
        // Together, so that one group commit takes them all.
        futures::future::try_join_all(accepted).await?;
        if recovered > 0 {
            tracing::info!(tickets = recovered, "took in tickets that no webhook told of");
            let webhook = if polls { "none" } else { "lost" };
            metrics::counter!("undertone_recovered_total", "webhook" => webhook)
                .increment(recovered.unsigned_abs());
        }
        Ok((recovered, is_all))
    }
}

/// What stands in place of a webhook's body.
fn told(ticket: &SweptTicket) -> serde_json::Value {
    json!({
        "found_by": "a sweep of the list of new tickets",
        "ticket": ticket.external_ticket,
        "number": ticket.number,
        "created_at": ticket.created_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_comes_sooner_where_it_is_needed_and_never_stays_away() {
        let now = DateTime::UNIX_EPOCH;
        let calm = || Swept { is_through: true, recovered: 0, polls: false, grace_ends: None };
        let cases = [
            (calm(), 0, 300),
            (calm(), 11, 300),
            (calm(), 12, 600),
            (calm(), 36, 900),
            (calm(), i64::MAX, 900),
            (Swept { is_through: false, ..calm() }, 99, 60),
            (Swept { polls: true, ..calm() }, 99, 60),
            (Swept { grace_ends: Some(now + TimeDelta::seconds(200)), ..calm() }, 0, 200),
            (Swept { grace_ends: Some(now - TimeDelta::seconds(200)), ..calm() }, 0, 60),
            (Swept { grace_ends: Some(now + TimeDelta::hours(2)), ..calm() }, 0, 300),
        ];
        for (swept, quiet, seconds) in cases {
            assert_eq!(swept.wait(quiet, now), Duration::from_secs(seconds), "{quiet}");
        }
        assert_eq!((calm().quiet(7), Swept { recovered: 3, ..calm() }.quiet(7)), (8, 0));
    }
}
