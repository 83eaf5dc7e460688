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

/// One of the ticketing systems that a workspace has been connected to, among all of one product: a ticket's number means
/// something only within it. Written `halopsa` for the first of its product and `halopsa:2` for the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PsaInstance {
    pub kind: PsaKind,
    /// From 1.
    pub number: u32,
}

impl From<PsaKind> for PsaInstance {
    /// The first of its product.
    fn from(kind: PsaKind) -> Self {
        Self { kind, number: 1 }
    }
}

impl fmt::Display for PsaInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => self.kind.fmt(f),
            number => write!(f, "{}:{number}", self.kind),
        }
    }
}

impl FromStr for PsaInstance {
    type Err = UnknownPsa;
    fn from_str(text: &str) -> Result<Self, UnknownPsa> {
        let Some((kind, number)) = text.split_once(':') else { return Ok(PsaKind::from_str(text)?.into()) };
        let number = number.parse().ok().filter(|number| *number > 1).ok_or(UnknownPsa)?;
        Ok(Self { kind: kind.parse()?, number })
    }
}

/// A client of one ticketing system: its number means something only there. Written `halopsa/7`, `halopsa:2/7`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientKey {
    pub psa: PsaInstance,
    /// The ticketing system's own.
    pub id: String,
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.psa, self.id)
    }
}

impl FromStr for ClientKey {
    type Err = UnknownPsa;
    fn from_str(text: &str) -> Result<Self, UnknownPsa> {
        let (psa, id) = text.split_once('/').ok_or(UnknownPsa)?;
        Ok(Self { psa: psa.parse()?, id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_read_as_it_is_written() {
        for (text, kind, number) in [
            ("halopsa", PsaKind::HaloPsa, 1),
            ("autotask:2", PsaKind::Autotask, 2),
            ("connectwise:10", PsaKind::ConnectWise, 10),
        ] {
            let instance = PsaInstance { kind, number };
            assert_eq!((text.parse(), instance.to_string().as_str()), (Ok(instance), text));
        }
        for wrong in ["", "jira", "halopsa:", "halopsa:1", "halopsa:0", "halopsa:-2", "halopsa:two", "jira:2"]
        {
            assert_eq!(wrong.parse::<PsaInstance>(), Err(UnknownPsa), "{wrong}");
        }
    }

    #[test]
    fn a_client_is_read_as_it_is_written() {
        for (text, number, id) in [("halopsa/7", 1, "7"), ("halopsa:2/a/b", 2, "a/b")] {
            let key = ClientKey { psa: PsaInstance { kind: PsaKind::HaloPsa, number }, id: id.into() };
            assert_eq!((text.parse().as_ref(), key.to_string().as_str()), (Ok(&key), text));
        }
        for wrong in ["", "7", "jira/7", "/7"] {
            assert_eq!(wrong.parse::<ClientKey>(), Err(UnknownPsa), "{wrong}");
        }
    }
}
