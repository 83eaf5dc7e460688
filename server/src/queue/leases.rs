//! Keeps the leases of running jobs alive, and stops a job whose lease has passed to somebody else.

use crate::clock::Clock;
use domain::JobId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Lease, Store};
use tokio_util::sync::CancellationToken;

/// How long a claimed job is ours without renewal. Longer than any one call with its tries, so that one missed renewal
/// loses nothing.
pub const LEASE: Duration = Duration::from_secs(90);

/// The leases this process holds.
#[derive(Clone, Default)]
pub struct Leases(Arc<Mutex<HashMap<JobId, (Lease, CancellationToken)>>>);

/// Held while a job runs.
pub struct Held {
    leases: Leases,
    job: JobId,
    /// Cancelled when the lease is lost.
    pub lost: CancellationToken,
}

impl Leases {
    pub fn hold(&self, lease: Lease) -> Held {
        let lost = CancellationToken::new();
        self.map().insert(lease.job, (lease, lost.clone()));
        Held { leases: self.clone(), job: lease.job, lost }
    }

    pub fn count(&self) -> usize {
        self.map().len()
    }

    /// Renews at a third of the lease until `stop`.
    pub async fn keep(&self, store: Store, clock: Clock, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LEASE / 3)).await.is_some() {
            let held: Vec<Lease> = self.map().values().map(|(lease, _)| *lease).collect();
            if held.is_empty() {
                continue;
            }
            match store.job_renew(&held, clock.now() + LEASE).await {
                Ok(renewed) => self.drop_lost(&held, &renewed.into_iter().collect()),
                // The leases last for two more tries.
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "could not renew the leases of running jobs"
                    );
                }
            }
        }
    }

    fn drop_lost(&self, asked: &[Lease], renewed: &HashSet<JobId>) {
        let map = self.map();
        for lease in asked.iter().filter(|lease| !renewed.contains(&lease.job)) {
            // Finished meanwhile, or claimed anew under another token: then this is not the lease that was lost.
            if let Some((_, lost)) = map.get(&lease.job).filter(|(held, _)| held == lease) {
                tracing::warn!(job.id = %lease.job, "the lease on a running job was lost; its work is dropped");
                lost.cancel();
            }
        }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<JobId, (Lease, CancellationToken)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.leases.map().remove(&self.job);
    }
}
