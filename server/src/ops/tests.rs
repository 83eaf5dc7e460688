use super::*;
use crate::outside::Outside;
use chrono::TimeZone;

fn operations() -> Operations {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 3, 5, 9, 0, 0).single().expect("a time"));
    let sandbox = HashMap::from([(PsaKind::HaloPsa, "http://127.0.0.1:4003".to_owned())]);
    let public_url = Url::parse("https://undertone.example").expect("an address");
    Operations::new(Connections::new(Outside::new(true)), clock, public_url, sandbox)
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
    assert_eq!(ops.sandbox_address(PsaKind::HaloPsa).as_deref(), Some("http://127.0.0.1:4003"));
    assert_eq!(ops.sandbox_address(PsaKind::Autotask), None);
}

#[test]
fn a_test_pauses_what_never_worked_and_leaves_what_works() {
    let ops = operations();
    let now = ops.now();
    let earlier = now - Duration::days(1);
    let report = |first: bool, second: bool| {
        let mut report = Report::default();
        for (name, ok) in [("Sign in", first), ("Write notes", second)] {
            if ok { report.pass(name, "fine") } else { report.fail(name, format!("{name} is missing.")) }
        }
        report
    };
    let working = ConnectionState::Working { since: earlier };
    let fresh = ConnectionState::Working { since: now };
    let paused = |reason: &str| ConnectionState::Paused { since: now, reason: reason.into() };
    let cases = [
        (ConnectionState::Untested, report(true, true), fresh.clone()),
        (ConnectionState::Untested, report(true, false), fresh.clone()),
        (
            ConnectionState::Untested,
            report(false, false),
            paused("Sign in is missing. Write notes is missing."),
        ),
        (paused("before"), report(true, true), fresh),
        (paused("before"), report(false, true), paused("Sign in is missing.")),
        (working.clone(), report(false, false), working.clone()),
        (working.clone(), report(true, true), working),
        (ConnectionState::Untested, Report::default(), paused("")),
    ];
    for (state, report, expected) in cases {
        assert_eq!(ops.tested(&state, &report), expected, "{state:?} {report:?}");
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
