//! API tokens: kept as hashes, shown once.

use crate::engine::{Scope, Tx, execute, fetch_all, fetch_optional};
use crate::rows::{self, Word, clean};
use crate::{Actor, Result, Store, TenantStore, audit};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Role, TenantId, TokenId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub last4: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Whom a presented token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    pub tenant: TenantId,
    pub token: TokenId,
    /// That of its maker, at the time.
    pub role: Role,
}

/// A token's use is noted no more often.
const TOKEN_USE_NOTED: TimeDelta = TimeDelta::minutes(1);
const TOKEN_PREFIX: &str = "ut_";

impl Store {
    /// Whom a presented API token (`ut_…`, whole) speaks for; notes that it was used (at most once a minute).
    pub async fn token_lookup(&self, presented: &str, now: DateTime<Utc>) -> Result<Option<Bearer>> {
        if !presented.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let mut reader = self.read(Scope::EveryTenant).await?;
        // By its hash, so that the time of the search tells nothing about the token.
        let found: Option<(Uuid, Uuid, Option<DateTime<Utc>>, String)> = fetch_optional!(
            reader,
            (Uuid, Uuid, Option<DateTime<Utc>>, String),
            "SELECT tenant_id, id, last_used_at, role FROM api_tokens WHERE sha256 = $1",
            sha256(presented)
        )?;
        drop(reader);
        let Some((tenant, token, used, role)) = found else { return Ok(None) };
        if used.is_none_or(|used| now - used >= TOKEN_USE_NOTED) {
            self.write(Scope::Tenant(tenant.into()), (tenant, token, now), |tx, (tenant, token, now)| {
                Box::pin(async move {
                    execute!(
                        tx,
                        "UPDATE api_tokens SET last_used_at = $1 WHERE tenant_id = $2 AND id = $3",
                        *now,
                        *tenant,
                        *token
                    )
                    .map(drop)
                })
            })
            .await?;
        }
        let role = Role::read("api_tokens", "role", &role)?;
        Ok(Some(Bearer { tenant: tenant.into(), token: token.into(), role }))
    }
}

impl TenantStore {
    /// Makes a token and returns it whole, once; only its SHA-256 is kept. It may do what the one who makes it may.
    pub async fn token_create(
        &self,
        name: &str,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(TokenId, String)> {
        let whole = format!("{TOKEN_PREFIX}{}", hex::encode(crate::vault::random::<24>()));
        let last4 = whole[whole.len() - 4..].to_owned();
        let input = (self.tenant, clean(name.trim()).into_owned(), sha256(&whole), last4, actor.clone(), now);
        let id = self
            .write(input, |tx, (tenant, name, sha256, last4, actor, now)| {
                Box::pin(async move {
                    let id = rows::id_at(*now);
                    let role = role_of(tx, *tenant, actor).await?;
                    execute!(
                        tx,
                        "INSERT INTO api_tokens (tenant_id, id, name, sha256, last4, created_at, role)
                         VALUES ($1, $2, $3, $4, $5, $6, $7)",
                        tenant.0,
                        id,
                        name,
                        sha256,
                        last4,
                        *now,
                        role
                    )?;
                    let by = audit::name(tx, *tenant, actor).await?;
                    audit::append(
                        tx,
                        *tenant,
                        &by,
                        "token.created",
                        &format!("token {name}, …{last4}"),
                        *now,
                    )
                    .await?;
                    Ok(id)
                })
            })
            .await?;
        Ok((id.into(), whole))
    }

    pub async fn token_list(&self) -> Result<Vec<Token>> {
        let mut reader = self.read().await?;
        type Row = (Uuid, String, String, DateTime<Utc>, Option<DateTime<Utc>>);
        let found = fetch_all!(
            reader,
            Row,
            "SELECT id, name, last4, created_at, last_used_at FROM api_tokens WHERE tenant_id = $1 ORDER BY id",
            self.tenant.0
        )?;
        let token = |(id, name, last4, created_at, last_used_at): Row| Token {
            id: id.into(),
            name,
            last4,
            created_at,
            last_used_at,
        };
        Ok(found.into_iter().map(token).collect())
    }

    pub async fn token_revoke(&self, token: TokenId, actor: &Actor, now: DateTime<Utc>) -> Result<bool> {
        self.write((self.tenant, token, actor.clone(), now), |tx, (tenant, token, actor, now)| {
            Box::pin(async move {
                // Before the row goes: a token may revoke itself.
                let by = audit::name(tx, *tenant, actor).await?;
                let gone: Option<(String, String)> = fetch_optional!(
                    tx,
                    (String, String),
                    "DELETE FROM api_tokens WHERE tenant_id = $1 AND id = $2 RETURNING name, last4",
                    tenant.0,
                    token.0
                )?;
                let Some((name, last4)) = gone else { return Ok(false) };
                audit::append(tx, *tenant, &by, "token.revoked", &format!("token {name}, …{last4}"), *now)
                    .await?;
                Ok(true)
            })
        })
        .await
    }
}

/// The operator may everything; who is nothing here makes a token that may nothing but read.
async fn role_of(tx: &mut Tx, tenant: TenantId, actor: &Actor) -> Result<String> {
    let found: Option<(String,)> = match actor {
        Actor::System => return Ok(Role::Owner.word().to_owned()),
        Actor::User(user) => fetch_optional!(
            tx,
            (String,),
            "SELECT role FROM members WHERE tenant_id = $1 AND user_id = $2",
            tenant.0,
            user.0
        )?,
        Actor::Token(token) => fetch_optional!(
            tx,
            (String,),
            "SELECT role FROM api_tokens WHERE tenant_id = $1 AND id = $2",
            tenant.0,
            token.0
        )?,
    };
    Ok(found.map_or_else(|| Role::Viewer.word().to_owned(), |(role,)| role))
}

pub(crate) fn sha256(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}
