//! What a tenant has asked for: when to act, what to change, whom to hand the ticket to.

use crate::{Choice, Dimension, Scope, Score};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Shadow writes nothing: everything is analysed and shown as "would have".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Shadow,
    Live,
}

/// A score from which on we act, inclusive ("4 or greater"), or `None` for off.
pub type Threshold = Option<Score>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    pub sentiment: Threshold,
    pub urgency: Threshold,
    pub impact: Threshold,
}

impl Thresholds {
    pub fn of(&self, dimension: Dimension) -> Threshold {
        match dimension {
            Dimension::Sentiment => self.sentiment,
            Dimension::Urgency => self.urgency,
            Dimension::Impact => self.impact,
        }
    }
}

/// Which score chooses the value of a lever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    Sentiment,
    Urgency,
    Impact,
    /// The highest among the scores that reached their threshold.
    Highest,
}

/// How one lever follows the scores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeverRule {
    pub driver: Driver,
    /// Score → value. A score without an entry takes the entry of the next lower score that has one;
    /// where there is none, the lever stays.
    pub values: BTreeMap<Score, Choice>,
    /// Every value of this lever in the tenant's PSA, mildest first. "Raise, never lower" is judged by this order alone;
    /// a current value that is not in it is never changed.
    pub ranking: Vec<Choice>,
}

/// A custom field that takes a score (Autotask user-defined fields).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreField {
    pub dimension: Dimension,
    /// The field's exact name in the PSA.
    pub field: String,
    /// For a list field: score → the list's value. Empty: the score itself is written, `"4"`.
    #[serde(default)]
    pub values: BTreeMap<Score, Choice>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Updates {
    pub priority: Option<LeverRule>,
    pub severity: Option<LeverRule>,
    pub impact: Option<LeverRule>,
    pub score_fields: Vec<ScoreField>,
}

/// Where a ticket goes when the sentiment threshold is reached. Any of them; none means no escalation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Escalation {
    pub owner: Option<Choice>,
    pub team: Option<Choice>,
    pub status: Option<Choice>,
    /// ConnectWise: the board that `status` and `team` belong to; the ticket moves there.
    pub board: Option<Choice>,
}

impl Escalation {
    pub fn is_empty(&self) -> bool {
        self.owner.is_none() && self.team.is_none() && self.status.is_none() && self.board.is_none()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteStyle {
    /// One note for the field changes, one for the escalation.
    #[default]
    PerAction,
    /// One note that tells all.
    Folded,
}

/// Everything a tenant decides about what happens to its tickets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub mode: Mode,
    pub thresholds: Thresholds,
    #[serde(default)]
    pub updates: Updates,
    #[serde(default)]
    pub escalation: Escalation,
    #[serde(default)]
    pub notes: NoteStyle,
    #[serde(default)]
    pub scope: Scope,
}

/// What is wrong with a policy, and where: `field` is a dotted path such as `updates.priority.values`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct InvalidPolicy {
    pub field: String,
    pub message: String,
}

impl Default for Policy {
    /// Shadow mode, everything from 4 on, nothing mapped yet.
    fn default() -> Self {
        let four = Some(Score::ALL[3]);
        Self {
            mode: Mode::Shadow,
            thresholds: Thresholds { sentiment: four, urgency: four, impact: four },
            updates: Updates::default(),
            escalation: Escalation::default(),
            notes: NoteStyle::PerAction,
            scope: Scope::default(),
        }
    }
}
