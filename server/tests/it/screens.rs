//! The screens' door: sessions, sign-in, forms and their errors, the same-origin check, headers. Each test has its own
//! database and speaks HTTP as a browser without scripts does.

mod clients;
mod connections;
mod people;
mod policy;
#[path = "../../examples/screens/seed.rs"]
mod seed;
mod settings;
#[path = "../../examples/screens/stand_in.rs"]
mod stand_in;
mod tickets;

use app::Instance;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use domain::{PsaKind, Role};
use http::{HeaderMap, Request, StatusCode, header};
use server::clock::Clock;
use server::web::ui;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::accounts::{NewTenant, hash_password};
use store::door::{Disposition, NewDelivery};
use store::testing::TestStore;
use store::{Actor, Store, TenantStore};
use tower::ServiceExt;

const OWNER: &str = "owner@example.com";
const PASSWORD: &str = "correct horse battery staple";
const HOST: &str = "127.0.0.1:3000";

struct Screens {
    store: TestStore,
    clock: Clock,
    router: Router,
}

impl Screens {
    async fn new() -> Self {
        Self::at("http://127.0.0.1:3000").await
    }
    async fn at(public_url: &str) -> Self {
        Self::with(public_url, ui::ASK_AGAIN).await
    }
    async fn with(public_url: &str, ask_again: Duration) -> Self {
        let store = TestStore::sqlite().await;
        let clock = Clock::fixed("2026-11-23T15:00:00Z".parse().unwrap());
        let ops = Arc::new(stand_in::StandIn(clock.clone()));
        let instance =
            Instance { store: Store::clone(&store), ops, secure: public_url.starts_with("https://") };
        let router = ui::router(ui::Parts {
            instance,
            public_url: public_url.into(),
            session_hours: 12,
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            stop: tokio_util::sync::CancellationToken::new(),
            ask_again,
        });
        Self { store, clock, router }
    }
    /// A workspace of its own, with one owner.
    async fn workspace(&self, email: &str) -> TenantStore {
        let password_hash = hash_password(PASSWORD).await;
        let new = NewTenant {
            name: format!("Workspace of {email}"),
            owner_email: email.into(),
            owner_name: String::new(),
            password_hash,
        };
        let (tenant, _) = self.store.tenant_create(new, self.clock.now()).await.unwrap();
        self.store.tenant(tenant)
    }
    fn browser(&self) -> Browser {
        Browser { router: self.router.clone(), cookie: None, network: None }
    }
    async fn signed_in(&self, email: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.post("/do/sign-in", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(answer.leads_to(), "/");
        browser
    }
}

/// Keeps the session cookie, as a browser does.
#[derive(Clone)]
struct Browser {
    router: Router,
    cookie: Option<String>,
    /// Where it is, behind a proxy of ours.
    network: Option<&'static str>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn leads_to(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.headers[header::LOCATION].to_str().unwrap()
    }
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl Browser {
    async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, HOST).header(header::ACCEPT, "text/html");
        self.send(request, Body::empty()).await
    }
    /// As from a form on one of our own pages.
    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(path, fields, &[("sec-fetch-site", "same-origin")]).await
    }
    async fn post_from(&mut self, path: &str, fields: &[(&str, &str)], from: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path)
            .header(header::HOST, HOST)
            .header(header::ACCEPT, "text/html")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in from {
            request = request.header(*name, *value);
        }
        self.send(request, Body::from(serde_urlencoded::to_string(fields).unwrap())).await
    }
    async fn send(&mut self, mut request: http::request::Builder, body: Body) -> Answer {
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        if let Some(network) = self.network {
            let proxy = ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4711)));
            request = request.extension(proxy).header("x-forwarded-for", network);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            if pair.starts_with("undertone=") {
                self.cookie = Some(pair.to_owned());
            }
        }
        let body = to_bytes(body, 4 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}

async fn a_delivery(screens: &Screens, tenant: &TenantStore) -> String {
    let delivery = NewDelivery {
        tenant: tenant.tenant_id(),
        psa: PsaKind::ConnectWise.into(),
        dedupe_key: "one".into(),
        disposition: Disposition::Analyse { external_ticket: "4711".into() },
        headers: serde_json::json!({ "user-agent": "<b>PSA</b>" }),
        body: br#"{"ID":4711,"Title":"<script>alert(1)</script>"}"#.to_vec(),
        verified: true,
        received_at: screens.clock.now(),
    };
    screens.store.accept(delivery).await.unwrap().delivery.to_string()
}

const PAGES: [&str; 14] = [
    "/",
    "/tickets",
    "/clients",
    "/activity",
    "/setup",
    "/connections",
    "/import",
    "/policy",
    "/prompt",
    "/accuracy",
    "/tokens",
    "/settings",
    "/tickets?sort=urgency&columns=board.impact",
    "/tickets?label=negative&from=2026-11-01&q=%22%3E%3Cscript%3E",
];

#[tokio::test]
async fn every_page_of_an_empty_workspace_answers_and_allows_nothing_inline() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    for page in PAGES {
        let answer = browser.get(page).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}: {}", answer.body);
        assert!(answer.body.contains("<h1"), "{page}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"),
            "{page}: {policy}"
        );
        assert!(!answer.body.contains(" style="), "{page} has an inline style");
        assert!(!answer.body.contains("\"><script>"), "{page} lets the address speak");
        assert_eq!(answer.header("cache-control"), "private, no-store", "{page}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{page}");
        for script in answer.body.split("<script").skip(1) {
            assert!(script.split('>').next().unwrap().contains("nonce="), "{page}: {script}");
        }
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_sign_in_and_back() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut browser = screens.browser();
    let answer = browser.get("/tickets?label=negative").await;
    assert_eq!(answer.leads_to(), "/sign-in?next=%2Ftickets%3Flabel%3Dnegative");
    assert!(
        browser
            .get("/sign-in?next=%2Ftickets%3Flabel%3Dnegative")
            .await
            .body
            .contains("/tickets?label=negative")
    );
    let fields = [("email", OWNER), ("password", PASSWORD), ("next", "/tickets?label=negative")];
    assert_eq!(browser.post("/do/sign-in", &fields).await.leads_to(), "/tickets?label=negative");
    let fields = [("email", OWNER), ("password", PASSWORD), ("next", "//evil.example")];
    assert_eq!(screens.browser().post("/do/sign-in", &fields).await.leads_to(), "/");
    let answer =
        screens.browser().post("/do/ticket-replay", &[("id", "018f0000-0000-7000-8000-000000000000")]).await;
    assert!(answer.leads_to().starts_with("/sign-in"));
}

#[tokio::test]
async fn signing_up_makes_a_workspace_and_leads_to_set_up() {
    let screens = Screens::new().await;
    let mut browser = screens.browser();
    let fields = [
        ("company", "Harbour IT"),
        ("name", "Robin"),
        ("email", " New@Example.com "),
        ("password", PASSWORD),
    ];
    assert_eq!(browser.post("/do/sign-up", &fields).await.leads_to(), "/setup");
    assert!(browser.get("/setup").await.body.contains("Harbour IT"));
    screens.signed_in("new@example.com").await;
}

#[tokio::test]
async fn a_form_with_mistakes_comes_back_with_the_errors_beside_the_fields() {
    let screens = Screens::new().await;
    let mut browser = screens.browser();
    let fields = [("company", "Harbour <IT>"), ("name", ""), ("email", "nobody"), ("password", "tooshort-")];
    assert_eq!(browser.post("/do/sign-up", &fields).await.leads_to(), "/sign-up");
    let page = browser.get("/sign-up").await.body;
    assert!(page.contains("Harbour &lt;IT&gt;") || page.contains("Harbour <IT>\""), "{page}");
    assert!(page.contains(r#"id="email-error""#) && page.contains(r#"id="password-error""#), "{page}");
    assert!(page.contains(r#"aria-invalid="true""#), "{page}");
    assert!(!page.contains("tooshort-"), "the password came back");
    assert!(!browser.get("/sign-up").await.body.contains("email-error"), "the errors show once");
    assert!(screens.store.tenant_list().await.unwrap().is_empty());
}

#[tokio::test]
async fn sign_up_does_not_say_more_of_a_taken_address_than_it_must() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut browser = screens.browser();
    let fields = [("company", "Other"), ("email", OWNER), ("password", PASSWORD)];
    assert_eq!(browser.post("/do/sign-up", &fields).await.leads_to(), "/sign-up");
    let page = browser.get("/sign-up").await.body;
    assert!(page.contains("cannot be made with this address") && !page.contains("exists"), "{page}");
    assert!(browser.get("/").await.leads_to().starts_with("/sign-in"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut pages = Vec::new();
    for email in [OWNER, "nobody@example.com"] {
        let mut browser = screens.browser();
        let fields = [("email", email), ("password", "not the right one")];
        assert_eq!(browser.post("/do/sign-in", &fields).await.leads_to(), "/sign-in");
        let page = browser.get("/sign-in").await.body.replace(email, "ADDRESS");
        assert!(page.contains("do not fit together"), "{page}");
        // The nonce differs with every page.
        pages.push(page.split("<main").nth(1).unwrap().split("</main").next().unwrap().to_owned());
    }
    assert_eq!(pages[0], pages[1]);
}

#[tokio::test]
async fn guessing_is_stopped_for_a_while_whether_or_not_the_address_exists() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    for email in [OWNER, "nobody@example.com"] {
        let mut browser = screens.browser();
        for _ in 0..10 {
            browser.post("/do/sign-in", &[("email", email), ("password", "a wrong password")]).await;
        }
        browser.post("/do/sign-in", &[("email", &email.to_uppercase()), ("password", PASSWORD)]).await;
        assert!(browser.get("/sign-in").await.body.contains("Too many attempts"), "{email}");
    }
    screens.clock.advance(Duration::from_secs(16 * 60));
    screens.signed_in(OWNER).await;
}

#[tokio::test]
async fn a_stranger_who_guesses_does_not_lock_the_owner_out() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut stranger = Browser { network: Some("203.0.113.5"), ..screens.browser() };
    for _ in 0..12 {
        stranger.post("/do/sign-in", &[("email", OWNER), ("password", "a wrong password")]).await;
    }
    assert!(stranger.get("/sign-in").await.body.contains("Too many attempts"));
    let mut owner = Browser { network: Some("198.51.100.9"), ..screens.browser() };
    let answer = owner.post("/do/sign-in", &[("email", OWNER), ("password", PASSWORD)]).await;
    assert_eq!(answer.leads_to(), "/");
    // Many addresses from one network are one guesser too.
    for number in 0..50 {
        let email = format!("nobody-{number}@example.com");
        stranger.post("/do/sign-in", &[("email", &email), ("password", "a wrong password")]).await;
    }
    stranger.post("/do/sign-in", &[("email", "someone@example.com"), ("password", PASSWORD)]).await;
    assert!(stranger.get("/sign-in").await.body.contains("Too many attempts"));
}

#[tokio::test]
async fn guesses_at_the_same_time_are_counted_too() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let guesses = (0..40).map(|_| {
        let mut browser = Browser { network: Some("203.0.113.5"), ..screens.browser() };
        async move {
            browser.post("/do/sign-in", &[("email", OWNER), ("password", "a wrong password")]).await;
            browser.get("/sign-in").await.body.contains("do not fit together")
        }
    });
    let tried = futures::future::join_all(guesses).await.into_iter().filter(|tried| *tried).count();
    assert!(tried <= 10, "{tried} passwords were tried");
}

#[tokio::test]
async fn what_strangers_write_stays_within_the_documents_title() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let hostile = "</title><meta http-equiv=refresh content=0><svg onload=alert(1)>";
    tenant.tenant_update(hostile, "UTC", &Actor::System, screens.clock.now()).await.unwrap();
    let mut browser = screens.signed_in(OWNER).await;
    for page in PAGES {
        let body = browser.get(page).await.body;
        assert!(
            !body.contains("<meta http-equiv=refresh") && !body.contains("<svg onload"),
            "{page}: {body}"
        );
        assert!(body.contains("&lt;/title&gt;"), "{page} names the workspace");
    }
}

#[tokio::test]
async fn after_a_reset_the_person_need_not_wait() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut browser = Browser { network: Some("198.51.100.9"), ..screens.browser() };
    for _ in 0..10 {
        browser.post("/do/sign-in", &[("email", OWNER), ("password", "a wrong password")]).await;
    }
    app::forget_attempts(&screens.store, " Owner@example.com").await.unwrap();
    let answer = browser.post("/do/sign-in", &[("email", OWNER), ("password", PASSWORD)]).await;
    assert_eq!(answer.leads_to(), "/");
}

#[tokio::test]
async fn forms_sent_from_elsewhere_change_nothing() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    let elsewhere: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[],
    ];
    for from in elsewhere {
        assert_eq!(
            browser.post_from("/do/sign-out", &[], from).await.status,
            StatusCode::FORBIDDEN,
            "{from:?}"
        );
    }
    assert_eq!(browser.get("/do/sign-out").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    let own = [("origin", "http://127.0.0.1:3000")];
    assert_eq!(browser.post_from("/do/sign-out", &[], &own).await.leads_to(), "/sign-in");
}

#[tokio::test]
async fn a_session_gets_a_new_id_at_sign_in_and_is_worth_nothing_after_sign_out() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut browser = screens.browser();
    browser.post("/do/sign-in", &[("email", OWNER), ("password", "a wrong password")]).await;
    let before = browser.cookie.clone().unwrap();
    browser.post("/do/sign-in", &[("email", OWNER), ("password", PASSWORD)]).await;
    let inside = browser.cookie.clone().unwrap();
    assert_ne!(before, inside);
    let mut planted = Browser { cookie: Some(before), ..browser.clone() };
    assert!(planted.get("/").await.leads_to().starts_with("/sign-in"));
    browser.post("/do/sign-out", &[]).await;
    let mut kept = Browser { cookie: Some(inside), ..browser };
    assert!(kept.get("/").await.leads_to().starts_with("/sign-in"));
}

#[tokio::test]
async fn the_session_cookie_is_kept_from_scripts_and_other_sites() {
    for (url, secure) in [("http://127.0.0.1:3000", false), ("https://undertone.example", true)] {
        let screens = Screens::at(url).await;
        screens.workspace(OWNER).await;
        let answer = screens.browser().post("/do/sign-in", &[("email", OWNER), ("password", PASSWORD)]).await;
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert_eq!(cookie.contains("Secure"), secure, "{cookie}");
    }
}

#[tokio::test]
async fn another_workspaces_webhook_is_not_there() {
    let screens = Screens::new().await;
    let ours = screens.workspace(OWNER).await;
    screens.workspace("other@example.com").await;
    let id = a_delivery(&screens, &ours).await;
    let path = format!("/activity/{id}");
    let page = screens.signed_in(OWNER).await.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.body.contains("<script>alert"), "the body of a webhook is shown, not run");
    let mut other = screens.signed_in("other@example.com").await;
    let page = other.get(&path).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(!page.body.contains("4711"), "{}", page.body);
    other.post("/do/delivery-replay", &[("id", &id)]).await;
    assert!(other.get(&path).await.body.contains("cannot be replayed"));
}

#[tokio::test]
async fn a_role_that_only_reads_cannot_replay_and_a_removed_person_is_out_at_the_next_click() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let id = a_delivery(&screens, &tenant).await;
    let hash = hash_password(PASSWORD).await;
    let reader = tenant
        .member_add("reader@example.com", "", Role::Viewer, &hash, &Actor::System, screens.clock.now())
        .await
        .unwrap();
    let mut browser = screens.signed_in("reader@example.com").await;
    assert_eq!(browser.get(&format!("/activity/{id}")).await.status, StatusCode::OK);
    assert_eq!(browser.post("/do/delivery-replay", &[("id", &id)]).await.status, StatusCode::FORBIDDEN);
    assert!(tenant.member_remove(reader, &Actor::System, screens.clock.now()).await.unwrap());
    assert!(browser.get("/").await.leads_to().starts_with("/sign-in"));
}

#[tokio::test]
async fn what_is_not_there_is_404_in_words() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    for path in
        ["/nope", "/tickets/not-an-id", "/tickets/018f0000-0000-7000-8000-000000000000", "/activity/x"]
    {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.body.contains("Nothing here"), "{path}");
    }
    assert_eq!(browser.get("/pkg/..%2Fmanifest.json").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.post("/do/nothing", &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        browser.post("/do/ticket-replay", &[("wrong", "field")]).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn a_cursor_that_is_not_ours_is_told_in_words() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let answer = screens.signed_in(OWNER).await.get("/tickets?cursor=nonsense").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("Start from its first page"), "{}", answer.body);
}
