//! An OpenAI-compatible server that answers what the ticket's title asks for: `… (5/4/1)` is sentiment 5, urgency 4,
//! impact 1. So a story chooses its scores, and everything between the webhook and the note is real.

use axum::body::Bytes;
use axum::routing::post;
use axum::{Json, Router};
use domain::{ModelSettings, Secret};
use sandbox::faults::{self, Watch};
use serde_json::{Value, json};

pub fn router(watch: &Watch) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(answer))
        .layer(axum::middleware::from_fn_with_state(watch.clone(), faults::layer))
}

/// Of the one that is served at `url`.
pub fn settings(url: &str) -> ModelSettings {
    ModelSettings::OpenAi {
        api_key: Secret::new("sk-flow-0123456789"),
        model: "scripted".into(),
        base_url: format!("{url}/v1"),
        price: None,
    }
}

async fn answer(body: Bytes) -> Json<Value> {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let asked = request["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
    let [sentiment, urgency, impact] = scores(&asked).unwrap_or([3, 3, 3]);
    let reading = |score: u32, what: &str| {
        let quote = if score > 3 { "please" } else { "" };
        json!({"reason": format!("The {what} is {score}."), "quote": quote, "score": score})
    };
    let content = json!({
        "sentiment": reading(sentiment, "sentiment"),
        "urgency": reading(urgency, "urgency"),
        "impact": reading(impact, "impact"),
    });
    Json(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "scripted-1",
        "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": content.to_string(), "refusal": null},
        }],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }))
}

/// The first `(d/d/d)`.
fn scores(text: &str) -> Option<[u32; 3]> {
    text.split('(').skip(1).find_map(|rest| {
        let (inside, _) = rest.split_once(')')?;
        let numbers: Vec<u32> = inside.split('/').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        numbers.try_into().ok()
    })
}
