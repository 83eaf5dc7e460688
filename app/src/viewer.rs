//! Who is looking: the one way from a request to a tenant's data.

use crate::AppError;
use crate::instance::Instance;
use crate::ops::Ops;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{Permission, Role, TenantId, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::accounts::Tenant;
use store::{Actor, TenantStore};
use tower_sessions::Session;

/// A signed-in person and what they may reach. The first line of every page and server function makes one.
#[derive(Clone)]
pub struct Viewer {
    pub store: TenantStore,
    pub ops: Arc<dyn Ops>,
    pub actor: Actor,
    pub user: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub tenant: Tenant,
    pub time_zone: Tz,
    pub now: DateTime<Utc>,
}

impl Viewer {
    pub fn can(&self, permission: Permission) -> bool {
        self.role.can(permission)
    }
}

/// What a session holds of a signed-in person.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SignedIn {
    user: UserId,
    tenant: TenantId,
    /// Of the password that opened it: with a new password, the session ends.
    password: String,
    /// Of the membership: who was removed and added again signs in again.
    member_since: DateTime<Utc>,
    /// When the session was last prolonged.
    seen: DateTime<Utc>,
}

const SIGNED_IN: &str = "signed_in";
/// A session in use is prolonged this often, not with every request.
const PROLONG_AFTER: chrono::Duration = chrono::Duration::minutes(30);

/// The person behind this request.
///
/// `NotSignedIn` when there is none (pages then lead to sign-in and back), `Denied` when the role does not allow it.
/// Membership and password are read anew each time: a person who was removed or changed role feels it at the next
/// click, and so does whoever is still signed in with an older password.
pub async fn viewer(permission: Permission) -> Result<Viewer, AppError> {
    viewer_of(&Instance::current()?, &session().await?, permission).await
}

/// As [`viewer`], outside of pages and server functions.
pub async fn viewer_of(
    instance: &Instance,
    session: &Session,
    permission: Permission,
) -> Result<Viewer, AppError> {
    let signed_in: SignedIn = session.get(SIGNED_IN).await?.ok_or(AppError::NotSignedIn)?;
    let now = instance.ops.now();
    let membership = instance.store.membership(signed_in.user, signed_in.tenant).await?;
    let user = instance.store.user_fetch(signed_in.user).await?;
    let still = membership.zip(user).filter(|(membership, user)| {
        membership.since == signed_in.member_since && user.password_mark() == signed_in.password
    });
    let Some((membership, user)) = still else {
        session.flush().await?;
        return Err(AppError::NotSignedIn);
    };
    if !membership.role.can(permission) {
        return Err(AppError::Denied);
    }
    if now - signed_in.seen > PROLONG_AFTER {
        session.insert(SIGNED_IN, SignedIn { seen: now, ..signed_in }).await?;
    }
    Ok(Viewer {
        store: instance.store.tenant(membership.tenant.id),
        ops: Arc::clone(&instance.ops),
        actor: Actor::User(user.id),
        user: user.id,
        email: user.email,
        name: user.name,
        role: membership.role,
        time_zone: membership.tenant.time_zone.parse().unwrap_or(Tz::UTC),
        tenant: membership.tenant,
        now,
    })
}

/// The session of this request, signed in or not.
pub(crate) async fn session() -> Result<Session, AppError> {
    leptos_axum::extract::<Session>().await.map_err(AppError::broken)
}

/// Whether somebody is signed in; says nothing about what they may do.
pub(crate) async fn is_signed_in() -> Result<bool, AppError> {
    match viewer(Permission::Read).await {
        Ok(_) => Ok(true),
        Err(AppError::NotSignedIn) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Makes this session `user`'s in `tenant`. The id changes, so that an id planted before sign-in is worth nothing.
pub(crate) async fn sign_in_session(
    user: UserId,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let store = Instance::current()?.store;
    let membership = store.membership(user, tenant).await?.ok_or(AppError::NotFound)?;
    let known = store.user_fetch(user).await?.ok_or(AppError::NotFound)?;
    let session = session().await?;
    session.cycle_id().await?;
    let signed_in =
        SignedIn { user, tenant, password: known.password_mark(), member_since: membership.since, seen: now };
    session.insert(SIGNED_IN, signed_in).await?;
    Ok(())
}

/// Forgets the session here and in the store.
pub(crate) async fn sign_out_session() -> Result<(), AppError> {
    session().await?.flush().await?;
    Ok(())
}

/// `next` if it is a path of ours, otherwise `/`: a link to sign-in must not send people elsewhere afterwards.
pub fn safe_next(next: &str) -> &str {
    let inside = next.starts_with('/')
        && !next.starts_with("//")
        && !next.starts_with("/sign-")
        && next.is_ascii()
        && !next.contains('\\')
        && !next.chars().any(char::is_control);
    if inside { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn only_our_own_paths_are_followed_after_sign_in() {
        for ours in ["/", "/tickets?label=negative", "/tickets/018f"] {
            assert_eq!(safe_next(ours), ours);
        }
        for theirs in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "/\t/evil",
            "/sign-in",
        ] {
            assert_eq!(safe_next(theirs), "/", "{theirs}");
        }
    }
}
