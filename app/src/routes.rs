//! Which page answers which address.

use crate::pages;
use crate::screen::not_found;
use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::SsrMode;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

/// Every component in all its states; development builds only.
fn components() -> impl IntoView {
    #[cfg(debug_assertions)]
    return pages::showcase::ShowcasePage();
    #[cfg(not(debug_assertions))]
    not_found()
}

/// All pages. Every page is rendered whole before the first byte leaves, so that it can still redirect.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=not_found>
                <Route path=path!("/") view=pages::overview::OverviewPage ssr=SsrMode::Async/>
                <Route path=path!("/tickets") view=pages::tickets::TicketsPage ssr=SsrMode::Async/>
                <Route path=path!("/tickets/:id") view=pages::ticket::TicketPage ssr=SsrMode::Async/>
                <Route path=path!("/clients") view=pages::clients::ClientsPage ssr=SsrMode::Async/>
                <Route path=path!("/clients/:psa/:id") view=pages::client::ClientPage ssr=SsrMode::Async/>
                <Route path=path!("/clients/:psa/:id/report") view=pages::client::ReportPage ssr=SsrMode::Async/>
                <Route path=path!("/activity") view=pages::activity::ActivityPage ssr=SsrMode::Async/>
                <Route path=path!("/activity/:id") view=pages::activity::DeliveryPage ssr=SsrMode::Async/>
                <Route path=path!("/setup") view=pages::setup::SetupPage ssr=SsrMode::Async/>
                <Route path=path!("/connections") view=pages::connections::ConnectionsPage ssr=SsrMode::Async/>
                <Route path=path!("/import") view=pages::import::ImportPage ssr=SsrMode::Async/>
                <Route path=path!("/policy") view=pages::policy::PolicyPage ssr=SsrMode::Async/>
                <Route path=path!("/accuracy") view=pages::accuracy::AccuracyPage ssr=SsrMode::Async/>
                <Route path=path!("/prompt") view=pages::prompt::PromptPage ssr=SsrMode::Async/>
                <Route path=path!("/tokens") view=pages::tokens::TokensPage ssr=SsrMode::Async/>
                <Route path=path!("/settings") view=pages::settings::SettingsPage ssr=SsrMode::Async/>
                <Route path=path!("/ui") view=components ssr=SsrMode::Async/>
                <Route path=path!("/sign-in") view=pages::sign_in::SignInPage ssr=SsrMode::Async/>
                <Route path=path!("/sign-up") view=pages::sign_up::SignUpPage ssr=SsrMode::Async/>
            </Routes>
        </Router>
    }
}
