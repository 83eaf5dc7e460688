//! `hook`: the tenant's own webhook address.

use super::Api;
use super::auth::Caller;
use super::problem::ApiProblem;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{PsaKind, Registration};
use serde::Serialize;
use store::connections;
use utoipa::ToSchema;

/// Where the ticketing system must send its webhooks, and how a call is verified.
#[derive(Serialize, ToSchema)]
pub(super) struct Hook {
    /// One address for each ticketing system; only that of the connected one is answered. They change when another system
    /// is connected in place of one.
    addresses: Vec<Address>,
    rotated_at: DateTime<Utc>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Address {
    psa: PsaKind,
    /// To be pasted as it is.
    #[schema(example = "https://undertone.example/hooks/autotask/k3Jq…")]
    url: String,
    /// The shared secret (Autotask) or password (HaloPSA) to enter there; shown whole, since it must be entered by hand.
    secret: Option<String>,
    verified_by: &'static str,
}

fn answer(api: &Api, hook: &connections::Hook) -> Json<Hook> {
    let address = |psa: PsaKind| Address {
        psa,
        url: api.ops.hook_address(psa, &hook.key),
        secret: (psa != PsaKind::ConnectWise).then(|| hook.secret.expose().to_owned()),
        verified_by: match psa {
            PsaKind::ConnectWise => "x-content-signature, by the key that ConnectWise serves",
            PsaKind::Autotask => "X-Hook-Signature, by the secret",
            PsaKind::HaloPsa => "Basic authentication with the secret as its password, or the address alone",
        },
    };
    Json(Hook { addresses: PsaKind::ALL.map(address).into(), rotated_at: hook.rotated_at })
}

/// The webhook address
#[utoipa::path(get, path = "/hook", tag = "Webhook", responses((status = 200, description = "Address and secret", body = Hook)))]
pub(super) async fn hook(State(api): State<Api>, caller: Caller) -> Result<Json<Hook>, ApiProblem> {
    Ok(answer(&api, &caller.tenant.hook().await?))
}

/// Make a new webhook address
///
/// The old one stops at once: set the new one in the ticketing system.
#[utoipa::path(post, path = "/hook/rotate", tag = "Webhook", responses((status = 200, description = "The new address and secret", body = Hook)))]
pub(super) async fn rotate(State(api): State<Api>, caller: Caller) -> Result<Json<Hook>, ApiProblem> {
    Ok(answer(&api, &caller.tenant.hook_rotate(&caller.actor, api.ops.now()).await?))
}

/// Register the webhook in the ticketing system
///
/// Makes the ticketing system call this workspace's address, by its own API: makes the webhook, or finds ours and repairs
/// it (switched off, an earlier address). Doing it again changes nothing.
#[utoipa::path(post, path = "/hook/register", tag = "Webhook", responses(
    (status = 200, description = "What was found and done", body = Registration),
    (status = 409, description = "No ticketing system is connected yet, or it cannot reach this instance"),
    (status = 502, description = "The ticketing system refused or could not be reached"),
))]
pub(super) async fn register(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<Registration>, ApiProblem> {
    Ok(Json(api.ops.hook_register(&caller.tenant, &caller.actor).await?))
}
