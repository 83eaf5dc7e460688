//! Time and luck, injected, so that flow tests run whole days in milliseconds.

use chrono::{DateTime, SubsecRound, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Where the time comes from. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Fixed(Arc<Mutex<Fixed>>),
}

struct Fixed {
    now: DateTime<Utc>,
    /// By how much it was advanced.
    ahead: Duration,
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System)
    }
    /// Stands still until [`Clock::advance`]d.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Source::Fixed(Arc::new(Mutex::new(Fixed { now: at.trunc_subsecs(6), ahead: Duration::ZERO }))))
    }
    /// Now, cut to microseconds: what PostgreSQL keeps, so that values compare equal on both engines.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
            Source::System => Utc::now().trunc_subsecs(6),
            Source::Fixed(at) => hold(at).now,
        }
    }
    /// For measuring spans: never goes back, whatever happens to the time of day. Passes by itself even where the clock is
    /// fixed, and jumps when that is advanced.
    pub fn monotonic(&self) -> Instant {
        match &self.0 {
            Source::System => Instant::now(),
            Source::Fixed(at) => Instant::now() + hold(at).ahead,
        }
    }
    /// Sets a fixed clock back, as whoever corrects one that ran ahead; the system clock stays as it is.
    pub fn set_back(&self, by: Duration) {
        if let Source::Fixed(at) = &self.0 {
            hold(at).now -= by;
        }
    }
    /// Moves a fixed clock; the system clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed(at) = &self.0 {
            let mut at = hold(at);
            at.now += by;
            at.ahead += by;
        }
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where chance comes from: spreads retries, decides nothing else. Cheap to clone.
#[derive(Clone)]
pub struct Luck(Arc<Mutex<StdRng>>);

impl Luck {
    pub fn system() -> Self {
        Self(Arc::new(Mutex::new(StdRng::from_os_rng())))
    }
    /// The same numbers each time.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }
    /// 0.0 (inclusive) to 1.0 (exclusive).
    pub fn next(&self) -> f64 {
        hold(&self.0).random()
    }
}
