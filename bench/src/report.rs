//! One line a figure, with its goal where there is one.

use std::fmt::Display;
use std::time::Duration;

pub struct Report {
    engine: &'static str,
}

/// What a figure is held against.
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    None,
}

impl Report {
    pub fn new(engine: &'static str) -> Self {
        println!("\n{engine}");
        Self { engine }
    }

    pub fn figure(&self, what: &str, value: f64, unit: &str, goal: Goal) {
        let verdict = match goal {
            Goal::AtLeast(least) if value >= least => format!("goal ≥ {least}: reached"),
            Goal::AtLeast(least) => format!("goal ≥ {least}: MISSED"),
            Goal::AtMost(most) if value <= most => format!("goal ≤ {most}: reached"),
            Goal::AtMost(most) => format!("goal ≤ {most}: MISSED"),
            Goal::None => String::new(),
        };
        println!("{:<9} {what:<58} {value:>9.2} {unit:<6} {verdict}", self.engine);
    }

    pub fn remark(&self, words: impl Display) {
        println!("{:<9} {words}", self.engine);
    }
}

/// Waits in ascending order.
pub struct Waits(Vec<Duration>);

impl Waits {
    pub fn new(mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        Self(waits)
    }

    /// In milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let at = self.0.len().saturating_sub(1) * percent / 100;
        self.0.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1_000.0)
    }

    pub fn count(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let count = self.0.len() as f64;
        count
    }
}
