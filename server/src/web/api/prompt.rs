//! `prompt`: the tenant's own words in what the model is told.

use super::Api;
use super::auth::Caller;
use super::extract::{Body, Query, limit};
use super::policy::VersionsQuery;
use super::problem::ApiProblem;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::TicketId;
use serde::{Deserialize, Serialize};
use store::policies::Version;
use utoipa::ToSchema;

/// One version of the template.
#[derive(Serialize, ToSchema)]
pub(super) struct PromptVersion {
    /// Counts from 1; 0 is the built-in template.
    version: i64,
    template: String,
    saved_at: Option<DateTime<Utc>>,
    saved_by: Option<String>,
}

impl From<Version<String>> for PromptVersion {
    fn from(saved: Version<String>) -> Self {
        Self {
            version: saved.version,
            template: saved.body,
            saved_at: Some(saved.saved_at),
            saved_by: Some(saved.saved_by),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct PromptVersions {
    /// Newest first.
    versions: Vec<PromptVersion>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPrompt {
    /// A minijinja template. What the task is, how an answer looks and the ticket itself are always added by us. Empty:
    /// the built-in one.
    #[schema(example = "Score calmly. Customers of {{ client }} write in German.")]
    template: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewRequest {
    /// The template to try; the saved one unless given.
    #[serde(default)]
    template: Option<String>,
    /// A ticket of yours; an example ticket unless given.
    #[serde(default)]
    ticket: Option<TicketId>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Preview {
    /// The messages, as the model would get them.
    prompt: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Variable {
    #[schema(example = "client")]
    name: String,
    #[schema(example = "The client's name.")]
    meaning: String,
    #[schema(example = "Harbour Dental Group")]
    example: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Variables {
    variables: Vec<Variable>,
}

async fn newest(api: &Api, caller: &Caller) -> Result<PromptVersion, ApiProblem> {
    let built_in = || PromptVersion {
        version: 0,
        template: api.ops.default_prompt().to_owned(),
        saved_at: None,
        saved_by: None,
    };
    Ok(caller.tenant.prompt().await?.map_or_else(built_in, Into::into))
}

/// The prompt template
#[utoipa::path(get, path = "/prompt", tag = "Prompt", responses((status = 200, description = "The newest version, or the built-in one", body = PromptVersion)))]
pub(super) async fn prompt(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<PromptVersion>, ApiProblem> {
    Ok(Json(newest(&api, &caller).await?))
}

/// Save a prompt template
///
/// A mistake in it is told with line and column.
#[utoipa::path(put, path = "/prompt", tag = "Prompt", request_body = NewPrompt, responses((status = 200, description = "As saved", body = PromptVersion)))]
pub(super) async fn prompt_put(
    State(api): State<Api>,
    caller: Caller,
    Body(new): Body<NewPrompt>,
) -> Result<Json<PromptVersion>, ApiProblem> {
    api.ops.prompt_check(&new.template)?;
    caller.tenant.prompt_put(&new.template, &caller.actor, api.ops.now()).await?;
    Ok(Json(newest(&api, &caller).await?))
}

/// Versions of the prompt template
#[utoipa::path(get, path = "/prompt/versions", tag = "Prompt", params(VersionsQuery), responses((status = 200, description = "Newest first; none while there never was one but the built-in one", body = PromptVersions)))]
pub(super) async fn versions(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<VersionsQuery>,
) -> Result<Json<PromptVersions>, ApiProblem> {
    let versions = caller.tenant.prompt_versions(limit(query.limit)?).await?;
    let told = |saved: Version<String>| {
        let is_builtin = saved.body.is_empty();
        let version = PromptVersion::from(saved);
        if is_builtin {
            PromptVersion { template: api.ops.default_prompt().to_owned(), ..version }
        } else {
            version
        }
    };
    Ok(Json(PromptVersions { versions: versions.into_iter().map(told).collect() }))
}

/// See what the model would be sent
#[utoipa::path(post, path = "/prompt/preview", tag = "Prompt", request_body = PreviewRequest, responses((status = 200, description = "The messages", body = Preview)))]
pub(super) async fn preview(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<PreviewRequest>,
) -> Result<Json<Preview>, ApiProblem> {
    let template = match asked.template {
        Some(template) => template,
        None => newest(&api, &caller).await?.template,
    };
    Ok(Json(Preview { prompt: api.ops.prompt_preview(&caller.tenant, &template, asked.ticket).await? }))
}

/// What a template may use
#[utoipa::path(get, path = "/prompt/variables", tag = "Prompt", responses((status = 200, description = "Names, meanings, examples", body = Variables)))]
pub(super) async fn variables(State(api): State<Api>, _caller: Caller) -> Json<Variables> {
    let listed = api.ops.prompt_variables().into_iter();
    let variables = listed.map(|it| Variable { name: it.name, meaning: it.meaning, example: it.example });
    Json(Variables { variables: variables.collect() })
}
