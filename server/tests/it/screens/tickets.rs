//! The list of tickets: its order and columns, views that are kept, the file, and news as they come.

use super::{Browser, HOST, OWNER, Screens, seed};
use axum::body::{Body, BodyDataStream};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Party, PsaKind, Role, Ticket};
use futures::StreamExt;
use http::{Request, StatusCode, header};
use std::collections::BTreeMap;
use std::time::Duration;
use store::accounts::hash_password;
use store::door::{Disposition, NewDelivery};
use store::jobs::Share;
use store::tickets::ReadTicket;
use store::{Actor, TenantStore};
use tower::ServiceExt;

const MARKUP: &str = "\"><img src=x onerror=alert(1)><script>alert(1)</script>";

async fn workspace(screens: &Screens) -> TenantStore {
    let user = screens.store.user_by_email(OWNER).await.unwrap().unwrap().id;
    screens.store.tenant(screens.store.memberships(user).await.unwrap()[0].tenant.id)
}

/// A ticket that a stranger wrote comes in.
async fn comes_in(tenant: &TenantStore, title: &str, at: DateTime<Utc>) {
    let number = format!("strange {title}");
    let delivery = NewDelivery {
        tenant: tenant.tenant_id(),
        psa: PsaKind::ConnectWise.into(),
        dedupe_key: number.clone(),
        disposition: Disposition::Analyse { external_ticket: number.clone() },
        headers: serde_json::json!({}),
        body: Vec::new(),
        verified: true,
        received_at: at,
    };
    tenant.store().accept(delivery).await.unwrap();
    let lease = Duration::from_secs(60);
    let jobs = tenant.store().job_claim(at, lease, 500, Share::of(500)).await.unwrap();
    let job = jobs.into_iter().find(|job| job.external_ticket == number).unwrap();
    let named = |name: &str| Some(Party { id: "1".into(), name: name.into() });
    let ticket = Ticket {
        psa: PsaKind::ConnectWise,
        external_id: number.clone(),
        number,
        title: title.into(),
        client: named(title),
        contact: named(title),
        contact_email: None,
        board: named(title),
        kind: None,
        source: None,
        closed: false,
        set_aside: None,
        levers: BTreeMap::new(),
        created_at: Some(at),
        updated_at: None,
        url: None,
    };
    let read = ReadTicket { ticket, text: title.into(), text_remarks: Vec::new(), author_name: title.into() };
    tenant.ticket_skip(job.lease, &read, title, at).await.unwrap();
}

async fn seeded() -> (Screens, Browser) {
    let screens = Screens::new().await;
    seed::seed(&screens.store, screens.clock.now()).await.unwrap();
    let browser = screens.signed_in(OWNER).await;
    (screens, browser)
}

/// The heads of the table.
fn heads(body: &str) -> Vec<String> {
    let head = body.split("<thead>").nth(1).unwrap().split("</thead>").next().unwrap();
    let cells = head.split("<th ").skip(1).map(|cell| {
        let text = cell.split_once('>').unwrap().1.split("</th>").next().unwrap();
        text.split('<').filter_map(|part| part.rsplit('>').next()).collect::<String>()
    });
    cells.collect()
}

#[tokio::test]
async fn heads_lead_to_an_order_and_the_address_says_which_columns_there_are() {
    let (_screens, mut browser) = seeded().await;
    let body = browser.get("/tickets").await.body.replace("<!>", "");
    assert_eq!(
        heads(&body),
        ["Ticket", "Number", "Client", "Sentiment", "Urgency", "Impact", "Outcome", "Arrived"]
    );
    assert!(body.contains(r#"href="/tickets?sort=urgency""#), "{body}");
    let body = browser.get("/tickets?sort=urgency&columns=board.urgency").await.body.replace("<!>", "");
    assert_eq!(heads(&body), ["Ticket", "Board or queue", "Urgency"]);
    let sorted = body.split("aria-sort=\"descending\"").nth(1).unwrap_or_default();
    assert!(
        sorted.get(..300).is_some_and(|head| head.contains("sort=urgency&amp;columns=board.urgency")),
        "{body}"
    );
    assert!(body.contains("highest urgency first"), "{body}");
    let scores: Vec<u32> = body
        .split("aria-label=\"urgency ")
        .skip(1)
        .filter_map(|part| part.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .collect();
    assert!(scores.len() > 10 && scores.is_sorted_by(|one, next| one >= next), "{scores:?}");
    // A form sends a field for each box, and what is empty too: the address is made short.
    let answer = browser.get("/tickets?q=&client=&columns=number&columns=arrived").await;
    assert_eq!(answer.leads_to(), "/tickets?columns=number.arrived");
    for garbage in ["/tickets?sort=x&columns=%00", "/tickets?cursor=x", "/tickets?sort=impact&cursor=9.x"] {
        let answer = browser.get(garbage).await;
        assert!(
            [StatusCode::OK, StatusCode::UNPROCESSABLE_ENTITY].contains(&answer.status),
            "{garbage}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn a_view_is_kept_by_its_maker_and_shared_by_whoever_may() {
    let (screens, mut owner) = seeded().await;
    let body = owner.get("/tickets?q=vpn").await.body.replace("<!>", "");
    assert!(body.contains("Save this view"), "{body}");
    let keep = [("name", " VPN <b>trouble</b> "), ("query", "q=vpn&cursor=x&evil=1"), ("shared", "on")];
    assert_eq!(owner.post("/do/view-keep", &keep).await.leads_to(), "/tickets?q=vpn");
    let body = owner.get("/tickets?q=vpn").await.body.replace("<!>", "");
    assert!(body.contains("VPN &lt;b&gt;trouble&lt;/b&gt;") && body.contains("Forget “VPN"), "{body}");
    assert!(!body.contains("Save this view"), "it is saved");

    // Whoever only looks on has views too, and shares none.
    let hash = hash_password(super::PASSWORD).await;
    let tenant = workspace(&screens).await;
    tenant
        .member_add("viewer@example.com", "Vic", Role::Viewer, &hash, &Actor::System, screens.clock.now())
        .await
        .unwrap();
    let mut viewer = screens.signed_in("viewer@example.com").await;
    let body = viewer.get("/tickets?q=vpn").await.body.replace("<!>", "");
    assert!(body.contains("VPN &lt;b&gt;") && !body.contains("Forget “VPN"), "a colleague's: {body}");
    let body = viewer.get("/tickets?q=fax").await.body;
    assert!(body.contains("Save this view") && !body.contains("Show it to everybody"), "{body}");
    let keep = [("name", "Mine"), ("query", "q=fax"), ("shared", "on")];
    viewer.post("/do/view-keep", &keep).await.leads_to();
    assert!(!owner.get("/tickets").await.body.contains("Mine"), "it is not shared");

    let wrong = [("name", " "), ("query", "q=toner")];
    assert_eq!(viewer.post("/do/view-keep", &wrong).await.leads_to(), "/tickets?q=toner");
    assert!(viewer.get("/tickets?q=toner").await.body.contains("Give the view a name"));
    let kept = tenant.view_list(domain::UserId(uuid::Uuid::nil())).await.unwrap();
    let id = kept[0].id.to_string();
    viewer.post("/do/view-delete", &[("id", &id)]).await.leads_to();
    assert!(viewer.get("/tickets").await.body.contains("There is no such view of yours"));
    owner.post("/do/view-delete", &[("id", &id)]).await.leads_to();
    assert!(!owner.get("/tickets").await.body.contains("VPN &lt;b&gt;"));
}

#[tokio::test]
async fn the_list_is_a_file_with_the_same_filters_and_no_formula_in_it() {
    let (screens, mut browser) = seeded().await;
    let tenant = workspace(&screens).await;
    comes_in(&tenant, "=HYPERLINK(\"https://evil.example\",\"click\")", screens.clock.now()).await;
    let answer = browser.get("/tickets.csv?q=hyperlink").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"tickets-2026-11-23.csv\"");
    let lines: Vec<&str> = answer.body.trim_start_matches('\u{feff}').lines().collect();
    assert!(lines[0].starts_with("id,number,title,client,"), "{lines:?}");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].contains(r#""'=HYPERLINK(""https://evil.example"",""click"")""#), "{lines:?}");
    let all = browser.get("/tickets.csv").await.body.lines().count();
    let worst = browser.get("/tickets.csv?sort=sentiment").await.body;
    assert!(all > 100 && worst.lines().count() > 50, "{all}");
    let mut stranger = screens.browser();
    assert_eq!(stranger.get("/tickets.csv").await.leads_to(), "/sign-in?next=%2Ftickets");
}

#[tokio::test]
async fn whoever_looks_at_the_list_is_told_of_what_comes_in() {
    let (screens, browser) = seeded().await;
    let tenant = workspace(&screens).await;
    let since = screens.clock.now().timestamp_micros();
    let listen = async |path: &str| {
        let request = Request::get(path).header(header::HOST, HOST);
        let request = request.header(header::COOKIE, browser.cookie.clone().unwrap());
        let answer = browser.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        answer.into_body().into_data_stream()
    };
    let mut all = listen(&format!("/live/tickets?since={since}")).await;
    let mut others = listen(&format!("/live/tickets?q=nothinglikeit&since={since}")).await;
    comes_in(&tenant, "Fresh one", screens.clock.now() + TimeDelta::seconds(1)).await;
    let told = async |from: &mut BodyDataStream| {
        let data = tokio::time::timeout(Duration::from_secs(20), from.next()).await;
        String::from_utf8(data.expect("it is told in time").unwrap().unwrap().to_vec()).unwrap()
    };
    let first = told(&mut all).await;
    assert!(first.contains("event: news") && first.contains("data: 1"), "{first}");
    comes_in(&tenant, "Another", screens.clock.now() + TimeDelta::seconds(2)).await;
    assert!(told(&mut all).await.contains("data: 2"));
    // After a break, the same address tells of both.
    drop(all);
    let mut again = listen(&format!("/live/tickets?since={since}")).await;
    assert!(told(&mut again).await.contains("data: 2"));
    // Who filters hears of what fits.
    comes_in(&tenant, "nothinglikeit", screens.clock.now() + TimeDelta::seconds(3)).await;
    assert!(told(&mut others).await.contains("data: 1"));

    let mut stranger = screens.browser();
    assert_eq!(stranger.get("/live/tickets").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whoever_signs_out_is_told_nothing_more() {
    let screens = Screens::with("http://127.0.0.1:3000", Duration::ZERO).await;
    let tenant = screens.workspace(OWNER).await;
    let mut browser = screens.signed_in(OWNER).await;
    let request = Request::get("/live/tickets").header(header::HOST, HOST);
    let request = request.header(header::COOKIE, browser.cookie.clone().unwrap());
    let answer = browser.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let mut news = answer.into_body().into_data_stream();
    let mut next = async || tokio::time::timeout(Duration::from_secs(20), news.next()).await.unwrap();
    comes_in(&tenant, "Before", screens.clock.now() + TimeDelta::seconds(1)).await;
    assert!(next().await.is_some());
    browser.post("/do/sign-out", &[]).await;
    comes_in(&tenant, "After", screens.clock.now() + TimeDelta::seconds(2)).await;
    assert!(next().await.is_none(), "the stream ends");
    let mut stranger = screens.browser();
    assert_eq!(stranger.get("/accuracy.csv").await.leads_to(), "/sign-in?next=%2Faccuracy");
}

#[tokio::test]
async fn text_of_strangers_is_text_in_every_list() {
    let (screens, mut browser) = seeded().await;
    let tenant = workspace(&screens).await;
    comes_in(&tenant, MARKUP, screens.clock.now()).await;
    for path in ["/tickets", "/tickets?q=onerror", "/tickets?sort=impact&columns=client.board"] {
        let body = browser.get(path).await.body;
        assert!(!body.contains("<img src=x"), "{path}");
    }
    let body = browser.get("/tickets?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%20onfocus%3D").await.body;
    assert!(!body.contains("<script>alert(1)"), "what was searched for is text, too");
}
