//! Stops asking a side that has stopped answering.

use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row that open the breaker.
const TOLERATED: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A probe that never reported (its task was dropped) is forgotten after this.
const PROBE_LOST: Duration = Duration::from_secs(120);
/// When to ask again while a probe is under way: its verdict is near, and what waits must not outwait it.
const VERDICT: Duration = Duration::from_secs(5);

/// Closed: everything passes. Open: nothing passes for a while. Half open: one probe passes and decides.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// Set while open or half open.
    opened: Option<Opened>,
}

/// What a request that had its turn changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    Nothing,
    /// Asking pauses from now on (again).
    Opened,
    /// The side answers again.
    Closed,
}

#[derive(Clone, Copy, Debug)]
struct Opened {
    until: Instant,
    pause: Duration,
    probing: bool,
}

impl Breaker {
    /// Whether a request may queue up.
    pub fn peek(&self, now: Instant) -> Result<(), Duration> {
        match self.opened {
            Some(opened) if now < opened.until => {
                let wait = opened.until - now;
                Err(if opened.probing { wait.min(VERDICT) } else { wait })
            }
            _ => Ok(()),
        }
    }

    /// Whether a request may leave. While half open the first one is the probe and the others wait for its verdict.
    pub fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        self.peek(now)?;
        if let Some(opened) = &mut self.opened {
            (opened.until, opened.probing) = (now + PROBE_LOST, true);
        }
        Ok(())
    }

    pub fn note(&mut self, healthy: bool, now: Instant) -> Noted {
        if healthy {
            // A success of before it opened says nothing about now.
            if self.opened.is_some_and(|opened| !opened.probing) {
                return Noted::Nothing;
            }
            let before = std::mem::take(self);
            return if before.opened.is_some() { Noted::Closed } else { Noted::Nothing };
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures < TOLERATED {
            return Noted::Nothing;
        }
        let pause = self.opened.map_or(FIRST_PAUSE, |opened| (opened.pause * 2).min(LONGEST_PAUSE));
        self.opened = Some(Opened { until: now + pause, pause, probing: false });
        Noted::Opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_breaker_opens_probes_and_closes() {
        let mut breaker = Breaker::default();
        let mut now = Instant::now();
        for _ in 0..TOLERATED {
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.note(false, now);
        }
        assert_eq!(breaker.admit(now), Err(FIRST_PAUSE));
        assert_eq!(breaker.note(true, now), Noted::Nothing, "sent before it opened");
        assert_eq!(breaker.admit(now), Err(FIRST_PAUSE));

        now += FIRST_PAUSE;
        assert_eq!(breaker.admit(now), Ok(()), "one probe");
        assert_eq!(breaker.admit(now), Err(VERDICT), "the others wait for its verdict, and no longer");
        breaker.note(false, now);
        assert_eq!(breaker.admit(now), Err(FIRST_PAUSE * 2), "a failed probe doubles the pause");

        now += FIRST_PAUSE * 2;
        assert_eq!(breaker.admit(now), Ok(()));
        assert_eq!(breaker.note(true, now), Noted::Closed);
        assert_eq!(breaker.admit(now), Ok(()));
        assert_eq!(breaker.admit(now), Ok(()), "closed again");
        assert_eq!(breaker.note(true, now), Noted::Nothing, "said once");
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
}
