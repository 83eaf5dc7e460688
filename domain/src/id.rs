//! Identifiers: a UUID (version 7, so that they sort by time) and the kind of thing it names.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, concat!(stringify!($name), "({})"), self.0) }
        }
        impl From<Uuid> for $name { fn from(id: Uuid) -> Self { Self(id) } }
        impl From<$name> for Uuid { fn from(id: $name) -> Self { id.0 } }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Uuid::parse_str(text).map(Self) }
        }
    )*};
}

ids! {
    /// One MSP.
    TenantId;
    /// A person who signs in.
    UserId;
    /// One webhook call.
    DeliveryId;
    /// A ticket in our store (not the PSA's own number).
    TicketId;
    /// One scoring of one ticket.
    AnalysisId;
    /// One row of the ledger of changes in the PSA.
    ActionId;
    /// One unit of pipeline work.
    JobId;
    /// An API token.
    TokenId;
}

impl DeliveryId {
    /// The trace of everything that follows from this call, up to the last note: the id in the form of W3C Trace Context
    /// (32 lower-case hexadecimal digits). Made of the id alone, so that it is the same in every process, on every machine
    /// and after a crash.
    pub fn trace(self) -> String {
        self.0.simple().to_string()
    }
}
