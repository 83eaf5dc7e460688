//! The Halo adapter against the stand-in, over real HTTP; each request is checked against the published document.

use crate::outcome::kind_of;
use crate::spec::Published;
use domain::{Author, Change, Choice, Lever, PsaKind, PsaSettings, Secret, Snapshot};
use http::Method;
use sandbox::halo::{Credentials, Halo, NewTicket, VENDOR_RETRY};
use sandbox::{Fault, Running};
use serde_json::{Value, json};
use server::outside::{CallError, Outside};
use server::psa::{self, NewNote, Psa};
use std::sync::Arc;

mod failures;
mod hooks;
mod listing;
mod register;
mod same;
mod sign_in;

/// A stand-in, served, and a connection to it.
struct Bench {
    sandbox: Halo,
    psa: Arc<dyn Psa>,
    running: Running,
}

impl Bench {
    async fn new() -> Self {
        Self::with(|settings| settings).await
    }

    async fn with(change: impl FnOnce(PsaSettings) -> PsaSettings) -> Self {
        let sandbox = Halo::new(Credentials::default(), VENDOR_RETRY);
        let running = sandbox::serve(([127, 0, 0, 1], 0).into(), sandbox.router()).await.unwrap();
        sandbox.set_url(&running.url());
        let psa = connect(&change(settings(&sandbox, &running.url())));
        Self { sandbox, psa, running }
    }

    fn angry(&self) -> i64 {
        self.sandbox.create_ticket(NewTicket {
            client: 12,
            user: Some(77),
            summary: "Tills are down again".into(),
            details: "Third time this week!\nWe pay you for this?".into(),
            ..NewTicket::default()
        })
    }

    fn sent(&self, method: Method, path: &str) -> Vec<Value> {
        let all = self.sandbox.watch.recorder.all();
        let wanted = all.iter().filter(|one| one.method == method && one.path.ends_with(path));
        wanted.map(|one| serde_json::from_slice(&one.body).unwrap_or(Value::Null)).collect()
    }

    fn statuses(&self, status: u16) -> usize {
        self.sandbox.watch.recorder.all().into_iter().filter(|one| one.status == status).count()
    }

    /// The published document allows everything that was sent; sign-in and discovery are not part of it.
    fn check(&self) {
        let checked = Published::Psa(PsaKind::HaloPsa).check(&self.sandbox.watch.recorder.all());
        assert_ne!(checked, Some(0), "nothing was sent");
    }
}

fn settings(sandbox: &Halo, url: &str) -> PsaSettings {
    let credentials = sandbox.credentials();
    PsaSettings::HaloPsa {
        url: format!("{url}/api"),
        client_id: credentials.client_id.clone(),
        client_secret: Secret::new(credentials.client_secret.clone()),
        tenant: None,
        auth_url: None,
    }
}

fn connect(settings: &PsaSettings) -> Arc<dyn Psa> {
    psa::open(settings, Outside::new(true).caller("one tenant", psa::halo::LIMITS))
}

fn change(lever: Lever, from: Option<&str>, to: &str) -> Change {
    let from = from.map(|id| Choice::new(id, ""));
    Change { lever, from, to: Choice::new(to, ""), because: "urgency 5 ≥ 4".into() }
}

fn shown(levers: &Snapshot, lever: Lever) -> Option<(&str, &str)> {
    levers.get(&lever.into()).map(|choice| (choice.id.as_str(), choice.label.as_str()))
}

fn note(text: &str) -> NewNote {
    NewNote { title: "Undertone".into(), text: format!("{text}\n[ut:7f3k]"), reference: "[ut:7f3k]".into() }
}

fn answer(status: u16, body: &str) -> Fault {
    Fault::Answer { status, content_type: "application/json", body: body.to_owned(), retry_after: None }
}

#[tokio::test]
async fn a_ticket_is_read_with_names_levers_and_its_conversation() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench
        .sandbox
        .add_action(id, json!({"who": "Grace Hall", "who_agentid": 7, "note_html": "<p>Looking</p>"}));
    bench
        .sandbox
        .add_action(id, json!({"who": "Ruth", "who_type": 0, "actionby_user_id": 78, "note": "Still down"}));
    bench.psa.write_note(&id.to_string(), &note("What we did")).await.unwrap();
    bench.sandbox.edit_ticket(id, "agent_id", json!("7"));

    let found = bench.psa.fetch(&id.to_string()).await.unwrap().unwrap();
    let ticket = &found.ticket;
    assert_eq!((ticket.psa, ticket.external_id.as_str()), (PsaKind::HaloPsa, id.to_string().as_str()));
    assert_eq!(ticket.title, "Tills are down again");
    assert_eq!(ticket.client.as_ref().unwrap().name, "Sunrise Bakery Group");
    assert_eq!(ticket.contact.as_ref().unwrap().name, "Sam Sample");
    assert_eq!(ticket.contact_email.as_deref(), Some("sam@sunrise.example"));
    assert_eq!(ticket.board.as_ref().unwrap().name, "1st Line Support");
    assert_eq!(ticket.kind.as_ref().unwrap().name, "Incident");
    assert!(!ticket.closed && ticket.created_at.is_some() && ticket.updated_at.is_some());
    assert_eq!(ticket.url.as_deref(), Some(format!("{}/ticket?id={id}", bench.running.url()).as_str()));
    assert_eq!(shown(&ticket.levers, Lever::Priority), Some(("4", "Low")));
    assert_eq!(shown(&ticket.levers, Lever::Severity), Some(("3", "Low")));
    assert_eq!(shown(&ticket.levers, Lever::Impact), Some(("3", "Single User")));
    assert_eq!(shown(&ticket.levers, Lever::Status), Some(("1", "New")));
    assert_eq!(shown(&ticket.levers, Lever::Team), Some(("1", "1st Line Support")));
    assert_eq!(shown(&ticket.levers, Lever::Owner), Some(("7", "Grace Hall")));

    let story: Vec<_> = found
        .notes
        .iter()
        .map(|note| (note.id.as_str(), note.author, note.author_name.as_str(), note.internal, note.html))
        .collect();
    let expected = [
        ("", Author::Customer, "Sam Sample", false, false),
        ("1", Author::Customer, "Sam Sample", false, false),
        ("2", Author::Technician, "Grace Hall", false, true),
        ("3", Author::Customer, "Ruth", false, false),
        ("4", Author::Us, "Undertone API", true, true),
    ];
    assert_eq!(story, expected);
    assert_eq!(found.notes[0].text, "Third time this week!\nWe pay you for this?");
    bench.check();
}

#[tokio::test]
async fn without_details_the_ticket_begins_with_the_oldest_action_a_customer_sees() {
    let bench = Bench::new().await;
    let id = bench.sandbox.create_ticket(NewTicket { client: 12, user: Some(77), ..NewTicket::default() });
    bench.sandbox.edit_ticket(id, "details", json!(""));
    bench.sandbox.edit_ticket(id, "details_html", json!("<p>Help</p>"));
    let first =
        async |bench: &Bench| bench.psa.fetch(&id.to_string()).await.unwrap().unwrap().notes.remove(0);
    let opening = first(&bench).await;
    assert_eq!((opening.text.as_str(), opening.html), ("<p>Help</p>", true));
    bench.sandbox.edit_ticket(id, "details_html", Value::Null);
    let opening = first(&bench).await;
    assert_eq!((opening.id.as_str(), opening.author), ("1", Author::Customer));
}

#[tokio::test]
async fn a_missing_ticket_is_none_and_closed_merged_and_deleted_ones_are_told_apart() {
    let bench = Bench::new().await;
    assert!(bench.psa.fetch("999").await.unwrap().is_none());
    assert!(bench.psa.levers("T20250101").await.unwrap().is_none(), "no id of Halo's");
    let cases = [
        ("hasbeenclosed", json!(true), true, None),
        ("merged_into_id", json!(7), false, Some("it was merged into ticket 7")),
        ("deleted", json!(true), false, Some("it was deleted")),
    ];
    for (field, value, closed, set_aside) in cases {
        let id = bench.angry();
        let read = async || bench.psa.fetch(&id.to_string()).await.unwrap().unwrap().ticket;
        let before = read().await;
        assert!(!before.closed && before.set_aside.is_none());
        bench.sandbox.edit_ticket(id, field, value);
        let after = read().await;
        assert_eq!((after.closed, after.set_aside.as_deref()), (closed, set_aside), "{field}");
    }
    bench.check();
}

#[tokio::test]
async fn values_that_are_not_set_are_no_levers() {
    let bench = Bench::new().await;
    let id = bench.angry();
    for field in ["impact", "urgency"] {
        bench.sandbox.edit_ticket(id, field, json!(0));
    }
    let levers = bench.psa.levers(&id.to_string()).await.unwrap().unwrap();
    for lever in [Lever::Impact, Lever::Severity, Lever::Owner] {
        assert!(!levers.contains_key(&lever.clone().into()), "{lever:?}: nobody is nobody");
    }
}

#[tokio::test]
async fn a_team_known_by_name_alone_gets_its_id() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench.sandbox.edit_ticket(id, "team_id", json!(5));
    // Older versions leave the id out; then only the name tells.
    let body = json!({"id": id, "team": "Escalations", "summary": "x"}).to_string();
    bench.sandbox.watch.faults.add(None, "/Tickets/", 1, answer(200, &body));
    let levers = bench.psa.levers(&id.to_string()).await.unwrap().unwrap();
    assert_eq!(shown(&levers, Lever::Team), Some(("5", "Escalations")));
}

#[tokio::test]
async fn all_changes_go_in_one_array_of_one_object_with_id_and_are_read_back() {
    let bench = Bench::new().await;
    let id = bench.angry();
    let changes = [
        change(Lever::Priority, Some("4"), "1"),
        change(Lever::Severity, Some("3"), "1"),
        change(Lever::Impact, Some("3"), "2"),
        change(Lever::Status, Some("1"), "23"),
        change(Lever::Team, Some("1"), "5"),
        change(Lever::Owner, None, "7"),
    ];
    let levers = bench.psa.apply(&id.to_string(), &changes).await.unwrap();
    for one in &changes {
        assert_eq!(levers.get(&one.lever.clone().into()), Some(&one.to), "{:?}", one.lever);
    }
    let expected = json!([{
        "id": id, "priority_id": 1, "urgency": 1, "impact": 2, "status_id": 23, "team_id": 5, "team": "Escalations",
        "agent_id": 7,
    }]);
    assert_eq!(bench.sent(Method::POST, "/Tickets"), [expected]);
    assert_eq!(bench.sandbox.count(), 1, "nothing was created");
    bench.check();
}

#[tokio::test]
async fn only_a_real_id_ever_goes_into_a_write() {
    let bench = Bench::new().await;
    for id in ["", "0", "-5", "new", "T1"] {
        let error = bench.psa.apply(id, &[change(Lever::Priority, None, "1")]).await.unwrap_err();
        assert_eq!(kind_of(&error), "rejected", "{id}");
        assert_eq!(kind_of(&bench.psa.write_note(id, &note("x")).await.unwrap_err()), "rejected", "{id}");
    }
    assert!(bench.sent(Method::POST, "/Tickets").is_empty() && bench.sandbox.count() == 0);
}

#[tokio::test]
async fn a_priority_that_the_tickets_sla_lacks_is_not_sent() {
    let bench = Bench::new().await;
    let new = NewTicket { client: 12, summary: "t".into(), sla: 2, ..NewTicket::default() };
    let id = bench.sandbox.create_ticket(new).to_string();
    let error = bench.psa.apply(&id, &[change(Lever::Priority, Some("3"), "4")]).await.unwrap_err();
    assert!(error.to_string().contains("SLA of this ticket has no priority 4"), "{error}");
    assert!(bench.sent(Method::POST, "/Tickets").is_empty(), "Halo would replace it without a word");
    let levers = bench.psa.apply(&id, &[change(Lever::Priority, Some("3"), "1")]).await.unwrap();
    assert_eq!(shown(&levers, Lever::Priority), Some(("1", "Emergency")), "named as this SLA names it");
}

#[tokio::test]
async fn what_rules_and_the_matrix_make_of_a_change_is_reported() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.sandbox.set_rule(Some(("team_id", json!(6))));
    let levers = bench.psa.apply(&id, &[change(Lever::Team, Some("1"), "5")]).await.unwrap();
    assert_eq!(shown(&levers, Lever::Team), Some(("6", "Projects")));
    bench.sandbox.set_rule(None);
    bench.sandbox.set_matrix(true);
    let all = [change(Lever::Priority, Some("4"), "1"), change(Lever::Impact, Some("3"), "2")];
    let levers = bench.psa.apply(&id, &all).await.unwrap();
    assert_eq!(shown(&levers, Lever::Priority), Some(("2", "High")), "the matrix decides");
}

#[tokio::test]
async fn changes_that_halo_refuses_come_back_with_its_words() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    let cases = [
        (change(Lever::Owner, None, "99"), "Please contact the administrator"),
        (change(Lever::Status, None, "99"), "A database error occurred (547)"),
        (change(Lever::Team, None, "99"), "Halo has no team 99"),
        (change(Lever::Impact, None, "high"), "“high” is not a Halo id for impact"),
        (change(Lever::Custom("x".into()), None, "1"), "Halo tickets have no x"),
    ];
    for (wanted, words) in cases {
        let error = bench.psa.apply(&id, std::slice::from_ref(&wanted)).await.unwrap_err();
        assert!(matches!(error, CallError::Rejected { .. }), "{wanted:?}: {error}");
        assert!(error.to_string().contains(words), "{wanted:?}: {error}");
    }
    assert_eq!(
        kind_of(&bench.psa.apply("999", &[change(Lever::Impact, None, "1")]).await.unwrap_err()),
        "rejected"
    );
}

#[tokio::test]
async fn a_note_is_private_mails_nobody_and_is_found_again() {
    let bench = Bench::new().await;
    let id = bench.angry();
    let ticket = id.to_string();
    assert_eq!(bench.psa.find_note(&ticket, "[ut:7f3k]").await.unwrap(), None);
    let written = bench.psa.write_note(&ticket, &note("He said <b>\"now\"</b> & left")).await.unwrap();
    assert_eq!(written, "2", "numbered within the ticket");
    let action = bench.sandbox.actions(id).pop().unwrap();
    assert_eq!((&action["hiddenfromuser"], &action["outcome"]), (&json!(true), &json!("Internal Note")));
    let html = action["note_html"].as_str().unwrap();
    assert!(html.contains("He said &lt;b&gt;&quot;now&quot;&lt;/b&gt; &amp; left<br>[ut:7f3k]"), "{html}");
    assert_eq!(bench.sandbox.mails(), 0);
    bench
        .sandbox
        .add_action(id, json!({"who": "Grace Hall", "who_agentid": 7, "note": "what is [ut:9999]?"}));
    assert_eq!(bench.psa.find_note(&ticket, "[ut:7f3k]").await.unwrap(), Some(written));
    assert_eq!(
        bench.psa.find_note(&ticket, "[ut:9999]").await.unwrap(),
        None,
        "a colleague's note is not ours"
    );
    bench.check();
}

#[tokio::test]
async fn an_outcome_that_is_missing_or_not_ours_to_use_is_replaced_by_a_text() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench.psa.lookups().await.unwrap();
    bench.psa.write_note(&id.to_string(), &note("first")).await.unwrap();
    bench.sandbox.edit_lists(|lists| lists.outcomes.clear());
    bench.psa.write_note(&id.to_string(), &note("second")).await.unwrap();
    let outcomes: Vec<Value> =
        bench.sandbox.actions(id).into_iter().skip(1).map(|one| one["outcome"].clone()).collect();
    assert_eq!(
        outcomes,
        [json!("Internal Note"), json!("Private Note")],
        "refused with the kept id, then sent as text"
    );
    assert_eq!(bench.statuses(400), 1);

    let bench = Bench::new().await;
    bench.sandbox.deny("outcome");
    let id = bench.angry();
    bench.psa.write_note(&id.to_string(), &note("x")).await.unwrap();
    assert_eq!(bench.sandbox.actions(id)[1]["outcome"], "Private Note");
    bench.check();
}

#[tokio::test]
async fn a_note_that_was_written_although_the_answer_was_lost_is_found() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.psa.find_note(&id, "x").await.unwrap();
    bench.sandbox.watch.faults.add(Some(Method::POST), "/Actions", 1, Fault::CutAfterActing);
    let error = bench.psa.write_note(&id, &note("x")).await.unwrap_err();
    assert!(error.uncertain(), "{error:?}");
    assert!(bench.psa.find_note(&id, "[ut:7f3k]").await.unwrap().is_some());
    assert_eq!(bench.sent(Method::POST, "/Actions").len(), 1, "a write is never repeated by itself");
}

#[tokio::test]
async fn a_note_that_halo_made_public_is_reported() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    let body = r#"{"id":5,"hiddenfromuser":false}"#;
    bench.sandbox.watch.faults.add(Some(Method::POST), "/Actions", 1, answer(201, body));
    let error = bench.psa.write_note(&id, &note("x")).await.unwrap_err();
    assert!(error.to_string().contains("visible to the customer"), "{error}");
}

#[tokio::test]
async fn lists_are_ranked_and_hold_only_what_can_be_chosen() {
    let bench = Bench::new().await;
    let found = bench.psa.lookups().await.unwrap();
    let labels = |list: &[Choice]| list.iter().map(|choice| choice.label.clone()).collect::<Vec<_>>();
    let ranked = [
        "Low",
        "Medium (Standard) / Routine (Gold)",
        "High (Standard) / Urgent (Gold)",
        "Critical (Standard) / Emergency (Gold)",
    ];
    assert_eq!(labels(&found.priorities), ranked);
    assert_eq!(labels(&found.severities), ["Low", "Medium", "High"]);
    assert_eq!(labels(&found.impacts), ["Single User", "Multiple Users", "Company Wide"]);
    assert_eq!(labels(&found.owners), ["Grace Hall", "Ivan Petrov"], "no API agents, and not nobody");
    assert_eq!(labels(&found.boards), ["1st Line Support", "Escalations", "Projects"]);
    let closed: Vec<_> = found
        .statuses
        .iter()
        .filter(|status| status.closed)
        .map(|status| status.choice.label.clone())
        .collect();
    assert_eq!(closed, ["Closed"]);
    assert_eq!(labels(&found.clients), ["Delta Clinics", "Peak Legal", "Sunrise Bakery Group"]);
    assert!(found.sources.is_empty() && found.missing.is_empty(), "{:?}", found.missing);
    bench.check();
}

#[tokio::test]
async fn lists_that_may_not_be_read_or_come_empty_are_named_and_the_rest_works() {
    let bench = Bench::new().await;
    bench.sandbox.hide("agent");
    bench.sandbox.deny("client");
    let found = bench.psa.lookups().await.unwrap();
    assert!(!found.priorities.is_empty() && found.owners.is_empty() && found.clients.is_empty());
    assert_eq!(found.missing.len(), 2, "{:?}", found.missing);
    assert!(found.missing[0].starts_with("agents: Halo shows none"), "{:?}", found.missing);
    let id = bench.angry().to_string();
    let levers = bench.psa.levers(&id).await.unwrap().unwrap();
    assert_eq!(shown(&levers, Lever::Owner), None, "agent 1 is nobody even where the list may not be read");
}

#[tokio::test]
async fn the_connection_test_passes_when_everything_is_allowed() {
    let bench = Bench::new().await;
    bench.angry();
    let report = bench.psa.probe().await;
    assert!(report.ok(), "{report:#?}");
    let names: Vec<_> = report.checks.iter().map(|check| check.name.as_str()).collect();
    let expected = [
        "Find the sign-in",
        "Sign in",
        "Read tickets",
        "Change tickets",
        "Read teams and agents",
        "Read priorities",
        "Write private notes",
    ];
    assert_eq!(names, expected);
    bench.check();
}

#[tokio::test]
async fn the_connection_test_names_the_right_that_is_missing() {
    type Break = fn(&Halo);
    let cases: [(Break, &str, &str); 6] = [
        (|halo| halo.deny("tickets"), "Read tickets", "read:tickets"),
        (|halo| halo.set_scope("read:tickets read:customers"), "Change tickets", "edit:tickets"),
        (|halo| halo.hide("team"), "Read teams and agents", "default team"),
        (|halo| halo.hide("agent"), "Read teams and agents", "default team"),
        (|halo| halo.deny("priority"), "Read priorities", "scope “all”"),
        (
            |halo| halo.edit_lists(|lists| lists.agents.retain(|one| one["id"] != 20)),
            "Write private notes",
            "login type",
        ),
    ];
    for (break_it, name, words) in cases {
        let bench = Bench::new().await;
        break_it(&bench.sandbox);
        let report = bench.psa.probe().await;
        let failed: Vec<_> = report.checks.iter().filter(|check| !check.ok).collect();
        assert_eq!(failed.len(), 1, "{name}: {report:#?}");
        assert!(failed[0].name == name && failed[0].message.contains(words), "{:?}", failed[0]);
    }
}
