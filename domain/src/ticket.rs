//! The one shape that every PSA's ticket becomes.

use crate::PsaKind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A named thing in the PSA: a client, a contact, a board.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Party {
    /// The PSA's own id, as text.
    pub id: String,
    pub name: String,
}

/// One value a lever can have in this PSA: the PSA's own id and the label people see.
///
/// Two choices are the same value when their ids are equal; labels get renamed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Choice {
    pub id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
}

impl Choice {
    pub fn new(id: impl Into<String>, label: impl Into<String>) -> Self {
        Self { id: id.into(), label: label.into() }
    }
    /// The label, or the id where the PSA gave no label.
    pub fn shown(&self) -> &str {
        if self.label.is_empty() { &self.id } else { &self.label }
    }
}
impl PartialEq for Choice {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl Eq for Choice {}

/// A field of a ticket that a plan may change.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Lever {
    Priority,
    /// ConnectWise calls it severity, Halo urgency; Autotask has none.
    Severity,
    /// ConnectWise and Halo; Autotask has none.
    Impact,
    /// Where the ticket sits: ConnectWise board. Changed only together with a status of that board.
    Board,
    Status,
    /// ConnectWise and Halo team; Autotask queue.
    Team,
    Owner,
    /// A user-defined field, by its exact name (Autotask).
    Custom(String),
}

impl Lever {
    /// The word people read: `priority`, `severity` (Halo: `urgency`), `queue` for Autotask's team, a custom field's own name.
    pub fn word(&self, psa: PsaKind) -> &str {
        match (self, psa) {
            (Self::Priority, _) => "priority",
            (Self::Severity, PsaKind::HaloPsa) => "urgency",
            (Self::Severity, _) => "severity",
            (Self::Impact, _) => "impact",
            (Self::Board, _) => "board",
            (Self::Status, _) => "status",
            (Self::Team, PsaKind::Autotask) => "queue",
            (Self::Team, _) => "team",
            (Self::Owner, _) => "owner",
            (Self::Custom(name), _) => name,
        }
    }

    /// Whether this PSA's tickets have such a field.
    pub fn exists_in(&self, psa: PsaKind) -> bool {
        match self {
            Self::Severity | Self::Impact => psa != PsaKind::Autotask,
            Self::Board => psa == PsaKind::ConnectWise,
            Self::Priority | Self::Status | Self::Team | Self::Owner | Self::Custom(_) => true,
        }
    }
}

/// The levers of a ticket as they stood at one moment. A lever the PSA left empty is absent.
pub type Snapshot = BTreeMap<LeverKey, Choice>;

/// [`Lever`] as a JSON object key: `priority`, …, `custom:AI Impact`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct LeverKey(pub Lever);

impl From<Lever> for LeverKey {
    fn from(lever: Lever) -> Self {
        Self(lever)
    }
}
impl From<LeverKey> for String {
    fn from(key: LeverKey) -> Self {
        match key.0 {
            Lever::Priority => "priority".into(),
            Lever::Severity => "severity".into(),
            Lever::Impact => "impact".into(),
            Lever::Board => "board".into(),
            Lever::Status => "status".into(),
            Lever::Team => "team".into(),
            Lever::Owner => "owner".into(),
            Lever::Custom(name) => format!("custom:{name}"),
        }
    }
}
impl From<String> for LeverKey {
    fn from(text: String) -> Self {
        Self(match text.as_str() {
            "priority" => Lever::Priority,
            "severity" => Lever::Severity,
            "impact" => Lever::Impact,
            "board" => Lever::Board,
            "status" => Lever::Status,
            "team" => Lever::Team,
            "owner" => Lever::Owner,
            _ => Lever::Custom(text.strip_prefix("custom:").unwrap_or(&text).to_owned()),
        })
    }
}

/// Who wrote a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Author {
    Customer,
    Technician,
    /// Our own API identity.
    Us,
    /// The PSA itself, a workflow rule, a mail connector without a known sender.
    System,
}

/// One entry of a ticket's conversation, before text preparation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The PSA's id of the note; empty for the ticket's own opening text.
    pub id: String,
    pub author: Author,
    pub author_name: String,
    /// As the PSA gave it; may be HTML, see `html`.
    pub text: String,
    pub html: bool,
    /// Never shown to the customer.
    pub internal: bool,
    pub at: Option<DateTime<Utc>>,
}

/// A ticket as read from the PSA, names resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Ticket {
    pub psa: PsaKind,
    /// The PSA's id of the ticket, as text.
    pub external_id: String,
    /// What people call the ticket, such as `T20251123.0001`; often the id itself.
    pub number: String,
    pub title: String,
    pub client: Option<Party>,
    pub contact: Option<Party>,
    pub contact_email: Option<String>,
    /// Where it sits: board (ConnectWise), queue (Autotask), team (Halo).
    pub board: Option<Party>,
    pub kind: Option<Party>,
    pub source: Option<Party>,
    pub closed: bool,
    /// Why the PSA keeps this ticket out of ordinary work, as the end of a sentence: "it was merged into ticket 7".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<String>,
    /// Priority, severity, impact, status, team, owner, board and named custom fields, as read.
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Choice>))]
    pub levers: Snapshot,
    pub created_at: Option<DateTime<Utc>>,
    pub updated_at: Option<DateTime<Utc>>,
    /// Opens the ticket in the PSA's own screen.
    pub url: Option<String>,
}

impl Ticket {
    pub fn lever(&self, lever: &Lever) -> Option<&Choice> {
        self.levers.get(&LeverKey(lever.clone()))
    }
}
