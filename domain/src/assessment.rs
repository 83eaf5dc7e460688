//! What a model said about a ticket: three scores, each with a reason and the words that caused it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// 1 (mild) to 5 (severe), by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
// From the widest integer, so that -1 and 300 are told the same as 6.
#[serde(into = "u8", try_from = "i64")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = u8, minimum = 1, maximum = 5, example = 4))]
pub struct Score(u8);

/// The number is not 1, 2, 3, 4 or 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a score is a whole number from 1 to 5, not {0}")]
pub struct InvalidScore(pub i64);

impl Score {
    pub const MIN: Self = Self(1);
    pub const NEUTRAL: Self = Self(3);
    pub const MAX: Self = Self(5);
    pub const ALL: [Self; 5] = [Self(1), Self(2), Self(3), Self(4), Self(5)];

    pub fn new(value: i64) -> Result<Self, InvalidScore> {
        match u8::try_from(value) {
            Ok(small @ 1..=5) => Ok(Self(small)),
            _ => Err(InvalidScore(value)),
        }
    }
    pub fn get(self) -> u8 {
        self.0
    }
}
impl From<Score> for u8 {
    fn from(score: Score) -> Self {
        score.0
    }
}
impl TryFrom<u8> for Score {
    type Error = InvalidScore;
    fn try_from(value: u8) -> Result<Self, InvalidScore> {
        Self::new(i64::from(value))
    }
}
impl TryFrom<i64> for Score {
    type Error = InvalidScore;
    fn try_from(value: i64) -> Result<Self, InvalidScore> {
        Self::new(value)
    }
}
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Dimension {
    /// 1 pleased, 3 neutral, 5 furious and about to leave.
    Sentiment,
    /// 1 whenever, 3 this week hurts, 5 now: work has stopped.
    Urgency,
    /// 1 one person and a nuisance, 3 a team, 5 the whole company, or money and safety.
    Impact,
}

impl Dimension {
    pub const ALL: [Self; 3] = [Self::Sentiment, Self::Urgency, Self::Impact];
    pub fn word(self) -> &'static str {
        match self {
            Self::Sentiment => "sentiment",
            Self::Urgency => "urgency",
            Self::Impact => "impact",
        }
    }
}

/// What a person says of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Right,
    TooHigh,
    TooLow,
}

impl Verdict {
    pub const ALL: [Self; 3] = [Self::TooLow, Self::Right, Self::TooHigh];
    /// The word in addresses and the database.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::TooHigh => "too_high",
            Self::TooLow => "too_low",
        }
    }
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::TooHigh => "too high",
            Self::TooLow => "too low",
        }
    }
}

/// One score, why, and the customer's words that caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reading {
    pub score: Score,
    /// One or two sentences; empty only where the ticket's text was removed when its time was up.
    pub reason: String,
    /// Words found in the text as read; empty where nothing in it stood out (a neutral score).
    pub quote: String,
}

/// The three readings of one ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Assessment {
    pub sentiment: Reading,
    pub urgency: Reading,
    pub impact: Reading,
}

impl Assessment {
    pub fn reading(&self, dimension: Dimension) -> &Reading {
        match dimension {
            Dimension::Sentiment => &self.sentiment,
            Dimension::Urgency => &self.urgency,
            Dimension::Impact => &self.impact,
        }
    }
    pub fn score(&self, dimension: Dimension) -> Score {
        self.reading(dimension).score
    }
}
