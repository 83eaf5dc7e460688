//! What the policy decided for one ticket, and the actions that carry it out.

use crate::{Choice, Dimension, Label, Lever, Mode};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A lever from one value to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Change {
    pub lever: Lever,
    pub from: Option<Choice>,
    pub to: Choice,
    /// "urgency 5 ≥ 4", for notes and the history page.
    pub because: String,
}

/// The stable identity of an action within its ticket: `update`, `escalate`, `note:update`, `note:escalate`, `note`.
/// The ledger has one row per (tenant, ticket, key), which is what makes each effect happen once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ActionKey(pub String);

impl fmt::Display for ActionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One write to the PSA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ActionKind {
    /// Priority, severity, impact and score fields, in one request.
    Update { changes: Vec<Change> },
    /// Owner, team, status, board, in one request.
    Escalate { changes: Vec<Change> },
    /// An internal note that tells what became of the actions in `about`.
    Note { about: Vec<ActionKey> },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Action {
    pub key: ActionKey,
    #[serde(flatten)]
    pub kind: ActionKind,
}

/// A row of the ledger. `Done`, `Refused` and `Superseded` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ActionState {
    /// Shadow mode: shown, never carried out.
    Shadow,
    Planned,
    /// A request may have left; before repeating it, look in the PSA.
    InFlight,
    Done,
    /// The PSA said no; the row keeps its words.
    Refused,
    /// Not needed any more: a person changed the field, or it already had the value.
    Superseded,
}

/// What became of one change, as compared after the write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Effect {
    pub lever: Lever,
    pub before: Option<Choice>,
    pub asked: Choice,
    /// What the PSA shows after the write; differs from `asked` where it kept or chose another value.
    pub after: Option<Choice>,
    /// Why the change was not made, in words (a person changed the field, the PSA refused it); `None` when it was sent
    /// and accepted.
    pub left_alone: Option<String>,
}

impl Effect {
    /// The PSA took the value that was asked for.
    pub fn applied(&self) -> bool {
        self.left_alone.is_none() && self.after.as_ref() == Some(&self.asked)
    }
}

/// Why a lever that a reached threshold speaks of is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum UntouchedWhy {
    /// Already there, or more severe: raise, never lower.
    AlreadyAsSevere,
    /// The current value is not in the tenant's ranking, so "more severe" has no meaning.
    Unranked,
    /// The mapping has no value for this score.
    Unmapped,
    /// This ticket was escalated before: once per ticket.
    EscalatedBefore,
    /// The escalation target is what the ticket already has.
    AlreadyThere,
    /// Nothing configured to do.
    NothingConfigured,
    /// This PSA has no such field.
    NoSuchField,
    /// The ticket was closed when we read it.
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Untouched {
    /// `None` speaks of the escalation, or the ticket, as a whole.
    pub lever: Option<Lever>,
    pub why: UntouchedWhy,
    /// The sentence people read.
    pub sentence: String,
}

/// What should happen to one ticket, with everything needed to explain it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Plan {
    pub mode: Mode,
    pub label: Label,
    /// Dimensions whose score reached their threshold.
    pub reached: Vec<Dimension>,
    /// In the order in which they are carried out; each note follows the action it is about.
    pub actions: Vec<Action>,
    pub untouched: Vec<Untouched>,
    /// The decision in sentences, most important first. The same in both modes; a screen puts "would have" before those
    /// of a plan in shadow mode.
    pub sentences: Vec<String>,
}

impl Plan {
    pub fn escalates(&self) -> bool {
        self.actions.iter().any(|action| matches!(action.kind, ActionKind::Escalate { .. }))
    }
}

/// Whether a planned change may still be sent, judged on a fresh reading just before the write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    Send,
    /// The lever already has the value.
    AlreadySo,
    /// The lever is neither as it was when we decided nor as asked: a person (or a rule) changed it; leave it alone.
    ChangedMeanwhile {
        now: Option<Choice>,
    },
}

impl Change {
    pub fn precondition(&self, now: Option<&Choice>) -> Precondition {
        if now == Some(&self.to) {
            Precondition::AlreadySo
        } else if now == self.from.as_ref() {
            Precondition::Send
        } else {
            Precondition::ChangedMeanwhile { now: now.cloned() }
        }
    }
}
