//! Keeps the leases of running jobs alive, and stops a job whose lease has passed to somebody else.

use crate::clock::Clock;
use domain::{JobId, TenantId};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Lease, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a claimed job is usually ours without renewal. Longer than any one call with its tries, so that one missed
/// renewal loses nothing.
pub const LEASE: Duration = Duration::from_secs(90);

/// The leases this process holds, by job and token: a job that was given back may be claimed again before the guard of its
/// last lease is dropped.
#[derive(Clone, Default)]
pub struct Leases(Arc<Mutex<Map>>);

type Map = HashMap<(JobId, Uuid), Entry>;

struct Entry {
    tenant: TenantId,
    lost: CancellationToken,
    /// Cancelled when the guard is dropped.
    over: CancellationToken,
    /// This process has claimed the job anew: the lease is not ours any more, but nobody else's either.
    outlived: bool,
}

/// Held while a job is carried.
pub struct Held {
    leases: Leases,
    lease: Lease,
    /// Cancelled when the lease is lost.
    pub lost: CancellationToken,
    /// The ends of earlier runs of this job that this process is still at.
    before: Vec<CancellationToken>,
}

impl Leases {
    pub fn hold(&self, lease: Lease, tenant: TenantId) -> Held {
        let (lost, over) = (CancellationToken::new(), CancellationToken::new());
        let mut map = self.map();
        let mut before = Vec::new();
        for (_, entry) in map.iter_mut().filter(|((job, _), _)| *job == lease.job) {
            entry.outlived = true;
            before.push(entry.over.clone());
        }
        map.insert((lease.job, lease.token), Entry { tenant, lost: lost.clone(), over, outlived: false });
        drop(map);
        Held { leases: self.clone(), lease, lost, before }
    }

    pub fn count(&self) -> usize {
        self.map().len()
    }

    /// How many the tenant with the most of them has.
    pub fn fullest(&self) -> usize {
        self.by_tenant().into_values().max().unwrap_or_default()
    }

    /// How many tenants have any.
    pub fn tenants(&self) -> usize {
        self.by_tenant().len()
    }

    fn by_tenant(&self) -> HashMap<TenantId, usize> {
        let mut counts: HashMap<TenantId, usize> = HashMap::new();
        for entry in self.map().values() {
            *counts.entry(entry.tenant).or_default() += 1;
        }
        counts
    }

    /// Renews at a third of the lease until `stop`.
    pub async fn keep(&self, store: Store, clock: Clock, lease: Duration, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(lease / 3)).await.is_some() {
            let held = self.to_renew();
            if held.is_empty() {
                continue;
            }
            match store.job_renew(&held, clock.now() + lease).await {
                Ok(renewed) => {
                    let renewed: HashSet<JobId> = renewed.into_iter().collect();
                    let doubtful: Vec<Lease> =
                        held.into_iter().filter(|lease| !renewed.contains(&lease.job)).collect();
                    if !doubtful.is_empty() {
                        // One that has just stored its end lets go in a moment.
                        tokio::time::sleep(lease / 90).await;
                        self.drop_lost(&doubtful);
                    }
                }
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

    fn to_renew(&self) -> Vec<Lease> {
        let map = self.map();
        let ours = map.iter().filter(|(_, entry)| !entry.outlived);
        ours.map(|(&(job, token), _)| Lease { job, token }).collect()
    }

    fn drop_lost(&self, doubtful: &[Lease]) {
        let map = self.map();
        for lease in doubtful {
            // Not there: finished meanwhile.
            if let Some(Entry { lost, outlived: false, .. }) = map.get(&(lease.job, lease.token)) {
                tracing::warn!(job.id = %lease.job, "the lease on a running job was lost; its work is dropped");
                lost.cancel();
            }
        }
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Returns once no earlier run of this job goes on in this process. Each ends by itself, at the latest when it is to
    /// store something under its old lease.
    pub async fn alone(&self) {
        for run in &self.before {
            run.cancelled().await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(entry) = self.leases.map().remove(&(self.lease.job, self.lease.token)) {
            entry.over.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId(Uuid::nil());

    fn lease(job: u128, token: u128) -> Lease {
        Lease { job: Uuid::from_u128(job).into(), token: Uuid::from_u128(token) }
    }

    #[test]
    fn a_job_that_was_claimed_again_is_held_although_its_last_holder_ends_late() {
        let leases = Leases::default();
        let read = leases.hold(lease(1, 1), TENANT);
        let score = leases.hold(lease(1, 2), TENANT);
        drop(read);
        assert_eq!(leases.count(), 1);
        leases.drop_lost(&[lease(1, 2)]);
        assert!(score.lost.is_cancelled());
    }

    #[tokio::test]
    async fn a_job_that_is_claimed_anew_begins_when_its_earlier_run_is_over() {
        let leases = Leases::default();
        let earlier = leases.hold(lease(1, 1), TENANT);
        let later = leases.hold(lease(1, 2), TENANT);
        assert_eq!(leases.to_renew(), [lease(1, 2)]);
        leases.drop_lost(&[lease(1, 1)]);
        assert!(!earlier.lost.is_cancelled(), "what it has sent must arrive first");
        let mut alone = std::pin::pin!(later.alone());
        assert!(futures::poll!(alone.as_mut()).is_pending());
        drop(earlier);
        assert!(futures::poll!(alone.as_mut()).is_ready());
    }

    #[test]
    fn only_the_lease_that_was_lost_is_cancelled() {
        let leases = Leases::default();
        let (kept, lost) = (leases.hold(lease(1, 1), TENANT), leases.hold(lease(2, 1), TENANT));
        let ended = lease(3, 1);
        leases.drop_lost(&[lease(2, 1), ended]);
        assert!(lost.lost.is_cancelled() && !kept.lost.is_cancelled());
    }
}
