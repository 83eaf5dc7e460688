//! `policy`: when to act and what to do.

use super::Api;
use super::auth::Caller;
use super::extract::{Body, Query, limit};
use super::problem::ApiProblem;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::Policy;
use serde::{Deserialize, Serialize};
use store::policies::Version;
use utoipa::{IntoParams, ToSchema};

/// One saved version of the policy.
#[derive(Serialize, ToSchema)]
pub(super) struct PolicyVersion {
    /// Counts from 1.
    version: i64,
    saved_at: DateTime<Utc>,
    saved_by: String,
    policy: Policy,
}

impl From<Version<Policy>> for PolicyVersion {
    fn from(saved: Version<Policy>) -> Self {
        Self {
            version: saved.version,
            saved_at: saved.saved_at,
            saved_by: saved.saved_by,
            policy: saved.body,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct PolicyVersions {
    /// Newest first.
    versions: Vec<PolicyVersion>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct VersionsQuery {
    /// 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<u32>,
}

/// The policy
#[utoipa::path(get, path = "/policy", tag = "Policy", responses((status = 200, description = "The newest version", body = PolicyVersion)))]
pub(super) async fn policy(caller: Caller) -> Result<Json<PolicyVersion>, ApiProblem> {
    Ok(Json(caller.tenant.policy().await?.into()))
}

/// Save the policy
///
/// A threshold is a score from which on we act, inclusive; null is off. Ids come from the lookups.
#[utoipa::path(put, path = "/policy", tag = "Policy",
    request_body(content = Policy, example = json!({
        "mode": "live",
        "thresholds": {"sentiment": 4, "urgency": 4, "impact": null},
        "updates": {"priority": {
            "driver": "highest",
            "values": {"4": {"id": "7", "label": "High"}, "5": {"id": "6", "label": "Critical"}},
            "ranking": [{"id": "9", "label": "Low"}, {"id": "8", "label": "Medium"}, {"id": "7", "label": "High"}, {"id": "6", "label": "Critical"}]
        }},
        "escalation": {"owner": {"id": "157", "label": "Sam Ortiz"}},
        "notes": "per_action"
    })),
    responses((status = 200, description = "As saved; the same policy again makes no new version", body = PolicyVersion)))]
pub(super) async fn policy_put(
    State(api): State<Api>,
    caller: Caller,
    Body(policy): Body<Policy>,
) -> Result<Json<PolicyVersion>, ApiProblem> {
    policy.validate()?;
    caller.tenant.policy_put(&policy, &caller.actor, api.ops.now()).await?;
    Ok(Json(caller.tenant.policy().await?.into()))
}

/// Versions of the policy
#[utoipa::path(get, path = "/policy/versions", tag = "Policy", params(VersionsQuery), responses((status = 200, description = "Newest first", body = PolicyVersions)))]
pub(super) async fn versions(
    caller: Caller,
    Query(query): Query<VersionsQuery>,
) -> Result<Json<PolicyVersions>, ApiProblem> {
    let versions = caller.tenant.policy_versions(limit(query.limit)?).await?;
    Ok(Json(PolicyVersions { versions: versions.into_iter().map(Into::into).collect() }))
}
