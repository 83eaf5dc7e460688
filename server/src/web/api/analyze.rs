//! `analyze`: try a text; nothing is written.

use super::Api;
use super::auth::Caller;
use super::extract::Body;
use super::problem::ApiProblem;
use app::ops::TrialText;
use axum::Json;
use axum::extract::State;
use domain::{Assessment, Plan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text to try, as if it were a ticket.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnalyzeRequest {
    #[serde(default)]
    #[schema(example = "Invoices still cannot be printed")]
    title: String,
    #[schema(
        example = "This is the fourth time I write. Nobody can print invoices and month end is tomorrow."
    )]
    text: String,
    /// The client's name.
    #[serde(default)]
    client: String,
    /// A prompt template to try; the saved one unless given.
    #[serde(default)]
    template: Option<String>,
}

/// What an analysis of the text gives.
#[derive(Serialize, ToSchema)]
pub(super) struct AnalyzeAnswer {
    /// Null where there are no scores; see `skipped`.
    assessment: Option<Assessment>,
    /// Why there are no scores.
    skipped: Option<String>,
    /// What the policy would do.
    plan: Option<Plan>,
    model: String,
    tokens_in: i64,
    tokens_out: i64,
    /// The time the model took, in milliseconds.
    model_ms: i64,
    /// The first answer was unusable and the model was asked once more.
    repaired: bool,
}

/// Score a text
///
/// With your model, your prompt and your policy. Nothing is stored and nothing is written to the ticketing system.
#[utoipa::path(post, path = "/analyze", tag = "Analysis", request_body = AnalyzeRequest, responses(
    (status = 200, description = "Scores and plan", body = AnalyzeAnswer),
    (status = 502, description = "The model refused or could not be reached"),
))]
pub(super) async fn analyze(
    State(api): State<Api>,
    caller: Caller,
    Body(asked): Body<AnalyzeRequest>,
) -> Result<Json<AnalyzeAnswer>, ApiProblem> {
    let text = TrialText { title: asked.title, text: asked.text, client: asked.client };
    let trial = api.ops.trial(&caller.tenant, &text, asked.template.as_deref()).await?;
    let (assessment, skipped) = match trial.assessment {
        Ok(assessment) => (Some(assessment), None),
        Err(reason) => (None, Some(reason)),
    };
    let how = trial.provenance;
    Ok(Json(AnalyzeAnswer {
        assessment,
        skipped,
        plan: trial.plan,
        model: how.model,
        tokens_in: how.tokens_in,
        tokens_out: how.tokens_out,
        model_ms: how.model_ms,
        repaired: how.repaired,
    }))
}
