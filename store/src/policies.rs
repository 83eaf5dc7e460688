//! Policies and prompts, each with all its versions.

use crate::{Actor, Result, TenantStore};
use chrono::{DateTime, Utc};
use domain::Policy;

/// One saved version of something; versions count from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Version<T> {
    pub version: i64,
    pub body: T,
    pub saved_at: DateTime<Utc>,
    /// As in [`crate::audit::AuditEntry::actor`].
    pub saved_by: String,
}

impl TenantStore {
    /// The newest; a tenant always has one.
    pub async fn policy(&self) -> Result<Version<Policy>> {
        unimplemented!()
    }
    /// Saves a new version (or returns the present one when nothing differs).
    pub async fn policy_put(&self, _policy: &Policy, _actor: &Actor, _now: DateTime<Utc>) -> Result<i64> {
        unimplemented!()
    }
    /// Newest first.
    pub async fn policy_versions(&self, _limit: u32) -> Result<Vec<Version<Policy>>> {
        unimplemented!()
    }
    /// The newest template; `None` while the tenant uses the built-in one.
    pub async fn prompt(&self) -> Result<Option<Version<String>>> {
        unimplemented!()
    }
    pub async fn prompt_put(&self, _template: &str, _actor: &Actor, _now: DateTime<Utc>) -> Result<i64> {
        unimplemented!()
    }
    pub async fn prompt_versions(&self, _limit: u32) -> Result<Vec<Version<String>>> {
        unimplemented!()
    }
}
