//! Who changed what, append-only.

use crate::{Actor, Page, Result, TenantStore};
use chrono::{DateTime, Utc};

#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    pub at: DateTime<Utc>,
    /// The person's name or address, the token's name, or `system`.
    pub actor: String,
    /// A dotted verb: `policy.saved`, `connection.psa.saved`, `token.created`, `ticket.replayed`.
    pub what: String,
    /// One sentence without secrets.
    pub detail: String,
}

impl TenantStore {
    pub async fn audit_append(
        &self,
        _actor: &Actor,
        _what: &str,
        _detail: &str,
        _now: DateTime<Utc>,
    ) -> Result<()> {
        unimplemented!()
    }
    /// Newest first.
    pub async fn audit_list(&self, _limit: u32, _cursor: Option<&str>) -> Result<Page<AuditEntry>> {
        unimplemented!()
    }
}
