//! Where a test may stop the world, to prove that a crash repeats a stage and never skips one.

use std::sync::Arc;

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
