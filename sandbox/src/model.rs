//! The model stand-in: an OpenAI-compatible server, and Azure OpenAI's two addresses of the same.
//!
//! It checks a request as the real ones do (key, model, messages, response format, unknown arguments), scores the ticket
//! by the words in it ([`scorer`]), and answers in the shape that was asked for. What an older or smaller server lacks can
//! be taken away ([`Lack`]).
//!
//! Addresses: `/v1/chat/completions`, `/v1/models`, `/openai/v1/chat/completions`,
//! `/openai/deployments/{deployment}/chat/completions?api-version=…`.

mod checks;
mod scorer;

use crate::faults::{self, Watch};
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use checks::{Dialect, Refusal, Request};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Something that a server does not know; it refuses requests that use it, in the words real servers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    JsonSchema,
    Strict,
    JsonObject,
    MaxCompletionTokens,
    MaxTokens,
    Developer,
    Store,
}

/// The stand-in. Cheap to clone; clones share what was recorded.
#[derive(Clone, Default)]
pub struct Model {
    pub watch: Watch,
    lacks: Vec<Lack>,
}

impl Model {
    /// The one key that is accepted.
    pub const KEY: &str = "sk-sandbox-0123456789abcdef";
    /// The one model, and the one deployment.
    pub const NAME: &str = "sandbox-1";

    /// A server that knows everything but these.
    pub fn lacking(lacks: &[Lack]) -> Self {
        Self { watch: Watch::default(), lacks: lacks.to_vec() }
    }

    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/chat/completions", post(openai))
            .route("/v1/models", get(models))
            .route("/openai/v1/chat/completions", post(azure_v1))
            .route("/openai/deployments/{deployment}/chat/completions", post(azure_dated))
            .fallback(nowhere)
            .layer(from_fn_with_state(self.watch.clone(), faults::layer))
            .with_state(self.clone())
    }
}

async fn nowhere() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "404", "", "Resource not found")
}

async fn models(headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    checks::bearer(&headers)?;
    Ok(Json(json!({"object": "list", "data": [
        {"id": Model::NAME, "object": "model", "created": 0, "owned_by": "sandbox"}
    ]})))
}

async fn openai(State(model): State<Model>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    checks::bearer(&headers)?;
    let dialect = Dialect { names_model: true, is_old_azure: false, lacks: &model.lacks };
    Ok(answer(&dialect.check(&body)?, false))
}

async fn azure_v1(State(model): State<Model>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    checks::api_key(&headers, true)?;
    let dialect = Dialect { names_model: true, is_old_azure: false, lacks: &model.lacks };
    Ok(answer(&dialect.check(&body)?, true))
}

async fn azure_dated(
    State(model): State<Model>,
    Path(deployment): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    checks::api_key(&headers, false)?;
    let version = query.get("api-version").map(String::as_str).unwrap_or_default();
    if version.len() < 10 || !version.starts_with("20") {
        return Err(nowhere().await);
    }
    if deployment != Model::NAME {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "DeploymentNotFound",
            "",
            "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.",
        ));
    }
    let dialect = Dialect { names_model: false, is_old_azure: version < "2024-12-01", lacks: &model.lacks };
    Ok(answer(&dialect.check(&body)?, true))
}

/// The ticket inside the first user message, scored, in the shape that was asked for.
fn answer(request: &Request, azure: bool) -> Response {
    let (title, text) = scorer::ticket(&request.question);
    let scores = scorer::score(title, text);
    let full = match &request.schema {
        Some(schema) => checks::shaped(schema, &scores).to_string(),
        None if request.json => scores.to_string(),
        // As models do that are only asked in words.
        None => format!("Here is my assessment:\n\n```json\n{scores:#}\n```"),
    };
    let limit = request.most_tokens.unwrap_or(usize::MAX);
    let (content, reason) = if tokens(&full) > limit {
        (full.chars().take(limit * 4).collect(), "length")
    } else {
        (full, "stop")
    };
    let (used_in, used_out) = (request.tokens_in, tokens(&content));
    let mut choice = json!({
        "index": 0,
        "message": {"role": "assistant", "content": content, "refusal": null, "annotations": []},
        "logprobs": null,
        "finish_reason": reason,
    });
    let mut body = json!({
        "id": "chatcmpl-sandbox",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": format!("{}-2026-01-01", Model::NAME),
        "usage": {
            "prompt_tokens": used_in,
            "completion_tokens": used_out,
            "total_tokens": used_in + used_out,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "system_fingerprint": "fp_sandbox",
    });
    if azure {
        choice["content_filter_results"] = safe();
        body["prompt_filter_results"] = json!([{"prompt_index": 0, "content_filter_results": safe()}]);
    }
    body["choices"] = json!([choice]);
    let mut response = Json(body).into_response();
    let limits = [
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-limit-tokens", "200000"),
        ("x-ratelimit-remaining-tokens", "199000"),
        ("x-ratelimit-reset-tokens", "300ms"),
    ];
    for (name, value) in limits {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

fn safe() -> Value {
    let safe = json!({"filtered": false, "severity": "safe"});
    json!({"hate": safe, "self_harm": safe, "sexual": safe, "violence": safe})
}

/// Four characters a token, as the rule of thumb goes.
fn tokens(text: &str) -> usize {
    text.chars().count().div_ceil(4)
}
