//! How far a workspace is set up, told from what is really configured and from nothing else.

use domain::Report;
use store::connections::ConnectionState;

/// The steps, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepId {
    Psa,
    Model,
    Policy,
    Hook,
}

impl StepId {
    pub const ALL: [Self; 4] = [Self::Psa, Self::Model, Self::Policy, Self::Hook];

    pub fn slug(self) -> &'static str {
        match self {
            Self::Psa => "psa",
            Self::Model => "model",
            Self::Policy => "thresholds",
            Self::Hook => "webhook",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.slug() == slug)
    }
}

/// What the steps are judged by.
#[derive(Clone, Debug)]
pub struct Facts {
    /// `None`: no PSA was saved.
    pub psa: Option<ConnectionState>,
    pub model: ConnectionState,
    /// A person saved a policy (the first version is the workspace's own).
    pub policy_saved: bool,
    /// A delivery has arrived.
    pub delivered: bool,
}

/// Whether a step is done.
pub fn is_done(step: StepId, facts: &Facts) -> bool {
    match step {
        StepId::Psa => matches!(facts.psa, Some(ConnectionState::Working { .. })),
        StepId::Model => matches!(facts.model, ConnectionState::Working { .. }),
        StepId::Policy => facts.policy_saved,
        StepId::Hook => facts.delivered,
    }
}

/// Where to go on: the first step that is not done, or `None` when all are.
pub fn next(facts: &Facts) -> Option<StepId> {
    StepId::ALL.into_iter().find(|step| !is_done(*step, facts))
}

/// A report in one line: "all 6 checks passed", "2 of 6 checks failed".
pub fn report_line(report: &Report) -> String {
    let failed = report.checks.iter().filter(|check| !check.ok).count();
    match (report.checks.len(), failed) {
        (0, _) => "Nothing was checked.".into(),
        (1, 0) => "The check passed.".into(),
        (all, 0) => format!("All {all} checks passed."),
        (all, failed) => format!("{failed} of {all} checks failed."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn working() -> ConnectionState {
        ConnectionState::Working { since: DateTime::UNIX_EPOCH }
    }

    fn paused() -> ConnectionState {
        ConnectionState::Paused {
            since: DateTime::UNIX_EPOCH,
            reason: "refused".into(),
            next_try: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn set_up_resumes_at_the_first_thing_that_is_not_done() {
        let start =
            Facts { psa: None, model: ConnectionState::Untested, policy_saved: false, delivered: false };
        let cases = [
            (start.clone(), Some(StepId::Psa)),
            (Facts { psa: Some(ConnectionState::Untested), ..start.clone() }, Some(StepId::Psa)),
            (Facts { psa: Some(working()), ..start.clone() }, Some(StepId::Model)),
            (Facts { psa: Some(working()), model: working(), ..start.clone() }, Some(StepId::Policy)),
            (
                Facts { psa: Some(working()), model: working(), policy_saved: true, ..start.clone() },
                Some(StepId::Hook),
            ),
            (Facts { psa: Some(working()), model: working(), policy_saved: true, delivered: true }, None),
            // A connection that broke later leads back to it.
            (
                Facts { psa: Some(paused()), model: working(), policy_saved: true, delivered: true },
                Some(StepId::Psa),
            ),
        ];
        for (facts, expected) in cases {
            assert_eq!(next(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn a_report_is_told_in_one_line() {
        let mut report = Report::default();
        assert_eq!(report_line(&report), "Nothing was checked.");
        report.pass("Sign in", "as undertone");
        assert_eq!(report_line(&report), "The check passed.");
        report.fail("Write notes", "grant Service Tickets");
        assert_eq!(report_line(&report), "1 of 2 checks failed.");
    }
}
