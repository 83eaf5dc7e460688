//! Hears what the driver says of each statement, and what PostgreSQL says of its plan.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Mutex, Once};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

#[derive(Default)]
pub struct Heard {
    /// Each text once.
    pub statements: BTreeSet<String>,
    /// In the order they were carried out.
    pub plans: Vec<serde_json::Value>,
}

static HEARD: Mutex<Option<Heard>> = Mutex::new(None);

pub fn begin() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
    *HEARD.lock().unwrap() = Some(Heard::default());
}

pub fn end() -> Heard {
    HEARD.lock().unwrap().take().unwrap()
}

struct Listener;

/// What an event says: a short statement stands in `summary`, a long one in `db.statement`, a notice in `message`.
#[derive(Default)]
struct Said {
    summary: String,
    statement: String,
    message: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => self.summary = value.trim().into(),
            "db.statement" => self.statement = value.trim().into(),
            "message" => self.message = value.into(),
            _ => {}
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        ["sqlx::query", "sqlx::postgres::notice"].contains(&metadata.target())
    }
    fn event(&self, event: &Event<'_>) {
        let mut heard = HEARD.lock().unwrap();
        let Some(heard) = heard.as_mut() else { return };
        let mut said = Said::default();
        event.record(&mut said);
        if event.metadata().target() == "sqlx::postgres::notice" {
            if let Some((_, plan)) = said.message.split_once("plan:\n") {
                heard.plans.push(serde_json::from_str(plan).unwrap());
            }
            return;
        }
        let text = if said.statement.is_empty() { said.summary } else { said.statement };
        if ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| text.starts_with(verb)) {
            heard.statements.insert(text);
        }
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
