//! What a tenant has asked for: when to act, what to change, whom to hand the ticket to.

mod suggest;
mod validate;

use crate::{Choice, Dimension, Scope, Score};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Shadow writes nothing: everything is analysed and shown as "would have".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Mode {
    #[default]
    Shadow,
    Live,
}

/// A score from which on we act, inclusive ("4 or greater"), or `None` for off.
pub type Threshold = Option<Score>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
// Each must be there, as the document says: what is left out is not meant as "off".
pub struct Thresholds {
    #[serde(deserialize_with = "Option::deserialize")]
    pub sentiment: Threshold,
    #[serde(deserialize_with = "Option::deserialize")]
    pub urgency: Threshold,
    #[serde(deserialize_with = "Option::deserialize")]
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Driver {
    Sentiment,
    Urgency,
    Impact,
    /// The highest among the scores that reached their threshold.
    Highest,
}

impl Driver {
    pub fn follows(self, dimension: Dimension) -> bool {
        match self {
            Self::Sentiment => dimension == Dimension::Sentiment,
            Self::Urgency => dimension == Dimension::Urgency,
            Self::Impact => dimension == Dimension::Impact,
            Self::Highest => true,
        }
    }
}

/// How one lever follows the scores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LeverRule {
    pub driver: Driver,
    /// Score → value. A score without an entry takes the entry of the next lower score that has one;
    /// where there is none, the lever stays.
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Choice>))]
    pub values: BTreeMap<Score, Choice>,
    /// Every value of this lever in the tenant's PSA, mildest first. "Raise, never lower" is judged by this order alone;
    /// a current value that is not in it is never changed.
    pub ranking: Vec<Choice>,
}

/// A custom field that takes a score (Autotask user-defined fields).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ScoreField {
    pub dimension: Dimension,
    /// The field's exact name in the PSA.
    pub field: String,
    /// For a list field: score → the list's value, read as in [`LeverRule::values`]. Empty: the score itself is written, `"4"`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Choice>))]
    pub values: BTreeMap<Score, Choice>,
}

impl ScoreField {
    /// What the field takes for `score`; `None` where the table has nothing for it or any lower score.
    pub fn value_for(&self, score: Score) -> Option<Choice> {
        if self.values.is_empty() {
            return Some(Choice::new(score.to_string(), ""));
        }
        self.values.range(..=score).next_back().map(|(_, value)| value.clone())
    }

    /// The score that a present value of the field stands for; `None` for a value that is none of ours.
    pub fn score_of(&self, value: &Choice) -> Option<Score> {
        if self.values.is_empty() {
            return value.id.trim().parse().ok().and_then(|number| Score::new(number).ok());
        }
        self.values.iter().rev().find(|(_, mapped)| *mapped == value).map(|(&score, _)| score)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Updates {
    pub priority: Option<LeverRule>,
    pub severity: Option<LeverRule>,
    pub impact: Option<LeverRule>,
    pub score_fields: Vec<ScoreField>,
}

/// Where a ticket goes when the sentiment threshold is reached. Any of them; none means no escalation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum NoteStyle {
    /// One note for the field changes, one for the escalation.
    #[default]
    PerAction,
    /// One note that tells all.
    Folded,
}

/// What happens to tickets while the tenant's model does not answer or refuses the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Outage {
    /// They wait, and go on when the model is back.
    #[default]
    Wait,
    /// The built-in analyser reads them. That they were is said wherever its scores appear, and they can be read again.
    Builtin,
}

/// Everything a tenant decides about what happens to its tickets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
    #[serde(default)]
    pub outage: Outage,
}

/// What is wrong with a policy, and where: `field` is a dotted path such as `updates.priority.values`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct InvalidPolicy {
    pub field: String,
    pub message: String,
}

impl Policy {
    /// Whether any field, or the escalation, follows this dimension.
    pub fn listens_to(&self, dimension: Dimension) -> bool {
        let follows =
            |rule: &Option<LeverRule>| rule.as_ref().is_some_and(|rule| rule.driver.follows(dimension));
        let Updates { priority, severity, impact, score_fields } = &self.updates;
        // Sentiment always has its say: where it cannot escalate, the plan tells why.
        dimension == Dimension::Sentiment
            || [priority, severity, impact].into_iter().any(follows)
            || score_fields.iter().any(|field| field.dimension == dimension)
    }
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
            outage: Outage::Wait,
        }
    }
}
