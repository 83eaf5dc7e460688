//! One connection's share of the outside: how many requests at once, how many in a span, and a breaker that stops
//! asking a side that has stopped answering.

use super::Limits;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Shared by all callers of one lane.
pub(super) struct Lane {
    /// For the metrics.
    pub kind: &'static str,
    pub limits: Limits,
    slots: Arc<Semaphore>,
    pace: Mutex<Pace>,
    breaker: Mutex<Breaker>,
}

/// Why a request was not sent at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeldBack {
    /// Our own limits are used up for longer than a caller should wait.
    #[error("our own limit of requests is used up")]
    Busy { wait: Duration },
    /// The other side failed too often in a row; asking pauses.
    #[error("requests pause because the last ones failed")]
    Open { wait: Duration },
}

impl Lane {
    pub fn new(kind: &'static str, limits: Limits) -> Self {
        Self {
            kind,
            limits,
            slots: Arc::new(Semaphore::new(limits.parallel.max(1))),
            pace: Mutex::new(Pace::default()),
            breaker: Mutex::new(Breaker::default()),
        }
    }

    /// Waits for a turn, at most `patience`.
    pub async fn enter(&self, patience: Duration) -> Result<Turn, HeldBack> {
        // Asked before waiting, so that a queue does not build up behind a side that is down …
        hold(&self.breaker).peek(Instant::now()).map_err(|wait| HeldBack::Open { wait })?;
        let slot = match tokio::time::timeout(patience, Arc::clone(&self.slots).acquire_owned()).await {
            Ok(Ok(slot)) => slot,
            _ => return Err(HeldBack::Busy { wait: patience }),
        };
        let wait = hold(&self.pace)
            .reserve(self.limits, patience, Instant::now())
            .map_err(|wait| HeldBack::Busy { wait })?;
        // Even a sleep of no time lasts until the timer's next tick, a millisecond a call.
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        // … and again when it is our turn; only this may start the probe of a half-open breaker.
        hold(&self.breaker).admit(Instant::now()).map_err(|wait| HeldBack::Open { wait })?;
        Ok(Turn { _slot: slot })
    }

    /// Tells the breaker how a request that had its turn went.
    pub fn note(&self, healthy: bool) {
        if hold(&self.breaker).note(healthy, Instant::now()) {
            metrics::counter!("undertone_breaker_opened_total", "kind" => self.kind).increment(1);
        }
    }
}

/// The right to send one request; given back on drop.
pub(super) struct Turn {
    _slot: OwnedSemaphorePermit,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A token bucket, kept as the one moment at which it would be full again (GCRA).
///
/// A fifth of the allowance may be used at once, the rest flows evenly, so that no window of `per` sees more than
/// `requests`.
#[derive(Default)]
struct Pace {
    full_at: Option<Instant>,
}

impl Pace {
    /// Takes one token; the wait until it may be used, or (taking none) the wait that would be too long.
    fn reserve(&mut self, limits: Limits, patience: Duration, now: Instant) -> Result<Duration, Duration> {
        let requests = limits.requests.max(1);
        let burst = (requests / 5).max(1);
        let flowing = (requests - burst).max(1);
        let step = limits.per / flowing;
        let full_at = self.full_at.unwrap_or(now).max(now);
        let wait = (full_at + step).saturating_duration_since(now).saturating_sub(step * burst);
        if wait > patience {
            return Err(wait);
        }
        self.full_at = Some(full_at + step);
        Ok(wait)
    }
}

/// Failures in a row that open the breaker.
const TOLERATED: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A probe that never reported (its task was dropped) is forgotten after this.
const PROBE_LOST: Duration = Duration::from_secs(120);

/// Closed: everything passes. Open: nothing passes for a while. Half open: one probe passes and decides.
#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    /// Set while open or half open.
    opened: Option<Opened>,
}

#[derive(Clone, Copy, Debug)]
struct Opened {
    until: Instant,
    pause: Duration,
}

impl Breaker {
    /// Whether a request may queue up.
    fn peek(&self, now: Instant) -> Result<(), Duration> {
        match self.opened {
            Some(opened) if now < opened.until => Err(opened.until - now),
            _ => Ok(()),
        }
    }

    /// Whether a request may leave. While half open the first one is the probe and the others wait for its verdict.
    fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        self.peek(now)?;
        if let Some(opened) = &mut self.opened {
            opened.until = now + PROBE_LOST;
        }
        Ok(())
    }

    /// Whether asking pauses from now on (again).
    fn note(&mut self, healthy: bool, now: Instant) -> bool {
        if healthy {
            *self = Self::default();
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures < TOLERATED {
            return false;
        }
        let pause = self.opened.map_or(FIRST_PAUSE, |opened| (opened.pause * 2).min(LONGEST_PAUSE));
        self.opened = Some(Opened { until: now + pause, pause });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn no_window_sees_more_requests_than_allowed() {
        let limits = Limits { parallel: 9, requests: 10, per: seconds(10) };
        let start = Instant::now();
        let mut pace = Pace::default();
        let mut sent = Vec::new();
        let mut now = start;
        for _ in 0..100 {
            let wait = pace.reserve(limits, seconds(60), now).expect("patient enough");
            now += wait;
            sent.push(now);
        }
        for (index, at) in sent.iter().enumerate() {
            let within = sent.iter().skip(index).take_while(|other| **other < *at + seconds(10)).count();
            assert!(within <= 10, "{within} requests within ten seconds");
        }
        // … and it does use what is allowed: 100 requests at 10 per 10 s.
        assert!(*sent.last().expect("sent") - start < seconds(130));
    }

    #[test]
    fn who_would_wait_too_long_is_told_and_takes_nothing() {
        let limits = Limits { parallel: 1, requests: 2, per: seconds(60) };
        let mut pace = Pace::default();
        let now = Instant::now();
        assert_eq!(pace.reserve(limits, seconds(1), now), Ok(Duration::ZERO));
        assert_eq!(pace.reserve(limits, seconds(1), now), Err(seconds(60)));
        assert_eq!(pace.reserve(limits, seconds(1), now + seconds(60)), Ok(Duration::ZERO));
    }

    #[test]
    fn the_breaker_opens_probes_and_closes() {
        let mut breaker = Breaker::default();
        let mut now = Instant::now();
        for _ in 0..TOLERATED {
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.note(false, now);
        }
        assert_eq!(breaker.admit(now), Err(FIRST_PAUSE));

        now += FIRST_PAUSE;
        assert_eq!(breaker.admit(now), Ok(()), "one probe");
        assert!(breaker.admit(now).is_err(), "the others wait for its verdict");
        breaker.note(false, now);
        assert_eq!(breaker.admit(now), Err(FIRST_PAUSE * 2), "a failed probe doubles the pause");

        now += FIRST_PAUSE * 2;
        assert_eq!(breaker.admit(now), Ok(()));
        breaker.note(true, now);
        assert_eq!(breaker.admit(now), Ok(()));
        assert_eq!(breaker.admit(now), Ok(()), "closed again");
    }

    #[test]
    fn the_pause_has_an_upper_bound_and_a_lost_probe_is_replaced() {
        let mut breaker = Breaker::default();
        let mut now = Instant::now();
        for _ in 0..TOLERATED + 10 {
            now += LONGEST_PAUSE;
            breaker.note(false, now);
        }
        assert_eq!(breaker.peek(now), Err(LONGEST_PAUSE));
        now += LONGEST_PAUSE;
        assert_eq!(breaker.admit(now), Ok(()));
        assert_eq!(breaker.admit(now + PROBE_LOST), Ok(()));
    }

    #[test]
    fn a_success_in_between_keeps_it_closed() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        for round in 0..100 {
            breaker.note(round % 4 == 0, now);
        }
        assert_eq!(breaker.admit(now), Ok(()));
    }

    #[tokio::test]
    async fn requests_at_once_are_counted_and_given_back() {
        let lane = Lane::new("other", Limits { parallel: 1, requests: 1_000, per: seconds(1) });
        let turn = lane.enter(seconds(1)).await;
        assert!(turn.is_ok());
        assert!(matches!(lane.enter(Duration::from_millis(10)).await, Err(HeldBack::Busy { .. })));
        drop(turn);
        assert!(lane.enter(seconds(1)).await.is_ok());
    }
}
