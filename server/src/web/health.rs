//! `/healthz`: this process answers. `/readyz`: it can do its work, or why it cannot.

use crate::queue::Queue;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde_json::json;
use std::time::Duration;
use store::Store;

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);

/// What readiness depends on.
#[derive(Clone)]
pub struct Health {
    pub store: Store,
    /// `None` in a process that does not work on tickets.
    pub queue: Option<Queue>,
}

/// Mounts both.
pub fn router(health: Health) -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).with_state(health)
}

async fn ready(State(health): State<Health>) -> Response {
    let mut reasons = reasons(&health.store).await;
    if reasons.is_empty() && health.queue.is_some_and(|queue| !queue.is_alive()) {
        reasons.push("the workers have not looked at the queue for a while".into());
    }
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": reasons.is_empty(), "reasons": reasons });
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Why this process cannot work; nothing of what an error says leaves the log.
async fn reasons(store: &Store) -> Vec<String> {
    match tokio::time::timeout(PATIENCE, store.ping()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "not ready: the database does not answer"
            );
            return vec!["the database does not answer".into()];
        }
        Err(_) => return vec![format!("the database did not answer within {} s", PATIENCE.as_secs())],
    }
    match tokio::time::timeout(PATIENCE, store.pending_migrations()).await {
        Ok(Ok(pending)) if pending.is_empty() => Vec::new(),
        Ok(Ok(pending)) => {
            vec![format!("migrations are missing: {}; run `undertone migrate`", pending.join(", "))]
        }
        _ => vec!["the database does not tell which migrations it has".into()],
    }
}
