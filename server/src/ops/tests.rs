use super::*;
use crate::outside::Outside;
use chrono::TimeZone;
use domain::{ModelSettings, Secret};
use store::accounts::NewTenant;
use store::connections::Which;
use store::testing::TestStore;

fn halo(url: &str) -> PsaSettings {
    PsaSettings::HaloPsa {
        url: url.into(),
        client_id: "i".into(),
        client_secret: Secret::new("s"),
        tenant: None,
        auth_url: None,
    }
}

fn operations() -> Operations {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 3, 5, 9, 0, 0).single().expect("a time"));
    let settings = halo("http://127.0.0.1:4003");
    let sandbox =
        HashMap::from([(PsaKind::HaloPsa, StandIn { settings, desk: "http://127.0.0.1:4003".to_owned() })]);
    let public_url = Url::parse("https://undertone.example").expect("an address");
    Operations::new(Connections::new(Outside::new(true)), clock, Luck::seeded(1), public_url, sandbox)
}

#[test]
fn a_hooks_address_is_as_the_psa_must_be_given_it() {
    let ops = operations();
    assert_eq!(
        ops.hook_address(PsaKind::ConnectWise, "k1"),
        "https://undertone.example/hooks/connectwise/k1?recordId="
    );
    assert_eq!(ops.hook_address(PsaKind::Autotask, "k1"), "https://undertone.example/hooks/autotask/k1");
    assert_eq!(ops.hook_address(PsaKind::HaloPsa, "k1"), "https://undertone.example/hooks/halopsa/k1");
    assert_eq!(ops.sandbox(PsaKind::HaloPsa).map(|it| it.desk).as_deref(), Some("http://127.0.0.1:4003"));
    assert_eq!(ops.sandbox(PsaKind::Autotask), None);
}

/// What a test finds: the site, the sign-in, a right to write.
fn report(sign_in: bool, notes: bool) -> Report {
    let mut report = Report::default();
    for (name, ok) in [("Find the site", true), ("Sign in", sign_in), ("Write notes", notes)] {
        if ok { report.pass(name, "fine") } else { report.fail(name, format!("{name} is missing.")) }
    }
    report
}

#[tokio::test]
async fn a_test_pauses_what_never_worked_and_leaves_what_works() {
    let ops = operations();
    let store = TestStore::sqlite().await;
    let new = NewTenant {
        name: "Example MSP".into(),
        owner_email: "owner@example.com".into(),
        owner_name: "Owner".into(),
        password_hash: "$argon2id$unused".into(),
    };
    let (tenant, _) = store.tenant_create(new, ops.now()).await.expect("a workspace");
    let tenant = store.tenant(tenant);
    let (now, earlier) = (ops.now(), ops.now() - Duration::days(1));
    let fresh = ConnectionState::Working { since: now };
    let old = ConnectionState::Working { since: earlier };
    let paused = |since, reason: &str| (since, reason.to_owned());
    let shape = |state: ConnectionState| match state {
        ConnectionState::Paused { since, reason, next_try } => {
            assert!(next_try > since, "it is tried again");
            Err((since, reason))
        }
        other => Ok(other),
    };
    let cases = [
        ("untested", report(true, true), Ok(fresh.clone())),
        ("untested", report(true, false), Ok(fresh.clone())),
        // The site is found whatever the key.
        ("untested", report(false, false), Err(paused(now, "Sign in is missing."))),
        ("paused", report(true, true), Ok(fresh)),
        ("paused", report(false, true), Err(paused(earlier, "Sign in is missing."))),
        ("working", report(false, false), Ok(old.clone())),
        ("working", report(true, true), Ok(old)),
        ("untested", Report::default(), Err(paused(now, ""))),
    ];
    for (before, report, expected) in cases {
        let settings = ModelSettings::OpenAi {
            api_key: Secret::new("k"),
            model: "m".into(),
            base_url: "https://x.example".into(),
            price: None,
        };
        tenant.model_connection_put(settings, &Actor::System, earlier).await.expect("saved");
        match before {
            "paused" => {
                tenant
                    .connection_paused(
                        tenant.newest_save(Which::Model).await,
                        "before",
                        Pace::USUAL,
                        0.5,
                        earlier,
                    )
                    .await
            }
            "working" => tenant.connection_resumed(tenant.newest_save(Which::Model).await, earlier).await,
            _ => Ok(()),
        }
        .expect("stored");
        let state = tenant.model_connection().await.expect("read").state;
        let save = tenant.newest_save(Which::Model).await;
        ops.keep_tested(&tenant, save, &state, Pace::USUAL, &report).await.expect("stored");
        let found = shape(tenant.model_connection().await.expect("read").state);
        assert_eq!(found, expected, "{before} {report:?}");
    }
}

#[test]
fn a_text_to_try_becomes_a_ticket_or_is_refused_by_its_field() {
    let now = operations().now();
    let text = |title: &str, text: &str| TrialText {
        title: title.into(),
        text: text.into(),
        client: " Harbour ".into(),
    };
    let read = as_ticket(PsaKind::Autotask, &text(" Printer ", "It is broken."), now).expect("a ticket");
    assert_eq!((read.ticket.title.as_str(), read.ticket.psa), ("Printer", PsaKind::Autotask));
    assert_eq!(read.ticket.client.map(|client| client.name).as_deref(), Some("Harbour"));
    let field = |outcome: Result<ReadTicket, OpsError>| match outcome {
        Err(OpsError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(as_ticket(PsaKind::Autotask, &text("", " \n "), now)), "text");
    assert_eq!(field(as_ticket(PsaKind::Autotask, &text(&"x".repeat(MOST_TITLE + 1), "y"), now)), "title");
}

#[test]
fn templates_are_checked_and_their_variables_listed() {
    let ops = operations();
    assert_eq!(ops.prompt_check(ops.default_prompt()), Ok(()));
    let error = ops.prompt_check("{{ clinet }}");
    assert!(
        matches!(&error, Err(OpsError::Invalid { field, message }) if field == "template" && message.starts_with("line 1, column 4")),
        "{error:?}"
    );
    assert!(ops.prompt_variables().iter().all(|variable| !variable.example.is_empty()));
}

#[test]
fn a_psa_in_the_cloud_is_not_given_an_address_it_cannot_call() {
    let at = |public_url: &str| {
        let mut ops = operations();
        ops.public_url = Url::parse(public_url).expect("an address");
        ops
    };
    let autotask = |zone_url: Option<&str>| PsaSettings::Autotask {
        username: "u".into(),
        secret: Secret::new("s"),
        integration_code: "c".into(),
        zone_url: zone_url.map(str::to_owned),
    };
    for (public_url, settings, reaches) in [
        ("https://undertone.example", autotask(None), true),
        ("http://undertone.example", autotask(None), false),
        ("http://127.0.0.1:3000", autotask(None), false),
        ("http://127.0.0.1:3000", autotask(Some("http://127.0.0.1:4001/ATServicesRest/")), true),
        ("http://localhost:3000", halo("https://acme.halopsa.com"), false),
        ("http://undertone.lan", halo("https://halo.lan"), true),
        ("https://undertone.example", halo("https://acme.halopsa.com"), true),
    ] {
        let outcome = at(public_url).can_be_called(&settings);
        assert_eq!(outcome.is_ok(), reaches, "{public_url} {settings:?}");
        if let Err(OpsError::NotSetUp(why)) = outcome {
            assert!(why.contains("--public-url"), "{why}");
        }
    }
}
