//! How fast requests may leave: the allowance we were given, less while the other side says that it is too much.

use crate::outside::Limits;
use domain::backoff;
use std::time::Duration;
use tokio::time::Instant;

/// What is left of the rate after being told to slow down, and the least that ever is.
const CUT: f64 = 0.5;
const LEAST: f64 = 1.0 / 16.0;
/// Requests that were under way together are told to slow down together, which is one complaint.
const ONE_COMPLAINT: Duration = Duration::from_secs(5);
/// From the least back to the full rate, unless told to slow down again.
const RECOVERY: Duration = Duration::from_secs(300);
/// How long nothing leaves when the other side does not say.
const BREATH: Duration = Duration::from_secs(2);

/// A token bucket, kept as the one moment at which it would be full again (GCRA).
///
/// A fifth of the allowance may be used at once, the rest flows evenly, so that no window of `per` sees more than
/// `requests`. What flows is cut in half by each complaint (429) and grows back evenly; a budget that others use too
/// ([`Pace::used`]) slows it as it runs out.
#[derive(Default)]
pub(super) struct Pace {
    full_at: Option<Instant>,
    /// Nothing leaves before.
    held_until: Option<Instant>,
    /// The share of the rate that was left at that moment.
    cut: Option<(Instant, f64)>,
    /// The part of a shared budget that is used up, as last told.
    used: f64,
}

impl Pace {
    /// Takes one token; the wait until it may be used, or (taking none) the wait that would be too long.
    pub fn reserve(
        &mut self,
        limits: Limits,
        patience: Duration,
        now: Instant,
    ) -> Result<Duration, Duration> {
        let requests = limits.requests.max(1);
        let burst = (requests / 5).max(1);
        let flowing = (requests - burst).max(1);
        let share = self.share(now);
        let step = (limits.per / flowing).div_f64(share);
        // A bucket that was slowed down has no burst to give: it would bring the next complaint.
        let burst = if share < 1.0 { 1 } else { burst };
        let full_at = self.full_at.unwrap_or(now).max(now);
        let wait = (full_at + step).saturating_duration_since(now).saturating_sub(step * burst);
        let held = self.held_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let wait = wait.max(held);
        if wait > patience {
            return Err(wait);
        }
        self.full_at = Some(full_at + step);
        Ok(wait)
    }

    /// The other side says that this is too much; `after`: when it wants to hear from us again.
    pub fn throttled(&mut self, after: Option<Duration>, now: Instant) {
        let until = now + after.unwrap_or(BREATH).min(backoff::CAP);
        self.held_until = Some(self.held_until.map_or(until, |held| held.max(until)));
        let is_new = self.cut.is_none_or(|(at, _)| now.saturating_duration_since(at) >= ONE_COMPLAINT);
        if is_new {
            self.cut = Some((now, (self.recovered(now) * CUT).max(LEAST)));
        }
    }

    /// A budget that others use too: which part of it is used up.
    pub fn used(&mut self, part: f64) {
        self.used = part.clamp(0.0, 1.0);
    }

    /// What may be used of the rate now.
    fn share(&self, now: Instant) -> f64 {
        // Up to a half nobody is in anybody's way; the last tenth is left to people's own work.
        let spare = ((0.9 - self.used) / 0.4).clamp(LEAST, 1.0);
        self.recovered(now).min(spare)
    }

    fn recovered(&self, now: Instant) -> f64 {
        let Some((at, left)) = self.cut else { return 1.0 };
        let grown = now.saturating_duration_since(at).div_duration_f64(RECOVERY);
        (left + grown).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// When each of `count` requests leaves, asked for one after the other.
    fn sent(pace: &mut Pace, limits: Limits, count: usize, mut now: Instant) -> Vec<Instant> {
        let mut sent = Vec::new();
        for _ in 0..count {
            now += pace.reserve(limits, seconds(3_600), now).expect("patient enough");
            sent.push(now);
        }
        sent
    }

    fn took(sent: &[Instant]) -> Duration {
        *sent.last().expect("sent") - *sent.first().expect("sent")
    }

    #[test]
    fn no_window_sees_more_requests_than_allowed() {
        let limits = Limits { parallel: 9, requests: 10, per: seconds(10) };
        let start = Instant::now();
        let sent = sent(&mut Pace::default(), limits, 100, start);
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

    const PACE: Limits = Limits { parallel: 9, requests: 600, per: Duration::from_secs(60) };

    #[test]
    fn a_complaint_holds_everything_back_as_long_as_asked_and_no_longer_than_is_sane() {
        let now = Instant::now();
        for (asked, held) in [
            (Some(seconds(30)), seconds(30)),
            (None, BREATH),
            (Some(Duration::ZERO), Duration::ZERO),
            (Some(seconds(86_400)), backoff::CAP),
        ] {
            let mut pace = Pace::default();
            pace.throttled(asked, now);
            let wait = pace.reserve(PACE, seconds(3_600), now).expect("patient enough");
            assert_eq!(wait, held, "{asked:?}");
        }
        let mut pace = Pace::default();
        pace.throttled(Some(seconds(30)), now);
        pace.throttled(Some(seconds(5)), now);
        assert_eq!(pace.reserve(PACE, seconds(10), now), Err(seconds(30)), "the longer wait counts");
    }

    #[test]
    fn each_complaint_halves_the_rate_and_it_grows_back() {
        let start = Instant::now();
        let full = took(&sent(&mut Pace::default(), PACE, 600, start));
        let mut pace = Pace::default();
        pace.throttled(Some(Duration::ZERO), start);
        // Together with the first: no second complaint.
        pace.throttled(Some(Duration::ZERO), start + seconds(1));
        let once = sent(&mut pace, PACE, 50, start + seconds(1));
        let step = took(&once).div_f64(49.0);
        let usual = PACE.per / 480;
        assert!(step > usual.mul_f64(1.9) && step < usual.mul_f64(2.1), "{step:?}");
        // However often it complains, something goes on leaving.
        for round in 0..100 {
            pace.throttled(Some(Duration::ZERO), start + ONE_COMPLAINT * round);
        }
        let least = start + ONE_COMPLAINT * 99;
        assert!((pace.share(least) - LEAST).abs() < 0.02, "{}", pace.share(least));
        let healed = least + RECOVERY;
        assert!((pace.share(healed) - 1.0).abs() < f64::EPSILON);
        assert!(took(&sent(&mut pace, PACE, 600, healed)) <= full + seconds(1));
    }

    #[test]
    fn a_shared_budget_slows_us_down_before_it_is_used_up() {
        let now = Instant::now();
        let share = |used: f64| {
            let mut pace = Pace::default();
            pace.used(used);
            pace.share(now)
        };
        assert!((share(0.0) - 1.0).abs() < 1e-9 && (share(0.5) - 1.0).abs() < 1e-9);
        assert!((share(0.7) - 0.5).abs() < 1e-9);
        assert!((share(0.95) - LEAST).abs() < 1e-9 && (share(7.0) - LEAST).abs() < 1e-9);
    }
}
