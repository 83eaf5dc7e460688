//! The policy page, as a browser without scripts uses it; and what it answers to one that moves thresholds by itself.

use super::settings::{connected, filled, send, set};
use super::{Answer, Browser, OWNER, Screens, seed};
use app::what_if::Facts;
use domain::what_if::WhatIf;
use domain::{
    Choice, Escalation, ListRule, Mode, Party, Policy, PsaKind, Scope, ScopeMode, Score, Thresholds,
};
use http::{Request, StatusCode, header};
use store::{Actor, TenantStore};

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

pub(super) async fn with_policy(screens: &Screens) -> TenantStore {
    let tenant = connected(screens).await;
    tenant.policy_put(&full_policy(), &Actor::System, screens.clock.now()).await.unwrap();
    tenant
}

/// What a browser would send of the form that posts to `action`: the first of them on the page.
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

/// As a page with scripts asks.
async fn ask(browser: &mut Browser, path: &str, form: &[(String, String)]) -> Answer {
    let request = Request::post(path)
        .header(header::HOST, super::HOST)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    browser.send(request, serde_urlencoded::to_string(form).unwrap().into()).await
}

/// The number that stands before `words` in what is told of past tickets.
fn count_before(html: &str, words: &str) -> usize {
    let before = html.split("On your last tickets").nth(1).unwrap().split(words).next().unwrap();
    before.rsplit(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_the_browser_says_of_thresholds_is_what_the_server_says() {
    let screens = Screens::new().await;
    seed::seed(&screens.store, screens.clock.now()).await.unwrap();
    let mut browser = screens.signed_in(OWNER).await;
    let mut form = filled(&browser.get("/policy").await.body, "/do/policy-save");
    let answer = ask(&mut browser, "/do/policy-past", &form).await;
    let facts: Facts = serde_json::from_str::<Option<Facts>>(&answer.body).unwrap().unwrap();
    assert!(facts.past.len() > 100 && facts.days > 30, "{} of {} days", facts.past.len(), facts.days);
    let what_if = WhatIf::of(&facts.rules, &facts.past);
    let mut seen = Vec::new();
    for (sentiment, urgency, impact) in
        [("4", "4", "4"), ("5", "5", "5"), ("1", "1", "1"), ("3", "", "2"), ("", "3", ""), ("", "", "")]
    {
        let given = [("sentiment", sentiment), ("urgency", urgency), ("impact", impact)];
        for (dimension, value) in given {
            set(&mut form, &format!("thresholds.{dimension}"), value);
        }
        let score = |text: &str| text.parse().ok().and_then(|number| Score::new(number).ok());
        let thresholds =
            Thresholds { sentiment: score(sentiment), urgency: score(urgency), impact: score(impact) };
        let tally = what_if.counts(thresholds);
        let html: String =
            serde_json::from_str(&ask(&mut browser, "/do/policy-look", &form).await.body).unwrap();
        if tally.touched == 0 {
            assert!(html.contains("None of the last"), "{thresholds:?}: {html}");
        } else {
            let told = [" of the last", " with a field raised", " handed over."]
                .map(|words| count_before(&html, words));
            assert_eq!(told, [tally.touched, tally.raised, tally.handed_over], "{thresholds:?}");
        }
        seen.push(tally.touched);
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 4, "{seen:?}");
    // Those that the scope of the form leaves out are touched by neither.
    for (name, value) in [("scope.min_words", "25"), ("thresholds.sentiment", "1")] {
        set(&mut form, name, value);
    }
    let facts: Option<Facts> =
        serde_json::from_str(&ask(&mut browser, "/do/policy-past", &form).await.body).unwrap();
    let facts = facts.unwrap();
    let tally = WhatIf::of(&facts.rules, &facts.past).counts(facts.thresholds);
    let left_out = facts.past.iter().filter(|ticket| ticket.left_out).count();
    assert!(left_out > 0 && tally.touched > 0 && tally.touched + left_out <= facts.past.len());
    let html: String = serde_json::from_str(&ask(&mut browser, "/do/policy-look", &form).await.body).unwrap();
    assert_eq!(count_before(&html, " would not have been read"), left_out);
    assert_eq!(count_before(&html, " of the last"), tally.touched);
    // A form that is not complete has no numbers; somebody else gets none.
    set(&mut form, "thresholds.urgency", "9");
    assert_eq!(ask(&mut browser, "/do/policy-past", &form).await.body, "null");
    let stranger = ask(&mut screens.browser(), "/do/policy-past", &form).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn thresholds_are_proposed_for_a_number_a_day_and_not_saved() {
    let screens = Screens::new().await;
    seed::seed(&screens.store, screens.clock.now()).await.unwrap();
    let tenant = screens.store.tenant_list().await.unwrap()[0].id;
    let tenant = screens.store.tenant(tenant);
    let before = tenant.policy().await.unwrap();
    let mut browser = screens.signed_in(OWNER).await;
    let mut form = filled(&browser.get("/policy").await.body, "/do/policy-save");
    let chosen = |page: &str| {
        let form = filled(page, "/do/policy-save");
        form.into_iter().find(|(name, _)| name == "thresholds.sentiment").unwrap().1
    };
    for (wanted, expected) in [("0", ""), ("9999", "1")] {
        set(&mut form, "aim.wanted", wanted);
        set(&mut form, "aim.of", "handed_over");
        assert_eq!(send(&mut browser, "/do/policy-propose", &form).await.leads_to(), "/policy");
        let page = browser.get("/policy").await.body;
        assert_eq!(chosen(&page), expected, "for {wanted} a day");
        assert!(page.contains("Nothing is saved yet.") && page.contains("Not saved yet"), "{page}");
    }
    for nonsense in ["", "many", "-3", "1e9", "99999999999"] {
        set(&mut form, "aim.wanted", nonsense);
        send(&mut browser, "/do/policy-propose", &form).await.leads_to();
        let page = browser.get("/policy").await.body;
        assert!(page.contains("the number a day a whole one"), "{nonsense}: {page}");
    }
    assert_eq!(tenant.policy().await.unwrap(), before);
}
