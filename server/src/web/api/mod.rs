//! `/api/v1`: everything a screen can do, for programs.
//!
//! Handlers are thin: the caller is established, the input is checked by the domain, one call is made, the result is
//! mapped. Problems come from one closed list ([`problem`]); the document at `/api/v1/openapi.json` is made from the
//! handlers themselves ([`document`]), and `/api/docs` shows it ([`page`]).

#![expect(unused_qualifications, reason = "utoipa's macros spell out what our imports shorten")]

mod analyze;
mod arrivals;
mod auth;
mod connections;
mod deliveries;
mod document;
mod export;
mod extract;
mod hook;
mod import;
mod page;
mod people;
mod policy;
mod problem;
mod prompt;
mod retention;
mod tickets;
mod trends;

use app::ops::Ops;
use auth::Pace;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use problem::ApiProblem;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Longest body of a call, in bytes. The largest is a policy with long mapping tables.
const MAX_BODY: usize = 256 * 1024;
/// Longest call. Trying a text with a slow model takes the longest; an export goes on after its beginning.
const LONGEST: Duration = Duration::from_secs(80);

/// What every handler has.
#[derive(Clone)]
pub(crate) struct Api {
    store: Store,
    ops: Arc<dyn Ops>,
    pace: Arc<Pace>,
}

/// Everything under `/api`. `ops` are the acts that need the network.
pub fn router(store: Store, ops: Arc<dyn Ops>) -> Router {
    paced_router(store, ops, Pace::default())
}

fn paced_router(store: Store, ops: Arc<dyn Ops>, pace: Pace) -> Router {
    let (calls, document) = calls().split_for_parts();
    let (document, page, policy) = {
        let document = document::completed(document);
        let page = page::render(&document);
        (document::text(&document), page.html, page.policy)
    };
    let api = Api { store, ops, pace: Arc::new(pace) };
    calls
        .route("/api/v1/openapi.json", get(move || document::answer(document.clone())))
        .route("/api/docs", get(move || page::answer(page.clone(), policy.clone())))
        .route("/api/{*rest}", axum::routing::any(nowhere))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(in_time))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(api)
}

fn calls() -> OpenApiRouter<Api> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(trends::overview))
        .routes(routes!(connections::psa, connections::psa_put))
        .routes(routes!(connections::psa_instances))
        .routes(routes!(connections::psa_test))
        .routes(routes!(connections::lookups))
        .routes(routes!(connections::model, connections::model_put))
        .routes(routes!(connections::model_test))
        .routes(routes!(hook::hook))
        .routes(routes!(hook::rotate))
        .routes(routes!(hook::register))
        .routes(routes!(policy::policy, policy::policy_put))
        .routes(routes!(policy::versions))
        .routes(routes!(prompt::prompt, prompt::prompt_put))
        .routes(routes!(prompt::versions))
        .routes(routes!(prompt::preview))
        .routes(routes!(prompt::variables))
        .routes(routes!(analyze::analyze))
        .routes(routes!(tickets::list))
        .routes(routes!(tickets::one))
        .routes(routes!(tickets::replay))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::one))
        .routes(routes!(deliveries::replay))
        .routes(routes!(arrivals::arrivals))
        .routes(routes!(import::newest, import::begin))
        .routes(routes!(import::start))
        .routes(routes!(import::pause))
        .routes(routes!(import::cancel))
        .routes(routes!(trends::trends))
        .routes(routes!(trends::clients))
        .routes(routes!(people::members, people::member_add))
        .routes(routes!(people::member_remove))
        .routes(routes!(people::tokens, people::token_create))
        .routes(routes!(people::token_revoke))
        .routes(routes!(people::audit))
        .routes(routes!(export::export))
        .routes(routes!(retention::retention, retention::retention_put));
    OpenApiRouter::with_openapi(document::head()).nest("/api/v1", v1)
}

/// Answers before the layer around all pages would, so that the answer is a problem like any other.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiProblem::TimedOut.into_response(),
    }
}

async fn nowhere() -> ApiProblem {
    ApiProblem::NoSuchAddress
}

async fn wrong_method() -> ApiProblem {
    ApiProblem::WrongMethod
}

/// The whole document, as it is served.
#[cfg(test)]
pub(crate) fn document_for_tests() -> serde_json::Value {
    document::completed(calls().split_for_parts().1)
}

#[cfg(test)]
mod tests;
