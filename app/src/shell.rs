//! The HTML document around the app, and the headers that go with it.

use crate::AppError;
use crate::instance::Assets;
use crate::routes::App;
use crate::ui::{Logo, Problem};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::{HeaderValue, request};
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

/// Starts the islands of a page; a page without islands never loads the wasm.
const START: &str = include_str!("start.js");
pub const THEME_COOKIE: &str = "theme";

/// The document of every page.
pub fn shell(assets: Assets) -> impl IntoView {
    let nonce = use_nonce();
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        let policy = content_security_policy(nonce.as_deref());
        if let Ok(value) = HeaderValue::from_str(&policy) {
            response.insert_header(CONTENT_SECURITY_POLICY, value);
        }
        response.insert_header(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
    let start = assets.js.clone().zip(assets.wasm.clone()).map(|(js, wasm)| {
        view! {
            <script type="module" id="start" nonce=nonce data-js=format!("/pkg/{js}") data-wasm=format!("/pkg/{wasm}") inner_html=START></script>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme()>
            <head>
                <Head css=assets.css/>
                <MetaTags/>
            </head>
            <body>
                <App/>
                {start}
            </body>
        </html>
    }
}

#[component]
fn Head(css: Option<String>) -> impl IntoView {
    view! {
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
        <meta name="color-scheme" content="light dark"/>
        <meta name="description" content="Undertone hears the undertone in every ticket."/>
        <link rel="icon" type="image/svg+xml" href="/favicon.svg"/>
        {css.map(|css| view! { <link rel="stylesheet" href=format!("/pkg/{css}")/> })}
    }
}

/// What a page may load and where its forms may go. Nothing inline but the start script, which carries the nonce.
pub fn content_security_policy(nonce: Option<&str>) -> String {
    let nonce = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{nonce}; style-src 'self'; img-src 'self'; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// A whole document for a form that could not be answered, where no page of the app can be rendered.
pub fn problem_page(error: &AppError, assets: Assets) -> String {
    let (title, error) = (error.title(), error.clone());
    let page = Owner::new().with(|| {
        view! {
            <html lang="en" data-theme="auto">
                <head>
                    <Head css=assets.css/>
                    <title>{format!("{title} · Undertone")}</title>
                </head>
                <body>
                    <main class="alone" id="main">
                        <a class="wordmark" href="/"><Logo/>"Undertone"</a>
                        <Problem error/>
                    </main>
                </body>
            </html>
        }
        .to_html()
    });
    format!("<!DOCTYPE html>{page}")
}

/// `light`, `dark`, or `auto` when nothing was chosen.
pub fn theme() -> &'static str {
    let parts = use_context::<request::Parts>();
    let cookies = parts.as_ref().and_then(|parts| parts.headers.get(http::header::COOKIE)?.to_str().ok());
    let chosen = cookies.into_iter().flat_map(|all| all.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == THEME_COOKIE).then_some(value)
    });
    match chosen {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "auto",
    }
}
