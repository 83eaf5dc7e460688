//! Who calls, and how often they may.

use super::Api;
use super::problem::ApiProblem;
use axum::extract::FromRequestParts;
use domain::{Permission, Role, TokenId};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::header;
use http::request::Parts;
use std::num::NonZeroU32;
use store::accounts::Bearer;
use store::{Actor, TenantStore};

/// What a token may do: one call in 50 ms on the long run, and many at once after a rest.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(20).expect("20 is not zero");
const AT_ONCE: NonZeroU32 = NonZeroU32::new(100).expect("100 is not zero");

/// Counts calls by token; only tokens that exist are counted, so the table stays as small as they are few.
pub(super) struct Pace(DefaultKeyedRateLimiter<TokenId>);

impl Pace {
    pub(super) fn new(quota: Quota) -> Self {
        Self(RateLimiter::keyed(quota))
    }
    fn admit(&self, token: TokenId) -> Result<(), ApiProblem> {
        self.0.check_key(&token).map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now());
            ApiProblem::TooFast { seconds: wait.as_secs() + 1 }
        })
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(Quota::per_second(PER_SECOND).allow_burst(AT_ONCE))
    }
}

/// A caller with a valid token: its tenant, and who it is for the audit trail.
pub(super) struct Caller {
    pub(super) tenant: TenantStore,
    pub(super) actor: Actor,
    role: Role,
}

impl Caller {
    /// A token may do what its maker might.
    pub(super) fn require(&self, permission: Permission) -> Result<(), ApiProblem> {
        if self.role.can(permission) { Ok(()) } else { Err(ApiProblem::Denied) }
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiProblem> {
        let header = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (scheme, presented) = header.split_once(' ').unwrap_or_default();
        // What does not look like a token costs the database nothing.
        if !scheme.eq_ignore_ascii_case("bearer") || !presented.trim().starts_with("ut_") {
            return Err(ApiProblem::Unauthenticated);
        }
        let found = api.store.token_lookup(presented.trim(), api.ops.now()).await?;
        let Bearer { tenant, token, role } = found.ok_or(ApiProblem::Unauthenticated)?;
        api.pace.admit(token)?;
        Ok(Self { tenant: api.store.tenant(tenant), actor: Actor::Token(token), role })
    }
}
