//! What differs between the three products: how a stand-in is driven and read, and which values the stories use.

use super::desk::{Captured, Move};
use chrono::{DateTime, Utc};
use domain::{
    Choice, Dimension, Driver, Escalation, Lever, LeverRule, PsaKind, PsaSettings, Score, ScoreField, Secret,
    Updates,
};
use http::Method;
use sandbox::Running;
use sandbox::autotask::{self, Autotask, ESCALATION_QUEUE};
use sandbox::connectwise::{self, ConnectWise};
use sandbox::deliver::{Delivery, Retry};
use sandbox::faults::Watch;
use sandbox::halo::{self, Halo};
use sandbox::scenes::Scene;
use serde_json::{Value, json};
use std::time::Duration;

/// A webhook call that fails is sent again soon, and for long enough that an instance can be restarted meanwhile.
const IMPATIENT: Retry = Retry {
    timeout: Duration::from_secs(10),
    tries: 200,
    pause: Duration::from_millis(50),
    gives_up_after: None,
};

pub enum Product {
    ConnectWise(ConnectWise),
    Autotask(Autotask),
    Halo(Halo),
}

/// Values and addresses of one product.
pub struct Fact {
    pub updates: Vec<Move>,
    pub escalations: Vec<Move>,
    pub another_priority: &'static str,
    /// Part of the path of readings, of the request that changes fields, and of the one that writes a note.
    pub read: &'static str,
    pub change: (Method, &'static str),
    pub note: (Method, &'static str),
    /// The request for the list of new tickets.
    pub list: (Method, &'static str),
    /// Part of the path of everything that needs credentials.
    pub behind_credentials: &'static str,
    pub refusal: (u16, &'static str),
    pub refusal_words: &'static str,
}

impl Product {
    pub async fn serve(kind: PsaKind) -> (Self, Running) {
        let any = ([127, 0, 0, 1], 0).into();
        match kind {
            PsaKind::ConnectWise => {
                let it = ConnectWise::new(connectwise::Keys::default());
                it.retry_pause(Duration::from_millis(50));
                let running = it.serve(any).await.unwrap();
                (Self::ConnectWise(it), running)
            }
            PsaKind::Autotask => {
                let it = Autotask::new(autotask::Credentials::default(), IMPATIENT);
                let running = sandbox::serve(any, it.router()).await.unwrap();
                it.set_url(&running.url());
                (Self::Autotask(it), running)
            }
            PsaKind::HaloPsa => {
                let it = Halo::new(halo::Credentials::default(), IMPATIENT);
                let running = sandbox::serve(any, it.router()).await.unwrap();
                it.set_url(&running.url());
                (Self::Halo(it), running)
            }
        }
    }

    pub fn settings(&self, url: &str) -> PsaSettings {
        match self {
            Self::ConnectWise(it) => PsaSettings::ConnectWise {
                site: url.into(),
                company_id: it.keys().company_id.clone(),
                public_key: it.keys().public_key.clone(),
                private_key: Secret::new(it.keys().private_key.clone()),
                client_id: it.keys().client_id.clone(),
            },
            Self::Autotask(it) => PsaSettings::Autotask {
                username: it.credentials().username.clone(),
                secret: Secret::new(it.credentials().secret.clone()),
                integration_code: it.credentials().integration_code.clone(),
                zone_url: Some(it.zone_url()),
            },
            Self::Halo(it) => PsaSettings::HaloPsa {
                url: url.into(),
                client_id: it.credentials().client_id.clone(),
                client_secret: Secret::new(it.credentials().client_secret.clone()),
                tenant: Some(it.credentials().tenant.clone()),
                auth_url: None,
            },
        }
    }

    pub fn subscribe(&self, address: &str, secret: &str) {
        match self {
            Self::ConnectWise(it) => _ = it.register(address).unwrap(),
            Self::Autotask(it) => _ = it.subscribe(address, secret).unwrap(),
            Self::Halo(it) => _ = it.subscribe(address, Some(secret), halo::Payload::Full, 1),
        }
    }

    pub fn number(&self, ticket: &str) -> String {
        match self {
            Self::Autotask(it) => {
                let shown = it.ticket(ticket.parse().unwrap()).unwrap();
                shown["ticketNumber"].as_str().unwrap().to_owned()
            }
            Self::ConnectWise(_) | Self::Halo(_) => ticket.to_owned(),
        }
    }

    /// Each webhook's address, and whether it is on.
    pub fn webhooks(&self) -> Vec<(String, bool)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match self {
            Self::ConnectWise(it) => {
                it.callbacks().iter().map(|one| (text(&one["url"]), one["inactiveFlag"] != true)).collect()
            }
            Self::Autotask(it) => {
                let is_on = |one: &Value| one["isActive"] == true && one["isReady"] == true;
                it.webhooks().iter().map(|one| (text(&one["webhookUrl"]), is_on(one))).collect()
            }
            Self::Halo(it) => {
                it.webhooks().iter().map(|one| (text(&one["url"]), one["active"] == true)).collect()
            }
        }
    }

    pub fn switch_off(&self) {
        match self {
            Self::ConnectWise(it) => {
                it.callbacks().iter().for_each(|one| it.deactivate_callback(one["id"].as_u64().unwrap()))
            }
            Self::Autotask(it) => {
                it.webhooks().iter().for_each(|one| it.deactivate_webhook(one["id"].as_i64().unwrap()))
            }
            Self::Halo(it) => {
                it.webhooks().iter().for_each(|one| it.deactivate_webhook(one["id"].as_str().unwrap()))
            }
        }
    }

    pub fn watch(&self) -> &Watch {
        match self {
            Self::ConnectWise(it) => it.watch(),
            Self::Autotask(it) => &it.watch,
            Self::Halo(it) => &it.watch,
        }
    }

    /// `at`: when; `None`: now. `is_silent`: the webhook gets lost.
    pub fn create(&self, title: &str, note: &str, at: Option<DateTime<Utc>>, is_silent: bool) -> String {
        let (title, note) = (title.to_owned(), note.to_owned());
        match self {
            Self::ConnectWise(it) => {
                let new = connectwise::NewTicket { title, note, at, is_silent, ..Default::default() };
                it.create_ticket(new).to_string()
            }
            Self::Autotask(it) => {
                let (company, contact, description) = (174, Some(29_683_586), note);
                let new = autotask::NewTicket {
                    company,
                    contact,
                    title,
                    description,
                    at,
                    is_silent,
                    ..Default::default()
                };
                it.create_ticket(new).to_string()
            }
            Self::Halo(it) => {
                let (client, user, summary, details) = (12, Some(77), title, note);
                let new =
                    halo::NewTicket { client, user, summary, details, at, is_silent, ..Default::default() };
                it.create_ticket(new).to_string()
            }
        }
    }

    pub fn tell_of(&self, ticket: &str) {
        match self {
            Self::ConnectWise(it) => it.tell_of(ticket.parse().unwrap()),
            Self::Autotask(it) => it.tell_of(ticket.parse().unwrap()),
            Self::Halo(it) => it.tell_of(ticket.parse().unwrap()),
        }
    }

    /// A mail of the demo becomes a ticket in the way of this product.
    pub fn play(&self, scene: &Scene) -> String {
        match self {
            Self::ConnectWise(it) => it.play(scene, None).to_string(),
            Self::Autotask(it) => it.play(scene, None).to_string(),
            Self::Halo(it) => it.play(scene, None).to_string(),
        }
    }

    pub fn calls(&self) -> Vec<Captured> {
        let of = |list: Vec<Delivery>| {
            let captured = |one: Delivery| Captured { url: one.url, headers: one.headers, body: one.body };
            list.into_iter().map(captured).collect()
        };
        match self {
            Self::ConnectWise(it) => {
                let added = it.sent().into_iter().filter(|sent| sent.action == "added");
                let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
                let captured = |sent: connectwise::Sent| Captured {
                    headers: vec![
                        header("content-type", "application/json"),
                        header("x-content-signature", &sent.signature),
                    ],
                    url: sent.url,
                    body: sent.body.into_bytes(),
                };
                added.map(captured).collect()
            }
            Self::Autotask(it) => of(it.deliveries.all()),
            Self::Halo(it) => of(it.deliveries.all()),
        }
    }

    pub fn field(&self, ticket: &str, lever: &Lever) -> Value {
        match self {
            Self::ConnectWise(it) => {
                let shown = it.ticket(ticket.parse().unwrap()).unwrap();
                let field = &shown[connectwise_name(lever)];
                if field.is_object() { field["id"].clone() } else { field.clone() }
            }
            Self::Autotask(it) => {
                let shown = it.ticket(ticket.parse().unwrap()).unwrap();
                let Lever::Custom(name) = lever else { return shown[autotask_name(lever)].clone() };
                let fields = shown["userDefinedFields"].as_array().cloned().unwrap_or_default();
                let found = fields.into_iter().find(|field| field["name"] == name.as_str());
                found.map_or(Value::Null, |field| field["value"].clone())
            }
            Self::Halo(it) => it.ticket(ticket.parse().unwrap()).unwrap()[halo_name(lever)].clone(),
        }
    }

    pub fn person_sets_priority(&self, ticket: &str, id: i64) {
        match self {
            Self::ConnectWise(it) => {
                let change = json!([{"op": "replace", "path": "priority", "value": {"id": id}}]);
                it.change_as(638, ticket.parse().unwrap(), &change).unwrap();
            }
            Self::Autotask(it) => it.edit_ticket(ticket.parse().unwrap(), "priority", json!(id)),
            Self::Halo(it) => it.edit_ticket(ticket.parse().unwrap(), "priority_id", json!(id)),
        }
    }

    /// Each note's text, and whether customers cannot see it.
    pub fn internal_flagged_notes(&self, ticket: &str) -> Vec<(String, bool)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self {
            Self::ConnectWise(it) => {
                let id = ticket.parse().unwrap();
                assert_eq!(it.mailed(id), 0, "no note of ours may be mailed");
                let internal = |note: &Value| {
                    note["internalAnalysisFlag"] == true && note["detailDescriptionFlag"] != true
                };
                it.notes(id).iter().map(|note| (text(&note["text"]), internal(note))).collect()
            }
            Self::Autotask(it) => {
                let notes = it.notes(ticket.parse().unwrap());
                notes.iter().map(|note| (text(&note["description"]), note["publish"] == 2)).collect()
            }
            Self::Halo(it) => {
                assert_eq!(it.mails(), 0, "no note of ours may be mailed");
                let body = |action: &Value| {
                    let html = text(&action["note_html"]);
                    if html.is_empty() { text(&action["note"]) } else { html }
                };
                let actions = it.actions(ticket.parse().unwrap());
                actions.iter().map(|action| (body(action), action["hiddenfromuser"] == true)).collect()
            }
        }
    }

    pub fn fact(&self) -> Fact {
        match self {
            Self::ConnectWise(_) => Fact {
                updates: vec![
                    (Lever::Priority, Some("7"), "6"),
                    (Lever::Severity, Some("Medium"), "High"),
                    (Lever::Impact, Some("Medium"), "High"),
                ],
                escalations: vec![
                    (Lever::Board, Some("30"), "12"),
                    (Lever::Status, Some("545"), "301"),
                    (Lever::Team, Some("10"), "45"),
                    (Lever::Owner, None, "318"),
                ],
                another_priority: "15",
                read: "/service/tickets/",
                change: (Method::PATCH, "/service/tickets/"),
                note: (Method::POST, "/notes"),
                list: (Method::GET, "/service/tickets"),
                behind_credentials: "/apis/3.0/",
                refusal: (
                    400,
                    r#"{"code":"InvalidObject","message":"ticket object is invalid","errors":[{"code":"NotFound","message":"priority 6 not found","resource":"ticket","field":"priority/id"}]}"#,
                ),
                refusal_words: "priority 6 not found",
            },
            Self::Autotask(_) => Fact {
                updates: vec![
                    (Lever::Priority, Some("3"), "4"),
                    (Lever::Custom("AI Impact".into()), None, "5"),
                ],
                escalations: vec![
                    (Lever::Status, Some("1"), "11"),
                    (Lever::Team, Some("29682833"), "29682834"),
                    (Lever::Owner, None, "29682886"),
                ],
                another_priority: "2",
                read: "/Tickets/",
                change: (Method::PATCH, "/Tickets"),
                note: (Method::POST, "/Notes"),
                list: (Method::POST, "/Tickets/query"),
                behind_credentials: "/V1.0/",
                refusal: (500, r#"{"errors":["Picklist value [4] does not exist for priority."]}"#),
                refusal_words: "Picklist value (4) does not exist for priority",
            },
            Self::Halo(_) => Fact {
                updates: vec![
                    (Lever::Priority, Some("4"), "1"),
                    (Lever::Severity, Some("3"), "1"),
                    (Lever::Impact, Some("3"), "1"),
                ],
                escalations: vec![
                    (Lever::Status, Some("1"), "23"),
                    (Lever::Team, Some("1"), "5"),
                    (Lever::Owner, Some("1"), "7"),
                ],
                another_priority: "3",
                read: "/api/Tickets/",
                change: (Method::POST, "/api/Tickets"),
                note: (Method::POST, "/api/Actions"),
                list: (Method::GET, "/api/Tickets"),
                behind_credentials: "/",
                refusal: (
                    400,
                    r#"{"ClassName":"System.Exception","Message":"Please contact the administrator","Data":null}"#,
                ),
                refusal_words: "Please contact the administrator",
            },
        }
    }

    pub fn rules(&self) -> (Updates, Escalation) {
        match self {
            Self::ConnectWise(_) => connectwise_rules(),
            Self::Autotask(_) => autotask_rules(),
            Self::Halo(_) => halo_rules(),
        }
    }
}

fn choice(id: impl ToString, label: &str) -> Choice {
    Choice::new(id.to_string(), label)
}

fn rule(driver: Driver, ranking: &[(&str, &str)], four: &str, five: &str) -> Option<LeverRule> {
    let ranking: Vec<Choice> = ranking.iter().map(|(id, label)| choice(id, label)).collect();
    let find = |id: &str| ranking.iter().find(|choice| choice.id == id).cloned().unwrap();
    let at = |score| Score::new(score).unwrap();
    Some(LeverRule { driver, values: [(at(4), find(four)), (at(5), find(five))].into(), ranking })
}

fn connectwise_rules() -> (Updates, Escalation) {
    let priorities = [
        ("9", "Priority 5"),
        ("8", "Priority 4 - Low"),
        ("7", "Priority 3 - Medium"),
        ("15", "Priority 2 - High"),
        ("6", "Priority 1 - Critical"),
    ];
    let levels = [("Low", "Low"), ("Medium", "Medium"), ("High", "High")];
    let updates = Updates {
        priority: rule(Driver::Urgency, &priorities, "15", "6"),
        severity: rule(Driver::Urgency, &levels, "High", "High"),
        impact: rule(Driver::Impact, &levels, "High", "High"),
        ..Updates::default()
    };
    let escalation = Escalation {
        board: Some(choice(12, "Client Care")),
        status: Some(choice(301, "Call the customer")),
        team: Some(choice(45, "Duty Managers")),
        owner: Some(choice(318, "Jordan Doe")),
    };
    (updates, escalation)
}

fn autotask_rules() -> (Updates, Escalation) {
    let priorities = [("3", "Low"), ("2", "Medium"), ("1", "High"), ("4", "Critical")];
    let at = |score| Score::new(score).unwrap();
    let impact = ScoreField {
        dimension: Dimension::Impact,
        field: "AI Impact".into(),
        values: [(at(4), choice(4, "4 site")), (at(5), choice(5, "5 company"))].into(),
    };
    let updates = Updates {
        priority: rule(Driver::Urgency, &priorities, "1", "4"),
        score_fields: vec![impact],
        ..Updates::default()
    };
    let escalation = Escalation {
        status: Some(choice(11, "Escalated")),
        team: Some(choice(ESCALATION_QUEUE, "Escalations")),
        owner: Some(choice(29_682_886, "Omar Reyes")),
        board: None,
    };
    (updates, escalation)
}

fn halo_rules() -> (Updates, Escalation) {
    let priorities = [("4", "Low"), ("3", "Medium"), ("2", "High"), ("1", "Critical")];
    let impacts = [("3", "Single User"), ("2", "Multiple Users"), ("1", "Company Wide")];
    let urgencies = [("3", "Low"), ("2", "Medium"), ("1", "High")];
    let updates = Updates {
        priority: rule(Driver::Urgency, &priorities, "2", "1"),
        severity: rule(Driver::Urgency, &urgencies, "2", "1"),
        impact: rule(Driver::Impact, &impacts, "2", "1"),
        ..Updates::default()
    };
    let escalation = Escalation {
        status: Some(choice(23, "Escalated")),
        team: Some(choice(5, "Escalations")),
        owner: Some(choice(7, "Grace Hall")),
        board: None,
    };
    (updates, escalation)
}

fn connectwise_name(lever: &Lever) -> &'static str {
    match lever {
        Lever::Priority => "priority",
        Lever::Severity => "severity",
        Lever::Impact => "impact",
        Lever::Board => "board",
        Lever::Status => "status",
        Lever::Team => "team",
        Lever::Owner => "owner",
        Lever::Custom(name) => panic!("no story uses the field {name}"),
    }
}

fn autotask_name(lever: &Lever) -> &'static str {
    match lever {
        Lever::Priority => "priority",
        Lever::Status => "status",
        Lever::Team => "queueID",
        Lever::Owner => "assignedResourceID",
        other => panic!("Autotask has no {other:?}"),
    }
}

fn halo_name(lever: &Lever) -> &'static str {
    match lever {
        Lever::Priority => "priority_id",
        Lever::Severity => "urgency",
        Lever::Impact => "impact",
        Lever::Status => "status_id",
        Lever::Team => "team_id",
        Lever::Owner => "agent_id",
        other => panic!("Halo has no {other:?}"),
    }
}
