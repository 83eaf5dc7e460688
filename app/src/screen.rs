//! The frame around every page: who looks, where they are, what they may go to, and what went wrong.

use crate::AppError;
use crate::form::{self, Entry, Notice};
use crate::palette::{Palette, Place};
use crate::ui::{Clockface, Icon, Logo, Problem};
use crate::viewer::{Viewer, viewer};
use domain::{Mode, Permission};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_params_map};
use leptos_router::params::ParamsMap;
use std::future::Future;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub path: String,
    /// As it stands in the address, without `?`.
    pub search: String,
    params: ParamsMap,
}

impl Asked {
    /// Reads the request; call it while the component is built, not in a future.
    fn current() -> Self {
        let location = use_location();
        Self {
            path: location.pathname.get_untracked(),
            search: location.search.get_untracked().trim_start_matches('?').to_owned(),
            params: use_params_map().get_untracked(),
        }
    }
    /// A part of the path, such as `:id`, if it has the form of a `T`; otherwise there is nothing at this address.
    pub fn param<T: std::str::FromStr>(&self, name: &str) -> Result<T, AppError> {
        self.params.get_str(name).and_then(|text| text.parse().ok()).ok_or(AppError::NotFound)
    }
    /// The first value of a query parameter; absent and empty are the same.
    pub fn query(&self, name: &str) -> Option<String> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&self.search).unwrap_or_default();
        pairs.into_iter().find(|(key, value)| key == name && !value.trim().is_empty()).map(|(_, value)| value)
    }
    fn address(&self) -> String {
        if self.search.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.search) }
    }
}

/// Where a page belongs in the rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nav {
    Overview,
    Tickets,
    Clients,
    Activity,
    Setup,
    Policy,
    Prompt,
    Accuracy,
    Connections,
    Tokens,
    Settings,
}

impl Nav {
    const LISTEN: [Self; 4] = [Self::Overview, Self::Tickets, Self::Clients, Self::Activity];
    const ARRANGE: [Self; 7] = [
        Self::Policy,
        Self::Prompt,
        Self::Accuracy,
        Self::Connections,
        Self::Tokens,
        Self::Settings,
        Self::Setup,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Tickets => "Tickets",
            Self::Clients => "Clients",
            Self::Activity => "Activity",
            Self::Setup => "Set-up",
            Self::Policy => "Policy",
            Self::Prompt => "Prompt",
            Self::Accuracy => "Accuracy",
            Self::Connections => "Connections",
            Self::Tokens => "API tokens",
            Self::Settings => "Settings",
        }
    }
    fn href(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Tickets => "/tickets",
            Self::Clients => "/clients",
            Self::Activity => "/activity",
            Self::Setup => "/setup",
            Self::Policy => "/policy",
            Self::Prompt => "/prompt",
            Self::Accuracy => "/accuracy",
            Self::Connections => "/connections",
            Self::Tokens => "/tokens",
            Self::Settings => "/settings",
        }
    }
    /// After `g`, this key goes there.
    fn key(self) -> &'static str {
        match self {
            Self::Overview => "o",
            Self::Tickets => "t",
            Self::Clients => "c",
            Self::Activity => "a",
            Self::Policy => "p",
            Self::Accuracy => "y",
            Self::Connections => "n",
            Self::Setup | Self::Prompt | Self::Tokens | Self::Settings => "",
        }
    }
    fn icon(self) -> Icon {
        match self {
            Self::Overview => Icon::Overview,
            Self::Tickets => Icon::Tickets,
            Self::Clients => Icon::Clients,
            Self::Activity => Icon::Activity,
            Self::Setup => Icon::Setup,
            Self::Policy => Icon::Policy,
            Self::Prompt => Icon::Prompt,
            Self::Accuracy => Icon::Accuracy,
            Self::Connections => Icon::Connections,
            Self::Tokens => Icon::Tokens,
            Self::Settings => Icon::Settings,
        }
    }
}

/// A page, loaded: what [`screen`] puts into the frame.
pub struct Screen {
    nav: Nav,
    title: String,
    body: AnyView,
}

impl Screen {
    /// `title` names the browser tab; the body brings its own `PageHeader`.
    pub fn new(nav: Nav, title: impl Into<String>, body: impl IntoView + 'static) -> Self {
        Self { nav, title: title.into(), body: body.into_any() }
    }
}

/// A page for people who are signed in and may `permission`.
///
/// `load` gets the viewer and the request, reads what it needs from the store and builds the body. What it returns as an
/// error becomes a page with the right status that says what to do; somebody who is not signed in is led to sign-in and
/// back here. Context while `load` runs: [`Clockface`] for times, and what the last form left for this page.
pub fn screen<Load, Loading>(permission: Permission, load: Load) -> impl IntoView
where
    Load: FnOnce(Viewer, Asked) -> Loading + Send + 'static,
    Loading: Future<Output = Result<Screen, AppError>> + Send,
{
    let asked = Asked::current();
    let page = Suspend::new(async move {
        let address = asked.address();
        let path = asked.path.clone();
        match Box::pin(framed(permission, path, move |viewer| load(viewer, asked))).await {
            Ok(view) => view,
            Err(AppError::NotSignedIn) => {
                let next = serde_urlencoded::to_string([("next", address)]).unwrap_or_default();
                form::redirect(&format!("/sign-in?{next}"));
                ().into_any()
            }
            Err(error) => alone(error),
        }
    });
    view! { <Suspense>{page}</Suspense> }
}

/// Runs `load` for the viewer; a failure of `load` keeps the frame, so that people can go on from there.
async fn framed<Load, Loading>(permission: Permission, path: String, load: Load) -> Result<AnyView, AppError>
where
    Load: FnOnce(Viewer) -> Loading,
    Loading: Future<Output = Result<Screen, AppError>>,
{
    let viewer = viewer(permission).await?;
    let mode = viewer.store.policy().await?.body.mode;
    let notice = receive(&path).await?;
    provide_context(Clockface { now: viewer.now, zone: viewer.time_zone });
    let screen = match load(viewer.clone()).await {
        Ok(screen) => screen,
        Err(AppError::NotSignedIn) => return Err(AppError::NotSignedIn),
        Err(error) => {
            set_status(&error);
            let title = error.title();
            return Ok(frame(
                &viewer,
                mode,
                None,
                title.into(),
                notice,
                view! { <Problem error/> }.into_any(),
            ));
        }
    };
    Ok(frame(&viewer, mode, Some(screen.nav), screen.title, notice, screen.body))
}

/// A page for anybody: sign-in and sign-up.
pub fn open_screen<Load, Loading>(load: Load) -> impl IntoView
where
    Load: FnOnce(Asked) -> Loading + Send + 'static,
    Loading: Future<Output = Result<(String, AnyView), AppError>> + Send,
{
    let asked = Asked::current();
    let page = Suspend::new(async move {
        let path = asked.path.clone();
        let loaded = async {
            let notice = receive(&path).await?;
            let (title, body) = load(asked).await?;
            Ok((title, notice, body))
        };
        match loaded.await {
            Ok((title, notice, body)) => view! {
                {document_title(&format!("{title} · Undertone"))}
                <main class="door" id="main">
                    <div class="door-form">
                        <a class="wordmark" href="/"><Logo/>"Undertone"</a>
                        <NoticeLine notice/>
                        {body}
                    </div>
                    <DoorArt/>
                </main>
            }
            .into_any(),
            Err(error) => alone(error),
        }
    });
    view! { <Suspense>{page}</Suspense> }
}

async fn receive(path: &str) -> Result<Option<Notice>, AppError> {
    let (entry, notice) = form::take_left(path).await?;
    provide_context::<Entry>(entry);
    Ok(notice)
}

/// The page for an address that no route knows.
pub fn not_found() -> impl IntoView {
    set_status(&AppError::NotFound);
    alone(AppError::NotFound)
}

fn alone(error: AppError) -> AnyView {
    set_status(&error);
    view! {
        {document_title(&format!("{} · Undertone", error.title()))}
        <main class="alone" id="main">
            <a class="wordmark" href="/"><Logo/>"Undertone"</a>
            <Problem error/>
        </main>
    }
    .into_any()
}

/// `Title` writes its text into the document as it is; a ticket's title is a stranger's.
fn document_title(text: &str) -> impl IntoView + use<> {
    view! { <Title text=html_escape::encode_text(text).into_owned()/> }
}

fn set_status(error: &AppError) {
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(error.status());
    }
}

fn frame(
    viewer: &Viewer,
    mode: Mode,
    here: Option<Nav>,
    title: String,
    notice: Option<Notice>,
    body: AnyView,
) -> AnyView {
    let tenant = &viewer.tenant.name;
    view! {
        {document_title(&format!("{title} · {tenant} · Undertone"))}
        <a class="skip" href="#main">"Skip to the content"</a>
        <div class="frame">
            {rail(viewer, mode, here)}
            <main class="main" id="main" tabindex="-1">
                <NoticeLine notice/>
                {body}
            </main>
            {bar(viewer, mode, here)}
        </div>
        <div data-late="">{palette()}</div>
    }
    .into_any()
}

/// Everything in the rail can be gone to by the keyboard.
fn palette() -> AnyView {
    use leptos::server_fn::ServerFn;
    let place = |nav: Nav| Place {
        word: nav.word().into(),
        detail: "Page".into(),
        href: nav.href().into(),
        key: nav.key().into(),
    };
    let places = Nav::LISTEN.into_iter().chain(Nav::ARRANGE).map(place).collect();
    view! { <Palette places find=crate::pages::find::Find::url().to_owned()/> }.into_any()
}

/// Left on wide screens; on phones only the product's name is left of it.
fn rail(viewer: &Viewer, mode: Mode, here: Option<Nav>) -> AnyView {
    view! {
        <header class="rail">
            <a class="wordmark" href="/" aria-label="Undertone, to the overview"><Logo/><span>"Undertone"</span></a>
            <button type="button" class="palette-open needs-scripts" aria-keyshortcuts="Control+K Meta+K">
                {Icon::Search.view()}<span>"Find"</span><kbd aria-hidden="true">"Ctrl K"</kbd>
            </button>
            <nav class="rail-nav" aria-label="Main">
                {nav_list(&Nav::LISTEN, here)}
                <p class="rail-group">"Arrange"</p>
                {nav_list(&Nav::ARRANGE, here)}
            </nav>
            <div class="rail-foot">{whoami(viewer, mode)}</div>
        </header>
    }
    .into_any()
}

/// At the bottom of phones.
fn bar(viewer: &Viewer, mode: Mode, here: Option<Nav>) -> AnyView {
    let more_is_here = here.is_some_and(|nav| Nav::ARRANGE.contains(&nav));
    view! {
        <nav class="bar" aria-label="Main, at the bottom">
            <ul>
                {Nav::LISTEN.map(|nav| nav_link(nav, here)).into_iter().collect_view()}
                <li>
                    <details class="bar-more">
                        <summary aria-current=more_is_here.then_some("true")>
                            {Icon::More.view()}<span>"More"</span>
                        </summary>
                        <div class="bar-sheet">{nav_list(&Nav::ARRANGE, here)}{whoami(viewer, mode)}</div>
                    </details>
                </li>
            </ul>
        </nav>
    }
    .into_any()
}

fn whoami(viewer: &Viewer, mode: Mode) -> AnyView {
    let person = if viewer.name.is_empty() { viewer.email.clone() } else { viewer.name.clone() };
    view! {
        <p class="rail-tenant">{viewer.tenant.name.clone()}</p>
        <ModeChip mode/>
        <p class="rail-person">{person}</p>
        <Session/>
    }
    .into_any()
}

fn nav_list(items: &[Nav], here: Option<Nav>) -> AnyView {
    view! { <ul>{items.iter().map(|&nav| nav_link(nav, here)).collect_view()}</ul> }.into_any()
}

fn nav_link(nav: Nav, here: Option<Nav>) -> AnyView {
    view! {
        <li>
            <a href=nav.href() aria-current=(here == Some(nav)).then_some("page")>
                {nav.icon().view()}<span>{nav.word()}</span>
            </a>
        </li>
    }
    .into_any()
}

#[component]
fn ModeChip(mode: Mode) -> impl IntoView {
    match mode {
        Mode::Shadow => view! {
            <a class="mode mode-shadow" href="/policy" title="Tickets are analysed and shown; nothing is written into your PSA.">
                "Shadow mode"
            </a>
        },
        Mode::Live => view! {
            <a class="mode mode-live" href="/policy" title="Where a threshold is reached, Undertone changes the ticket.">
                "Live"
            </a>
        },
    }
}

/// Theme and sign-out: two small forms, so that neither needs scripts.
#[component]
fn Session() -> impl IntoView {
    use crate::pages::sign_in::{SetTheme, SignOut};
    use leptos::server_fn::ServerFn;
    let theme = crate::shell::theme();
    view! {
        <div class="rail-session">
            <form method="post" action=SetTheme::url() class="theme" aria-label="Colours">
                {[("auto", "Auto"), ("light", "Light"), ("dark", "Dark")]
                    .map(|(value, word)| view! {
                        <button name="theme" value=value aria-pressed=if theme == value { "true" } else { "false" }>{word}</button>
                    })
                    .collect_view()}
            </form>
            <form method="post" action=SignOut::url()><button class="linklike">"Sign out"</button></form>
        </div>
    }
}

#[component]
fn NoticeLine(notice: Option<Notice>) -> impl IntoView {
    notice.map(|notice| {
        let (class, role) =
            if notice.failed { ("notice notice-failed", "alert") } else { ("notice notice-done", "status") };
        view! { <p class=class role=role>{notice.text}</p> }
    })
}

/// A line that begins calm and ends jagged: what the product listens for.
#[component]
fn DoorArt() -> impl IntoView {
    view! {
        <svg class="door-art" viewBox="0 0 600 900" preserveAspectRatio="none" aria-hidden="true">
            {(0..7_u32).map(|row| {
                let y = 90 + row * 120;
                view! { <path class=format!("door-line door-line-{row}") d=door_line(f64::from(y), f64::from(row))/> }
            }).collect_view()}
        </svg>
    }
}

fn door_line(y: f64, row: f64) -> String {
    use std::fmt::Write;
    let mut path = format!("M-20 {y:.1}");
    for step in 0..=128_u32 {
        let x = f64::from(step) * 5.0 - 20.0;
        let calm = (x / 58.0 + row * 0.9).sin() * (16.0 - row * 1.8);
        // From the middle rows on, a burst that grows from row to row.
        let burst = (-((x - 380.0 - row * 9.0) / (26.0 + row * 9.0)).powi(2)).exp() * row.powf(1.45) * 4.6;
        let sign = if step % 2 == 0 { 1.0 } else { -1.0 };
        let jitter = 0.6 + 0.4 * (f64::from(step) * 1.7 + row).sin();
        let _ = write!(path, " L{x:.1} {:.1}", y + calm + sign * burst * jitter);
    }
    path
}
