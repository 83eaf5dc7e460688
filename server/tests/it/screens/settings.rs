//! Set-up, connections, policy, prompt, tokens and settings, as a browser without scripts uses them.

use super::policy::with_policy;
use super::{Answer, Browser, OWNER, PASSWORD, Screens};
use domain::{Mode, PsaSettings, Role, Secret};
use http::StatusCode;
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

pub(super) async fn connected(screens: &Screens) -> TenantStore {
    let tenant = screens.workspace(OWNER).await;
    tenant.psa_connection_put(settings(), &Actor::System, screens.clock.now()).await.unwrap();
    tenant
}

pub(super) fn filled(page: &str, action: &str) -> Vec<(String, String)> {
    let start = page.find(&format!("action=\"{action}\"")).unwrap_or_else(|| panic!("no form to {action}"));
    let form = &page[start..];
    let form = &form[..form.find("</form>").unwrap()];
    let mut fields = Vec::new();
    for piece in form.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap();
        let name = attribute(tag, "name");
        if tag.starts_with("input ")
            && (!matches!(attribute(tag, "type").as_deref(), Some("checkbox" | "radio"))
                || tag.contains(" checked"))
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

pub(super) async fn send(browser: &mut Browser, path: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(path, &fields).await
}

pub(super) fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
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
