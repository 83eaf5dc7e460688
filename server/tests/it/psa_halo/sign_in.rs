//! Finding the sign-in, and tokens.

use super::{Bench, answer, change, connect, settings, shown};
use crate::outcome::kind_of;
use domain::{Lever, PsaSettings, Secret};
use http::Method;
use std::time::Duration;

#[tokio::test]
async fn a_refused_sign_in_says_what_to_check() {
    let with = |id: Option<&str>, secret: Option<&str>, tenant: Option<&str>| {
        let (id, secret, tenant) =
            (id.map(str::to_owned), secret.map(str::to_owned), tenant.map(str::to_owned));
        Bench::with(move |settings| match settings {
            PsaSettings::HaloPsa { url, client_id, client_secret, auth_url, .. } => PsaSettings::HaloPsa {
                url,
                client_id: id.unwrap_or(client_id),
                client_secret: secret.map_or(client_secret, Secret::new),
                tenant,
                auth_url,
            },
            other => other,
        })
    };
    let cases = [
        (with(Some("x"), None, None).await, "check client id, client secret"),
        (with(None, Some("x"), None).await, "check client id, client secret"),
        (with(None, None, Some("another")).await, "check the tenant name"),
    ];
    for (bench, words) in cases {
        let report = bench.psa.probe().await;
        assert!(!report.ok() && report.checks[1].message.contains(words), "{report:#?}");
        let error = bench.psa.fetch("1").await.unwrap_err();
        assert_eq!(kind_of(&error), "denied", "{error}");
        assert!(bench.sent(Method::GET, "/Tickets/1").is_empty(), "nothing is asked without a token");
    }
}

#[tokio::test]
async fn the_sign_in_is_found_as_told_as_given_or_where_it_usually_is() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.psa.levers(&id).await.unwrap();
    let queries = |bench: &Bench| {
        let all = bench.sandbox.watch.recorder.all();
        let signs = all.into_iter().filter(|one| one.path == "/auth/token");
        signs.map(|one| one.query.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(queries(&bench), ["tenant=sandbox"], "as authinfo says");

    bench.sandbox.watch.recorder.clear();
    bench.sandbox.watch.faults.add(None, "/authinfo", 9, answer(404, ""));
    let host = bench.running.url();
    let plain = connect(&settings(&bench.sandbox, &host));
    plain.levers(&id).await.unwrap();
    assert_eq!(queries(&bench), [""], "the usual place, without a tenant");

    bench.sandbox.watch.recorder.clear();
    let PsaSettings::HaloPsa { url, client_id, client_secret, .. } = settings(&bench.sandbox, &host) else {
        panic!()
    };
    let (tenant, auth_url) = (Some("sandbox".into()), Some(format!("{host}/auth/")));
    let given = connect(&PsaSettings::HaloPsa { url, client_id, client_secret, tenant, auth_url });
    given.levers(&id).await.unwrap();
    assert_eq!(queries(&bench), ["tenant=sandbox"]);
    assert!(bench.sent(Method::GET, "/authinfo").is_empty(), "nothing to ask when both are given");
}

#[tokio::test]
async fn one_token_serves_many_requests_and_a_short_one_is_renewed_in_time() {
    let bench = Bench::new().await;
    let ids: Vec<String> = (0..6).map(|_| bench.angry().to_string()).collect();
    let found = futures::future::join_all(ids.iter().map(|id| bench.psa.fetch(id))).await;
    assert!(found.iter().all(|one| matches!(one, Ok(Some(_)))), "{found:?}");
    assert_eq!(bench.sandbox.tokens_given(), 1);

    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.sandbox.set_token_life(Duration::from_secs(60));
    bench.psa.levers(&id).await.unwrap();
    assert_eq!(
        (bench.sandbox.tokens_given(), bench.statuses(401)),
        (1, 0),
        "used although it lasts a minute only"
    );
}

#[tokio::test]
async fn a_token_that_ended_or_lacks_a_new_right_is_dropped_and_the_call_tried_once_more() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.psa.levers(&id).await.unwrap();
    bench.sandbox.end_tokens();
    let levers = bench.psa.apply(&id, &[change(Lever::Impact, Some("3"), "1")]).await.unwrap();
    assert_eq!(shown(&levers, Lever::Impact), Some(("1", "Company Wide")));
    assert_eq!(bench.sandbox.tokens_given(), 2);
    bench.sandbox.watch.faults.add(None, "/Tickets/", 1, answer(403, ""));
    bench.psa.levers(&id).await.unwrap();
    assert_eq!(bench.sandbox.tokens_given(), 3);
    bench.sandbox.deny("tickets");
    assert_eq!(kind_of(&bench.psa.levers(&id).await.unwrap_err()), "denied");
    assert_eq!(bench.sandbox.tokens_given(), 4, "once, not for ever");
}
