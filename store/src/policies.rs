//! Policies and prompts, each with all its versions.

use crate::engine::{News, Tx, execute, fetch_all, fetch_optional, locked};
use crate::rows::{self, clean};
use crate::{Actor, Result, StoreError, TenantStore, audit};
use chrono::{DateTime, Utc};
use domain::{Outage, Policy, TenantId};
use uuid::Uuid;

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
        let newest = self.policy_versions(1).await?.pop();
        newest.ok_or(StoreError::Driver(sqlx::Error::RowNotFound))
    }

    /// Saves a new version (or returns the present one when nothing differs).
    pub async fn policy_put(&self, policy: &Policy, actor: &Actor, now: DateTime<Utc>) -> Result<i64> {
        self
            .write((self.tenant, policy.clone(), actor.clone(), now), |tx, (tenant, policy, actor, now)| {
                Box::pin(async move {
                    lock(tx, *tenant).await?;
                    let newest: Option<(i64, String)> = fetch_optional!(
                        tx,
                        (i64, String),
                        "SELECT version, body FROM policies WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1",
                        tenant.0
                    )?;
                    let body = rows::json(policy)?;
                    // By the text, not by `==`: choices with equal ids are equal whatever their labels.
                    if let Some((version, newest)) = &newest
                        && *newest == body
                    {
                        return Ok(*version);
                    }
                    let version = newest.map_or(1, |(version, _)| version + 1);
                    let by = audit::name(tx, *tenant, actor).await?;
                    execute!(
                        tx,
                        "INSERT INTO policies (tenant_id, version, body, saved_at, saved_by) VALUES ($1, $2, $3, $4, $5)",
                        tenant.0,
                        version,
                        body,
                        *now,
                        &by
                    )?;
                    // The claim asks for it with every job, and cannot look into a policy.
                    execute!(
                        tx,
                        "UPDATE tenants SET falls_back = $1 WHERE id = $2",
                        policy.outage == Outage::Builtin,
                        tenant.0
                    )?;
                    tx.announce(News::Everywhere);
                    audit::append(tx, *tenant, &by, "policy.saved", &format!("version {version}"), *now).await?;
                    Ok(version)
                })
            })
            .await
    }

    /// Newest first.
    pub async fn policy_versions(&self, limit: u32) -> Result<Vec<Version<Policy>>> {
        let mut reader = self.read().await?;
        fetch_all!(
            reader,
            VersionRow,
            "SELECT version, body, saved_at, saved_by FROM policies WHERE tenant_id = $1 ORDER BY version DESC LIMIT $2",
            self.tenant.0,
            i64::from(limit)
        )?
        .into_iter()
        .map(|row| row.with(|body| rows::read_json("policies", "body", body)))
        .collect()
    }

    /// The newest template; `None` while the tenant uses the built-in one.
    pub async fn prompt(&self) -> Result<Option<Version<String>>> {
        Ok(self.prompt_versions(1).await?.pop().filter(|newest| !newest.body.is_empty()))
    }

    /// Saves a new version (or returns the present one when nothing differs). An empty template is the way back to the
    /// built-in one, whatever that says then: a copy of it would stay as it is today.
    pub async fn prompt_put(&self, template: &str, actor: &Actor, now: DateTime<Utc>) -> Result<i64> {
        let template = if template.trim().is_empty() { "" } else { template };
        let input = (self.tenant, clean(template).into_owned(), actor.clone(), now);
        self
            .write(input, |tx, (tenant, template, actor, now)| {
                Box::pin(async move {
                    lock(tx, *tenant).await?;
                    let newest: Option<(i64, String)> = fetch_optional!(
                        tx,
                        (i64, String),
                        "SELECT version, body FROM prompts WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1",
                        tenant.0
                    )?;
                    if let Some((version, newest)) = &newest
                        && newest == template
                    {
                        return Ok(*version);
                    }
                    let version = newest.map_or(1, |(version, _)| version + 1);
                    let by = audit::name(tx, *tenant, actor).await?;
                    execute!(
                        tx,
                        "INSERT INTO prompts (tenant_id, version, body, saved_at, saved_by) VALUES ($1, $2, $3, $4, $5)",
                        tenant.0,
                        version,
                        template,
                        *now,
                        &by
                    )?;
                    audit::append(tx, *tenant, &by, "prompt.saved", &format!("version {version}"), *now).await?;
                    Ok(version)
                })
            })
            .await
    }

    /// Newest first; an empty one was the way back to the built-in template.
    pub async fn prompt_versions(&self, limit: u32) -> Result<Vec<Version<String>>> {
        let mut reader = self.read().await?;
        fetch_all!(
            reader,
            VersionRow,
            "SELECT version, body, saved_at, saved_by FROM prompts WHERE tenant_id = $1 ORDER BY version DESC LIMIT $2",
            self.tenant.0,
            i64::from(limit)
        )?
        .into_iter()
        .map(|row| row.with(|body| Ok(body.to_owned())))
        .collect()
    }
}

#[derive(sqlx::FromRow)]
struct VersionRow {
    version: i64,
    body: String,
    saved_at: DateTime<Utc>,
    saved_by: String,
}

impl VersionRow {
    fn with<T>(self, read: impl FnOnce(&str) -> Result<T>) -> Result<Version<T>> {
        Ok(Version {
            version: self.version,
            body: read(&self.body)?,
            saved_at: self.saved_at,
            saved_by: self.saved_by,
        })
    }
}

/// Versions are counted one after the other.
async fn lock(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    let _: Option<(Uuid,)> =
        fetch_optional!(tx, (Uuid,), locked!(tx, "SELECT id FROM tenants WHERE id = $1"), tenant.0)?;
    Ok(())
}

/// What a new tenant begins with.
pub(crate) async fn insert_first(tx: &mut Tx, tenant: TenantId, now: DateTime<Utc>) -> Result<()> {
    execute!(
        tx,
        "INSERT INTO policies (tenant_id, version, body, saved_at, saved_by) VALUES ($1, 1, $2, $3, 'system')",
        tenant.0,
        rows::json(&Policy::default())?,
        now
    )
    .map(drop)
}
