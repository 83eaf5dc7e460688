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
