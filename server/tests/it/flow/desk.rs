//! A service desk in one of the three PSAs, as the stories see it: tickets, fields, notes, people.

use domain::{
    Choice, Dimension, Driver, Escalation, Lever, LeverRule, Mode, NoteStyle, Policy, PsaKind, PsaSettings,
    Score, ScoreField, Secret, Updates,
};
use sandbox::Running;
use sandbox::autotask::{self, Autotask, ESCALATION_QUEUE};
use sandbox::deliver::Retry;
use sandbox::faults::Watch;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::connections::Hook;

use super::app::eventually;

/// Of a webhook call that fails: again soon, and for long enough that an instance can be restarted meanwhile.
const IMPATIENT: Retry = Retry {
    timeout: Duration::from_secs(10),
    tries: 200,
    pause: Duration::from_millis(50),
    gives_up_after: None,
};

pub struct Desk {
    product: Product,
    created: AtomicUsize,
    _running: Running,
}

enum Product {
    Autotask(Autotask),
}

/// A note that is not the customer's.
#[derive(Debug)]
pub struct SeenNote {
    pub text: String,
    pub internal: bool,
}

impl Desk {
    pub async fn serve(kind: PsaKind) -> Self {
        let any = ([127, 0, 0, 1], 0).into();
        let (product, running) = match kind {
            PsaKind::Autotask => {
                let it = Autotask::new(autotask::Credentials::default(), IMPATIENT);
                let running = sandbox::serve(any, it.router()).await.unwrap();
                it.set_url(&running.url());
                (Product::Autotask(it), running)
            }
            other => panic!("{other} has no desk yet"),
        };
        Self { product, created: AtomicUsize::new(0), _running: running }
    }

    pub fn kind(&self) -> PsaKind {
        match &self.product {
            Product::Autotask(_) => PsaKind::Autotask,
        }
    }

    pub fn settings(&self) -> PsaSettings {
        match &self.product {
            Product::Autotask(it) => {
                let credentials = it.credentials();
                PsaSettings::Autotask {
                    username: credentials.username.clone(),
                    secret: Secret::new(credentials.secret.clone()),
                    integration_code: credentials.integration_code.clone(),
                    zone_url: Some(it.zone_url()),
                }
            }
        }
    }

    /// An administrator enters the webhook address.
    pub fn subscribe(&self, address: &str, hook: &Hook) {
        match &self.product {
            Product::Autotask(it) => {
                it.subscribe(address, hook.secret.expose()).unwrap();
            }
        }
    }

    pub fn watch(&self) -> &Watch {
        match &self.product {
            Product::Autotask(it) => &it.watch,
        }
    }

    /// A customer's mail becomes a ticket, and the webhook is sent in the background.
    pub fn ticket(&self, title: &str, note: &str) -> String {
        self.created.fetch_add(1, Ordering::SeqCst);
        match &self.product {
            Product::Autotask(it) => it
                .create_ticket(autotask::NewTicket {
                    company: 174,
                    contact: Some(29_683_586),
                    title: title.into(),
                    description: note.into(),
                    ..autotask::NewTicket::default()
                })
                .to_string(),
        }
    }

    /// Each webhook has been answered, or given up.
    pub async fn delivered(&self) {
        match &self.product {
            Product::Autotask(it) => {
                let wanted = self.created.load(Ordering::SeqCst);
                eventually("the webhooks are answered", || it.deliveries.all().len() >= wanted).await;
            }
        }
    }

    /// The value's id, as the product stores it.
    pub fn field(&self, ticket: &str, lever: &Lever) -> Option<String> {
        let shown = self.shown(ticket);
        let value = match (&self.product, lever) {
            (Product::Autotask(_), Lever::Custom(name)) => {
                let fields = shown["userDefinedFields"].as_array().cloned().unwrap_or_default();
                fields
                    .into_iter()
                    .find(|field| field["name"] == name.as_str())
                    .map(|field| field["value"].clone())
            }
            (Product::Autotask(_), lever) => Some(shown[autotask_name(lever)].clone()),
        };
        match value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => Some(other.to_string()),
        }
    }

    /// A colleague changes a field on the product's screen.
    pub fn person_sets(&self, ticket: &str, lever: &Lever, id: &str) {
        match &self.product {
            Product::Autotask(it) => {
                it.edit_ticket(
                    ticket.parse().unwrap(),
                    autotask_name(lever),
                    json!(id.parse::<i64>().unwrap()),
                );
            }
        }
    }

    /// Tickets created from now on are not there (or have no note) for the first readings.
    pub fn hide_new_tickets(&self, readings: u32) {
        match &self.product {
            Product::Autotask(it) => it.set_lag(readings),
        }
    }

    /// What we wrote, oldest first.
    pub fn our_notes(&self, ticket: &str) -> Vec<SeenNote> {
        match &self.product {
            Product::Autotask(it) => it
                .notes(ticket.parse().unwrap())
                .iter()
                .map(|note| SeenNote {
                    text: note["description"].as_str().unwrap_or_default().to_owned(),
                    internal: note["publish"] == 2,
                })
                .filter(|note| note.text.contains("[Undertone ref "))
                .collect(),
        }
    }

    /// Requests of ours that would change something.
    pub fn writes(&self) -> usize {
        let all = self.watch().recorder.all();
        all.iter()
            .filter(|request| match &self.product {
                Product::Autotask(_) => {
                    request.method == "PATCH"
                        || (request.method == "POST" && !request.path.ends_with("/query"))
                }
            })
            .count()
    }

    /// Part of the path of the request that changes fields, and of the one that writes a note.
    pub fn paths(&self) -> Paths {
        match &self.product {
            Product::Autotask(_) => {
                Paths { read: "/Tickets/", change: ("PATCH", "/Tickets"), note: ("POST", "/Notes") }
            }
        }
    }

    /// Each lever that [`Desk::policy`] moves, with its value before and after, by which action.
    pub fn moves(&self) -> Moves {
        let moved = |lever, from: Option<&'static str>, to| (lever, from, to);
        match &self.product {
            Product::Autotask(_) => Moves {
                update: vec![
                    moved(Lever::Priority, Some("3"), "4"),
                    moved(Lever::Custom("AI Impact".into()), None, "5"),
                ],
                escalate: vec![
                    moved(Lever::Status, Some("1"), "11"),
                    moved(Lever::Team, Some("29682833"), "29682834"),
                    moved(Lever::Owner, None, "29682886"),
                ],
                another_priority: "2",
            },
        }
    }

    /// Live, everything from 4 on; all levers of this product are used.
    pub fn policy(&self) -> Policy {
        let (updates, escalation) = match &self.product {
            Product::Autotask(_) => autotask_rules(),
        };
        Policy { mode: Mode::Live, updates, escalation, notes: NoteStyle::PerAction, ..Policy::default() }
    }

    fn shown(&self, ticket: &str) -> Value {
        match &self.product {
            Product::Autotask(it) => it.ticket(ticket.parse().unwrap()).unwrap(),
        }
    }
}

/// Where the requests of the act stage go: method and part of the path.
pub struct Paths {
    pub read: &'static str,
    pub change: (&'static str, &'static str),
    pub note: (&'static str, &'static str),
}

pub type Move = (Lever, Option<&'static str>, &'static str);

pub struct Moves {
    pub update: Vec<Move>,
    pub escalate: Vec<Move>,
    /// A priority that is neither the first nor the asked one.
    pub another_priority: &'static str,
}

fn choice(id: impl ToString, label: &str) -> Choice {
    Choice::new(id.to_string(), label)
}

fn at(score: i64) -> Score {
    Score::new(score).unwrap()
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

fn autotask_rules() -> (Updates, Escalation) {
    let priority = LeverRule {
        driver: Driver::Urgency,
        values: [(at(4), choice(1, "High")), (at(5), choice(4, "Critical"))].into(),
        ranking: vec![choice(3, "Low"), choice(2, "Medium"), choice(1, "High"), choice(4, "Critical")],
    };
    let impact = ScoreField {
        dimension: Dimension::Impact,
        field: "AI Impact".into(),
        values: [(at(4), choice(4, "4 site")), (at(5), choice(5, "5 company"))].into(),
    };
    let updates = Updates { priority: Some(priority), score_fields: vec![impact], ..Updates::default() };
    let escalation = Escalation {
        status: Some(choice(11, "Escalated")),
        team: Some(choice(ESCALATION_QUEUE, "Escalations")),
        owner: Some(choice(29_682_886, "Omar Reyes")),
        board: None,
    };
    (updates, escalation)
}
