//! Set-up, connections, policy, prompt, tokens and settings, as a browser without scripts uses them.

use super::{Answer, Browser, OWNER, PASSWORD, Screens};
use domain::{
    Choice, Escalation, ListRule, Mode, Party, Policy, PsaKind, PsaSettings, Role, Scope, ScopeMode, Secret,
};
use http::{Request, StatusCode, header};
use store::accounts::hash_password;
use store::connections::Which;
use store::{Actor, TenantStore};

const KEY: &str = "a-private-key-for-tests";

fn connectwise() -> Vec<(&'static str, &'static str)> {
    vec![
        ("kind", "connectwise"),
        ("page", "/connections"),
        ("site", "na.myconnectwise.net"),
        ("company_id", "harbour"),
        ("public_key", "public"),
        ("private_key", KEY),
        ("client_id", "guid"),
    ]
}

fn settings() -> PsaSettings {
    PsaSettings::ConnectWise {
        site: "https://na.myconnectwise.net".into(),
        company_id: "harbour".into(),
        public_key: "public".into(),
        private_key: Secret::new(KEY),
        client_id: "guid".into(),
    }
}

async fn connected(screens: &Screens) -> TenantStore {
    let tenant = screens.workspace(OWNER).await;
    tenant.psa_connection_put(settings(), &Actor::System, screens.clock.now()).await.unwrap();
    tenant
}

/// A policy that uses every part of the form, with values of the stand-in's lists.
fn full_policy() -> Policy {
    let lists = super::stand_in::lists::of(PsaKind::ConnectWise);
    Policy {
        updates: Policy::suggest(&lists),
        escalation: Escalation {
            owner: Some(Choice::new("2", "Dana Reyes")),
            team: Some(Choice::new("3", "Escalation team")),
            status: Some(Choice::new("7", "Escalated")),
            board: Some(Choice::new("2", "Escalations")),
        },
        scope: Scope {
            clients: ListRule {
                mode: ScopeMode::Except,
                items: vec![Party { id: "5".into(), name: "Contoso Logistics".into() }],
            },
            min_words: 4,
            ..Scope::default()
        },
        ..Policy::default()
    }
}

async fn with_policy(screens: &Screens) -> TenantStore {
    let tenant = connected(screens).await;
    tenant.policy_put(&full_policy(), &Actor::System, screens.clock.now()).await.unwrap();
    tenant
}

/// What a browser would send of the form that posts to `action`: the first of them on the page.
fn filled(page: &str, action: &str) -> Vec<(String, String)> {
    let start = page.find(&format!("action=\"{action}\"")).unwrap_or_else(|| panic!("no form to {action}"));
    let form = &page[start..];
    let form = &form[..form.find("</form>").unwrap()];
    let mut fields = Vec::new();
    for piece in form.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap();
        let name = attribute(tag, "name");
        if tag.starts_with("input ")
            && (attribute(tag, "type").as_deref() != Some("checkbox") || tag.contains(" checked"))
        {
            fields.extend(name.map(|name| (name, attribute(tag, "value").unwrap_or_default())));
        } else if tag.starts_with("select ") {
            fields.extend(name.map(|name| (name, String::new())));
        } else if tag.starts_with("option ") && tag.contains(" selected") {
            fields.last_mut().unwrap().1 = attribute(tag, "value").unwrap_or_default();
        }
    }
    fields
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split(&format!(" {name}=\"")).nth(1)?;
    Some(rest.split('"').next()?.replace("&quot;", "\"").replace("&amp;", "&"))
}

async fn send(browser: &mut Browser, path: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(path, &fields).await
}

fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    match fields.iter_mut().find(|(known, _)| known == name) {
        Some(field) => field.1 = value.into(),
        None => fields.push((name.into(), value.into())),
    }
}

#[tokio::test]
async fn how_long_texts_are_kept_is_chosen_by_those_who_may() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    let page = browser.get("/settings").await.body;
    assert!(page.contains("as this instance does: 400 days"), "{page}");
    let save = |days: &'static str| [("days", days)];
    assert_eq!(browser.post("/do/retention-save", &save("7")).await.leads_to(), "/settings");
    let page = browser.get("/settings").await.body;
    assert!(page.contains("Choose 30 to 3650 days") && page.contains("value=\"7\""), "{page}");
    assert_eq!(tenant.retention().await.unwrap(), None);
    browser.post("/do/retention-save", &save("90")).await.leads_to();
    assert_eq!(tenant.retention().await.unwrap().map(|it| it.days()), Some(90));
    let page = browser.get("/settings").await.body;
    assert!(page.contains("texts are kept for 90 days") && page.contains("value=\"90\""), "{page}");

    let hash = hash_password(PASSWORD).await;
    let (by, now) = (Actor::System, screens.clock.now());
    tenant.member_add("dana@example.com", "Dana", Role::Dispatcher, &hash, &by, now).await.unwrap();
    let mut dana = screens.signed_in("dana@example.com").await;
    let page = dana.get("/settings").await.body;
    assert!(page.contains("90 days") && !page.contains("/do/retention-save"), "{page}");
    assert_eq!(dana.post("/do/retention-save", &save("30")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(tenant.retention().await.unwrap().map(|it| it.days()), Some(90));
    browser.post("/do/retention-save", &save("")).await.leads_to();
    assert_eq!(tenant.retention().await.unwrap(), None);
}

#[tokio::test]
async fn a_connection_is_saved_and_its_secret_never_comes_back() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    assert_eq!(browser.post("/do/psa-save", &connectwise()).await.leads_to(), "/connections");
    assert_eq!(tenant.psa_connection().await.unwrap().unwrap().settings, settings());

    let page = browser.get("/connections").await.body;
    assert!(page.contains("ends in …ests") && !page.contains(KEY), "{page}");

    // An empty secret keeps the one that is set.
    let mut form = filled(&page, "/do/psa-save");
    set(&mut form, "company_id", "other");
    assert_eq!(send(&mut browser, "/do/psa-save", &form).await.leads_to(), "/connections");
    let saved = tenant.psa_connection().await.unwrap().unwrap().settings;
    assert_eq!(saved.secret().expose(), KEY);
    assert_ne!(saved, settings());
}

#[tokio::test]
async fn a_connection_with_mistakes_comes_back_with_everything_but_the_secret() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    let fields: Vec<(&str, &str)> = connectwise()
        .into_iter()
        .map(|(name, value)| (name, if name == "site" { "not an address" } else { value }))
        .collect();
    assert_eq!(browser.post("/do/psa-save", &fields).await.leads_to(), "/connections");
    let page = browser.get("/connections").await.body;
    assert!(page.contains("not an address") && page.contains(r#"value="harbour""#), "{page}");
    assert!(page.contains(r#"aria-invalid="true""#) && !page.contains(KEY), "{page}");
    assert!(tenant.psa_connection().await.unwrap().is_none());
}

#[tokio::test]
async fn a_test_shows_one_line_per_check_and_what_to_grant() {
    let screens = Screens::new().await;
    connected(&screens).await;
    let mut browser = screens.signed_in(OWNER).await;
    assert_eq!(
        browser.post("/do/psa-test", &[("page", "/setup?step=psa")]).await.leads_to(),
        "/setup?step=psa"
    );
    let page = browser.get("/setup?step=psa").await.body;
    assert!(page.contains("1 of 3 checks failed") && page.contains("Service Tickets: Edit All"), "{page}");
    // Another place to go on to is not taken from the form.
    assert_eq!(
        browser.post("/do/psa-test", &[("page", "https://evil.example")]).await.leads_to(),
        "/connections"
    );
}

#[tokio::test]
async fn a_new_webhook_address_wants_to_be_confirmed() {
    let screens = Screens::new().await;
    let tenant = connected(&screens).await;
    let mut browser = screens.signed_in(OWNER).await;
    let before = tenant.hook().await.unwrap().key;
    browser.post("/do/hook-rotate", &[("page", "/connections")]).await.leads_to();
    assert_eq!(tenant.hook().await.unwrap().key, before);
    assert!(browser.get("/connections").await.body.contains("Tick this first"));
    browser.post("/do/hook-rotate", &[("page", "/connections"), ("sure", "on")]).await.leads_to();
    let after = tenant.hook().await.unwrap().key;
    assert_ne!(after, before);
    let page = browser.get("/connections").await.body;
    assert!(page.contains(&after) && !page.contains(&before), "{page}");
}

#[tokio::test]
async fn the_policy_form_sent_back_as_it_came_changes_nothing() {
    let screens = Screens::new().await;
    let tenant = with_policy(&screens).await;
    let before = tenant.policy().await.unwrap();
    let mut browser = screens.signed_in(OWNER).await;
    let form = filled(&browser.get("/policy").await.body, "/do/policy-save");
    assert_eq!(send(&mut browser, "/do/policy-save", &form).await.leads_to(), "/policy");
    let page = browser.get("/policy").await.body;
    assert!(page.contains("Nothing was different"), "{page}");
    assert_eq!(tenant.policy().await.unwrap(), before);
}

#[tokio::test]
async fn what_is_picked_is_saved_and_a_mistake_is_told_beside_its_field() {
    let screens = Screens::new().await;
    let tenant = with_policy(&screens).await;
    let mut browser = screens.signed_in(OWNER).await;
    let mut form = filled(&browser.get("/policy").await.body, "/do/policy-save");

    // A status of another board.
    let mut wrong = form.clone();
    set(&mut wrong, "escalation.status", "2");
    set(&mut wrong, "thresholds.urgency", "5");
    send(&mut browser, "/do/policy-save", &wrong).await.leads_to();
    let page = browser.get("/policy").await.body;
    assert!(page.contains("is not a status of the board “Escalations”"), "{page}");
    assert_eq!(
        filled(&page, "/do/policy-save").iter().find(|(name, _)| name == "thresholds.urgency").unwrap().1,
        "5"
    );
    assert_eq!(tenant.policy().await.unwrap().version, 2);

    set(&mut form, "thresholds.urgency", "");
    set(&mut form, "notes", "folded");
    send(&mut browser, "/do/policy-save", &form).await.leads_to();
    let saved = tenant.policy().await.unwrap();
    assert_eq!((saved.version, saved.body.thresholds.urgency, saved.body.mode), (3, None, Mode::Shadow));
    assert!(browser.get("/policy").await.body.contains("urgency threshold 4 → off; notes"));
}

#[tokio::test]
async fn a_form_that_was_overtaken_saves_nothing() {
    let screens = Screens::new().await;
    let tenant = with_policy(&screens).await;
    let mut browser = screens.signed_in(OWNER).await;
    let mut form = filled(&browser.get("/policy").await.body, "/do/policy-save");
    let other = Policy { notes: domain::NoteStyle::Folded, ..full_policy() };
    tenant.policy_put(&other, &Actor::System, screens.clock.now()).await.unwrap();
    set(&mut form, "thresholds.impact", "5");
    send(&mut browser, "/do/policy-save", &form).await.leads_to();
    assert_eq!(tenant.policy().await.unwrap().body, other);
    let page = browser.get("/policy").await.body;
    assert!(page.contains("saved version 3 while you were editing"), "{page}");
    // The page shows what was typed; sent again, it is saved.
    let again = filled(&page, "/do/policy-save");
    send(&mut browser, "/do/policy-save", &again).await.leads_to();
    assert_eq!(tenant.policy().await.unwrap().version, 4);
}

#[tokio::test]
async fn going_live_says_what_it_does_first_and_keeps_the_rest_of_the_policy() {
    let screens = Screens::new().await;
    let tenant = with_policy(&screens).await;
    let mut browser = screens.signed_in(OWNER).await;
    let page = browser.get("/policy?mode=live").await.body;
    assert!(
        page.contains("No ticket has been scored yet") && page.contains("Dana Reyes in Escalation team"),
        "{page}"
    );
    assert_eq!(tenant.policy().await.unwrap().body.mode, Mode::Shadow);
    browser.post("/do/policy-mode", &[("mode", "live")]).await.leads_to();
    assert_eq!(tenant.policy().await.unwrap().body, Policy { mode: Mode::Live, ..full_policy() });
    // Restoring an older version brings back its content, not its mode.
    browser.post("/do/policy-restore", &[("version", "1")]).await.leads_to();
    assert_eq!(tenant.policy().await.unwrap().body, Policy { mode: Mode::Live, ..Policy::default() });
}

#[tokio::test]
async fn a_suggestion_fills_the_form_and_saves_nothing() {
    let screens = Screens::new().await;
    let tenant = connected(&screens).await;
    let mut browser = screens.signed_in(OWNER).await;
    let form = filled(&browser.get("/policy").await.body, "/do/policy-save");
    send(&mut browser, "/do/policy-suggest", &form).await.leads_to();
    let page = browser.get("/policy").await.body;
    assert!(page.contains("Not saved yet") && page.contains("Raise the priority"), "{page}");
    assert_eq!(tenant.policy().await.unwrap().body, Policy::default());
}

#[tokio::test]
async fn a_part_of_the_page_is_redrawn_for_the_form_as_it_stands() {
    let screens = Screens::new().await;
    with_policy(&screens).await;
    let mut browser = screens.signed_in(OWNER).await;
    let mut form = filled(&browser.get("/policy").await.body, "/do/policy-save");
    set(&mut form, "thresholds.sentiment", "5");
    let ask = |path: &str| {
        Request::post(path)
            .header(header::HOST, super::HOST)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
    };
    let body = serde_urlencoded::to_string(&form).unwrap();
    let answer = browser.send(ask("/do/policy-look"), body.clone().into()).await;
    let html: String = serde_json::from_str(&answer.body).unwrap();
    assert!(html.contains("When sentiment is 5, hand the ticket to Dana Reyes"), "{html}");

    set(&mut form, "escalation.board", "1");
    let body = serde_urlencoded::to_string(&form).unwrap();
    let html: String =
        serde_json::from_str(&browser.send(ask("/do/policy-places"), body.clone().into()).await.body)
            .unwrap();
    assert!(html.contains("First line") && !html.contains("Escalation team"), "{html}");

    let stranger = screens.browser().send(ask("/do/policy-look"), body.into()).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_template_with_a_mistake_is_kept_and_told_by_line() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    browser.post("/do/prompt-save", &[("template", "one\r\ntwo {{ oops }}")]).await.leads_to();
    let page = browser.get("/prompt").await.body;
    assert!(page.contains("line 3, column 4") && page.contains("two {{ oops }}"), "{page}");
    assert!(tenant.prompt().await.unwrap().is_none_or(|prompt| !prompt.body.contains("oops")));

    browser.post("/do/prompt-save", &[("template", "Score {{ title }}\r\nand {{ text }}")]).await.leads_to();
    assert_eq!(tenant.prompt().await.unwrap().unwrap().body, "Score {{ title }}\nand {{ text }}");

    let fields =
        [("template", "Score {{ text }}"), ("trial_title", "Down"), ("trial_text", "I am fed up with this")];
    browser.post("/do/prompt-try", &fields).await.leads_to();
    let page = browser.get("/prompt").await.body;
    assert!(page.contains("quote-sentiment") && page.contains("What the policy would do"), "{page}");
    assert_eq!(
        tenant.prompt().await.unwrap().unwrap().body,
        "Score {{ title }}\nand {{ text }}",
        "a trial saves nothing"
    );

    browser.post("/do/prompt-restore", &[("builtin", "yes")]).await.leads_to();
    let page = browser.get("/prompt").await.body;
    assert!(page.contains("The built-in prompt is in force again"), "{page}");
    assert!(page.contains("kept up to date with Undertone"), "{page}");
    assert!(tenant.prompt().await.unwrap().is_none());
    browser.post("/do/prompt-restore", &[("version", "1")]).await.leads_to();
    assert_eq!(tenant.prompt().await.unwrap().unwrap().body, "Score {{ title }}\nand {{ text }}");
}

#[tokio::test]
async fn a_token_is_shown_once_works_and_ends_when_revoked() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    browser.post("/do/token-create", &[("name", "reporting")]).await.leads_to();
    let page = browser.get("/tokens").await.body;
    let token = page
        .split("ut_")
        .nth(1)
        .unwrap()
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '-')
        .next()
        .unwrap();
    let token = format!("ut_{token}");
    assert!(screens.store.token_lookup(&token, screens.clock.now()).await.unwrap().is_some());
    assert!(!browser.get("/tokens").await.body.contains(&token), "the token is shown once");

    let id = tenant.token_list().await.unwrap()[0].id.to_string();
    browser.post("/do/token-revoke", &[("token", &id)]).await.leads_to();
    assert!(screens.store.token_lookup(&token, screens.clock.now()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_person_is_added_with_a_password_that_is_shown_once_and_opens_the_door() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    let fields = [("email", " Dana@Example.com "), ("name", "Dana"), ("role", "dispatcher")];
    browser.post("/do/member-add", &fields).await.leads_to();
    let page = browser.get("/settings").await.body;
    let shown = page.split("paste-value\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(!browser.get("/settings").await.body.contains(&shown), "the password is shown once");
    let mut dana = screens.browser();
    assert_eq!(
        dana.post("/do/sign-in", &[("email", "dana@example.com"), ("password", &shown)]).await.leads_to(),
        "/"
    );
    assert!(dana.get("/settings").await.body.contains("An owner can add and remove people"));

    browser.post("/do/member-add", &fields).await.leads_to();
    assert!(browser.get("/settings").await.body.contains("in the workspace already"));
    browser.post("/do/workspace-save", &[("name", "Harbour"), ("time_zone", "Berlin")]).await.leads_to();
    assert!(browser.get("/settings").await.body.contains("no such time zone"));
    browser
        .post("/do/workspace-save", &[("name", "Harbour"), ("time_zone", "europe/berlin")])
        .await
        .leads_to();
    assert!(browser.get("/settings").await.body.contains("Europe/Berlin"));
}

#[tokio::test]
async fn who_may_only_read_sees_values_without_forms_and_can_send_none() {
    let screens = Screens::new().await;
    let tenant = with_policy(&screens).await;
    let hash = hash_password(PASSWORD).await;
    tenant
        .member_add("reader@example.com", "", Role::Viewer, &hash, &Actor::System, screens.clock.now())
        .await
        .unwrap();
    let mut browser = screens.signed_in("reader@example.com").await;
    let key = tenant.hook().await.unwrap().key;
    for page in [
        "/setup",
        "/setup?step=webhook",
        "/connections",
        "/policy",
        "/policy?mode=live",
        "/prompt",
        "/tokens",
        "/settings",
    ] {
        let answer = browser.get(page).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}");
        let main = answer.body.split("<main").nth(1).unwrap().split("</main>").next().unwrap();
        // Their own password everyone may change.
        let forms = main.matches("<form").count() - main.matches(r#"action="/do/password-change""#).count();
        assert_eq!(forms, 0, "{page} has a form");
        assert!(!main.contains(&key), "{page} shows the webhook address");
    }
    for form in [
        "psa-save",
        "psa-test",
        "model-save",
        "model-test",
        "hook-rotate",
        "policy-save",
        "policy-try",
        "policy-look",
        "policy-places",
        "policy-suggest",
        "policy-refresh",
        "policy-restore",
        "policy-mode",
        "prompt-save",
        "prompt-preview",
        "prompt-look",
        "prompt-try",
        "prompt-restore",
        "setup-policy",
        "token-create",
        "hook-register",
        "token-revoke",
        "workspace-save",
        "member-add",
        "member-remove",
    ] {
        let fields = [
            ("kind", "builtin"),
            ("mode", "live"),
            ("version", "1"),
            ("name", "x"),
            ("token", "x"),
            ("time_zone", "UTC"),
            ("email", "x@example.com"),
            ("role", "owner"),
            ("user", "x"),
        ];
        let answer = browser.post(&format!("/do/{form}"), &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{form}");
    }
    assert_eq!(tenant.policy().await.unwrap().body.mode, Mode::Shadow);
}

#[tokio::test]
async fn set_up_goes_on_where_it_was_left() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    assert!(browser.get("/setup").await.body.contains("0 of 4 steps are done"));
    tenant.psa_connection_put(settings(), &Actor::System, screens.clock.now()).await.unwrap();
    tenant
        .model_connection_put(domain::ModelSettings::Builtin {}, &Actor::System, screens.clock.now())
        .await
        .unwrap();
    tenant.connection_resumed(tenant.newest_save(Which::Psa).await, screens.clock.now()).await.unwrap();
    tenant.connection_resumed(tenant.newest_save(Which::Model).await, screens.clock.now()).await.unwrap();

    let page = browser.get("/setup").await.body;
    assert!(page.contains("2 of 4 steps are done") && page.contains("/do/setup-policy"), "{page}");
    let form = filled(&page, "/do/setup-policy");
    assert_eq!(send(&mut browser, "/do/setup-policy", &form).await.leads_to(), "/setup?step=webhook");
    let saved = tenant.policy().await.unwrap().body;
    assert!(saved.updates.priority.is_some(), "the suggestion was ticked");

    let page = browser.get("/setup").await.body;
    assert!(page.contains("Waiting for the first call") && page.contains("/system/callbacks"), "{page}");
    super::a_delivery(&screens, &tenant).await;
    assert!(browser.get("/setup").await.body.contains("Everything is in place"));
}
