//! A clock that ran ahead and was set right: what it put off is brought forward.

use super::Inner;
use domain::backoff;
use std::sync::PoisonError;
use std::time::Duration;

/// How often the queue is compared with the clock, unless that went back.
const HEED: Duration = Duration::from_secs(60);
/// Nothing is put off for longer: [`backoff::CAP`] with its spread, or the longest lease.
const LONGEST_WAIT: Duration = Duration::from_secs(20 * 60);

impl Inner {
    /// After the clock was set back, what was due on the old time would wait for that time to come again.
    pub(super) async fn heed_the_clock(&self) {
        let (now, moment) = (self.tools.clock.now(), self.tools.clock.monotonic());
        let was_set_back = {
            let mut heeded = self.heeded.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *heeded {
                Some((at, seen)) if now >= *seen && moment.saturating_duration_since(*at) < HEED => {
                    *seen = now;
                    return;
                }
                last => last.replace((moment, now)).is_some_and(|(_, seen)| now < seen),
            }
        };
        let moved = self.tools.store.job_bring_forward(now + LONGEST_WAIT, now + self.lease).await;
        match moved {
            Ok(0) => {}
            Ok(jobs) => {
                tracing::warn!(jobs, was_set_back, "brought forward what was due on a clock that ran ahead")
            }
            Err(error) => {
                // The next look tries it again.
                *self.heeded.lock().unwrap_or_else(PoisonError::into_inner) = None;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not compare the queue with the clock"
                );
            }
        }
    }
}

const _: () =
    assert!(LONGEST_WAIT.as_secs() * 10 > backoff::CAP.as_secs() * 12, "no wait that was meant is cut short");
