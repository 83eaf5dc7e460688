//! Tenants, people, API tokens, and the brake on password guessing.

mod passwords;
mod tokens;

pub(crate) use passwords::trim_attempts;
pub use passwords::{hash_password, verify_password};
pub(crate) use tokens::sha256;
pub use tokens::{Bearer, Token};

use crate::engine::{Scope, Tx, execute, fetch_all, fetch_one, fetch_optional, locked};
use crate::rows::{self, TenantRow, Word, clean};
use crate::{Actor, Result, Store, StoreError, TenantStore, audit, connections, policies, trends};
use chrono::{DateTime, Utc};
use domain::{Role, TenantId, UserId};
use uuid::Uuid;

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

impl User {
    /// Changes with the password and tells nothing of it: what was opened with an older password is known by it.
    pub fn password_mark(&self) -> String {
        hex::encode(&sha256(&self.password_hash)[..8])
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    pub tenant: Tenant,
    pub role: Role,
    /// Who is removed and added again is a member from then on.
    pub since: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub user: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub since: DateTime<Utc>,
}

/// As users are looked up by it.
fn normal_email(email: &str) -> String {
    clean(email).trim().to_lowercase()
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: Uuid,
    email: String,
    name: String,
    password_hash: String,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self { id: row.id.into(), email: row.email, name: row.name, password_hash: row.password_hash }
    }
}

#[derive(sqlx::FromRow)]
struct MembershipRow {
    #[sqlx(flatten)]
    tenant: TenantRow,
    role: String,
    since: DateTime<Utc>,
}

impl TryFrom<MembershipRow> for Membership {
    type Error = StoreError;
    fn try_from(row: MembershipRow) -> Result<Self> {
        Ok(Self {
            tenant: row.tenant.into(),
            role: Role::read("members", "role", &row.role)?,
            since: row.since,
        })
    }
}

impl Store {
    /// Creates a tenant with its owner, first policy (defaults) and hook key, in one transaction. (It has no prompt of
    /// its own: until one is saved the built-in one is used.)
    /// [`crate::StoreError::Conflict`] when the address is taken.
    pub async fn tenant_create(&self, new: NewTenant, now: DateTime<Utc>) -> Result<(TenantId, UserId)> {
        self.write(Scope::EveryTenant, (self.inner.keys.clone(), new, now), |tx, (keys, new, now)| {
            Box::pin(async move {
                let tenant = TenantId(rows::id_at(*now));
                execute!(
                    tx,
                    "INSERT INTO tenants (id, name, time_zone, created_at) VALUES ($1, $2, 'UTC', $3)",
                    tenant.0,
                    clean(new.name.trim()),
                    *now
                )?;
                let user = user_insert(tx, &new.owner_email, &new.owner_name, &new.password_hash, *now)
                    .await?
                    .ok_or(StoreError::Conflict { what: "an account with this address" })?;
                member_insert(tx, tenant, user, Role::Owner, *now).await?;
                policies::insert_first(tx, tenant, *now).await?;
                connections::hook_put(tx, keys, tenant, *now).await?;
                audit::append(tx, tenant, "system", "tenant.created", "the workspace was created", *now)
                    .await?;
                Ok((tenant, user))
            })
        })
        .await
    }

    pub async fn tenant_list(&self) -> Result<Vec<Tenant>> {
        let mut reader = self.read(Scope::EveryTenant).await?;
        let found =
            fetch_all!(reader, TenantRow, "SELECT id, name, time_zone, created_at FROM tenants ORDER BY id")?;
        Ok(found.into_iter().map(Tenant::from).collect())
    }

    /// Everything of the tenant goes, people who belong to no other tenant included.
    pub async fn tenant_delete(&self, tenant: TenantId) -> Result<bool> {
        self.write(Scope::EveryTenant, tenant, |tx, tenant| {
            Box::pin(async move {
                execute!(
                    tx,
                    "DELETE FROM users WHERE id IN (SELECT user_id FROM members WHERE tenant_id = $1)
                       AND id NOT IN (SELECT user_id FROM members WHERE tenant_id <> $1)",
                    tenant.0
                )?;
                // The long tables first, in bulk; the row of the tenant takes the rest with it.
                for text in [
                    "DELETE FROM jobs WHERE tenant_id = $1",
                    "DELETE FROM deliveries WHERE tenant_id = $1",
                    "DELETE FROM tickets WHERE tenant_id = $1",
                ] {
                    execute!(tx, text, tenant.0)?;
                }
                Ok(execute!(tx, "DELETE FROM tenants WHERE id = $1", tenant.0)? > 0)
            })
        })
        .await
    }

    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        let mut reader = self.read(Scope::NoTenant).await?;
        let found = fetch_optional!(
            reader,
            UserRow,
            "SELECT id, email, name, password_hash FROM users WHERE email = $1",
            normal_email(email)
        )?;
        Ok(found.map(User::from))
    }

    pub async fn user_fetch(&self, user: UserId) -> Result<Option<User>> {
        let mut reader = self.read(Scope::NoTenant).await?;
        let found = fetch_optional!(
            reader,
            UserRow,
            "SELECT id, email, name, password_hash FROM users WHERE id = $1",
            user.0
        )?;
        Ok(found.map(User::from))
    }

    /// Sessions opened with the old password end (see [`User::password_mark`]). Each workspace of the person hears of it.
    pub async fn user_set_password(
        &self,
        user: UserId,
        password_hash: &str,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.write(
            Scope::EveryTenant,
            (user, password_hash.to_owned(), actor.clone(), now),
            |tx, (user, hash, actor, now)| {
                Box::pin(async move {
                    execute!(tx, "UPDATE users SET password_hash = $1 WHERE id = $2", hash, user.0)?;
                    let tenants: Vec<(Uuid,)> = fetch_all!(
                        tx,
                        (Uuid,),
                        "SELECT tenant_id FROM members WHERE user_id = $1 ORDER BY tenant_id",
                        user.0
                    )?;
                    for tenant in tenants.into_iter().map(|(id,)| TenantId(id)) {
                        let by = audit::name(tx, tenant, actor).await?;
                        let whose = audit::name(tx, tenant, &Actor::User(*user)).await?;
                        let detail = format!("{whose} has a new password");
                        audit::append(tx, tenant, &by, "password.changed", &detail, *now).await?;
                    }
                    Ok(())
                })
            },
        )
        .await
    }

    /// The workspace joined first comes first.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<Membership>> {
        let mut reader = self.read(Scope::EveryTenant).await?;
        fetch_all!(
            reader,
            MembershipRow,
            "SELECT t.id, t.name, t.time_zone, t.created_at, m.role, m.since FROM members m JOIN tenants t ON t.id = m.tenant_id
             WHERE m.user_id = $1 ORDER BY m.since, t.id",
            user.0
        )?
        .into_iter()
        .map(Membership::try_from)
        .collect()
    }

    pub async fn membership(&self, user: UserId, tenant: TenantId) -> Result<Option<Membership>> {
        let mut reader = self.read(Scope::Tenant(tenant)).await?;
        fetch_optional!(
            reader,
            MembershipRow,
            "SELECT t.id, t.name, t.time_zone, t.created_at, m.role, m.since FROM members m JOIN tenants t ON t.id = m.tenant_id
             WHERE m.user_id = $1 AND m.tenant_id = $2",
            user.0,
            tenant.0
        )?
        .map(Membership::try_from)
        .transpose()
    }
}

impl TenantStore {
    pub async fn tenant_fetch(&self) -> Result<Option<Tenant>> {
        let mut reader = self.read().await?;
        let found = fetch_optional!(
            reader,
            TenantRow,
            "SELECT id, name, time_zone, created_at FROM tenants WHERE id = $1",
            self.tenant.0
        )?;
        Ok(found.map(Tenant::from))
    }

    /// A new time zone moves tickets to other days: the trends are counted anew.
    pub async fn tenant_update(
        &self,
        name: &str,
        time_zone: &str,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let input =
            (self.tenant, clean(name.trim()).into_owned(), clean(time_zone).into_owned(), actor.clone(), now);
        self.write(input, |tx, (tenant, name, time_zone, actor, now)| {
            Box::pin(async move {
                let before: Option<(String,)> = fetch_optional!(
                    tx,
                    (String,),
                    locked!(tx, "SELECT time_zone FROM tenants WHERE id = $1"),
                    tenant.0
                )?;
                let Some((before,)) = before else { return Ok(()) };
                execute!(
                    tx,
                    "UPDATE tenants SET name = $1, time_zone = $2 WHERE id = $3",
                    name,
                    time_zone,
                    tenant.0
                )?;
                if before != *time_zone {
                    trends::rebuild(tx, *tenant).await?;
                }
                let by = audit::name(tx, *tenant, actor).await?;
                let detail = format!("the workspace is called {name}, its time zone is {time_zone}");
                audit::append(tx, *tenant, &by, "tenant.saved", &detail, *now).await
            })
        })
        .await
    }

    pub async fn member_list(&self) -> Result<Vec<Member>> {
        let mut reader = self.read().await?;
        let found: Vec<(Uuid, String, String, String, DateTime<Utc>)> = fetch_all!(
            reader,
            (Uuid, String, String, String, DateTime<Utc>),
            "SELECT u.id, u.email, u.name, m.role, m.since FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.tenant_id = $1 ORDER BY m.since, u.email",
            self.tenant.0
        )?;
        found
            .into_iter()
            .map(|(user, email, name, role, since)| {
                Ok(Member {
                    user: user.into(),
                    email,
                    name,
                    role: Role::read("members", "role", &role)?,
                    since,
                })
            })
            .collect()
    }

    /// Adds a person with a sign-in of their own and this password. Who has one already and is somewhere a member is not
    /// added: neither they nor the workspace has been asked whether the two belong together, and nobody knows whose
    /// address it really is; see [`Self::member_link`]. Who is a member nowhere any more gets this password.
    /// [`StoreError::Conflict`] for both, and for who is a member already.
    pub async fn member_add(
        &self,
        email: &str,
        name: &str,
        role: Role,
        password_hash: &str,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<UserId> {
        let input = (
            self.tenant,
            email.to_owned(),
            name.to_owned(),
            role,
            password_hash.to_owned(),
            actor.clone(),
            now,
        );
        self.write(input, |tx, (tenant, email, name, role, password_hash, actor, now)| {
            Box::pin(async move {
                let user = match user_insert(tx, email, name, password_hash, *now).await? {
                    Some(user) => user,
                    None => {
                        // Members of every workspace are asked after: nobody's sign-in is taken from them.
                        tx.enter(Scope::EveryTenant).await?;
                        let user = take_over_unused(tx, email, name, password_hash).await?;
                        tx.enter(Scope::Tenant(*tenant)).await?;
                        user
                    }
                };
                if !member_insert(tx, *tenant, user, *role, *now).await? {
                    return Err(StoreError::Conflict { what: "a member with this address" });
                }
                note_added(tx, *tenant, email, *role, actor, *now).await?;
                Ok(user)
            })
        })
        .await
    }

    /// Adds somebody who has a sign-in already, at the operator's word. [`StoreError::Conflict`] when the person is a
    /// member.
    pub async fn member_link(
        &self,
        user: UserId,
        role: Role,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.write((self.tenant, user, role, actor.clone(), now), |tx, (tenant, user, role, actor, now)| {
            Box::pin(async move {
                let (email,): (String,) =
                    fetch_one!(tx, (String,), "SELECT email FROM users WHERE id = $1", user.0)?;
                if !member_insert(tx, *tenant, *user, *role, *now).await? {
                    return Err(StoreError::Conflict { what: "a member with this address" });
                }
                note_added(tx, *tenant, &email, *role, actor, *now).await
            })
        })
        .await
    }

    /// `false` when there is no such member, or it is the last owner.
    pub async fn member_remove(&self, user: UserId, actor: &Actor, now: DateTime<Utc>) -> Result<bool> {
        self.write((self.tenant, user, actor.clone(), now), |tx, (tenant, user, actor, now)| {
            Box::pin(async move {
                let members: Vec<(Uuid, String)> = fetch_all!(
                    tx,
                    (Uuid, String),
                    locked!(tx, "SELECT user_id, role FROM members WHERE tenant_id = $1 ORDER BY user_id"),
                    tenant.0
                )?;
                let is_owner = |role: &str| role == Word::word(Role::Owner);
                let Some((_, role)) = members.iter().find(|(id, _)| *id == user.0) else {
                    return Ok(false);
                };
                if is_owner(role) && members.iter().filter(|(_, role)| is_owner(role)).count() == 1 {
                    return Ok(false);
                }
                let by = audit::name(tx, *tenant, actor).await?;
                let who = audit::name(tx, *tenant, &Actor::User(*user)).await?;
                execute!(tx, "DELETE FROM members WHERE tenant_id = $1 AND user_id = $2", tenant.0, user.0)?;
                audit::append(tx, *tenant, &by, "member.removed", &format!("{who} was removed"), *now)
                    .await?;
                Ok(true)
            })
        })
        .await
    }
}

/// `None` when the address is taken.
async fn user_insert(
    tx: &mut Tx,
    email: &str,
    name: &str,
    password_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<UserId>> {
    let new: Option<(Uuid,)> = fetch_optional!(
        tx,
        (Uuid,),
        "INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (email) DO NOTHING RETURNING id",
        rows::id_at(now),
        normal_email(email),
        clean(name.trim()),
        password_hash,
        now
    )?;
    Ok(new.map(|(id,)| id.into()))
}

/// The account with this address, if it belongs to no workspace; with a new name and password, so that whoever had it
/// before is out.
async fn take_over_unused(tx: &mut Tx, email: &str, name: &str, password_hash: &str) -> Result<UserId> {
    let unused: Option<(Uuid,)> = fetch_optional!(
        tx,
        (Uuid,),
        "UPDATE users SET name = $1, password_hash = $2
         WHERE email = $3 AND NOT EXISTS (SELECT 1 FROM members m WHERE m.user_id = users.id) RETURNING id",
        clean(name.trim()),
        password_hash,
        normal_email(email)
    )?;
    let (id,) = unused.ok_or(StoreError::Conflict { what: "an account with this address" })?;
    Ok(id.into())
}

async fn note_added(
    tx: &mut Tx,
    tenant: TenantId,
    email: &str,
    role: Role,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<()> {
    let by = audit::name(tx, tenant, actor).await?;
    let detail = format!("{} was added as {}", normal_email(email), role.word());
    audit::append(tx, tenant, &by, "member.added", &detail, now).await
}

/// `false` when the person is a member already.
async fn member_insert(
    tx: &mut Tx,
    tenant: TenantId,
    user: UserId,
    role: Role,
    now: DateTime<Utc>,
) -> Result<bool> {
    let inserted = execute!(
        tx,
        "INSERT INTO members (tenant_id, user_id, role, since) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        tenant.0,
        user.0,
        Word::word(role),
        now
    )?;
    Ok(inserted > 0)
}
