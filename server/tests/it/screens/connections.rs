//! The Connections page and what the Overview says of it.

use super::{OWNER, Screens};
use chrono::Duration;
use domain::backoff::Pace;
use domain::{PsaSettings, Secret};
use store::connections::Which;
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
    tenant.connection_paused(Which::Psa, "The key was refused.", pace, 0.5, since).await.unwrap();
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
