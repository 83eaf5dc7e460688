//! Autotask PSA (Datto PSA), REST API v1.0.
//!
//! Facts this rests on, from the vendor's swagger and help pages and from integrators' reports:
//! - Each tenant lives in a zone that is asked for by user name ([`wire`]).
//! - Business errors come as status 500 with `{"errors":[…]}` ([`wire`] tells them apart).
//! - Priority ids are not ordered by severity (stock: 4 Critical, 1 High, 2 Medium, 3 Low), and tickets have no urgency,
//!   impact or severity; those scores go into user-defined fields.
//! - An owner is written only together with a role. PATCH on the collection with the id in the body; never PUT.
//! - Note visibility 1 reaches the customer, 2 is internal; both are looked up by label.
//! - One budget of 10,000 requests an hour is shared by all integrations of a tenant, and three requests at once per
//!   object is the limit: see [`LIMITS`].

mod fields;
mod hook;
mod names;
mod probe;
mod reading;
mod webhooks;
mod wire;
mod writing;
mod zone;

pub use hook::read_hook;

use super::kept::Shelf;
use super::{Created, Fetched, NewNote, Psa};
use crate::outside::{CallError, Caller, Limits};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    Change, HookState, HookWanted, Lookups, PsaKind, PsaSettings, Registration, Report, Secret, Snapshot,
};
use fields::{FieldLists, NoteItem};
use names::Names;
use std::time::Duration;
use wire::{Op, Session, filter};

/// Three at once are allowed for each object: two leave one for another process of ours. A third of the hourly budget leaves
/// the rest to others, and less is used when they need more (see [`wire`]).
pub const LIMITS: Limits = Limits { parallel: 2, requests: 3_000, per: Duration::from_secs(3_600) };

/// `publish` of a note that customers see.
const PUBLIC: i64 = 1;
/// 2,000 notes; a longer conversation tells nothing new about how it began.
const NOTE_PAGES: usize = 4;
/// The one status with a system meaning: complete.
const CLOSED_STATUS: i64 = 5;

/// One tenant's Autotask.
pub struct Autotask {
    session: Session,
    lists: FieldLists,
    names: Names,
    /// Owner → the role they are assigned in.
    roles: Shelf<i64, i64>,
}

impl Autotask {
    pub fn new(settings: &PsaSettings, caller: Caller) -> Self {
        let (username, secret, code, zone) = match settings {
            PsaSettings::Autotask { username, secret, integration_code, zone_url } => (
                username.trim().to_owned(),
                secret.clone(),
                integration_code.trim().to_owned(),
                zone_url.clone(),
            ),
            // `psa::open` chooses by kind, so this arm never runs; an empty user name is refused by Autotask itself.
            _ => (String::new(), Secret::default(), String::new(), None),
        };
        Self {
            session: Session::new(caller, username, secret, code, zone),
            lists: FieldLists::default(),
            names: Names::default(),
            roles: Shelf::default(),
        }
    }

    async fn id_of(&self, ticket: &str) -> Result<i64, CallError> {
        match ticket.trim().parse() {
            Ok(id) => Ok(id),
            Err(_) => self.ticket(ticket).await?.map(|item| item.id).ok_or_else(|| gone(ticket)),
        }
    }
}

fn gone(ticket: &str) -> CallError {
    CallError::Rejected { status: 404, message: format!("Autotask has no ticket {ticket} any more.") }
}

#[async_trait]
impl Psa for Autotask {
    fn kind(&self) -> PsaKind {
        PsaKind::Autotask
    }

    async fn probe(&self) -> Report {
        probe::probe(self).await
    }

    async fn lookups(&self) -> Result<Lookups, CallError> {
        probe::lookups(self).await
    }

    async fn fetch(&self, ticket: &str) -> Result<Option<Fetched>, CallError> {
        match self.ticket(ticket).await? {
            Some(item) => self.described(item).await.map(Some),
            None => Ok(None),
        }
    }

    async fn levers(&self, ticket: &str) -> Result<Option<Snapshot>, CallError> {
        match self.ticket(ticket).await? {
            Some(item) => self.snapshot(&item).await.map(Some),
            None => Ok(None),
        }
    }

    async fn apply(&self, ticket: &str, changes: &[Change]) -> Result<Snapshot, CallError> {
        let id = self.id_of(ticket).await?;
        if !changes.is_empty() {
            self.patch(id, changes).await?;
        }
        // Read-only fields are ignored with a 200 and workflow rules run on our edits, so only a reading tells.
        self.levers(&id.to_string()).await?.ok_or_else(|| gone(ticket))
    }

    async fn find_note(&self, ticket: &str, reference: &str) -> Result<Option<String>, CallError> {
        let id = self.id_of(ticket).await?;
        // A colleague may quote our reference, and a busy ticket has more notes than we page through.
        let ours =
            self.names.own_id(&self.session).await?.map(|own| filter("creatorResourceID", Op::Eq, own));
        let conditions: Vec<_> = [filter("ticketID", Op::Eq, id)].into_iter().chain(ours).collect();
        let notes: Vec<NoteItem> = self.session.query("TicketNotes", &conditions, NOTE_PAGES).await?;
        let holds = |text: &Option<String>| text.as_deref().is_some_and(|text| text.contains(reference));
        Ok(notes
            .iter()
            .find(|note| holds(&note.description) || holds(&note.title))
            .map(|note| note.id.to_string()))
    }

    async fn write_note(&self, ticket: &str, note: &NewNote) -> Result<String, CallError> {
        self.post_note(self.id_of(ticket).await?, note).await
    }

    async fn created(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Created, CallError> {
        self.new_tickets(since, after).await
    }

    async fn hook_state(&self, key: &str) -> Result<HookState, CallError> {
        webhooks::state(&self.session, key).await
    }

    async fn register_hook(&self, wanted: &HookWanted) -> Result<Registration, CallError> {
        webhooks::register(self, wanted).await
    }
}
