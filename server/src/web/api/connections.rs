//! `connections/psa` and `connections/model`.

use super::Api;
use super::auth::Caller;
use super::extract::{Body, Query};
use super::problem::ApiProblem;
use super::tickets::words;
use app::ops::Leading;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{Lookups, ModelSettings, PsaKind, PsaSettings, Report};
use serde::{Deserialize, Serialize};
use store::connections::{ConnectionState, HookChange};
use utoipa::openapi::Object;
use utoipa::{IntoParams, ToSchema};

/// Whether a connection works, as far as we know.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StateWord {
    /// Saved, not tried yet.
    Untested,
    Working,
    /// Everything that needs it waits; `reason` says what to do. It is tried again by itself at `next_try`.
    Paused,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    state: StateWord,
    since: Option<DateTime<Utc>>,
    reason: Option<String>,
    /// While it is paused: when it is tried again by itself.
    next_try: Option<DateTime<Utc>>,
}

impl From<ConnectionState> for Health {
    fn from(state: ConnectionState) -> Self {
        let health = |state, since| Self { state, since, reason: None, next_try: None };
        match state {
            ConnectionState::Untested => health(StateWord::Untested, None),
            ConnectionState::Working { since } => health(StateWord::Working, Some(since)),
            ConnectionState::Paused { since, reason, next_try } => Self {
                reason: Some(reason),
                next_try: Some(next_try),
                ..health(StateWord::Paused, Some(since))
            },
        }
    }
}

/// A connection to a ticketing system. The secret in `settings` is shown by its last four characters.
#[derive(Serialize, ToSchema)]
pub(super) struct PsaConnection {
    settings: PsaSettings,
    /// Which of the systems it is that the workspace was ever connected to: `halopsa` is the first of its product,
    /// `halopsa:2` the second. A ticket's number means something only within one.
    instance: String,
    health: Health,
    updated_at: DateTime<Utc>,
}

/// What became of a connection that was saved.
#[derive(Serialize, ToSchema)]
pub(super) struct PsaSaved {
    #[serde(flatten)]
    connection: PsaConnection,
    #[schema(schema_with = hook_words)]
    webhook: &'static str,
}

fn hook_words() -> Object {
    let about = "What became of the webhook address, see `/hook`. `new`: this is another system than before, and the address \
        must be given to it. `again`: it has the one that it had before.";
    words(about, &["same", "new", "again"])
}

/// A ticketing system that the workspace is or was connected to.
#[derive(Serialize, ToSchema)]
pub(super) struct PsaInstance {
    instance: String,
    /// Where it was last reached: host, company or tenant, for Autotask the part of the user's name behind the `@`.
    place: String,
    connected: bool,
}

/// A connection to a model. The key in `settings` is shown by its last four characters.
#[derive(Serialize, ToSchema)]
pub(super) struct ModelConnection {
    settings: ModelSettings,
    health: Health,
    updated_at: DateTime<Utc>,
}

/// What a test found.
#[derive(Serialize, ToSchema)]
pub(super) struct Tested {
    /// All checks passed.
    ok: bool,
    #[serde(flatten)]
    report: Report,
}

impl From<Report> for Tested {
    fn from(report: Report) -> Self {
        Self { ok: report.ok(), report }
    }
}

async fn psa_of(caller: &Caller) -> Result<PsaConnection, ApiProblem> {
    let saved = caller.tenant.psa_connection().await?;
    let saved = saved.ok_or_else(|| ApiProblem::NotSetUp("No ticketing system is connected yet.".into()))?;
    Ok(PsaConnection {
        settings: saved.settings,
        instance: saved.instance.to_string(),
        health: saved.state.into(),
        updated_at: saved.updated_at,
    })
}

async fn model_of(caller: &Caller) -> Result<Json<ModelConnection>, ApiProblem> {
    let saved = caller.tenant.model_connection().await?;
    Ok(Json(ModelConnection {
        settings: saved.settings,
        health: saved.state.into(),
        updated_at: saved.updated_at,
    }))
}

/// The connected ticketing system
#[utoipa::path(get, path = "/connections/psa", tag = "Connections", responses(
    (status = 200, description = "The connection", body = PsaConnection),
    (status = 409, description = "No ticketing system is connected yet"),
))]
pub(super) async fn psa(caller: Caller) -> Result<Json<PsaConnection>, ApiProblem> {
    psa_of(&caller).await.map(Json)
}

/// The ticketing systems this workspace is or was connected to
///
/// A ticket, a call and waiting work belong to one of them.
#[utoipa::path(get, path = "/connections/psa/instances", tag = "Connections", responses(
    (status = 200, description = "All of them, by product and number", body = [PsaInstance]),
))]
pub(super) async fn psa_instances(caller: Caller) -> Result<Json<Vec<PsaInstance>>, ApiProblem> {
    let known = caller.tenant.psa_instances().await?;
    let shown = known.into_iter().map(|known| PsaInstance {
        instance: known.instance.to_string(),
        place: known.settings.place(),
        connected: known.is_connected,
    });
    Ok(Json(shown.collect()))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PsaPutQuery {
    /// The system has moved: it is this one of `/connections/psa/instances`, wherever the settings lead. We look: it must let
    /// us in and have the newest tickets that we know of. Refused where another one has tickets of its own. Left out: the address tells
    /// which one it is.
    same_as: Option<String>,
}

/// Connect a ticketing system
///
/// A secret that is left out, or given as it was shown, stays as it is while the address does. What is saved is not tried
/// yet: see the test.
///
/// Another address is another system, with tickets and a webhook address of its own, unless `same_as` says that it moved. Where
/// the address fits one that is known but leaves something open, such as a tenant or zone that only one of them names, the
/// newest tickets that are known are looked for.
#[utoipa::path(put, path = "/connections/psa", tag = "Connections", params(PsaPutQuery),
    request_body(content = PsaSettings, examples(
        ("connectwise" = (value = json!({"kind": "connectwise", "site": "https://na.myconnectwise.net", "company_id": "acme", "public_key": "abcDEF123", "private_key": "xyzXYZ789", "client_id": "3f0e8b4e-6c1d-4c0e-9f63-0d0a9f9b2c11"}))),
        ("autotask" = (value = json!({"kind": "autotask", "username": "api@acme.example", "secret": "s3cr3t-s3cr3t", "integration_code": "ABCDEFGH12345678"}))),
        ("halopsa" = (value = json!({"kind": "halopsa", "url": "https://acme.halopsa.com", "client_id": "7c0f3a52", "client_secret": "s3cr3t-s3cr3t"}))),
    )),
    responses((status = 200, description = "As saved", body = PsaSaved),
        (status = 502, description = "Whether it is a system that is known depends on what is there, and that could not be looked; nothing is saved")))]
pub(super) async fn psa_put(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<PsaPutQuery>,
    Body(mut settings): Body<PsaSettings>,
) -> Result<Json<PsaSaved>, ApiProblem> {
    let saved = caller.tenant.psa_connection().await?;
    settings.keep_secret(saved.as_ref().map(|saved| &saved.settings))?;
    settings.validate()?;
    let kind = settings.kind();
    let saved = match query.same_as {
        None => match api.ops.psa_leads(&caller.tenant, &settings).await? {
            Leading::AsAddressed => {
                caller.tenant.psa_connection_put(settings, &caller.actor, api.ops.now()).await?
            }
            Leading::At(instance) => {
                caller.tenant.psa_connection_move(settings, instance, &caller.actor, api.ops.now()).await?
            }
            Leading::Another => {
                caller.tenant.psa_connection_begin(settings, &caller.actor, api.ops.now()).await?
            }
        },
        Some(name) => {
            let instance = known_instance(&caller, kind, &name).await?;
            api.ops.psa_is(&caller.tenant, &settings, instance).await?;
            // What was listed while we looked is not of this system.
            caller.tenant.psa_connection_move(settings, instance, &caller.actor, api.ops.now()).await?
        }
    };
    let webhook = match saved.hook {
        HookChange::Same => "same",
        HookChange::New => "new",
        HookChange::Again => "again",
    };
    Ok(Json(PsaSaved { connection: psa_of(&caller).await?, webhook }))
}

async fn known_instance(
    caller: &Caller,
    kind: PsaKind,
    name: &str,
) -> Result<domain::PsaInstance, ApiProblem> {
    let known = caller.tenant.psa_instances().await?;
    let found = known.into_iter().map(|known| known.instance).find(|known| known.to_string() == name);
    found.filter(|found| found.kind == kind).ok_or_else(|| ApiProblem::Invalid {
        field: "same_as".into(),
        message: format!(
            "“same_as” names no {} that this workspace was connected to. See /connections/psa/instances.",
            kind.name()
        ),
    })
}

/// Test the ticketing system
///
/// Tries what a ticket needs, one check each, and names the permission that is missing.
#[utoipa::path(post, path = "/connections/psa/test", tag = "Connections", responses(
    (status = 200, description = "What was found; `ok` is false where a check failed", body = Tested),
    (status = 409, description = "No ticketing system is connected yet"),
))]
pub(super) async fn psa_test(State(api): State<Api>, caller: Caller) -> Result<Json<Tested>, ApiProblem> {
    Ok(Json(api.ops.psa_test(&caller.tenant).await?.into()))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LookupsQuery {
    /// Ask the ticketing system now, instead of taking lists that are up to an hour old.
    #[serde(default)]
    refresh: bool,
}

/// The ticketing system's own lists
///
/// Boards, statuses, priorities, people: the values that a policy is made of.
#[utoipa::path(get, path = "/connections/psa/lookups", tag = "Connections", params(LookupsQuery), responses(
    (status = 200, description = "The lists", body = Lookups),
    (status = 409, description = "No ticketing system is connected yet"),
    (status = 502, description = "The ticketing system refused or could not be reached"),
))]
pub(super) async fn lookups(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<LookupsQuery>,
) -> Result<Json<Lookups>, ApiProblem> {
    Ok(Json(api.ops.lookups(&caller.tenant, query.refresh).await?))
}

/// The model that scores
#[utoipa::path(get, path = "/connections/model", tag = "Connections", responses(
    (status = 200, description = "The connection; the built-in analyser until another is chosen", body = ModelConnection),
))]
pub(super) async fn model(caller: Caller) -> Result<Json<ModelConnection>, ApiProblem> {
    model_of(&caller).await
}

/// Choose the model that scores
///
/// A key that is left out, or given as it was shown, stays as it is while the address does.
#[utoipa::path(put, path = "/connections/model", tag = "Connections",
    request_body(content = ModelSettings, examples(
        ("builtin" = (value = json!({"kind": "builtin"}))),
        ("openai" = (value = json!({"kind": "openai", "api_key": "sk-…", "model": "gpt-4.1-mini", "base_url": "https://api.openai.com/v1"}))),
        ("azure" = (value = json!({"kind": "azure", "endpoint": "https://acme.openai.azure.com", "deployment": "scores", "api_version": "v1", "api_key": "…"}))),
    )),
    responses((status = 200, description = "As saved", body = ModelConnection)))]
pub(super) async fn model_put(
    State(api): State<Api>,
    caller: Caller,
    Body(mut settings): Body<ModelSettings>,
) -> Result<Json<ModelConnection>, ApiProblem> {
    let saved = caller.tenant.model_connection().await?;
    settings.keep_secret(&saved.settings)?;
    settings.validate()?;
    caller.tenant.model_connection_put(settings, &caller.actor, api.ops.now()).await?;
    model_of(&caller).await
}

/// Test the model
///
/// Has it score a sample ticket.
#[utoipa::path(post, path = "/connections/model/test", tag = "Connections", responses(
    (status = 200, description = "What was found; `ok` is false where a check failed", body = Tested),
))]
pub(super) async fn model_test(State(api): State<Api>, caller: Caller) -> Result<Json<Tested>, ApiProblem> {
    Ok(Json(api.ops.model_test(&caller.tenant).await?.into()))
}
