//! Who changed what, append-only.

use crate::engine::{Query, Tx, execute, fetch_optional, fetch_query};
use crate::rows::{self, Cursor, clean};
use crate::{Actor, Page, Result, TenantStore};
use chrono::{DateTime, Utc};
use domain::TenantId;
use uuid::Uuid;

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
        actor: &Actor,
        what: &str,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let input = (self.tenant, actor.clone(), what.to_owned(), detail.to_owned(), now);
        self.write(input, |tx, (tenant, actor, what, detail, now)| {
            Box::pin(async move {
                let by = name(tx, *tenant, actor).await?;
                append(tx, *tenant, &by, what, detail, *now).await
            })
        })
        .await
    }

    /// Newest first.
    pub async fn audit_list(&self, limit: u32, cursor: Option<&str>) -> Result<Page<AuditEntry>> {
        let mut query = Query::new("SELECT id, at, actor, what, detail FROM audit WHERE tenant_id = ");
        query.bind(self.tenant.0);
        if let Some(cursor) = Cursor::read(cursor)? {
            query.push(" AND id < ").bind(cursor.id);
        }
        query.push(" ORDER BY id DESC LIMIT ").bind(i64::from(limit) + 1);
        let mut reader = self.read().await?;
        let found = fetch_query!(reader, (Uuid, DateTime<Utc>, String, String, String), query)?;
        let page = rows::page(found, limit, |(id, at, ..)| Cursor { at: *at, id: *id });
        let entry = |(_, at, actor, what, detail)| AuditEntry { at, actor, what, detail };
        Ok(Page { rows: page.rows.into_iter().map(entry).collect(), next: page.next })
    }
}

/// What an actor is called now: people and tokens go, the trail stays.
pub(crate) async fn name(tx: &mut Tx, tenant: TenantId, actor: &Actor) -> Result<String> {
    let found: Option<(String,)> = match actor {
        Actor::System => return Ok("system".to_owned()),
        Actor::User(user) => fetch_optional!(tx, (String,), "SELECT email FROM users WHERE id = $1", user.0)?,
        Actor::Token(token) => fetch_optional!(
            tx,
            (String,),
            "SELECT name FROM api_tokens WHERE tenant_id = $1 AND id = $2",
            tenant.0,
            token.0
        )?,
    };
    Ok(found.map_or_else(|| "someone who is gone".to_owned(), |(name,)| name))
}

pub(crate) async fn append(
    tx: &mut Tx,
    tenant: TenantId,
    by: &str,
    what: &str,
    detail: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    execute!(
        tx,
        "INSERT INTO audit (tenant_id, id, at, actor, what, detail) VALUES ($1, $2, $3, $4, $5, $6)",
        tenant.0,
        rows::id_at(now),
        now,
        by,
        clean(what),
        clean(detail)
    )
    .map(drop)
}
