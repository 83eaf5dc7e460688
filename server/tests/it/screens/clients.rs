//! Overview, Clients, a client and its report, over two months of made-up tickets.

use super::{OWNER, PASSWORD, Screens, seed};
use domain::Role;
use http::StatusCode;
use store::Actor;
use store::accounts::hash_password;

async fn seeded() -> Screens {
    let screens = Screens::new().await;
    seed::seed(&screens.store, screens.clock.now()).await.unwrap();
    screens
}

/// Addresses of links that begin so.
fn links(body: &str, begin: &str) -> Vec<String> {
    let parts = body.split("href=\"").skip(1).filter_map(|part| part.split('"').next());
    parts.map(|href| href.replace("&amp;", "&")).filter(|href| href.starts_with(begin)).collect()
}

#[tokio::test]
async fn the_overview_shows_any_span_of_days_and_the_hours_of_the_week() {
    let screens = seeded().await;
    let mut browser = screens.signed_in(OWNER).await;
    let body = browser.get("/").await.body.replace("<!>", "");
    for part in [
        "The last 30 days, against the 30 days before.",
        "Clients that need attention",
        "o’clock",
        "role=\"row\"",
    ] {
        assert!(body.contains(part), "“{part}” is not there: {body}");
    }
    assert!(body.contains("trend-escalated"), "where tickets were escalated");
    let body = browser.get("/?from=2026-11-02&to=2026-11-08").await.body.replace("<!>", "");
    assert!(body.contains("2 Nov to 8 Nov 2026, against the 7 days before."), "{body}");
    assert!(
        !links(&body, "/tickets?from=2026-11-02&to=2026-11-08").is_empty(),
        "the figures lead to these days"
    );
    for garbage in ["/?from=x&to=%00", "/?from=2026-11-08&to=2026-11-02", "/?days=0", "/?from=-262143-01-01"]
    {
        let answer = browser.get(garbage).await;
        assert!(answer.status == StatusCode::OK && answer.body.contains("The last 30 days"), "{garbage}");
    }
}

#[tokio::test]
async fn a_client_has_a_page_and_a_report() {
    let screens = seeded().await;
    let mut browser = screens.signed_in(OWNER).await;
    let list = browser.get("/clients?days=90").await.body;
    let client = links(&list, "/clients/connectwise/").remove(0);
    assert!(client.ends_with("?days=90"), "{client}");
    let page = browser.get(&client).await.body.replace("<!>", "");
    for part in [
        "Mean sentiment",
        "Repeat contacts",
        "The words that mattered",
        "Who writes",
        "To remember",
        "All tickets of this period",
    ] {
        assert!(page.contains(part), "“{part}” is not there: {page}");
    }
    let tickets = links(&page, "/tickets?").pop().unwrap();
    assert!(tickets.contains("client=connectwise%2F"), "{tickets}");
    assert!(browser.get(&tickets).await.body.contains("row-link"), "its tickets are listed");

    let path = client.split('?').next().unwrap();
    let key = path.strip_prefix("/clients/").unwrap();
    browser.post("/do/client-note", &[("client", key), ("text", "<b>Renewal</b> in May.")]).await.leads_to();
    let report = browser.get(&links(&page, &format!("{path}/report"))[0]).await.body.replace("<!>", "");
    for part in [
        "To talk about",
        "&lt;b&gt;Renewal&lt;/b&gt; in May.",
        "Escalated",
        "Tickets and their tone, the last 90 days",
    ] {
        assert!(report.contains(part), "“{part}” is not there: {report}");
    }
    for nowhere in [
        "/clients/connectwise/nobody",
        "/clients/jira/1",
        "/clients/connectwise:2/1",
        "/clients/connectwise/nobody/report",
    ] {
        assert_eq!(browser.get(nowhere).await.status, StatusCode::NOT_FOUND, "{nowhere}");
    }
}

#[tokio::test]
async fn people_say_what_they_think_of_a_score_and_take_it_back() {
    let screens = seeded().await;
    let mut browser = screens.signed_in(OWNER).await;
    let ticket = links(&browser.get("/tickets?state=acted").await.body, "/tickets/").remove(0);
    let page = browser.get(&ticket).await.body.replace("<!>", "");
    assert!(page.contains("Is this urgency score right?") && page.contains("Of the same client"), "{page}");
    let field = |name: &str| {
        let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let (id, analysis) = (field("ticket"), field("analysis"));
    let say = |verdict: &'static str| {
        [
            ("ticket", id.clone()),
            ("analysis", analysis.clone()),
            ("dimension", "urgency".into()),
            ("verdict", verdict.to_owned()),
        ]
    };
    for (verdict, told, holds) in [
        ("too_high", "Noted: the urgency score is too high.", true),
        ("", "What was said of the urgency score is taken back.", false),
    ] {
        let fields = say(verdict);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(browser.post("/do/score-feedback", &fields).await.leads_to(), ticket);
        let page = browser.get(&ticket).await.body.replace("<!>", "");
        assert!(page.contains(told), "{page}");
        let accuracy = browser.get("/accuracy").await.body.replace("<!>", "");
        assert_eq!(accuracy.contains("Nobody has judged a score yet"), !holds, "{accuracy}");
        assert_eq!(accuracy.contains("Judgements by model and prompt"), holds, "{accuracy}");
        let file = browser.get("/accuracy.csv").await;
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        assert!(file.body.starts_with("\u{feff}number,title,client,score_of,"), "{}", file.body);
        assert_eq!(
            file.body.contains(",urgency,") && file.body.contains(",too_high,"),
            holds,
            "{}",
            file.body
        );
        assert_eq!(page.contains("Said to be too high by owner@example.com"), holds, "{page}");
    }
    let fields = say("wonderful");
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.post("/do/score-feedback", &fields).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_only_reads_sees_what_is_remembered_and_cannot_change_it() {
    let screens = seeded().await;
    let user = screens.store.user_by_email(OWNER).await.unwrap().unwrap().id;
    let tenant = screens.store.tenant(screens.store.memberships(user).await.unwrap()[0].tenant.id);
    let mut owner = screens.signed_in(OWNER).await;
    let client = links(&owner.get("/clients").await.body, "/clients/connectwise/").remove(0);
    let path = client.split('?').next().unwrap().to_owned();
    let key = path.strip_prefix("/clients/").unwrap();
    owner.post("/do/client-note", &[("client", key), ("text", "Renewal in May.")]).await.leads_to();
    let (hash, now) = (hash_password(PASSWORD).await, screens.clock.now());
    tenant.member_add("viewer@example.com", "", Role::Viewer, &hash, &Actor::System, now).await.unwrap();
    let mut viewer = screens.signed_in("viewer@example.com").await;
    let page = viewer.get(&path).await.body;
    assert!(page.contains("Renewal in May.") && !page.contains("<textarea"), "{page}");
    assert_eq!(
        viewer.post("/do/client-note", &[("client", key), ("text", "")]).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        owner.post("/do/client-note", &[("client", "connectwise/nobody"), ("text", "x")]).await.status,
        StatusCode::NOT_FOUND
    );
    assert!(owner.get(&path).await.body.contains("Renewal in May."));
}
