//! Makers of things the tests need, and the macro that runs each test on both engines.

use chrono::{DateTime, Duration, TimeZone, Utc};
use domain::{
    Action, ActionKey, ActionKind, AnalysisId, Assessment, Change, Choice, Label, Lever, Mode, Party, Plan,
    PsaKind, Reading, Score, TenantId, Ticket, TicketId, UserId,
};
use std::collections::BTreeMap;
use store::accounts::NewTenant;
use store::analyses::Provenance;
use store::door::{Accepted, Disposition, NewDelivery};
use store::jobs::{Job, Share, Stage};
use store::tickets::ReadTicket;
use store::{Store, TenantStore};

/// Runs each `async fn name(store: TestStore)` of the list on both engines.
macro_rules! on_both_engines {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(store::testing::TestStore::sqlite().await).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() {
                if let Some(store) = store::testing::TestStore::postgres().await { super::$name(store).await; }
            })*
        }
    };
}
pub(crate) use on_both_engines;

/// Noon of a Monday; tests count in seconds from here.
pub fn at(seconds: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 12, 0, 0).unwrap() + Duration::seconds(seconds)
}

pub const LEASE: std::time::Duration = std::time::Duration::from_secs(60);

pub async fn tenant(store: &Store, name: &str) -> TenantStore {
    let (tenant, _) = tenant_with_owner(store, name).await;
    store.tenant(tenant)
}

pub async fn tenant_with_owner(store: &Store, name: &str) -> (TenantId, UserId) {
    let new = NewTenant {
        name: name.into(),
        owner_email: format!("owner@{name}.example"),
        owner_name: format!("Owner of {name}"),
        password_hash: "$argon2id$none".into(),
    };
    store.tenant_create(new, at(0)).await.unwrap()
}

pub fn delivery(tenant: TenantId, key: &str, disposition: Disposition, seconds: i64) -> NewDelivery {
    NewDelivery {
        tenant,
        psa: PsaKind::Autotask.into(),
        dedupe_key: key.into(),
        disposition,
        headers: serde_json::json!({"user-agent": "a test"}),
        body: format!("body of {key}").into_bytes(),
        verified: true,
        received_at: at(seconds),
    }
}

pub fn created(ticket: &str) -> Disposition {
    Disposition::Analyse { external_ticket: ticket.into() }
}

/// The call that tells of a new ticket.
pub async fn arrive(tenant: &TenantStore, ticket: &str, seconds: i64) -> Accepted {
    let key = format!("created {ticket}");
    tenant.store().accept(delivery(tenant.tenant_id(), &key, created(ticket), seconds)).await.unwrap()
}

/// Claims the one job that is due.
pub async fn claim(store: &Store, seconds: i64) -> Job {
    let mut jobs = store.job_claim(at(seconds), LEASE, 10, Share::of(10)).await.unwrap();
    assert_eq!(jobs.len(), 1, "one job is due");
    jobs.remove(0)
}

/// Gives a job back between two stages, in its old place, as a server does that stops.
pub async fn give_back(store: &Store, job: &Job) {
    store.job_retry(job.lease, job.created_at, "the server was stopped", true).await.unwrap();
}

/// Ends the read stage and gives the job back.
pub async fn end_read(tenant: &TenantStore, job: &Job, read: &ReadTicket, second: i64) -> TicketId {
    let ticket = tenant.ticket_read(job.lease, read, at(second)).await.unwrap();
    give_back(tenant.store(), job).await;
    ticket
}

/// Ends the score stage, and gives the job back if something is left to do.
pub async fn end_score(
    tenant: &TenantStore,
    job: &Job,
    ticket: TicketId,
    assessment: &Assessment,
    plan: &Plan,
    second: i64,
) -> AnalysisId {
    let decided = tenant
        .analysis_scored(job.lease, ticket, assessment, plan, 1, &provenance(), at(second))
        .await
        .unwrap();
    if decided.left {
        give_back(tenant.store(), job).await;
    }
    decided.id
}

pub fn ticket(external_id: &str, client: &str) -> Ticket {
    Ticket {
        psa: PsaKind::Autotask,
        external_id: external_id.into(),
        number: format!("T20260302.{external_id}"),
        title: format!("Printer {external_id} is on fire"),
        client: Some(Party { id: client.into(), name: format!("Client {client}") }),
        contact: None,
        contact_email: Some("pat@client.example".into()),
        board: Some(Party { id: "8".into(), name: "Help Desk".into() }),
        kind: None,
        source: None,
        closed: false,
        set_aside: None,
        levers: BTreeMap::new(),
        created_at: Some(at(-5)),
        updated_at: None,
        url: None,
    }
}

pub fn read(external_id: &str, client: &str) -> ReadTicket {
    ReadTicket {
        ticket: ticket(external_id, client),
        text: format!("The printer {external_id} smokes, and nobody answers."),
        text_remarks: vec!["a signature was cut".into()],
        author_name: "Pat".into(),
    }
}

fn reading(score: i64) -> Reading {
    Reading { score: Score::new(score).unwrap(), reason: "it says so".into(), quote: "smokes".into() }
}

pub fn assessment(sentiment: i64) -> Assessment {
    Assessment { sentiment: reading(sentiment), urgency: reading(3), impact: reading(2) }
}

pub fn label(sentiment: i64) -> Label {
    match sentiment {
        1 | 2 => Label::Positive,
        3 => Label::Neutral,
        _ => Label::Negative,
    }
}

pub fn change() -> Change {
    Change {
        lever: Lever::Priority,
        from: Some(Choice::new("3", "Medium")),
        to: Choice::new("1", "Critical"),
        because: "urgency 5 ≥ 4".into(),
    }
}

pub fn action(key: &str) -> Action {
    let kind = match key {
        "update" => ActionKind::Update { changes: vec![change()] },
        "escalate" => ActionKind::Escalate { changes: vec![change()] },
        _ => ActionKind::Note { about: vec![ActionKey(key.trim_start_matches("note:").into())] },
    };
    Action { key: ActionKey(key.into()), kind }
}

pub fn plan(mode: Mode, sentiment: i64, keys: &[&str]) -> Plan {
    Plan {
        mode,
        label: label(sentiment),
        reached: Vec::new(),
        actions: keys.iter().map(|key| action(key)).collect(),
        untouched: Vec::new(),
        sentences: vec!["Because.".into()],
    }
}

pub fn provenance() -> Provenance {
    Provenance {
        model: "a model".into(),
        prompt: "asked".into(),
        answer: "answered".into(),
        ..Provenance::default()
    }
}

/// Brings a ticket up to the end of its score stage.
pub async fn scored(
    tenant: &TenantStore,
    external_id: &str,
    client: &str,
    sentiment: i64,
    plan: &Plan,
    seconds: i64,
) -> TicketId {
    let store = tenant.store();
    arrive(tenant, external_id, seconds).await;
    let job = claim(store, seconds).await;
    assert_eq!(job.stage, Stage::Read);
    let id = end_read(tenant, &job, &read(external_id, client), seconds + 1).await;
    let job = claim(store, seconds + 1).await;
    assert_eq!((job.stage, job.ticket), (Stage::Score, Some(id)));
    end_score(tenant, &job, id, &assessment(sentiment), plan, seconds + 2).await;
    id
}
