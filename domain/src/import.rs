//! Importing the past: how fast, and what it will take.

use crate::PsaKind;
use std::time::Duration;

/// The most days that may be asked for.
pub const LONGEST: u16 = 365;
/// Tokens of a usual question and its answer, where no reading of the workspace's own tells: the built-in prompt and a note
/// of 150 words, and scores with reasons.
pub const USUAL_TOKENS: (u64, u64) = (1_300, 220);

/// How many past tickets are read in a minute: about a third of what the PSA allows, as each takes a handful of requests and
/// fresh tickets need theirs. Autotask counts 10,000 an hour over all who use the database, Halo 500 in five minutes,
/// ConnectWise about 1,000 a minute.
pub fn a_minute(psa: PsaKind) -> u32 {
    match psa {
        PsaKind::Autotask | PsaKind::HaloPsa => 12,
        PsaKind::ConnectWise => 60,
    }
}

/// How long so many more will take, by how many were through in the time so far; by the pace alone while that is too short to
/// tell.
pub fn time_left(psa: PsaKind, rest: u64, through: u64, ran: Duration) -> Duration {
    const ENOUGH: u64 = 20;
    let by_pace = 60.0 / f64::from(a_minute(psa));
    let each = if through >= ENOUGH { (ran.as_secs_f64() / through as f64).max(by_pace) } else { by_pace };
    Duration::try_from_secs_f64(rest as f64 * each).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_by_what_was_done_and_never_faster_than_allowed() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        for (name, psa, rest, through, ran, expected) in [
            ("nothing left", PsaKind::HaloPsa, 0, 0, minutes(0), minutes(0)),
            ("by the pace at first", PsaKind::HaloPsa, 1_200, 0, minutes(0), minutes(100)),
            ("a few tell nothing", PsaKind::ConnectWise, 600, 19, minutes(60), minutes(10)),
            ("a slow model", PsaKind::ConnectWise, 600, 100, minutes(50), minutes(300)),
            ("a burst at first", PsaKind::Autotask, 120, 60, minutes(1), minutes(10)),
        ] {
            assert_eq!(time_left(psa, rest, through, ran), expected, "{name}");
        }
    }
}
