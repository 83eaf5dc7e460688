//! Where a test may stop the world, to prove that a crash repeats a stage and never skips one.

use std::sync::Arc;

/// The steps of a ticket that takes the longest way: the program can die after each, and what the world sees must be the
/// same. A new point belongs in here: a flow test compares the list with what a ticket passes, and kills at each.
pub const STEPS: [&str; 13] = [
    // The door has committed, and has not answered.
    "taken in",
    // Nobody has the job yet.
    "claiming",
    "claimed",
    "fetched",
    // The ticket is stored.
    "read",
    // The model has answered.
    "scored",
    // Analysis and plan are stored.
    "decided",
    // The ledger says that requests may have left.
    "begun",
    // The PSA has answered, and nothing is stored of it.
    "called update",
    "called note:update",
    "called escalate",
    "called note:escalate",
    // Everything is stored.
    "ended",
];
/// Between `fetched` and `read`, for calls that name a ticket otherwise than the PSA does.
pub const DETOUR: &str = "identified";

/// Called with the name of each point that a job passes; `true` stops the job there for good, as a crash would.
type Stops = dyn Fn(&str) -> bool + Send + Sync;

/// Named points between the durable steps of a job. Does nothing unless a test gave it something to do.
#[derive(Clone, Default)]
pub struct Checkpoints(Option<Arc<Stops>>);

impl Checkpoints {
    pub fn new(stops: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(stops)))
    }

    /// `point` and `what` together name the place: `called note:update`.
    pub async fn pass(&self, point: &str, what: &str) {
        let Some(stops) = &self.0 else { return };
        if stops(format!("{point} {what}").trim()) {
            std::future::pending::<()>().await;
        }
    }
}
