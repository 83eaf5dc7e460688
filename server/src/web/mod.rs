//! The door, on one screen: what is mounted where, and what is around it.

pub mod api;
pub mod guard;
pub mod health;
pub mod hooks;
pub mod listener;
pub mod problem;
pub mod ui;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use guard::Site;
use http::StatusCode;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

/// No page and no API call takes longer; a trial with a slow model is the longest.
const LONGEST: Duration = Duration::from_secs(90);
/// The largest body of a page's form; the API sets its own.
const MAX_BODY: usize = 1 << 20;

/// What is behind the public port.
pub struct Parts {
    pub hooks: hooks::Door,
    pub health: health::Health,
    pub ui: ui::Parts,
    pub site: Site,
}

/// Everything on the public port.
pub fn router(parts: Parts) -> Router {
    let Parts { hooks, health, ui, site } = parts;
    let api = api::router(ui.instance.store.clone(), ui.instance.ops.clone()).layer(CompressionLayer::new());
    let people = Router::new()
        .merge(ui::router(ui))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .merge(api)
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, LONGEST))
        .layer(CatchPanicLayer::custom(guard::broken));
    Router::new()
        .merge(health::router(health))
        .merge(hooks::router(hooks))
        .merge(people)
        .layer(from_fn_with_state(site, guard::headers))
}
