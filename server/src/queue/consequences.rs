//! What becomes of a job whose stage did not end well.

use super::{Inner, PATIENCE, Setback, Wait};
use chrono::{DateTime, Utc};
use domain::backoff;
use std::time::Duration;
use store::StoreError;
use store::connections::Which;
use store::jobs::Job;

impl Inner {
    pub(super) async fn set_back(&self, job: &Job, setback: Setback) {
        let now = self.tools.clock.now();
        let store = &self.tools.store;
        let result = match setback {
            Setback::LeaseLost => {
                tracing::warn!("the lease was lost; the work is dropped");
                return;
            }
            Setback::Fail { reason } => {
                tracing::warn!(stage = ?job.stage, reason, "gave up");
                store.job_bury(job.lease, &reason, now).await
            }
            Setback::Pause { save, reason } => {
                tracing::warn!(stage = ?job.stage, connection = ?save.which, reason, "paused a connection");
                let paused = self.tools.pause(&store.tenant(job.tenant), save, &reason).await;
                let back = store.job_retry(job.lease, now, &reason, true).await;
                paused.and(back)
            }
            Setback::Paused { which } => {
                let cause = match which {
                    Which::Psa => "waits for the connection to the ticketing system",
                    Which::Model => "waits for the connection to the model",
                };
                store.job_retry(job.lease, now, cause, true).await
            }
            Setback::Retry { wait, cause } => match self.next_try(job, wait, now) {
                Some((after, refund)) => {
                    tracing::info!(stage = ?job.stage, attempt = job.attempts, wait_ms = after.as_millis(), cause, "will try again");
                    store.job_retry(job.lease, now + after, &cause, refund).await
                }
                None => return self.bury(job, &cause).await,
            },
        };
        self.stored(result);
    }

    /// How long to wait and whether the attempt is given back; `None` when there were enough.
    fn next_try(&self, job: &Job, wait: Wait, now: DateTime<Utc>) -> Option<(Duration, bool)> {
        let luck = self.tools.luck.next();
        let age = now - if job.past { job.made_at() } else { job.created_at };
        let asked = match wait {
            Wait::Outage { asked } if age < PATIENCE => return Some((outage_wait(age, asked, luck), true)),
            Wait::Exactly(wait) if job.attempts < backoff::MAX_ATTEMPTS => return Some((wait, false)),
            Wait::Outage { asked } | Wait::Growing { asked } => asked,
            Wait::Exactly(_) => None,
        };
        (job.attempts < backoff::MAX_ATTEMPTS).then(|| (backoff::after(job.attempts, asked, luck), false))
    }

    pub(super) async fn bury(&self, job: &Job, cause: &str) {
        tracing::error!(stage = ?job.stage, attempts = job.attempts, cause, "a ticket could not be worked on; it waits for a replay");
        self.stored(self.tools.store.job_bury(job.lease, cause, self.tools.clock.now()).await);
    }

    pub(super) async fn hand_back(&self, job: &Job, after: Duration, cause: &str) {
        let at = self.tools.clock.now() + after;
        self.stored(self.tools.store.job_retry(job.lease, at, cause, true).await);
    }

    /// A consequence that could not be stored needs no other: the lease runs out and the stage is repeated.
    fn stored(&self, result: Result<(), StoreError>) {
        match result {
            Ok(()) | Err(StoreError::LeaseLost) => {}
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not store what became of a job"
                );
            }
        }
    }
}

/// Half of what has passed already: 2 s at first, doubling in effect, at most 15 minutes.
fn outage_wait(age: chrono::TimeDelta, asked: Option<Duration>, luck: f64) -> Duration {
    let half = (age / 2).to_std().unwrap_or_default();
    let wait = half.max(asked.unwrap_or_default()).clamp(backoff::BASE, backoff::CAP);
    wait.mul_f64(1.0 + 0.2 * luck)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn the_wait_in_an_outage_grows_with_age_and_honours_what_was_asked() {
        let seconds = Duration::from_secs;
        let cases = [
            (TimeDelta::zero(), None, seconds(2)),
            (TimeDelta::seconds(-5), None, seconds(2)),
            (TimeDelta::seconds(60), None, seconds(30)),
            (TimeDelta::hours(5), None, seconds(900)),
            (TimeDelta::zero(), Some(seconds(30)), seconds(30)),
            (TimeDelta::zero(), Some(seconds(86_400)), seconds(900)),
        ];
        for (age, asked, expected) in cases {
            assert_eq!(outage_wait(age, asked, 0.0), expected, "{age} {asked:?}");
            assert!(outage_wait(age, asked, 1.0) <= expected.mul_f64(1.2));
        }
    }
}
