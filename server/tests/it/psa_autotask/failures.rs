//! Each way in which Autotask can fail, and what the adapter makes of it; zones and limits.

use super::{Bench, answer, change, connect, serve, with_secret};
use crate::outcome::kind_of;
use domain::{Lever, PsaSettings, Secret};
use http::Method;
use sandbox::Fault;
use sandbox::autotask::NewTicket;
use std::time::Duration;

#[tokio::test]
async fn each_failure_of_a_read_is_told_apart() {
    let cases = [
        (answer(401, ""), "denied"),
        (answer(403, ""), "denied"),
        (answer(405, r#"{"Message":"not supported"}"#), "rejected"),
        (answer(429, ""), "throttled"),
        (answer(500, r#"{"errors":["Itgenatr005"]}"#), "throttled"),
        (answer(500, r#"{"errors":["Request threshold exceeded"]}"#), "throttled"),
        (answer(500, r#"{"errors":["Something is required"]}"#), "rejected"),
        (answer(500, "<html>"), "failed"),
        (answer(503, ""), "failed"),
        (answer(200, r#"{"item":{"id":"#), "unknown"),
        (Fault::CutBeforeActing, "unknown"),
        (Fault::Garbage, "malformed"),
        // Success of nothing is not “there is no such ticket”.
        (answer(200, "{}"), "malformed"),
    ];
    for (fault, expected) in cases {
        let bench = Bench::new().await;
        let id = bench.angry().to_string();
        bench.sandbox.watch.faults.add(None, "/Tickets/", 9, fault.clone());
        let error = bench.psa.levers(&id).await.unwrap_err();
        assert_eq!(kind_of(&error), expected, "{fault:?}: {error}");
        bench.sandbox.watch.faults.clear();
    }
}

#[tokio::test]
async fn each_failure_of_a_write_is_told_apart_and_never_repeated() {
    let cases = [
        (answer(401, ""), "denied"),
        (answer(403, ""), "denied"),
        (answer(404, ""), "rejected"),
        (answer(429, ""), "throttled"),
        (
            answer(500, r#"{"errors":["The logged in Resource does not have the adequate permissions"]}"#),
            "denied",
        ),
        (answer(500, r#"{"errors":["contactID is not associated to the companyID"]}"#), "rejected"),
        (answer(502, ""), "failed"),
        (Fault::CutAfterActing, "unknown"),
        (Fault::Garbage, "malformed"),
        (answer(200, "{}"), "malformed"),
    ];
    for (fault, expected) in cases {
        let bench = Bench::new().await;
        let id = bench.angry().to_string();
        bench.sandbox.watch.faults.add(Some(Method::PATCH), "/Tickets", 9, fault.clone());
        let error = bench.psa.apply(&id, &[change(Lever::Priority, Some("3"), "4")]).await.unwrap_err();
        assert_eq!(kind_of(&error), expected, "{fault:?}: {error}");
        assert_eq!(bench.sent(Method::PATCH, "/Tickets").len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_request_to_slow_down_says_for_how_long() {
    for (given, expected) in [(Some(17), 17), (None, 60)] {
        let bench = Bench::new().await;
        let id = bench.angry().to_string();
        let fault = Fault::Answer {
            status: 429,
            content_type: "text/plain",
            body: String::new(),
            retry_after: given,
        };
        bench.sandbox.watch.faults.add(Some(Method::PATCH), "/Tickets", 1, fault);
        let error = bench.psa.apply(&id, &[change(Lever::Priority, Some("3"), "4")]).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(expected)), "{given:?}");
    }
}

#[tokio::test]
async fn many_tickets_at_once_stay_below_the_thread_limit() {
    let bench = Bench::new().await;
    bench.sandbox.set_thread_limit(true);
    let ids: Vec<String> = (0..8).map(|_| bench.angry().to_string()).collect();
    let found = futures::future::join_all(ids.iter().map(|id| bench.psa.fetch(id))).await;
    assert!(found.iter().all(|one| matches!(one, Ok(Some(_)))), "{found:?}");
    let refused = bench.sandbox.watch.recorder.all().into_iter().filter(|one| one.status == 429).count();
    assert_eq!(refused, 0);
}

#[tokio::test]
async fn the_shared_budget_running_out_is_a_request_to_slow_down() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.sandbox.set_threshold(Some(1));
    let error = bench.psa.fetch(&id).await.unwrap_err();
    assert_eq!(kind_of(&error), "throttled", "{error}");
}

#[tokio::test]
async fn what_others_leave_of_the_budget_is_asked_for_once_in_a_while() {
    let bench = Bench::new().await;
    for _ in 0..5 {
        bench.psa.fetch(&bench.angry().to_string()).await.unwrap();
    }
    assert_eq!(bench.sent(Method::GET, "/ThresholdInformation").len(), 1);
}

#[tokio::test]
async fn wrong_credentials_are_tried_once_and_no_more() {
    let bench = Bench::with(|settings| with_secret(settings, "wrong")).await;
    let report = bench.psa.probe().await;
    assert!(!report.ok());
    assert!(report.checks.iter().all(|check| check.ok == (check.name == "Find the zone")), "{report:#?}");
    let refused = bench.sandbox.watch.recorder.all().into_iter().filter(|one| one.status == 401).count();
    assert_eq!(refused, 1, "repeated bad sign-ins lock the user");
    let id = bench.angry().to_string();
    assert_eq!(kind_of(&bench.psa.fetch(&id).await.unwrap_err()), "denied");
}

#[tokio::test]
async fn a_tenant_that_moved_to_another_zone_is_followed() {
    let old = Bench::new().await;
    old.psa.lookups().await.unwrap();
    let (new, _running) = serve().await;
    let id =
        new.create_ticket(NewTicket { company: 174, title: "After the move".into(), ..NewTicket::default() });
    old.sandbox.move_to(Some(new.zone_url()));
    let found = old.psa.fetch(&id.to_string()).await.unwrap().unwrap();
    assert_eq!(found.ticket.title, "After the move");
    let asked = old.sandbox.watch.recorder.all().len();
    old.psa.levers(&id.to_string()).await.unwrap();
    assert_eq!(old.sandbox.watch.recorder.all().len(), asked, "the new zone is kept");
}

#[tokio::test]
async fn a_zone_outside_autotask_is_refused_before_anything_is_sent() {
    for zone in
        ["https://example.com/ATServicesRest/", "https://autotask.net.example.com/", "https://198.51.100.7/"]
    {
        let settings = PsaSettings::Autotask {
            username: "u".into(),
            secret: Secret::new("s"),
            integration_code: "c".into(),
            zone_url: Some(zone.into()),
        };
        assert_eq!(kind_of(&connect(&settings).fetch("1").await.unwrap_err()), "forbidden", "{zone}");
    }
}

#[tokio::test]
async fn an_unknown_user_is_told_where_to_find_the_right_name() {
    let bench = Bench::with(|settings| match settings {
        PsaSettings::Autotask { secret, integration_code, zone_url, .. } => {
            PsaSettings::Autotask { username: "nobody@X.COM".into(), secret, integration_code, zone_url }
        }
        other => other,
    })
    .await;
    let report = bench.psa.probe().await;
    assert!(!report.ok() && report.checks[0].message.contains("Resources/Users"), "{report:#?}");
}

#[tokio::test]
async fn a_zone_that_tells_nothing_is_used_as_given() {
    let bench = Bench::new().await;
    bench.sandbox.watch.faults.add(None, "ZoneInformation", 9, answer(404, ""));
    let id = bench.angry().to_string();
    assert!(bench.psa.fetch(&id).await.unwrap().unwrap().ticket.url.is_none());
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.sandbox.watch.faults.add(None, "/Tickets", 2, Fault::Delay(Duration::from_millis(300)));
    assert!(bench.psa.fetch(&id).await.unwrap().is_some());
}
