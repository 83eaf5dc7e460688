//! How long the words of customers are kept.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Days after which a ticket's text is removed: a workspace's own choice, within bounds. Shorter than a month would take
/// away what dispatchers still work with; ten years are longer than anybody has to keep a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u16", try_from = "i64")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = u16, minimum = 30, maximum = 3650, example = 180))]
pub struct Retention(u16);

/// The number of days is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("texts may be kept for {shortest} to {longest} days, not {0}", shortest = Retention::SHORTEST, longest = Retention::LONGEST)]
pub struct InvalidRetention(pub i64);

impl Retention {
    pub const SHORTEST: u16 = 30;
    pub const LONGEST: u16 = 3650;

    pub fn new(days: i64) -> Result<Self, InvalidRetention> {
        match u16::try_from(days) {
            Ok(days @ Self::SHORTEST..=Self::LONGEST) => Ok(Self(days)),
            _ => Err(InvalidRetention(days)),
        }
    }
    pub fn days(self) -> u16 {
        self.0
    }
}
impl From<Retention> for u16 {
    fn from(retention: Retention) -> Self {
        retention.0
    }
}
impl TryFrom<i64> for Retention {
    type Error = InvalidRetention;
    fn try_from(days: i64) -> Result<Self, InvalidRetention> {
        Self::new(days)
    }
}
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} days", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_lies_within_its_bounds() {
        for (days, taken) in
            [(29, false), (30, true), (3650, true), (3651, false), (0, false), (-1, false), (70_000, false)]
        {
            assert_eq!(Retention::new(days).is_ok(), taken, "{days}");
        }
        let refused = Retention::new(7).unwrap_err().to_string();
        assert!(refused.contains("30 to 3650"), "{refused}");
    }
}
