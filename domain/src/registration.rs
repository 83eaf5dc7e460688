//! Registering our webhook in a PSA by its API.

use crate::Secret;
use serde::{Deserialize, Serialize};

/// The webhook that a workspace's PSA is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookWanted {
    /// Where to call.
    pub address: String,
    /// What proves a call: Autotask's HMAC secret, Halo's Basic password.
    pub secret: Secret,
    /// By which ours is found again whatever its address: no other workspace has it. At most 50 characters.
    pub name: String,
}

/// Whether the webhook that a PSA has for us calls us, as the PSA itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum HookState {
    On,
    /// It is there and calls nobody: ConnectWise and Autotask switch one off that failed too often.
    Off,
    /// The PSA lists none with our address. Another way may tell us all the same: an Extension Callout, a runbook.
    Absent,
}

/// What registering came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Registration {
    pub outcome: RegistrationOutcome,
    /// What was found and done, one sentence each.
    pub steps: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RegistrationOutcome {
    /// There was none of ours.
    Made,
    /// Ours was there and something of it was wrong.
    Repaired,
    /// Ours was there as it should be.
    InPlace,
}

impl RegistrationOutcome {
    /// For the head of a result.
    pub fn words(self) -> &'static str {
        match self {
            Self::Made => "The webhook was made.",
            Self::Repaired => "The webhook was there and has been repaired.",
            Self::InPlace => "The webhook was there already, as it should be.",
        }
    }
}
