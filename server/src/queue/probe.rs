//! Tries connections that were refused again, by the check that Test makes, so that what waits goes on by itself once a
//! key works again. The waits grow and are bounded ([`domain::backoff::Pace`]); of several nodes one tries.

use super::{Inner, Tools};
use crate::connections::{ConnectError, Opened};
use crate::psa;
use domain::Report;
use domain::backoff::Pace;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::connections::{Probe, Save, Which};
use store::{StoreError, TenantStore};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

/// Connections tried at once by one process.
pub(super) const AT_ONCE: usize = 4;
/// How often one looks whether a try is due; they are minutes apart.
const LOOK: Duration = Duration::from_secs(5);
/// A try that takes longer has failed.
const LONGEST: Duration = Duration::from_secs(120);
/// How long a try belongs to the process that took it: if nothing comes of it by then, another takes it.
const HELD: Duration = Duration::from_secs(180);

/// What a try found.
struct Tested {
    save: Save,
    /// How often to try.
    pace: Pace,
    /// `None`: it did not answer in time.
    report: Option<Report>,
}

impl Tools {
    /// Something succeeded through the connection. Writes only where that is news: what was untested works, and what
    /// waited for a side to answer again need not wait for its time.
    pub async fn used<T: ?Sized>(&self, tenant: &TenantStore, connection: &Opened<T>) {
        let news = async {
            if connection.came_back() {
                tenant
                    .connection_answers(connection.save.which)
                    .await
                    .inspect_err(|_| connection.say_again())?;
            }
            if connection.is_untested {
                tenant.connection_used(connection.save, self.clock.now()).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = news.await {
            // The next success says it again.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not store that a connection works"
            );
        }
    }

    /// The connection was refused: what needs it waits, and it is tried again by itself.
    pub async fn pause(&self, tenant: &TenantStore, save: Save, reason: &str) -> Result<(), StoreError> {
        let pace = match save.which {
            Which::Model => Pace::USUAL,
            Which::Psa => match tenant.psa_connection().await? {
                Some(saved) => psa::pace(saved.settings.kind()),
                None => return Ok(()),
            },
        };
        tenant.connection_paused(save, reason, pace, self.luck.next(), self.clock.now()).await
    }

    /// What the connection's own test finds, in time.
    async fn test(&self, tenant: &TenantStore, which: Which) -> Result<Tested, ConnectError> {
        Ok(match which {
            Which::Psa => {
                let psa = self.connections.psa(tenant).await?;
                let report = tokio::time::timeout(LONGEST, psa.probe()).await.ok();
                Tested { save: psa.save, pace: psa.pace, report }
            }
            Which::Model => {
                let model = self.connections.model(tenant).await?;
                let report = tokio::time::timeout(LONGEST, model.probe()).await.ok();
                Tested { save: model.save, pace: model.pace, report }
            }
        })
    }
}

impl Inner {
    /// Whether no connection is being tried.
    pub(super) fn probes_nothing(&self) -> bool {
        self.probes.available_permits() == AT_ONCE
    }

    /// Begins to try what is due; how many. `now`: whether somebody waits for the answer.
    pub(super) async fn probe_due(self: &Arc<Self>, now: bool) -> usize {
        let mut looked = self.probed_at.lock().await;
        let free = self.probes.available_permits();
        if free == 0 || (!now && looked.is_some_and(|at| at.elapsed() < LOOK)) {
            return 0;
        }
        *looked = Some(Instant::now());
        let (at, limit) = (self.tools.clock.now(), u32::try_from(free).unwrap_or(1));
        let due = match self.tools.store.probe_claim(at, at + HELD, limit).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not ask which connections to try again"
                );
                return 0;
            }
        };
        let count = due.len();
        for probe in due {
            // Never waits: only this function takes permits, and it asked for no more than were free.
            let Ok(permit) = Arc::clone(&self.probes).try_acquire_owned() else { break };
            let span = tracing::info_span!("probe", tenant.id = %probe.tenant, connection = ?probe.which);
            let inner = Arc::clone(self);
            self.jobs.spawn(async move { inner.try_again(probe, permit).await }.instrument(span));
        }
        count
    }

    async fn try_again(self: Arc<Self>, probe: Probe, permit: OwnedSemaphorePermit) {
        let work = AssertUnwindSafe(self.probe(probe)).catch_unwind();
        tokio::select! {
            done = work => match done {
                Ok(Ok(())) => {}
                // The claim runs out, and it is tried again.
                Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "could not store what a try found"),
                Err(_) => tracing::error!("trying a connection panicked"),
            },
            () = self.now.cancelled() => {}
        }
        drop(permit);
        self.nudge.notify_one();
    }

    async fn probe(&self, Probe { tenant, which }: Probe) -> Result<(), StoreError> {
        let tools = &self.tools;
        let tenant = tools.store.tenant(tenant);
        let Tested { save, pace, report } = match tools.test(&tenant, which).await {
            Ok(tested) => tested,
            Err(ConnectError::Store(error)) => return Err(error),
            Err(ConnectError::NoPsa | ConnectError::Elsewhere(_)) => return Ok(()),
        };
        let refused = match report {
            Some(report) if report.works() => None,
            Some(report) => Some((report.refusal().to_owned(), pace)),
            None => Some(("It did not answer in time when it was tried again.".to_owned(), Pace::GENTLE)),
        };
        let outcome = if refused.is_none() { "works" } else { "refused" };
        metrics::counter!("undertone_probes_total", "outcome" => outcome).increment(1);
        let now = tools.clock.now();
        match refused {
            None => {
                tracing::info!("a paused connection works again");
                tenant.connection_resumed(save, now).await
            }
            Some((reason, pace)) => {
                tracing::info!(reason, "a paused connection is still refused");
                tenant.connection_still_paused(save, &reason, pace, tools.luck.next(), now).await
            }
        }
    }
}
