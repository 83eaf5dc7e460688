//! The door, on one screen: what is mounted where, and what is around it.

pub mod api;
pub mod guard;
pub mod health;
pub mod hooks;
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
/// The largest body of a page's form or an API call.
const MAX_BODY: usize = 1 << 20;

/// Everything on the public port.
pub fn router(hooks: hooks::Door, health: health::Health, screens: Router, site: Site) -> Router {
    let pages = screens
        .layer(from_fn_with_state(site.clone(), guard::same_origin))
        .layer(CompressionLayer::new())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, LONGEST))
        .layer(CatchPanicLayer::custom(guard::broken));
    Router::new()
        .merge(health::router(health))
        .merge(hooks::router(hooks))
        .merge(pages)
        .layer(from_fn_with_state(site, guard::headers))
}
