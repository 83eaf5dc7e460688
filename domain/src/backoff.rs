//! When to try again. Pure: randomness comes in as a number.

use std::time::Duration;

/// The first wait.
pub const BASE: Duration = Duration::from_secs(2);
/// No wait is longer, whatever a server asks for.
pub const CAP: Duration = Duration::from_secs(15 * 60);
/// Attempts after which work is dead and waits for a person.
pub const MAX_ATTEMPTS: u32 = 12;

/// How long to wait after attempt number `attempt` (1 = the first) failed.
///
/// Doubles from [`BASE`] up to [`CAP`]; a server's `retry_after` is honoured up to [`CAP`]. `luck` (0.0 to 1.0) spreads
/// the result over ±20 %, so that work that failed together does not come back together.
pub fn after(attempt: u32, retry_after: Option<Duration>, luck: f64) -> Duration {
    let doubled = BASE.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1).min(20)));
    let wait = retry_after.unwrap_or(Duration::ZERO).max(doubled).min(CAP);
    wait.mul_f64(0.8 + 0.4 * luck.clamp(0.0, 1.0)).min(CAP)
}

/// How often a connection that was refused is tried again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub first: Duration,
    pub longest: Duration,
}

impl Pace {
    pub const USUAL: Self = Self { first: Duration::from_secs(60), longest: Duration::from_secs(3_600) };
    /// For systems that lock an account after some refused sign-ins.
    pub const GENTLE: Self =
        Self { first: Duration::from_secs(15 * 60), longest: Duration::from_secs(4 * 3_600) };
    /// A connection that is refused so soon after it was accepted was not well: its waits go on growing.
    pub const RELAPSE: Duration = Duration::from_secs(3_600);

    /// How long to wait after `failed` tries in a row. Doubles from the first wait to the longest; `luck` (0.0 to 1.0)
    /// spreads it over ±20 %, never beyond the longest.
    pub fn after(self, failed: u32, luck: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failed.min(20))).min(self.longest);
        doubled.mul_f64(0.8 + 0.4 * luck.clamp(0.0, 1.0)).min(self.longest)
    }
}
