//! The Autotask adapter against the stand-in, over real HTTP; each request is checked against the published document.

use crate::spec::Published;
use domain::{Author, Change, Choice, Lever, PsaKind, PsaSettings, Secret, Snapshot};
use http::Method;
use sandbox::autotask::{Autotask, Credentials, ESCALATION_QUEUE, NewTicket, VENDOR_RETRY};
use sandbox::{Fault, Running};
use serde_json::{Value, json};
use server::outside::{CallError, Outside};
use server::psa::{self, NewNote, Psa};
use std::sync::Arc;

mod failures;
mod hooks;
mod listing;
mod register;

const OMAR: &str = "29682886";

/// A stand-in, served, and a connection to it.
struct Bench {
    sandbox: Autotask,
    psa: Arc<dyn Psa>,
    _running: Running,
}

impl Bench {
    async fn new() -> Self {
        Self::with(|settings| settings).await
    }

    async fn with(change: impl FnOnce(PsaSettings) -> PsaSettings) -> Self {
        let (sandbox, running) = serve().await;
        let psa = connect(&change(settings(&sandbox)));
        Self { sandbox, psa, _running: running }
    }

    fn angry(&self) -> i64 {
        self.sandbox.create_ticket(NewTicket {
            company: 174,
            contact: Some(29_683_586),
            title: "Nobody can print".into(),
            description: "Third time this week!\nWe pay you for this?".into(),
            ..NewTicket::default()
        })
    }

    fn sent(&self, method: Method, path: &str) -> Vec<Value> {
        let all = self.sandbox.watch.recorder.all();
        let wanted = all.iter().filter(|one| one.method == method && one.path.ends_with(path));
        wanted.map(|one| serde_json::from_slice(&one.body).unwrap_or(Value::Null)).collect()
    }

    /// The published document allows everything that was sent.
    fn check(&self) {
        let checked = Published::Psa(PsaKind::Autotask).check(&self.sandbox.watch.recorder.all());
        assert_ne!(checked, Some(0), "nothing was sent");
    }
}

async fn serve() -> (Autotask, Running) {
    let sandbox = Autotask::new(Credentials::default(), VENDOR_RETRY);
    let running = sandbox::serve(([127, 0, 0, 1], 0).into(), sandbox.router()).await.unwrap();
    sandbox.set_url(&running.url());
    (sandbox, running)
}

fn settings(sandbox: &Autotask) -> PsaSettings {
    let credentials = sandbox.credentials();
    PsaSettings::Autotask {
        username: credentials.username.clone(),
        secret: Secret::new(credentials.secret.clone()),
        integration_code: credentials.integration_code.clone(),
        zone_url: Some(sandbox.zone_url()),
    }
}

fn with_secret(mut settings: PsaSettings, secret: &str) -> PsaSettings {
    settings.set_secret(Secret::new(secret));
    settings
}

fn connect(settings: &PsaSettings) -> Arc<dyn Psa> {
    psa::open(settings, Outside::new(true).caller("one tenant", psa::autotask::LIMITS))
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

#[tokio::test]
async fn a_ticket_is_read_with_names_levers_and_its_conversation() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench.sandbox.add_note(id, None, 4, 2, "Workflow rule ran");
    bench.sandbox.add_note(id, None, 29_682_886, 1, "We are looking into it");
    bench.sandbox.add_note(id, Some(29_683_587), 4, 1, "Still broken");
    bench.psa.write_note(&id.to_string(), &note("What we did")).await.unwrap();
    bench.sandbox.edit_ticket(id, "assignedResourceID", json!(29_682_885));
    bench.sandbox.edit_ticket(id, "userDefinedFields", json!([{"name": "AI Impact", "value": "4"}]));

    let found = bench.psa.fetch(&id.to_string()).await.unwrap().unwrap();
    let ticket = &found.ticket;
    assert_eq!((ticket.psa, ticket.external_id.as_str()), (PsaKind::Autotask, id.to_string().as_str()));
    assert_eq!(ticket.title, "Nobody can print");
    assert!(ticket.number.starts_with('T'), "{}", ticket.number);
    assert_eq!(ticket.client.as_ref().unwrap().name, "Harbour Freight Lines");
    assert_eq!(ticket.contact.as_ref().unwrap().name, "Nora Lindqvist");
    assert_eq!(ticket.contact_email.as_deref(), Some("nora@harbourfreight.example"));
    assert_eq!(ticket.board.as_ref().unwrap().name, "Level I Support");
    assert_eq!(ticket.kind.as_ref().unwrap().name, "Incident");
    assert_eq!(ticket.source.as_ref().unwrap().name, "Email");
    assert!(!ticket.closed && ticket.created_at.is_some() && ticket.updated_at.is_some());
    let link = format!("/Autotask/AutotaskExtend/ExecuteCommand.aspx?Code=OpenTicketDetail&TicketID={id}");
    assert!(ticket.url.as_ref().unwrap().ends_with(&link), "{:?}", ticket.url);
    assert_eq!(shown(&ticket.levers, Lever::Priority), Some(("3", "Low")));
    assert_eq!(shown(&ticket.levers, Lever::Status), Some(("1", "New")));
    assert_eq!(shown(&ticket.levers, Lever::Team), Some(("29682833", "Level I Support")));
    assert_eq!(shown(&ticket.levers, Lever::Owner), Some(("29682885", "Dana Whitfield")));
    assert_eq!(shown(&ticket.levers, Lever::Custom("AI Impact".into())), Some(("4", "4 site")));

    let story: Vec<_> = found
        .notes
        .iter()
        .map(|note| {
            (note.author, note.author_name.as_str(), note.internal, note.text.lines().next().unwrap())
        })
        .collect();
    let expected = [
        (Author::Customer, "Nora Lindqvist", false, "Third time this week!"),
        (Author::System, "Autotask Administrator", true, "Workflow rule ran"),
        (Author::Technician, "Omar Reyes", false, "We are looking into it"),
        (Author::Customer, "Tom Okafor", false, "Still broken"),
        (Author::Us, "Undertone API", true, "What we did"),
    ];
    assert_eq!(story, expected);
    assert_eq!(found.notes[0].id, "");
    bench.check();
}

#[tokio::test]
async fn a_ticket_is_also_found_by_its_number() {
    let bench = Bench::new().await;
    let id = bench.angry();
    let number = bench.sandbox.ticket(id).unwrap()["ticketNumber"].as_str().unwrap().to_owned();
    let found = bench.psa.fetch(&number).await.unwrap().unwrap();
    assert_eq!(found.ticket.external_id, id.to_string());
    let levers = bench.psa.apply(&number, &[change(Lever::Priority, Some("3"), "1")]).await.unwrap();
    assert_eq!(shown(&levers, Lever::Priority), Some(("1", "High")));
    assert!(bench.psa.fetch("T20990101.0001").await.unwrap().is_none());
    bench.check();
}

#[tokio::test]
async fn a_ticket_that_is_missing_or_not_there_yet_is_none() {
    let bench = Bench::new().await;
    assert!(bench.psa.fetch("999").await.unwrap().is_none());
    bench.sandbox.set_lag(1);
    let id = bench.angry().to_string();
    assert!(bench.psa.fetch(&id).await.unwrap().is_none());
    assert!(bench.psa.fetch(&id).await.unwrap().is_some());
    bench.sandbox.watch.faults.add(None, "/Tickets/", 1, answer(404, ""));
    assert!(bench.psa.levers(&id).await.unwrap().is_none(), "some zones say it with 404");
    bench.check();
}

#[tokio::test]
async fn a_complete_ticket_counts_as_closed() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench.sandbox.edit_ticket(id, "status", json!(5));
    assert!(bench.psa.fetch(&id.to_string()).await.unwrap().unwrap().ticket.closed);
}

#[tokio::test]
async fn all_changes_go_in_one_patch_and_are_read_back() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench.sandbox.edit_ticket(id, "userDefinedFields", json!([{"name": "AI Sentiment", "value": "2"}]));
    let changes = [
        change(Lever::Priority, Some("3"), "4"),
        change(Lever::Status, Some("1"), "11"),
        change(Lever::Team, Some("29682833"), &ESCALATION_QUEUE.to_string()),
        change(Lever::Owner, None, OMAR),
        change(Lever::Custom("AI Impact".into()), None, "5"),
    ];
    let levers = bench.psa.apply(&id.to_string(), &changes).await.unwrap();
    for one in &changes {
        assert_eq!(levers.get(&one.lever.clone().into()), Some(&one.to), "{:?}", one.lever);
    }
    assert_eq!(shown(&levers, Lever::Owner), Some((OMAR, "Omar Reyes")));
    assert_eq!(shown(&levers, Lever::Custom("AI Sentiment".into())), Some(("2", "")), "others stay");
    let patches = bench.sent(Method::PATCH, "/Tickets");
    let expected = json!({
        "id": id, "priority": 4, "status": 11, "queueID": ESCALATION_QUEUE, "assignedResourceID": 29_682_886,
        "assignedResourceRoleID": 9, "userDefinedFields": [{"name": "AI Impact", "value": "5"}],
    });
    assert_eq!(patches, [expected], "the default role of the person goes along");
    let after = bench.sandbox.ticket(id).unwrap();
    assert_eq!(after["description"], "Third time this week!\nWe pay you for this?");
    bench.check();
}

#[tokio::test]
async fn what_a_workflow_rule_makes_of_a_change_is_reported() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench.sandbox.set_rule(Some(("priority", json!(2))));
    let levers = bench.psa.apply(&id.to_string(), &[change(Lever::Priority, Some("3"), "4")]).await.unwrap();
    assert_eq!(shown(&levers, Lever::Priority), Some(("2", "Medium")));
}

#[tokio::test]
async fn changes_that_autotask_refuses_come_back_with_its_words() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    let cases = [
        (change(Lever::Priority, None, "99"), "Picklist value [99] does not exist for priority."),
        (change(Lever::Priority, None, "high"), "“high” is not an Autotask id for priority"),
        (change(Lever::Custom("Nope".into()), None, "4"), "Unable to find userDefinedFields"),
        (change(Lever::Custom("AI Impact".into()), None, "9"), "Picklist value [9]"),
        (change(Lever::Impact, None, "4"), "Autotask tickets have no impact"),
        (change(Lever::Owner, None, "29682887"), "no active service desk role"),
        (change(Lever::Owner, None, "30691780"), "no active service desk role"),
    ];
    for (wanted, words) in cases {
        let error = bench.psa.apply(&id, std::slice::from_ref(&wanted)).await.unwrap_err();
        assert!(matches!(error, CallError::Rejected { .. }), "{wanted:?}: {error}");
        assert!(error.to_string().contains(words), "{wanted:?}: {error}");
    }
    let error = bench.psa.apply("999", &[change(Lever::Priority, None, "4")]).await.unwrap_err();
    assert!(
        matches!(error, CallError::Rejected { .. }) && error.to_string().contains("No matching records"),
        "{error}"
    );
    bench.check();
}

#[tokio::test]
async fn a_refused_picklist_value_makes_the_lists_fresh() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.psa.levers(&id).await.unwrap();
    bench.sandbox.edit_lists(|lists| {
        let priority = lists.ticket_fields.iter_mut().find(|field| field["name"] == "priority").unwrap();
        priority["picklistValues"][3]["label"] = json!("Whenever");
    });
    let label = |levers: Option<Snapshot>| shown(&levers.unwrap(), Lever::Priority).unwrap().1.to_owned();
    assert_eq!(label(bench.psa.levers(&id).await.unwrap()), "Low", "kept");
    bench.psa.apply(&id, &[change(Lever::Priority, None, "99")]).await.unwrap_err();
    assert_eq!(label(bench.psa.levers(&id).await.unwrap()), "Whenever");
}

#[tokio::test]
async fn a_note_is_internal_within_limits_and_found_again() {
    let bench = Bench::new().await;
    let id = bench.angry();
    let ticket = id.to_string();
    assert_eq!(bench.psa.find_note(&ticket, "[ut:7f3k]").await.unwrap(), None);
    let mut long = note(&"word ".repeat(8_000));
    long.title = "t".repeat(400);
    let written = bench.psa.write_note(&ticket, &long).await.unwrap();
    let notes = bench.sandbox.notes(id);
    assert_eq!(notes.len(), 1);
    assert_eq!(
        (&notes[0]["publish"], &notes[0]["noteType"]),
        (&json!(2), &json!(3)),
        "internal, an ordinary type"
    );
    assert!(notes[0]["description"].as_str().unwrap().ends_with("\n[ut:7f3k]"));
    bench.sandbox.add_note(id, None, 29_682_886, 2, "What does [ut:9999] mean?");
    assert_eq!(bench.psa.find_note(&ticket, "[ut:7f3k]").await.unwrap(), Some(written));
    assert_eq!(
        bench.psa.find_note(&ticket, "[ut:9999]").await.unwrap(),
        None,
        "a colleague's note is not ours"
    );
    bench.check();
}

#[tokio::test]
async fn without_an_internal_visibility_no_note_is_written() {
    let bench = Bench::new().await;
    let id = bench.angry();
    bench.sandbox.edit_lists(|lists| {
        let publish = lists.note_fields.iter_mut().find(|field| field["name"] == "publish").unwrap();
        publish["picklistValues"][1]["label"] = json!("Colleagues");
    });
    let error = bench.psa.write_note(&id.to_string(), &note("x")).await.unwrap_err();
    assert!(error.to_string().contains("could reach the customer"), "{error}");
    assert!(bench.sandbox.notes(id).is_empty());
}

#[tokio::test]
async fn a_note_that_was_written_although_the_answer_was_lost_is_found() {
    let bench = Bench::new().await;
    let id = bench.angry().to_string();
    bench.psa.find_note(&id, "x").await.unwrap();
    bench.sandbox.watch.faults.add(Some(Method::POST), "/Notes", 1, Fault::CutAfterActing);
    let error = bench.psa.write_note(&id, &note("x")).await.unwrap_err();
    assert!(error.uncertain(), "{error:?}");
    assert!(bench.psa.find_note(&id, "[ut:7f3k]").await.unwrap().is_some());
    assert_eq!(bench.sent(Method::POST, "/Notes").len(), 1, "a write is never repeated by itself");
}

#[tokio::test]
async fn lists_are_ranked_and_hold_only_what_can_be_chosen() {
    let bench = Bench::new().await;
    let found = bench.psa.lookups().await.unwrap();
    let labels = |list: &[Choice]| list.iter().map(|choice| choice.label.clone()).collect::<Vec<_>>();
    assert_eq!(labels(&found.priorities), ["Low", "Medium", "High", "Critical"]);
    assert!(found.severities.is_empty() && found.impacts.is_empty());
    assert_eq!(labels(&found.owners), ["Dana Whitfield", "Lena Fischer", "Omar Reyes"]);
    assert_eq!(
        labels(&found.boards),
        ["Level I Support", "Escalations", "Client Portal", "Monitoring Alert"]
    );
    assert_eq!(found.teams.len(), found.boards.len());
    let closed: Vec<_> = found
        .statuses
        .iter()
        .filter(|status| status.closed)
        .map(|status| status.choice.label.clone())
        .collect();
    assert_eq!(closed, ["Complete"]);
    assert_eq!(
        labels(&found.clients),
        ["Brightwater School", "Example MSP", "Harbour Freight Lines", "Oak & Ivy Dental"]
    );
    let fields: Vec<_> =
        found.custom_fields.iter().map(|field| (field.name.as_str(), field.values.len())).collect();
    assert_eq!(fields, [("AI Impact", 5), ("AI Sentiment", 0), ("AI Urgency", 0)]);
    assert!(found.missing.is_empty(), "{:?}", found.missing);
    assert!(
        labels(&found.kinds).contains(&"Incident".into()) && labels(&found.sources).contains(&"Email".into())
    );
    bench.check();
}

#[tokio::test]
async fn lists_that_may_not_be_read_are_named_and_the_rest_works() {
    let bench = Bench::new().await;
    bench.sandbox.deny("resources", "query");
    bench.sandbox.deny("companies", "query");
    let found = bench.psa.lookups().await.unwrap();
    assert!(!found.priorities.is_empty() && found.owners.is_empty() && found.clients.is_empty());
    assert!(
        found.missing[0].contains("Resources") && found.missing[1].contains("CRM"),
        "{:?}",
        found.missing
    );
    let id = bench.angry().to_string();
    let ticket = bench.psa.fetch(&id).await.unwrap().unwrap().ticket;
    assert_eq!(ticket.client.unwrap().name, "", "a ticket is read although names are not");
}

#[tokio::test]
async fn the_connection_test_passes_when_everything_is_allowed() {
    let bench = Bench::new().await;
    let report = bench.psa.probe().await;
    assert!(report.ok(), "{report:#?}");
    let names: Vec<_> = report.checks.iter().map(|check| check.name.as_str()).collect();
    let expected = [
        "Find the zone",
        "Sign in",
        "Read tickets",
        "Change tickets",
        "Write internal notes",
        "Read people",
        "Read companies",
        "Create webhooks",
    ];
    assert_eq!(names, expected);
    bench.check();
}

#[tokio::test]
async fn the_connection_test_names_the_right_that_is_missing() {
    let cases = [
        ("tickets", "query", "Read tickets", "view “All”"),
        ("tickets", "update", "Change tickets", "edit “All”"),
        ("ticketnotes", "create", "Write internal notes", "Ticket notes: add"),
        ("resources", "query", "Read people", "Resources and Roles: view"),
        ("companies", "query", "Read companies", "CRM"),
    ];
    for (entity, act, name, words) in cases {
        let bench = Bench::new().await;
        bench.sandbox.deny(entity, act);
        let report = bench.psa.probe().await;
        let failed: Vec<_> = report.checks.iter().filter(|check| !check.ok).collect();
        assert_eq!(failed.len(), 1, "{entity} {act}: {report:#?}");
        assert!(failed[0].name == name && failed[0].message.contains(words), "{:?}", failed[0]);
    }
    let bench = Bench::new().await;
    bench.sandbox.deny("ticketwebhooks", "create");
    let report = bench.psa.probe().await;
    assert!(report.ok(), "an Extension Callout needs no right");
    assert!(report.checks.last().unwrap().message.contains("Can create webhooks"));
}

fn answer(status: u16, body: &str) -> Fault {
    Fault::Answer { status, content_type: "application/json", body: body.to_owned(), retry_after: None }
}

#[tokio::test]
async fn names_and_lists_are_asked_for_once() {
    let bench = Bench::new().await;
    let (one, two) = (bench.angry().to_string(), bench.angry().to_string());
    bench.psa.fetch(&one).await.unwrap();
    bench.sandbox.watch.recorder.clear();
    bench.psa.fetch(&two).await.unwrap();
    let paths: Vec<String> = bench.sandbox.watch.recorder.all().into_iter().map(|one| one.path).collect();
    assert_eq!(
        paths,
        [format!("/ATServicesRest/V1.0/Tickets/{two}"), "/ATServicesRest/V1.0/TicketNotes/query".into()]
    );
}
