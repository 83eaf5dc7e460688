//! The screens' part of the door: pages and forms, sessions, the same-origin check, and the built assets.

mod assets;
mod caller;
mod forms;
mod origin;
mod streams;

use app::{App, Instance, shell};
use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use http::{HeaderName, HeaderValue, header};
use ipnet::IpNet;
use leptos::prelude::provide_context;
use leptos_axum::{generate_route_list, render_app_async_with_context};
use std::sync::Arc;
use std::time::Duration;
use streams::Streams;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

/// What the screens are made of.
#[derive(Clone)]
pub struct Parts {
    pub instance: Instance,
    /// As in the settings: `https://undertone.example`, no path. Forms sent from elsewhere are refused.
    pub public_url: String,
    /// A session that is not used this long ends.
    pub session_hours: u32,
    /// What these say of whom they ask for is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// When it is cancelled, nobody is told of news any more.
    pub stop: CancellationToken,
    /// Whoever is told of news is asked for again so often: who signed out hears no more.
    pub ask_again: Duration,
}

/// How often it is asked again whether a person may be told of news.
pub const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Pages, forms and assets. The caller adds the other doors beside it and serves with connect info, so that attempts
/// to sign in can be counted by network address.
pub fn router(parts: Parts) -> Router {
    let Parts { instance, public_url, session_hours, trusted_proxies, stop, ask_again } = parts;
    let proxies: Arc<[IpNet]> = trusted_proxies.into();
    let sessions = SessionManagerLayer::new(instance.store.sessions())
        .with_name("undertone")
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(instance.secure)
        .with_expiry(Expiry::OnInactivity(time::Duration::hours(i64::from(session_hours))));
    let streams = Streams::new(instance.clone(), stop, ask_again);
    let (news, judged) = (streams.clone(), streams.clone());
    let context = move || provide_context(instance.clone());
    let page = render_app_async_with_context(context.clone(), || shell(assets::current()));

    let mut pages = Router::new();
    for listing in generate_route_list(App) {
        pages = pages.route(listing.path(), get(page.clone()));
    }
    let home = origin::Home::new(&public_url);
    pages
        .route("/do/{form}", post(move |request| forms::answer(context.clone(), request)))
        .route("/tickets.csv", get(move |session, query| streams.clone().tickets_csv(session, query)))
        .route("/accuracy.csv", get(move |session| judged.clone().accuracy_csv(session)))
        .route("/live/tickets", get(move |session, query| news.clone().ticket_news(session, query)))
        .fallback(get(page))
        .layer(sessions)
        .layer(middleware::from_fn(move |request, next| caller::note(proxies.clone(), request, next)))
        .layer(middleware::from_fn(move |request, next| origin::check(home.clone(), request, next)))
        .layer(CompressionLayer::new())
        .route("/pkg/{file}", get(assets::built))
        .route("/favicon.svg", get(assets::public))
        .route("/robots.txt", get(assets::public))
        .layer(fixed_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed_header(header::REFERRER_POLICY, "same-origin"))
        .layer(fixed_header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(fixed_header(
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ))
}

fn fixed_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
