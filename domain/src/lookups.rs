//! What a PSA offers to choose from, for the settings screens and the API.

use crate::{Choice, Lever, PsaKind};
use serde::{Deserialize, Serialize};

/// A choice that exists only on some boards (ConnectWise statuses and teams).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Placed {
    #[serde(flatten)]
    pub choice: Choice,
    /// The board it belongs to; `None`: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board: Option<String>,
    /// A status that closes tickets: not offered as an escalation target.
    #[serde(default)]
    pub closed: bool,
}

/// A user-defined field that may take a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CustomField {
    /// Exact name, as a write needs it.
    pub name: String,
    /// List fields: the values; empty for text and numbers.
    pub values: Vec<Choice>,
}

/// Lists of one PSA. Ranked lists are mildest first, as the PSA's own order suggests; the tenant may reorder them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lookups {
    pub psa: PsaKind,
    pub priorities: Vec<Choice>,
    /// ConnectWise severity, Halo urgency; empty for Autotask.
    pub severities: Vec<Choice>,
    /// Empty for Autotask.
    pub impacts: Vec<Choice>,
    pub boards: Vec<Choice>,
    pub statuses: Vec<Placed>,
    pub teams: Vec<Placed>,
    pub owners: Vec<Choice>,
    pub kinds: Vec<Choice>,
    pub sources: Vec<Choice>,
    /// The first 500 by name.
    pub clients: Vec<Choice>,
    pub custom_fields: Vec<CustomField>,
    /// Lists that could not be read, with the reason and what to grant; the rest works.
    pub missing: Vec<String>,
}

impl Lookups {
    pub fn empty(psa: PsaKind) -> Self {
        Self {
            psa,
            priorities: Vec::new(),
            severities: Vec::new(),
            impacts: Vec::new(),
            boards: Vec::new(),
            statuses: Vec::new(),
            teams: Vec::new(),
            owners: Vec::new(),
            kinds: Vec::new(),
            sources: Vec::new(),
            clients: Vec::new(),
            custom_fields: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// The values of a ranked lever, mildest first.
    pub fn ranked(&self, lever: &Lever) -> &[Choice] {
        match lever {
            Lever::Priority => &self.priorities,
            Lever::Severity => &self.severities,
            Lever::Impact => &self.impacts,
            _ => &[],
        }
    }
}

/// One thing that a connection test looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Check {
    /// "Sign in", "Read tickets", "Write notes".
    pub name: String,
    pub ok: bool,
    /// What was found, in words; on failure what to do about it, naming the permission and where to grant it.
    pub message: String,
}

/// The result of testing a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Report {
    pub checks: Vec<Check>,
}

impl Report {
    /// The check that tells whether the credentials are good. What comes before it (finding the site) says nothing about
    /// them, what comes after it is about single rights.
    pub const SIGN_IN: &str = "Sign in";

    /// Whether the connection can be used at all: the sign-in was accepted; where there is none, the first check passed.
    pub fn works(&self) -> bool {
        self.vital().is_some_and(|check| check.ok)
    }
    /// Why it cannot be used at all, and what to do about it; empty where it can.
    pub fn refusal(&self) -> &str {
        self.vital().filter(|check| !check.ok).map_or("", |check| check.message.as_str())
    }
    fn vital(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == Self::SIGN_IN).or(self.checks.first())
    }
    pub fn ok(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.ok)
    }
    pub fn pass(&mut self, name: &str, message: impl Into<String>) {
        self.checks.push(Check { name: name.into(), ok: true, message: message.into() });
    }
    pub fn fail(&mut self, name: &str, message: impl Into<String>) {
        self.checks.push(Check { name: name.into(), ok: false, message: message.into() });
    }
}
