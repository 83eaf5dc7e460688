use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A ticketing system we speak to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PsaKind {
    ConnectWise,
    Autotask,
    HaloPsa,
}

impl PsaKind {
    pub const ALL: [Self; 3] = [Self::ConnectWise, Self::Autotask, Self::HaloPsa];

    /// The word in addresses, settings and the database.
    pub fn slug(self) -> &'static str {
        match self {
            Self::ConnectWise => "connectwise",
            Self::Autotask => "autotask",
            Self::HaloPsa => "halopsa",
        }
    }

    /// The product's own name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConnectWise => "ConnectWise PSA",
            Self::Autotask => "Autotask PSA",
            Self::HaloPsa => "HaloPSA",
        }
    }

    /// What this PSA calls the place a ticket sits in.
    pub fn board_word(self) -> &'static str {
        match self {
            Self::ConnectWise => "board",
            Self::Autotask => "queue",
            Self::HaloPsa => "team",
        }
    }
}

impl fmt::Display for PsaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// The text is none of the three slugs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected connectwise, autotask or halopsa")]
pub struct UnknownPsa;

impl FromStr for PsaKind {
    type Err = UnknownPsa;
    fn from_str(text: &str) -> Result<Self, UnknownPsa> {
        Self::ALL.into_iter().find(|kind| kind.slug() == text).ok_or(UnknownPsa)
    }
}
