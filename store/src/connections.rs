//! How a tenant's PSA and model are reached, and the tenant's own webhook address. Secrets are sealed in the row.

use crate::{Actor, Result, Store, TenantStore};
use chrono::{DateTime, Utc};
use domain::{ModelSettings, PsaKind, PsaSettings, Secret, TenantId};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Psa,
    Model,
}

/// Whether a connection works, as far as we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Saved, not tried yet.
    Untested,
    Working {
        since: DateTime<Utc>,
    },
    /// Everything that needs it waits; `reason` is for people and says what to do.
    Paused {
        since: DateTime<Utc>,
        reason: String,
    },
}

#[derive(Clone, Debug)]
pub struct PsaConnection {
    /// With the secret opened.
    pub settings: PsaSettings,
    pub state: ConnectionState,
    /// Rises with each save; whoever keeps an open connection compares it.
    pub revision: i64,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct ModelConnection {
    pub settings: ModelSettings,
    pub state: ConnectionState,
    pub revision: i64,
    pub updated_at: DateTime<Utc>,
}

/// The tenant's own webhook address and what verifies a call.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Unguessable, part of the address (at least 128 bits, URL-safe).
    pub key: String,
    /// Autotask: the HMAC secret. Halo: the Basic password. ConnectWise: unused.
    pub secret: Secret,
    pub rotated_at: DateTime<Utc>,
}

/// What the door needs to know of an address that was called.
#[derive(Clone, Debug)]
pub struct HookOwner {
    pub tenant: TenantId,
    /// `None` while no PSA is connected.
    pub psa: Option<PsaSettings>,
    pub hook: Hook,
}

/// Values picked from the PSA's own lists, for the settings screens: see `server::psa::Lookups`, stored as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedLookups {
    pub kind: PsaKind,
    pub value: Value,
    pub fetched_at: DateTime<Utc>,
}

impl Store {
    /// Whose webhook address this is. By the SHA-256 of the key, so that time tells nothing.
    pub async fn hook_lookup(&self, _key: &str) -> Result<Option<HookOwner>> {
        unimplemented!()
    }
    /// Seals every secret anew under the ring's first key; returns how many rows changed. Safe beside a running server.
    pub async fn reseal_all(&self) -> Result<u64> {
        unimplemented!()
    }
}

impl TenantStore {
    pub async fn psa_connection(&self) -> Result<Option<PsaConnection>> {
        unimplemented!()
    }
    /// Saves, as untested. An empty secret keeps the one that is set, if the kind is the same.
    pub async fn psa_connection_put(
        &self,
        _settings: PsaSettings,
        _actor: &Actor,
        _now: DateTime<Utc>,
    ) -> Result<()> {
        unimplemented!()
    }
    /// The built-in analyser when nothing was saved.
    pub async fn model_connection(&self) -> Result<ModelConnection> {
        unimplemented!()
    }
    pub async fn model_connection_put(
        &self,
        _settings: ModelSettings,
        _actor: &Actor,
        _now: DateTime<Utc>,
    ) -> Result<()> {
        unimplemented!()
    }
    /// Sets the state; `Paused` keeps the time of the first pause, and jobs of this tenant that need the connection wait.
    /// Leaving `Paused` makes them due at once.
    pub async fn connection_state_set(&self, _which: Which, _state: ConnectionState) -> Result<()> {
        unimplemented!()
    }
    pub async fn hook(&self) -> Result<Hook> {
        unimplemented!()
    }
    /// A new key and secret; the old address stops at once.
    pub async fn hook_rotate(&self, _actor: &Actor, _now: DateTime<Utc>) -> Result<Hook> {
        unimplemented!()
    }
    pub async fn lookups_get(&self) -> Result<Option<CachedLookups>> {
        unimplemented!()
    }
    pub async fn lookups_put(&self, _kind: PsaKind, _value: Value, _now: DateTime<Utc>) -> Result<()> {
        unimplemented!()
    }
}
