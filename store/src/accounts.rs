//! Tenants, people, API tokens, and the brake on password guessing.

use crate::{Actor, Result, Store, TenantStore};
use chrono::{DateTime, Utc};
use domain::{Role, TenantId, TokenId, UserId};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
    /// IANA name, `UTC` at first.
    pub time_zone: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct NewTenant {
    pub name: String,
    pub owner_email: String,
    pub owner_name: String,
    /// A PHC string (argon2id); see [`hash_password`].
    pub password_hash: String,
}

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    /// Lower case, trimmed; unique in the instance.
    pub email: String,
    pub name: String,
    pub password_hash: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    pub tenant: Tenant,
    pub role: Role,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub user: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub since: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub last4: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// argon2id with current parameters, off the async threads. For a PHC string to store.
pub async fn hash_password(_password: &str) -> String {
    unimplemented!()
}

/// Compares in the same time whether or not there is a user (`None`): sign-in must not tell whether an address exists.
pub async fn verify_password(_user: Option<&User>, _password: &str) -> bool {
    unimplemented!()
}

impl Store {
    /// Creates a tenant with its owner, first policy (defaults), first prompt and hook key, in one transaction.
    /// [`crate::StoreError::Conflict`] when the address is taken.
    pub async fn tenant_create(&self, _new: NewTenant, _now: DateTime<Utc>) -> Result<(TenantId, UserId)> {
        unimplemented!()
    }
    pub async fn tenant_list(&self) -> Result<Vec<Tenant>> {
        unimplemented!()
    }
    /// Everything of the tenant goes, people who belong to no other tenant included.
    pub async fn tenant_delete(&self, _tenant: TenantId) -> Result<bool> {
        unimplemented!()
    }
    pub async fn user_by_email(&self, _email: &str) -> Result<Option<User>> {
        unimplemented!()
    }
    pub async fn user_fetch(&self, _user: UserId) -> Result<Option<User>> {
        unimplemented!()
    }
    pub async fn user_set_password(&self, _user: UserId, _password_hash: &str) -> Result<()> {
        unimplemented!()
    }
    pub async fn memberships(&self, _user: UserId) -> Result<Vec<Membership>> {
        unimplemented!()
    }
    pub async fn membership(&self, _user: UserId, _tenant: TenantId) -> Result<Option<Membership>> {
        unimplemented!()
    }
    /// Which tenant a presented API token (`ut_…`, whole) belongs to; notes that it was used (at most once a minute).
    pub async fn token_lookup(
        &self,
        _presented: &str,
        _now: DateTime<Utc>,
    ) -> Result<Option<(TenantId, TokenId)>> {
        unimplemented!()
    }
    /// Notes a failed attempt under `key` (an address or an IP) and forgets old ones.
    pub async fn attempt_failed(&self, _key: &str, _now: DateTime<Utc>) -> Result<()> {
        unimplemented!()
    }
    /// Failed attempts under `key` within `window`.
    pub async fn attempts_within(&self, _key: &str, _window: Duration, _now: DateTime<Utc>) -> Result<i64> {
        unimplemented!()
    }
    pub async fn attempts_clear(&self, _key: &str) -> Result<()> {
        unimplemented!()
    }
}

impl TenantStore {
    pub async fn tenant_fetch(&self) -> Result<Option<Tenant>> {
        unimplemented!()
    }
    pub async fn tenant_update(
        &self,
        _name: &str,
        _time_zone: &str,
        _actor: &Actor,
        _now: DateTime<Utc>,
    ) -> Result<()> {
        unimplemented!()
    }
    pub async fn member_list(&self) -> Result<Vec<Member>> {
        unimplemented!()
    }
    /// Adds a person (creating the user when the address is new) with a password hash.
    pub async fn member_add(
        &self,
        _email: &str,
        _name: &str,
        _role: Role,
        _password_hash: &str,
        _actor: &Actor,
        _now: DateTime<Utc>,
    ) -> Result<UserId> {
        unimplemented!()
    }
    /// `false` when there is no such member, or it is the last owner.
    pub async fn member_remove(&self, _user: UserId, _actor: &Actor, _now: DateTime<Utc>) -> Result<bool> {
        unimplemented!()
    }
    /// Makes a token and returns it whole, once; only its SHA-256 is kept.
    pub async fn token_create(
        &self,
        _name: &str,
        _actor: &Actor,
        _now: DateTime<Utc>,
    ) -> Result<(TokenId, String)> {
        unimplemented!()
    }
    pub async fn token_list(&self) -> Result<Vec<Token>> {
        unimplemented!()
    }
    pub async fn token_revoke(&self, _token: TokenId, _actor: &Actor, _now: DateTime<Utc>) -> Result<bool> {
        unimplemented!()
    }
}
