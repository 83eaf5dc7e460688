//! The ConnectWise adapter against the stand-in, over real HTTP; each request is checked against the published document.

use crate::spec::Published;
use domain::{Author, Change, Choice, Lever, PsaKind, PsaSettings, Secret, Snapshot};
use http::Method;
use sandbox::connectwise::{ConnectWise, Keys, NewTicket, PriorityRule, Right, Sender};
use sandbox::{Fault, Recorded, Running};
use serde_json::{Value, json};
use server::outside::{CallError, Outside};
use server::psa::{self, NewNote, Psa};
use std::sync::Arc;
use std::time::Duration;

mod errors;
mod hooks;
mod listing;
mod register;
mod setup;
mod stand_in;

/// Technicians of the stand-in.
const JORDAN: u64 = 318;
const HELP_DESK: u64 = 30;
const CLIENT_CARE: u64 = 12;
const CRITICAL: &str = "6";
const HIGH: &str = "15";

/// A stand-in, served, and a connection to it.
struct Bench {
    sandbox: ConnectWise,
    psa: Arc<dyn Psa>,
    running: Running,
}

impl Bench {
    async fn new() -> Self {
        let sandbox = ConnectWise::new(Keys::default());
        let running = sandbox.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
        let psa = connect(&settings(&running, sandbox.keys()));
        Self { sandbox, psa, running }
    }

    fn settings(&self) -> PsaSettings {
        settings(&self.running, self.sandbox.keys())
    }

    /// A connection with other settings.
    fn with(&self, change: impl FnOnce(&mut Keys)) -> Arc<dyn Psa> {
        let mut keys = self.sandbox.keys().clone();
        change(&mut keys);
        connect(&settings(&self.running, &keys))
    }

    fn angry(&self) -> u64 {
        self.sandbox.create_ticket(NewTicket {
            title: "Nobody can print".into(),
            note: "Third time this week!\nWe pay you for this?".into(),
            ..NewTicket::default()
        })
    }

    fn all(&self) -> Vec<Recorded> {
        self.sandbox.watch().recorder.all()
    }

    /// Bodies of the writes so far, in order.
    fn written(&self, method: Method) -> Vec<Value> {
        let all = self.all();
        let wanted = all.iter().filter(|one| one.method == method);
        wanted.map(|one| serde_json::from_slice(&one.body).unwrap()).collect()
    }

    /// The published document allows everything that was sent.
    fn check(&self) {
        let checked = Published::Psa(PsaKind::ConnectWise).check(&self.all());
        assert_ne!(checked, Some(0), "nothing was sent");
    }
}

fn settings(running: &Running, keys: &Keys) -> PsaSettings {
    PsaSettings::ConnectWise {
        site: running.url(),
        company_id: keys.company_id.clone(),
        public_key: keys.public_key.clone(),
        private_key: Secret::new(keys.private_key.clone()),
        client_id: keys.client_id.clone(),
    }
}

fn connect(settings: &PsaSettings) -> Arc<dyn Psa> {
    psa::open(settings, Outside::new(true).caller("one tenant", psa::connectwise::LIMITS))
}

fn change(lever: Lever, to: &str) -> Change {
    Change { lever, from: None, to: Choice::new(to, ""), because: "urgency 5 ≥ 4".into() }
}

fn shown(levers: &Snapshot, lever: Lever) -> Option<(&str, &str)> {
    levers.get(&lever.into()).map(|choice| (choice.id.as_str(), choice.label.as_str()))
}

fn note(text: &str) -> NewNote {
    NewNote { title: "Undertone".into(), text: format!("{text}\n[ut:7f3k]"), reference: "[ut:7f3k]".into() }
}

#[tokio::test]
async fn a_ticket_is_read_with_names_levers_and_its_conversation() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench.sandbox.note_as(JORDAN, id, "We are looking into it");
    bench.psa.write_note(&id.to_string(), &note("What we did")).await.unwrap();
    bench.sandbox.reply(id, "Still broken");
    bench
        .sandbox
        .change_as(JORDAN, id, &json!([{"op": "replace", "path": "owner", "value": {"id": JORDAN}}]))
        .unwrap();

    let found = bench.psa.fetch(&id.to_string()).await.unwrap().unwrap();
    let ticket = &found.ticket;
    assert_eq!((ticket.psa, ticket.external_id.as_str()), (PsaKind::ConnectWise, id.to_string().as_str()));
    assert_eq!(
        (ticket.title.as_str(), ticket.number.as_str()),
        ("Nobody can print", id.to_string().as_str())
    );
    assert_eq!(ticket.client.as_ref().unwrap().name, "Alder Dental Group");
    assert_eq!(ticket.contact.as_ref().unwrap().name, "Priya Nair");
    assert_eq!(ticket.contact_email.as_deref(), Some("priya@alder.example"));
    assert_eq!(ticket.board.as_ref().unwrap().name, "Help Desk");
    assert_eq!(ticket.kind.as_ref().unwrap().name, "Incident");
    assert_eq!(ticket.source.as_ref().unwrap().name, "Email Connector");
    assert!(!ticket.closed && ticket.set_aside.is_none());
    assert!(ticket.created_at.is_some() && ticket.updated_at.is_some());
    let link = format!(
        "{}/v4_6_release/services/system_io/Service/fv_sr100_request.rails?service_recid={id}&companyName=examplemsp",
        bench.running.url()
    );
    assert_eq!(ticket.url.as_deref(), Some(link.as_str()));

    assert_eq!(shown(&ticket.levers, Lever::Priority), Some(("7", "Priority 3 - Medium")));
    assert_eq!(shown(&ticket.levers, Lever::Severity), Some(("Medium", "Medium")));
    assert_eq!(shown(&ticket.levers, Lever::Impact), Some(("Medium", "Medium")));
    assert_eq!(shown(&ticket.levers, Lever::Board), Some(("30", "Help Desk")));
    assert_eq!(shown(&ticket.levers, Lever::Status), Some(("545", "New")));
    assert_eq!(shown(&ticket.levers, Lever::Team), Some(("10", "First Line")));
    assert_eq!(shown(&ticket.levers, Lever::Owner), Some(("318", "Jordan Doe")));
    assert_eq!(bench.psa.levers(&id.to_string()).await.unwrap().as_ref(), Some(&ticket.levers));

    let notes: Vec<(Author, bool, &str)> = found
        .notes
        .iter()
        .map(|note| (note.author, note.internal, note.text.lines().next().unwrap()))
        .collect();
    assert_eq!(
        notes,
        [
            (Author::Customer, false, "Third time this week!"),
            (Author::Technician, false, "We are looking into it"),
            (Author::Us, true, "Undertone."),
            (Author::Customer, false, "Still broken"),
        ]
    );
    assert_eq!(found.notes[0].author_name, "Priya Nair");
    assert!(found.notes.iter().all(|note| note.at.is_some() && !note.html && !note.id.is_empty()));
    bench.check();
}

#[tokio::test]
async fn a_first_note_that_is_not_there_yet_is_found_later() {
    let bench = Bench::new().await;
    bench.sandbox.first_note_delay(Duration::from_secs(600));
    let id = bench.angry().to_string();
    assert!(bench.psa.fetch(&id).await.unwrap().unwrap().notes.is_empty());
    bench.sandbox.release_notes();
    bench.sandbox.settle().await;
    assert_eq!(bench.psa.fetch(&id).await.unwrap().unwrap().notes.len(), 1);
}

#[tokio::test]
async fn a_sender_whom_no_contact_knows_still_leaves_a_ticket() {
    let bench = Bench::new().await;
    let new = NewTicket {
        title: "Scan to mail".into(),
        note: "stopped".into(),
        contact: Sender::Unknown,
        ..NewTicket::default()
    };
    let id = bench.sandbox.create_ticket(new);
    let found = bench.psa.fetch(&id.to_string()).await.unwrap().unwrap();
    assert_eq!((found.ticket.contact, found.ticket.contact_email), (None, None));
    assert_eq!(found.notes[0].author, Author::System);

    let call =
        NewTicket { note: "She says it is down".into(), entered_by: Some(JORDAN), ..NewTicket::default() };
    let id = bench.sandbox.create_ticket(call);
    let found = bench.psa.fetch(&id.to_string()).await.unwrap().unwrap();
    assert_eq!(found.notes[0].author, Author::Technician);
}

#[tokio::test]
async fn tickets_out_of_ordinary_work_are_marked() {
    let bench = Bench::new().await;
    let (open, merged) = (bench.angry(), bench.angry());
    bench.sandbox.merge(merged, open);
    let project =
        bench.sandbox.create_ticket(NewTicket { is_project: true, note: "x".into(), ..NewTicket::default() });
    let closing = json!([{"op": "replace", "path": "status", "value": {"id": 559}}]);
    bench.sandbox.change_as(JORDAN, open, &closing).unwrap();
    for (id, closed, words) in [
        (open, true, None),
        (merged, false, Some(format!("it was merged into ticket {open}"))),
        (project, false, Some("it is a project ticket".into())),
    ] {
        let ticket = bench.psa.fetch(&id.to_string()).await.unwrap().unwrap().ticket;
        assert_eq!((ticket.closed, ticket.set_aside), (closed, words));
    }
}

#[tokio::test]
async fn a_ticket_that_is_gone_is_not_an_error_and_an_odd_id_is_never_sent() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench.sandbox.delete(id);
    let id = id.to_string();
    assert!(bench.psa.fetch(&id).await.unwrap().is_none());
    assert!(bench.psa.levers(&id).await.unwrap().is_none());
    assert_eq!(bench.psa.find_note(&id, "[ut:7f3k]").await.unwrap(), None);
    let gone = bench.psa.write_note(&id, &note("x")).await.unwrap_err();
    assert!(matches!(&gone, CallError::Rejected { status: 404, .. }), "{gone:?}");
    bench.check();

    bench.sandbox.watch().recorder.clear();
    for odd in ["", "12/../13", "1?fields=id", "abc", "-1"] {
        assert!(matches!(bench.psa.fetch(odd).await, Err(CallError::Rejected { .. })), "{odd}");
        assert!(matches!(bench.psa.levers(odd).await, Err(CallError::Rejected { .. })), "{odd}");
        assert!(matches!(bench.psa.find_note(odd, "x").await, Err(CallError::Rejected { .. })), "{odd}");
        assert!(
            matches!(bench.psa.write_note(odd, &note("x")).await, Err(CallError::Rejected { .. })),
            "{odd}"
        );
        let update = [change(Lever::Impact, "High")];
        assert!(matches!(bench.psa.apply(odd, &update).await, Err(CallError::Rejected { .. })), "{odd}");
    }
    let id = bench.angry().to_string();
    for lever in [Lever::Priority, Lever::Board, Lever::Status, Lever::Team, Lever::Owner] {
        let refused = bench.psa.apply(&id, &[change(lever.clone(), "7; drop")]).await;
        assert!(matches!(refused, Err(CallError::Rejected { .. })), "{lever:?}");
    }
    let custom = bench.psa.apply(&id, &[change(Lever::Custom("AI".into()), "4")]).await;
    assert!(matches!(custom, Err(CallError::Rejected { .. })));
    assert!(bench.all().is_empty(), "{:?}", bench.all());
}

#[tokio::test]
async fn field_changes_are_one_request_and_come_back_as_the_site_shows_them() {
    let bench = Bench::new().await;
    let id = bench.angry();
    let update =
        [change(Lever::Priority, CRITICAL), change(Lever::Severity, "High"), change(Lever::Impact, "High")];
    let after = bench.psa.apply(&id.to_string(), &update).await.unwrap();
    assert_eq!(shown(&after, Lever::Priority), Some((CRITICAL, "Priority 1 - Critical")));
    assert_eq!(shown(&after, Lever::Severity), Some(("High", "High")));
    assert_eq!(shown(&after, Lever::Impact), Some(("High", "High")));
    let expected = json!([
        {"op": "replace", "path": "priority", "value": {"id": 6}},
        {"op": "replace", "path": "severity", "value": "High"},
        {"op": "replace", "path": "impact", "value": "High"},
    ]);
    assert_eq!(bench.written(Method::PATCH), [expected]);
    let history: Vec<_> =
        bench.sandbox.history(id).into_iter().map(|change| (change.what, change.who)).collect();
    assert_eq!(history, ["Priority", "Severity", "Impact"].map(|what| (what, "UndertoneApi".to_owned())));
    bench.check();
}

#[tokio::test]
async fn an_escalation_moves_board_status_team_and_owner_together() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    let changes = [
        change(Lever::Owner, "318"),
        change(Lever::Team, "44"),
        change(Lever::Status, "301"),
        change(Lever::Board, &CLIENT_CARE.to_string()),
    ];
    let after = bench.psa.apply(&id, &changes).await.unwrap();
    assert_eq!(shown(&after, Lever::Board), Some(("12", "Client Care")));
    assert_eq!(shown(&after, Lever::Status), Some(("301", "Call the customer")));
    assert_eq!(shown(&after, Lever::Team), Some(("44", "Account Managers")));
    assert_eq!(shown(&after, Lever::Owner), Some(("318", "Jordan Doe")));
    assert_eq!(bench.written(Method::PATCH).len(), 1);

    // Back with a status that the old board does not have: refused in the site's own words, and nothing is half done.
    let wrong = [change(Lever::Board, &HELP_DESK.to_string()), change(Lever::Status, "301")];
    let refused = bench.psa.apply(&id, &wrong).await.unwrap_err();
    let CallError::Rejected { status: 400, message } = &refused else { panic!("{refused:?}") };
    assert!(message.contains("Service Status 301 not found for Service Board 30 (status/id)"), "{message}");
    assert_eq!(bench.psa.levers(&id).await.unwrap().unwrap(), after);
    bench.check();
}

#[tokio::test]
async fn a_priority_that_the_matrix_took_back_is_asked_for_once_more() {
    let all = [change(Lever::Priority, HIGH), change(Lever::Severity, "High"), change(Lever::Impact, "High")];
    let again = json!([{"op": "replace", "path": "priority", "value": {"id": 15}}]);
    // (the site's rule, what is sent, patches, priority, severity, impact)
    for (rule, changes, patches, expected) in [
        (PriorityRule::Independent, &all[..], 1, (HIGH, "High", "High")),
        (PriorityRule::MatrixWins, &all[..], 2, (HIGH, "High", "High")),
        // The second request flips the pair; that is reported and not fought over.
        (PriorityRule::Coupled, &all[..], 2, (HIGH, "High", "Medium")),
        (PriorityRule::MatrixWins, &all[1..], 1, (CRITICAL, "High", "High")),
        (PriorityRule::MatrixWins, &all[..1], 1, (HIGH, "Medium", "Medium")),
    ] {
        let bench = Bench::new().await;
        bench.sandbox.priority_rule(rule);
        let id = bench.angry().to_string();
        let after = bench.psa.apply(&id, changes).await.unwrap();
        let found = [Lever::Priority, Lever::Severity, Lever::Impact]
            .map(|lever| shown(&after, lever).unwrap().0.to_owned());
        assert_eq!(found, [expected.0, expected.1, expected.2], "{rule:?}");
        assert_eq!(bench.written(Method::PATCH).len(), patches, "{rule:?}");
        if patches == 2 {
            assert_eq!(bench.written(Method::PATCH)[1], again);
        }
        bench.check();
    }
}

#[tokio::test]
async fn a_refused_second_request_leaves_the_first_one_told_as_it_is() {
    let bench = Bench::new().await;
    bench.sandbox.priority_rule(PriorityRule::MatrixWins);
    let id = bench.angry().to_string();
    let update =
        [change(Lever::Priority, HIGH), change(Lever::Severity, "High"), change(Lever::Impact, "High")];
    let faults = &bench.sandbox.watch().faults;
    faults.add(Some(Method::PATCH), "/tickets/", 1, Fault::Delay(Duration::ZERO));
    let body = json!({"code": "InvalidObject", "message": "ticket object is invalid"}).to_string();
    faults.add(
        Some(Method::PATCH),
        "/tickets/",
        1,
        Fault::Answer { status: 400, content_type: "application/json", body, retry_after: None },
    );
    let after = bench.psa.apply(&id, &update).await.unwrap();
    assert_eq!(shown(&after, Lever::Priority).unwrap().0, CRITICAL);
    assert_eq!(shown(&after, Lever::Severity).unwrap().0, "High");

    // Where it may have gone through, the caller must look.
    let id = bench.angry().to_string();
    faults.add(Some(Method::PATCH), "/tickets/", 1, Fault::Delay(Duration::ZERO));
    faults.add(Some(Method::PATCH), "/tickets/", 1, Fault::CutAfterActing);
    let error = bench.psa.apply(&id, &update).await.unwrap_err();
    assert!(error.uncertain(), "{error:?}");
    assert_eq!(shown(&bench.psa.levers(&id).await.unwrap().unwrap(), Lever::Priority).unwrap().0, HIGH);
}

#[tokio::test]
async fn a_note_is_internal_mails_nobody_and_is_found_again() {
    let bench = Bench::new().await;
    let id = bench.angry();
    let ticket = id.to_string();
    assert_eq!(bench.psa.find_note(&ticket, "[ut:7f3k]").await.unwrap(), None);
    let written =
        bench.psa.write_note(&ticket, &note("Priority raised because urgency is 5.")).await.unwrap();
    assert_eq!(bench.psa.find_note(&ticket, "[ut:7f3k]").await.unwrap().as_deref(), Some(written.as_str()));
    let shown = bench.sandbox.notes(id).pop().unwrap();
    assert_eq!(shown["text"], "Undertone.\nPriority raised because urgency is 5.\n[ut:7f3k]");
    for (flag, value) in
        [("internalAnalysisFlag", true), ("detailDescriptionFlag", false), ("resolutionFlag", false)]
    {
        assert_eq!(shown[flag], value, "{flag}");
    }
    assert_eq!(bench.sandbox.mailed(id), 0);
    assert_eq!(bench.written(Method::POST)[0]["processNotifications"], false);
    bench.check();
}

#[tokio::test]
async fn a_note_of_ours_is_found_behind_many_others_and_a_quotation_of_it_is_not_ours() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench.sandbox.reply(id, "You wrote [ut:7f3k], what is that?");
    assert_eq!(bench.psa.find_note(&id.to_string(), "[ut:7f3k]").await.unwrap(), None);
    let written = bench.psa.write_note(&id.to_string(), &note("What we did")).await.unwrap();
    for number in 0..250 {
        bench.sandbox.reply(id, &format!("and another thing, {number}"));
    }
    bench.sandbox.watch().recorder.clear();
    assert_eq!(bench.psa.find_note(&id.to_string(), "[ut:7f3k]").await.unwrap(), Some(written));
    assert_eq!(bench.all().len(), 3, "the newest hundred, the next, and the one it is in");
    bench.check();
}

#[tokio::test]
async fn an_upgrade_of_the_site_is_noticed_and_the_call_repeated() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.psa.levers(&id).await.unwrap().unwrap();
    bench.sandbox.upgrade("v2026_1");
    bench.sandbox.watch().recorder.clear();
    let after = bench.psa.apply(&id, &[change(Lever::Impact, "High")]).await.unwrap();
    assert_eq!(shown(&after, Lever::Impact).unwrap().0, "High");
    let paths: Vec<String> = bench.all().iter().map(|one| one.path.clone()).collect();
    let api = |codebase: &str| format!("/{codebase}/apis/3.0/service/tickets/{id}");
    assert_eq!(paths, [api("v2025_1"), "/login/companyinfo/examplemsp".into(), api("v2026_1")]);
    bench.psa.levers(&id).await.unwrap().unwrap();
    assert_eq!(bench.all().len(), 4, "the new codebase is kept");
}

#[tokio::test]
async fn a_site_that_tells_no_codebase_is_called_by_the_one_that_works_everywhere() {
    for (status, body) in
        [(404, "<html>not here</html>"), (200, "<html>welcome</html>"), (200, r#"{"Codebase":"../x"}"#)]
    {
        let bench = Bench::new().await;
        let id = bench.angry().to_string();
        let fault = Fault::Answer { status, content_type: "text/html", body: body.into(), retry_after: None };
        bench.sandbox.watch().faults.add(None, "/login/companyinfo", 9, fault);
        assert!(bench.psa.levers(&id).await.unwrap().is_some(), "{status} {body}");
        assert!(bench.all().last().unwrap().path.starts_with("/v4_6_release/apis/3.0/"));
    }
}
