//! What a stage can come to when it does not simply go on, as a closed list.

use crate::connections::ConnectError;
use crate::outside::CallError;
use std::time::Duration;
use store::StoreError;
use store::connections::{Save, Which};

/// Why a stage stores no result. Nothing converts into this by itself: each `?` has to say which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setback {
    /// The same again later. `cause` is for people.
    Retry { wait: Wait, cause: String },
    /// People must act: all jobs of this tenant that need the connection wait, and their attempts are not counted.
    /// What they mend is a later save, which this says nothing of.
    Pause { save: Save, reason: String },
    /// The connection is paused already: the job waits for it like the others.
    Paused { which: Which },
    /// Trying again cannot help.
    Fail { reason: String },
    /// Another worker has the job; drop everything.
    LeaseLost,
}

/// How long a retry waits and whether the attempt counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Exactly this long; the attempt counts.
    Exactly(Duration),
    /// Doubling with the attempts, which count; the job dies after [`domain::backoff::MAX_ATTEMPTS`]. `asked` is what
    /// the other side wants at least.
    Growing { asked: Option<Duration> },
    /// The other side is away, which is not this job's fault: the attempt is given back, the wait grows with the job's
    /// age, and only after a day does it count.
    Outage { asked: Option<Duration> },
}

impl Setback {
    /// A call to the tenant's PSA or model failed.
    pub fn call(save: Save, error: CallError) -> Self {
        let cause = error.to_string();
        let asked = error.held_back().or(error.retry_after());
        match error {
            CallError::Denied { message } | CallError::Forbidden { message } => {
                Self::Pause { save, reason: message }
            }
            CallError::Rejected { .. } => Self::Fail { reason: cause },
            CallError::Unreachable { .. }
            | CallError::Throttled { .. }
            | CallError::Failed { status: 502..=504, .. } => {
                Self::Retry { wait: Wait::Outage { asked }, cause }
            }
            CallError::Unknown { .. } | CallError::Failed { .. } | CallError::Malformed { .. } => {
                Self::Retry { wait: Wait::Growing { asked }, cause }
            }
        }
    }

    /// The side that was called failed so often in a row that asking pauses: it is not this job's fault.
    pub fn in_an_outage(self) -> Self {
        match self {
            Self::Retry { wait: Wait::Growing { asked }, cause } => {
                Self::Retry { wait: Wait::Outage { asked }, cause }
            }
            other => other,
        }
    }

    /// There is nothing to call.
    pub fn connect(error: ConnectError) -> Self {
        match error {
            ConnectError::Store(error) => Self::store(error),
            ConnectError::NoPsa => {
                Self::Retry { wait: Wait::Outage { asked: None }, cause: error.to_string() }
            }
            // The address may be a mistake, which people may see the next morning only.
            ConnectError::Elsewhere(_) => {
                Self::Retry { wait: Wait::Outage { asked: None }, cause: error.to_string() }
            }
        }
    }

    /// The store did not take or give something.
    pub fn store(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost => Self::LeaseLost,
            StoreError::Unavailable(_) => {
                Self::Retry { wait: Wait::Outage { asked: None }, cause: error.to_string() }
            }
            other => {
                let cause = other.to_string();
                tracing::error!(error = &other as &dyn std::error::Error, "a stage could not use the store");
                Self::Retry { wait: Wait::Growing { asked: None }, cause }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> String {
        "psa.example".into()
    }

    fn save(which: Which) -> Save {
        Save { which, revision: 3 }
    }

    #[test]
    fn each_failure_of_a_call_has_one_consequence() {
        let minute = Some(Duration::from_secs(60));
        let growing = |asked| Wait::Growing { asked };
        let outage = |asked| Wait::Outage { asked };
        let retries = [
            (CallError::Unreachable { host: host(), source: None }, outage(None)),
            (CallError::Throttled { host: host(), after: minute }, outage(minute)),
            (CallError::Failed { host: host(), status: 503, after: minute }, outage(minute)),
            (CallError::Failed { host: host(), status: 500, after: None }, growing(None)),
            (CallError::Unknown { host: host(), source: None }, growing(None)),
            (CallError::Malformed { host: host(), what: "not JSON".into() }, growing(None)),
        ];
        for (error, expected) in retries {
            let cause = error.to_string();
            assert_eq!(Setback::call(save(Which::Psa), error), Setback::Retry { wait: expected, cause });
        }
        let message = || "the key was revoked".to_owned();
        for error in [CallError::Denied { message: message() }, CallError::Forbidden { message: message() }] {
            assert_eq!(
                Setback::call(save(Which::Model), error),
                Setback::Pause { save: save(Which::Model), reason: message() }
            );
        }
        let no = CallError::Rejected { status: 400, message: "no such board".into() };
        assert_eq!(Setback::call(save(Which::Psa), no), Setback::Fail { reason: "no such board".into() });
    }
}
