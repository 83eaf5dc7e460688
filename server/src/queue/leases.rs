//! Keeps the leases of running jobs alive, and stops a job whose lease has passed to somebody else.

use crate::clock::Clock;
use domain::{JobId, TenantId};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Lease, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a claimed job is ours without renewal. Longer than any one call with its tries, so that one missed renewal
/// loses nothing.
pub const LEASE: Duration = Duration::from_secs(90);

/// The leases this process holds, by job and token: a job that was given back may be claimed again before the guard of its
/// last lease is dropped.
#[derive(Clone, Default)]
pub struct Leases(Arc<Mutex<Map>>);

type Map = HashMap<(JobId, Uuid), (TenantId, CancellationToken)>;

/// Held while a job is carried.
pub struct Held {
    leases: Leases,
    lease: Lease,
    /// Cancelled when the lease is lost.
    pub lost: CancellationToken,
}

impl Leases {
    pub fn hold(&self, lease: Lease, tenant: TenantId) -> Held {
        let lost = CancellationToken::new();
        self.map().insert((lease.job, lease.token), (tenant, lost.clone()));
        Held { leases: self.clone(), lease, lost }
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
        for (tenant, _) in self.map().values() {
            *counts.entry(*tenant).or_default() += 1;
        }
        counts
    }

    /// Renews at a third of the lease until `stop`.
    pub async fn keep(&self, store: Store, clock: Clock, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LEASE / 3)).await.is_some() {
            let held: Vec<Lease> = self.map().keys().map(|&(job, token)| Lease { job, token }).collect();
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
            // Not there: finished meanwhile.
            if let Some((_, lost)) = map.get(&(lease.job, lease.token)) {
                tracing::warn!(job.id = %lease.job, "the lease on a running job was lost; its work is dropped");
                lost.cancel();
            }
        }
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.leases.map().remove(&(self.lease.job, self.lease.token));
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
        leases.drop_lost(&[lease(1, 2)], &HashSet::new());
        assert!(score.lost.is_cancelled());
    }

    #[test]
    fn only_the_lease_that_was_lost_is_cancelled() {
        let leases = Leases::default();
        let (kept, lost) = (leases.hold(lease(1, 1), TENANT), leases.hold(lease(2, 1), TENANT));
        leases.drop_lost(&[lease(1, 1), lease(2, 1)], &HashSet::from([kept.lease.job]));
        assert!(lost.lost.is_cancelled() && !kept.lost.is_cancelled());
    }
}
