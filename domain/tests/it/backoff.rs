//! When to try again.

use domain::backoff::Pace;
use domain::{Check, Report};
use std::time::Duration;

#[test]
fn a_refused_connection_is_tried_less_and_less_often_up_to_a_bound() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let cases =
        [(Pace::USUAL, [1, 2, 4, 8, 16, 32, 60, 60]), (Pace::GENTLE, [15, 30, 60, 120, 240, 240, 240, 240])];
    for (pace, expected) in cases {
        for (failed, expected) in (0..).zip(expected) {
            assert_eq!(pace.after(failed, 0.5), minutes(expected), "{pace:?} after {failed}");
        }
        assert_eq!(pace.after(u32::MAX, 1.0), pace.longest);
    }
}

#[test]
fn connections_that_were_refused_together_do_not_come_back_together() {
    let (soon, late) = (Pace::USUAL.after(0, 0.0), Pace::USUAL.after(0, 1.0));
    assert_eq!((soon, late), (Duration::from_secs(48), Duration::from_secs(72)));
}

#[test]
fn a_connection_works_when_its_sign_in_was_accepted() {
    let report = |checks: &[(&str, bool)]| Report {
        checks: checks
            .iter()
            .map(|&(name, ok)| Check { name: name.into(), ok, message: format!("{name}.") })
            .collect(),
    };
    for (checks, works) in [
        (&[][..], false),
        (&[("Find the site", true), ("Sign in", false), ("Read tickets", false)], false),
        (&[("Find the site", false), ("Sign in", true)], true),
        (&[("Find the site", true), ("Sign in", true), ("Write notes", false)], true),
        (&[("Connection", true), ("Scores", false)], true),
        (&[("Connection", false)], false),
    ] {
        assert_eq!(report(checks).works(), works, "{checks:?}");
    }
    let found = report(&[("Find the site", true), ("Sign in", false), ("Read tickets", false)]);
    assert_eq!(found.refusal(), "Sign in.", "what follows from it is left out");
    assert_eq!(report(&[("Sign in", true), ("Write notes", false)]).refusal(), "");
}
