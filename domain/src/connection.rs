//! How to reach a tenant's PSA and model. The JSON is the API's own shape (`kind` tells which).
//! Secrets are [`Secret`]: they are written, sealed by the store, and never serialised back out.

mod instance;
mod keep;
mod validate;

pub use validate::InvalidSettings;

use crate::{Price, PsaKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A credential. `Debug` and `Serialize` show at most its last four characters.
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }
    /// The value itself, for the request that needs it and the seal.
    pub fn expose(&self) -> &str {
        &self.0
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// `…wxyz`; shorter secrets show nothing of themselves.
    pub fn hint(&self) -> String {
        let count = self.0.chars().count();
        if count < 12 {
            "…".into()
        } else {
            format!("…{}", self.0.chars().skip(count - 4).collect::<String>())
        }
    }
}
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hint())
    }
}
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// A PSA connection as the tenant gives it. A secret that is left out keeps the saved one; see [`PsaSettings::keep_secret`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PsaSettings {
    ConnectWise {
        site: String,
        company_id: String,
        public_key: String,
        #[serde(default)]
        private_key: Secret,
        client_id: String,
    },
    Autotask {
        username: String,
        #[serde(default)]
        secret: Secret,
        integration_code: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone_url: Option<String>,
    },
    HaloPsa {
        url: String,
        client_id: String,
        #[serde(default)]
        client_secret: Secret,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auth_url: Option<String>,
    },
}

impl PsaSettings {
    pub fn kind(&self) -> PsaKind {
        match self {
            Self::ConnectWise { .. } => PsaKind::ConnectWise,
            Self::Autotask { .. } => PsaKind::Autotask,
            Self::HaloPsa { .. } => PsaKind::HaloPsa,
        }
    }
    /// The one secret of this connection.
    pub fn secret(&self) -> &Secret {
        match self {
            Self::ConnectWise { private_key, .. } => private_key,
            Self::Autotask { secret, .. } => secret,
            Self::HaloPsa { client_secret, .. } => client_secret,
        }
    }
    pub fn set_secret(&mut self, value: Secret) {
        match self {
            Self::ConnectWise { private_key, .. } => *private_key = value,
            Self::Autotask { secret, .. } => *secret = value,
            Self::HaloPsa { client_secret, .. } => *client_secret = value,
        }
    }
}

/// A model connection as the tenant gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ModelSettings {
    /// The analyser in this program: no account, no network.
    Builtin {},
    OpenAi {
        #[serde(default)]
        api_key: Secret,
        model: String,
        #[serde(default = "openai_base_url")]
        base_url: String,
        /// What it costs, for people; left out, no costs are told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<Price>,
    },
    Azure {
        endpoint: String,
        deployment: String,
        /// Absent or `v1`: the v1 address. Otherwise the dated deployment address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        api_version: Option<String>,
        #[serde(default)]
        api_key: Secret,
        /// As OpenAI's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<Price>,
    },
}

fn openai_base_url() -> String {
    "https://api.openai.com/v1".into()
}

impl ModelSettings {
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Builtin {} => None,
            Self::OpenAi { api_key, .. } | Self::Azure { api_key, .. } => Some(api_key),
        }
    }
    pub fn set_secret(&mut self, value: Secret) {
        match self {
            Self::Builtin {} => {}
            Self::OpenAi { api_key, .. } | Self::Azure { api_key, .. } => *api_key = value,
        }
    }
    pub fn price(&self) -> Option<Price> {
        match self {
            Self::Builtin {} => None,
            Self::OpenAi { price, .. } | Self::Azure { price, .. } => *price,
        }
    }
    /// For lists and notes: `built-in`, `OpenAI gpt-…`, `Azure my-deployment`.
    pub fn shown(&self) -> String {
        match self {
            Self::Builtin {} => "built-in analyser".into(),
            Self::OpenAi { model, .. } => format!("OpenAI-compatible {model}"),
            Self::Azure { deployment, .. } => format!("Azure OpenAI {deployment}"),
        }
    }
}
