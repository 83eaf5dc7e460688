//! The Connections page and what the Overview says of it.

use super::{OWNER, Screens};
use chrono::Duration;
use domain::backoff::Pace;
use domain::{HookState, PsaKind, PsaSettings, Secret};
use store::connections::Which;
use store::door::{Disposition, NewDelivery};
use store::sweeps::{SweepEnd, SweptTicket};
use store::{Actor, TenantStore};

async fn autotask(screens: &Screens) -> TenantStore {
    let tenant = screens.workspace(OWNER).await;
    let settings = PsaSettings::Autotask {
        username: "api@acme.example".into(),
        secret: Secret::new("s3cr3t-s3cr3t"),
        integration_code: "CODE".into(),
        zone_url: None,
    };
    tenant.psa_connection_put(settings, &Actor::System, screens.clock.now()).await.unwrap();
    tenant
}

#[tokio::test]
async fn a_paused_connection_tells_since_when_and_when_it_is_tried_next() {
    let screens = Screens::new().await;
    let tenant = autotask(&screens).await;
    let since = screens.clock.now() - Duration::minutes(12);
    let pace = Pace { first: std::time::Duration::from_secs(3_600), ..Pace::GENTLE };
    tenant
        .connection_paused(tenant.newest_save(Which::Psa).await, "The key was refused.", pace, 0.5, since)
        .await
        .unwrap();
    let mut browser = screens.signed_in(OWNER).await;
    for page in ["/connections", "/"] {
        let body = browser.get(page).await.body;
        for part in ["12 min ago", "The key was refused.", "tried again by itself", "in 48 min"] {
            assert!(body.contains(part), "“{part}” is not on {page}: {body}");
        }
    }
    screens.clock.advance(std::time::Duration::from_secs(48 * 60));
    let body = browser.get("/connections").await.body.replace("<!>", "");
    assert!(body.contains("tried again by itself now"), "{body}");
}

#[tokio::test]
async fn the_webhook_is_registered_at_a_press_and_the_result_is_told() {
    let screens = Screens::new().await;
    autotask(&screens).await;
    let mut browser = screens.signed_in(OWNER).await;
    for page in ["/connections", "/setup?step=webhook"] {
        assert!(browser.get(page).await.body.contains("Register the webhook in Autotask"), "{page}");
        let answer = browser.post("/do/hook-register", &[("page", page)]).await;
        assert_eq!(answer.leads_to(), page);
        let body = browser.get(page).await.body;
        assert!(body.contains("The webhook was there and has been repaired."), "{body}");
        assert!(body.contains("Webhook 177 had been switched off and is on again."), "{body}");
        assert!(!browser.get(page).await.body.contains("Webhook 177"), "it is told once");
    }
}

#[tokio::test]
async fn why_the_webhook_could_not_be_registered_is_told_at_the_button() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    assert!(
        !browser.get("/connections").await.body.contains("Register the webhook"),
        "no PSA is connected yet"
    );
    let settings = PsaSettings::HaloPsa {
        url: "https://acme.halopsa.example".into(),
        client_id: "id".into(),
        client_secret: Secret::new("s3cr3t-s3cr3t"),
        tenant: None,
        auth_url: None,
    };
    tenant.psa_connection_put(settings, &Actor::System, screens.clock.now()).await.unwrap();
    browser.post("/do/hook-register", &[("page", "/connections")]).await.leads_to();
    assert!(browser.get("/connections").await.body.contains("Halo says no."));
}

/// Two tickets on one day, one told by a webhook and one found by the sweep, and a webhook that is off.
async fn swept(screens: &Screens, tenant: &TenantStore) {
    let now = screens.clock.now();
    let ticket = |external_ticket: &str| SweptTicket {
        external_ticket: external_ticket.into(),
        number: None,
        created_at: now,
    };
    let found = vec![ticket("7"), ticket("8")];
    tenant.sweep_keep(PsaKind::Autotask.into(), found, now, None, now).await.unwrap();
    let arrived = |external_ticket: &str, disposition| NewDelivery {
        tenant: tenant.tenant_id(),
        psa: PsaKind::Autotask.into(),
        dedupe_key: external_ticket.into(),
        disposition,
        headers: serde_json::json!({}),
        body: b"{}".to_vec(),
        verified: true,
        received_at: now,
    };
    let told = Disposition::Analyse { external_ticket: "7".into() };
    let lost = Disposition::Recover { external_ticket: "8".into() };
    for (ticket, disposition) in [("7", told), ("8", lost)] {
        screens.store.accept(arrived(ticket, disposition)).await.unwrap();
    }
    tenant
        .hook_found(PsaKind::Autotask.into(), Some(HookState::Off), now - Duration::minutes(12))
        .await
        .unwrap();
    let next_at = now + Duration::minutes(5);
    tenant
        .sweep_end(PsaKind::Autotask.into(), SweepEnd { next_at, quiet: 0, problem: None }, now)
        .await
        .unwrap();
}

#[tokio::test]
async fn how_tickets_reached_us_and_that_the_webhook_is_off_is_told_on_three_pages() {
    let screens = Screens::new().await;
    let tenant = autotask(&screens).await;
    let mut browser = screens.signed_in(OWNER).await;
    let before = browser.get("/connections").await.body;
    assert!(
        before.contains("The list was not read yet: the first look comes")
            && !before.contains("switched our webhook off")
    );
    swept(&screens, &tenant).await;
    for page in ["/", "/activity", "/connections"] {
        let body = browser.get(page).await.body.replace("<!>", "");
        for part in ["Autotask PSA has switched our webhook off", "12 min ago", "by our own look-up"] {
            assert!(body.contains(part), "“{part}” is not on {page}: {body}");
        }
    }
    let sentence = "All 2 tickets of the last 14 days reached us; 1 of them by our own look-up.";
    let activity = browser.get("/activity").await.body;
    assert!(activity.contains(sentence) && activity.contains("no webhook told us of it"), "{activity}");
    let connections = browser.get("/connections").await.body;
    assert!(connections.contains(sentence), "{connections}");
    assert_eq!(connections.matches("Register the webhook in Autotask").count(), 1, "what to do is there");
    let rows =
        connections.split("Tickets by day of creation").nth(1).unwrap().split("</table>").next().unwrap();
    assert_eq!(rows.matches("<tr>").count(), 15, "a head and fourteen days");

    tenant.hook_found(PsaKind::Autotask.into(), Some(HookState::On), screens.clock.now()).await.unwrap();
    let overview = browser.get("/").await.body;
    assert!(overview.contains(sentence) && !overview.contains("switched our webhook off"), "{overview}");
}

#[tokio::test]
async fn a_person_says_that_the_system_moved() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    let question = "Which system is this?";
    assert!(!browser.get("/connections?psa=halopsa").await.body.contains(question), "none is known");
    let save = |url: &'static str, same_as: &'static str| {
        [
            ("page", "/connections"),
            ("kind", "halopsa"),
            ("url", url),
            ("client_id", "id"),
            ("client_secret", "s3cr3t-s3cr3t"),
            ("same_as", same_as),
        ]
    };
    let saved = |browser: &str| browser.contains("The connection is saved.");
    browser.post("/do/psa-save", &save("https://acme.halopsa.com", "")).await.leads_to();
    let body = browser.get("/connections").await.body;
    assert!(saved(&body) && body.contains(question), "{body}");
    assert!(
        body.contains("This corrects the address of the one at acme.halopsa.com, which never let us in"),
        "{body}"
    );
    tenant.connection_used(tenant.newest_save(Which::Psa).await, screens.clock.now()).await.unwrap();

    browser.post("/do/psa-save", &save("https://support.acme.example", "")).await.leads_to();
    let body = browser.get("/connections").await.body;
    assert!(body.contains("It is another system than before and has a webhook address of its own"), "{body}");
    assert!(body.contains("It has moved: the one at acme.halopsa.com"), "{body}");
    browser.post("/do/psa-save", &save("https://support.acme.example", "halopsa:9")).await.leads_to();
    assert!(browser.get("/connections").await.body.contains("Choose one of the systems in the list."));
    browser.post("/do/psa-save", &save("https://support.acme.example", "halopsa")).await.leads_to();
    let known = tenant.psa_instances().await.unwrap();
    assert_eq!((known.len(), known[0].settings.place().as_str()), (1, "support.acme.example"));
}
