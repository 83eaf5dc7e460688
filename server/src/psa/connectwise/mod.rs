//! ConnectWise PSA (formerly Manage), REST API 3.0, model 2025.1.
//!
//! What matters here, with where it is from:
//! - The address has a codebase in it that changes with each upgrade ([`api`]; developer guide, "Base URL").
//! - The customer's first words are a note, not a field of the ticket; right after creation the list of notes may still
//!   be empty, which is the caller's to wait for.
//! - A PATCH is a list of operations on whole fields; a wrong path gives a false 200, so the answer is what counts.
//! - Statuses and teams belong to a board: a move sends board, status and team together.
//! - Whether priority follows severity and impact when all are sent is not documented: see [`ConnectWise::apply`].
//! - A note is shown where its flags say; only `internalAnalysisFlag` keeps it from the customer, and
//!   `processNotifications: false` keeps it from being mailed.
//! - Our own member's name is nowhere to be asked for; it is learnt from what our own writes are signed with.

mod api;
mod callbacks;
mod hook;
mod listing;
mod records;
mod setup;
mod site;

#[cfg(test)]
pub(super) use hook::know_key;
pub use hook::read_hook;

use super::{Created, Fetched, NewNote, Psa};
use crate::outside::{CallError, Caller, Limits};
use api::{Api, Ask, Permission, has_next};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    Change, Choice, HookState, HookWanted, Lever, LeverKey, Lookups, PsaKind, PsaSettings, Registration,
    Report, Snapshot,
};
use http::Method;
use records::{NoteRecord, TicketRecord};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Notes in one answer. Of a ticket's conversation the first so many are read: its first words are what we are after.
const NOTES_READ: usize = 100;
/// How far back from the newest note one of ours is searched for.
const NOTE_PAGES_SEARCHED: usize = 10;
/// The API documents no cap; this keeps a note readable on the ticket's screen.
const NOTE_CHARS: usize = 8_000;

/// A site draws a 429 from about 1,000 requests a minute on, over all its integrations, and from about a dozen at once.
pub const LIMITS: Limits = Limits { parallel: 6, requests: 600, per: Duration::from_secs(60) };

/// One tenant's ConnectWise.
pub struct ConnectWise {
    api: Api,
    /// The identifier of our API member.
    us: Mutex<Option<String>>,
}

impl ConnectWise {
    pub fn new(settings: &PsaSettings, caller: Caller) -> Self {
        Self { api: Api::new(settings, caller), us: Mutex::default() }
    }

    /// Gives each request less time, or more, than the ordinary twenty seconds.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.api.timeout = Some(timeout);
        self
    }

    async fn record(&self, ticket: &str) -> Result<Option<TicketRecord>, CallError> {
        let path = ["service", "tickets", ticket];
        self.api
            .find(Ask::get(&path, Permission::READ_TICKETS))
            .await?
            .map(|answer| answer.json())
            .transpose()
    }

    async fn patch(&self, ticket: &str, operations: Vec<Value>) -> Result<Snapshot, CallError> {
        let path = ["service", "tickets", ticket];
        let body = Value::Array(operations);
        let answer = self.api.ask(Ask::send(Method::PATCH, &path, &body, Permission::EDIT_TICKETS)).await?;
        let record: TicketRecord = answer.json()?;
        self.learn(record.info.as_ref().and_then(|info| info.updated_by.as_deref()));
        Ok(record.levers())
    }

    fn us(&self) -> Option<String> {
        self.us.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, identifier: Option<&str>) {
        if let Some(identifier) = identifier.filter(|identifier| !identifier.is_empty()) {
            *self.us.lock().unwrap_or_else(PoisonError::into_inner) = Some(identifier.to_owned());
        }
    }
}

#[async_trait]
impl Psa for ConnectWise {
    fn kind(&self) -> PsaKind {
        PsaKind::ConnectWise
    }

    async fn probe(&self) -> Report {
        setup::probe(&self.api).await
    }

    async fn lookups(&self) -> Result<Lookups, CallError> {
        setup::lookups(&self.api).await
    }

    async fn fetch(&self, ticket: &str) -> Result<Option<Fetched>, CallError> {
        number(ticket, "ticket")?;
        let path = ["service", "tickets", ticket, "notes"];
        let ask =
            Ask::get(&path, Permission::READ_TICKETS).with("orderBy", "id asc").with("pageSize", NOTES_READ);
        let (record, notes) = tokio::try_join!(self.record(ticket), self.api.find(ask))?;
        let (Some(record), Some(notes)) = (record, notes) else { return Ok(None) };
        let us = self.us();
        let notes: Vec<NoteRecord> = notes.json()?;
        let notes = notes.iter().map(|note| note.note(&record, us.as_deref())).collect();
        Ok(Some(Fetched { ticket: record.ticket(&self.api), notes }))
    }

    async fn levers(&self, ticket: &str) -> Result<Option<Snapshot>, CallError> {
        number(ticket, "ticket")?;
        Ok(self.record(ticket).await?.map(|record| record.levers()))
    }

    /// Everything in one save. Where the site then shows another priority than the one sent beside severity or impact,
    /// its matrix has won, and the priority is sent once more alone. What that does to severity and impact is left as it
    /// is and shows in the answer.
    async fn apply(&self, ticket: &str, changes: &[Change]) -> Result<Snapshot, CallError> {
        number(ticket, "ticket")?;
        let operations = changes.iter().map(operation).collect::<Result<Vec<_>, _>>()?;
        let after = self.patch(ticket, operations).await?;
        let Some(priority) = lost_to_matrix(changes, &after) else { return Ok(after) };
        match self.patch(ticket, vec![operation(priority)?]).await {
            Ok(settled) => Ok(settled),
            Err(error) if error.passing() || error.uncertain() => Err(error),
            // The first save stands; its answer tells that the priority is not as asked.
            Err(error) => {
                tracing::warn!(error = %error, "ConnectWise kept its own priority and refused a second request for it");
                Ok(after)
            }
        }
    }

    async fn find_note(&self, ticket: &str, reference: &str) -> Result<Option<String>, CallError> {
        number(ticket, "ticket")?;
        let path = ["service", "tickets", ticket, "notes"];
        let is_ours = |note: &&NoteRecord| {
            note.is_internal() && note.text.as_ref().is_some_and(|text| text.contains(reference))
        };
        for page in 1..=NOTE_PAGES_SEARCHED {
            let ask = Ask::get(&path, Permission::READ_TICKETS)
                .with("orderBy", "id desc")
                .with("fields", "id,text,internalAnalysisFlag,detailDescriptionFlag,resolutionFlag")
                .with("pageSize", NOTES_READ)
                .with("page", page);
            let Some(answer) = self.api.find(ask).await? else { return Ok(None) };
            let notes: Vec<NoteRecord> = answer.json()?;
            if let Some(found) = notes.iter().find(is_ours) {
                return Ok(Some(found.id.to_string()));
            }
            if notes.is_empty() || !has_next(&answer) {
                break;
            }
        }
        Ok(None)
    }

    async fn write_note(&self, ticket: &str, note: &NewNote) -> Result<String, CallError> {
        number(ticket, "ticket")?;
        let body = json!({
            "text": note_text(note),
            "internalAnalysisFlag": true,
            "detailDescriptionFlag": false,
            "resolutionFlag": false,
            "processNotifications": false,
        });
        let path = ["service", "tickets", ticket, "notes"];
        let answer = self.api.ask(Ask::send(Method::POST, &path, &body, Permission::EDIT_TICKETS)).await?;
        let written: NoteRecord = answer.json()?;
        self.learn(written.created_by.as_deref());
        Ok(written.id.to_string())
    }

    async fn created(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Created, CallError> {
        listing::created(&self.api, since, after).await
    }

    async fn hook_state(&self, key: &str) -> Result<HookState, CallError> {
        callbacks::state(&self.api, key).await
    }

    async fn register_hook(&self, wanted: &HookWanted) -> Result<Registration, CallError> {
        callbacks::register(&self.api, wanted).await
    }
}

/// Ids come from webhooks and settings; what is not a number is refused before it becomes part of an address.
fn number(text: &str, what: &str) -> Result<u64, CallError> {
    let is_plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).ok_or_else(|| CallError::Rejected {
        status: 400,
        message: format!("“{text}” is not the number of a ConnectWise {what}."),
    })
}

/// A whole reference object by id, or one of the three levels.
fn operation(change: &Change) -> Result<Value, CallError> {
    let reference = |what| number(&change.to.id, what).map(|id| json!({ "id": id }));
    let (path, value) = match &change.lever {
        Lever::Priority => ("priority", reference("priority")?),
        Lever::Board => ("board", reference("board")?),
        Lever::Status => ("status", reference("status")?),
        Lever::Team => ("team", reference("team")?),
        Lever::Owner => ("owner", reference("member")?),
        Lever::Severity => ("severity", Value::from(change.to.id.as_str())),
        Lever::Impact => ("impact", Value::from(change.to.id.as_str())),
        Lever::Custom(name) => {
            let message = format!("ConnectWise tickets take no score in a field of their own (“{name}”).");
            return Err(CallError::Rejected { status: 400, message });
        }
    };
    Ok(json!({"op": "replace", "path": path, "value": value}))
}

/// The change of priority, when it was sent beside severity or impact and the site shows another priority.
fn lost_to_matrix<'c>(changes: &'c [Change], after: &Snapshot) -> Option<&'c Change> {
    changes.iter().find(|change| matches!(change.lever, Lever::Severity | Lever::Impact))?;
    let priority = changes.iter().find(|change| change.lever == Lever::Priority)?;
    let shown: Option<&Choice> = after.get(&LeverKey(Lever::Priority));
    (shown != Some(&priority.to)).then_some(priority)
}

/// The title leads the text, since notes have none here. A text that is too long loses its middle: the reference at its
/// end must stay.
fn note_text(note: &NewNote) -> String {
    let title = note.title.trim();
    let dot = if title.ends_with(['.', '!', '?', ':']) || title.is_empty() { "" } else { "." };
    let full = format!("{title}{dot}\n{}", note.text.trim()).trim().to_owned();
    let count = full.chars().count();
    if count <= NOTE_CHARS {
        return full;
    }
    let tail = NOTE_CHARS / 4;
    let head: String = full.chars().take(NOTE_CHARS - tail - 5).collect();
    let tail: String = full.chars().skip(count - tail).collect();
    format!("{head} […] {tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_become_part_of_an_address() {
        for wrong in ["", "abc", "-1", "+5", "1/../2", "1 ", "1?x", "9999999999999999999", "１"] {
            assert!(
                matches!(number(wrong, "ticket"), Err(CallError::Rejected { status: 400, .. })),
                "{wrong}"
            );
        }
        assert_eq!(number("945366", "ticket").unwrap(), 945_366);
    }

    #[test]
    fn a_note_keeps_its_end_and_reads_well_in_one_line() {
        let note = |text: &str| NewNote {
            title: "Priority raised".into(),
            text: text.into(),
            reference: "UT-7".into(),
        };
        assert_eq!(note_text(&note("Because.\nRef UT-7")), "Priority raised.\nBecause.\nRef UT-7");
        let long = note_text(&note(&format!("{}\nRef UT-7", "é".repeat(20_000))));
        assert!(long.chars().count() <= NOTE_CHARS, "{}", long.chars().count());
        assert!(long.ends_with("Ref UT-7") && long.starts_with("Priority raised."));
    }
}
