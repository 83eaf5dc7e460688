//! The PSAs we speak to: one product a file, [`Psa`] is the seam.
//!
//! An adapter does transport and mapping only; it decides nothing. Facts about each product, with sources, are in the
//! head of its file.

pub mod autotask;
pub mod connectwise;
pub mod halo;
#[cfg(test)]
mod hostile;
mod kept;
mod lenient;

use crate::outside::{CallError, Caller, Outside};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::backoff::Pace;
use domain::{
    Change, HookState, HookWanted, Lookups, Note, PsaKind, PsaSettings, Registration, Report, Snapshot,
    Ticket,
};
use http::HeaderMap;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::sweeps::SweptTicket;

/// A ticket and its conversation, oldest note first. The opening text of a ticket (Autotask description, Halo details)
/// comes as a note with an empty id.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub ticket: Ticket,
    pub notes: Vec<Note>,
}

/// An internal note to write.
#[derive(Clone, Debug)]
pub struct NewNote {
    pub title: String,
    /// Plain text with `\n`; must stay readable where the PSA shows line breaks as spaces. Ends with the reference.
    pub text: String,
    /// The short code by which [`Psa::find_note`] finds it again.
    pub reference: String,
}

/// A part of the PSA's list of new tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// May hold tickets that were created before the time asked for.
    pub tickets: Vec<SweptTicket>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<String>,
}

/// An open connection to one tenant's PSA. Keeps what it learns (base address, token, picklists) for its lifetime.
#[async_trait]
pub trait Psa: Send + Sync {
    fn kind(&self) -> PsaKind;
    /// Tries everything a tenant needs, one check each, and names the missing permission. Never stops at the first failure.
    async fn probe(&self) -> Report;
    /// The lists for the settings screens. A list that may not be read is left empty and named in `missing`.
    async fn lookups(&self) -> Result<Lookups, CallError>;
    /// Reads a ticket with its notes and resolves names. `Ok(None)`: there is no such ticket (any more).
    async fn fetch(&self, ticket: &str) -> Result<Option<Fetched>, CallError>;
    /// The levers as they stand now, read fresh.
    async fn levers(&self, ticket: &str) -> Result<Option<Snapshot>, CallError>;
    /// Sends the changes in one request and returns the levers as the PSA shows them afterwards.
    async fn apply(&self, ticket: &str, changes: &[Change]) -> Result<Snapshot, CallError>;
    /// The PSA's id of our note with this reference, if it is there.
    async fn find_note(&self, ticket: &str, reference: &str) -> Result<Option<String>, CallError>;
    /// Writes an internal note that no customer sees and no mail announces; returns the PSA's id of it.
    async fn write_note(&self, ticket: &str, note: &NewNote) -> Result<String, CallError>;
    /// A page of the tickets created since `since`, in an order that lets none slip through while more are created; `after`
    /// is [`Created::next`] of the page before. All tickets that our user sees, closed ones too.
    async fn created(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Created, CallError>;
    /// Whether the PSA's webhook whose address holds `key` calls us.
    async fn hook_state(&self, key: &str) -> Result<HookState, CallError>;
    /// Makes the webhook for new tickets, or finds ours and repairs what is wrong with it (switched off, an earlier
    /// address). Doing it again changes nothing.
    async fn register_hook(&self, wanted: &HookWanted) -> Result<Registration, CallError>;
}

/// How often a connection that was refused is tried again by itself.
pub fn pace(psa: PsaKind) -> Pace {
    match psa {
        // Repeated bad sign-ins lock the API user, for whatever else uses it too.
        PsaKind::Autotask => Pace::GENTLE,
        PsaKind::ConnectWise | PsaKind::HaloPsa => Pace::USUAL,
    }
}

/// Opens a connection; no request is sent yet.
pub fn open(settings: &PsaSettings, caller: Caller) -> Arc<dyn Psa> {
    match settings.kind() {
        PsaKind::ConnectWise => Arc::new(connectwise::ConnectWise::new(settings, caller)),
        PsaKind::Autotask => Arc::new(autotask::Autotask::new(settings, caller)),
        PsaKind::HaloPsa => Arc::new(halo::Halo::new(settings, caller)),
    }
}

/// One event of a webhook call, as the PSA tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookEvent {
    /// Equal for repeats of the same call, different otherwise.
    pub dedupe_key: String,
    pub meaning: HookMeaning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookMeaning {
    /// A ticket was created: the PSA's id of it.
    Created { ticket: String },
    /// Acknowledged, recorded, not analysed; the reason is for people: "update of a ticket", "our own change",
    /// "event about a contact", "webhook was switched off by Autotask".
    Other { ticket: Option<String>, reason: String },
}

/// Why a call is turned away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// 401. The message does not say more than that the check failed and which one.
    #[error("{0}")]
    Unauthorised(&'static str),
    /// 400, naming what was missing or wrong.
    #[error("{0}")]
    Malformed(String),
}

/// What verifies a call.
pub struct HookContext<'a> {
    /// The saved connection, if there is one (ConnectWise: whose hosts may serve keys; Autotask: none of it).
    pub settings: Option<&'a PsaSettings>,
    /// Autotask's HMAC secret, Halo's Basic password.
    pub secret: &'a str,
    pub headers: &'a HeaderMap,
    /// The query string without `?`.
    pub query: Option<&'a str>,
    pub body: &'a [u8],
    /// For ConnectWise's key.
    pub outside: &'a Outside,
    /// Keeps one tenant's calls apart from another's.
    pub lane: &'a str,
}

/// A verified call. Halo may batch, hence several events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooked {
    pub events: Vec<HookEvent>,
    /// `false`: ConnectWise's key server could not be asked; check again before acting.
    pub verified: bool,
}

/// Verifies a call exactly as the PSA offers it and tells what it means. Quick: at most one short request (ConnectWise key,
/// cached), never the PSA's API.
pub async fn read_hook(psa: PsaKind, context: &HookContext<'_>) -> Result<Hooked, HookError> {
    let hooked = match psa {
        PsaKind::ConnectWise => connectwise::read_hook(context).await,
        PsaKind::Autotask => autotask::read_hook(context),
        PsaKind::HaloPsa => halo::read_hook(context),
    }?;
    let events = hooked.events.into_iter().map(HookEvent::bounded).collect::<Result<_, _>>()?;
    Ok(Hooked { events, ..hooked })
}

/// Longest key of a call, in bytes, and longest id of a ticket. PostgreSQL refuses a row whose indexed columns are longer
/// than 2,700 bytes, and the sender would be told for ever that we cannot store its call.
const MOST_KEY: usize = 256;
const MOST_TICKET: usize = 64;
/// Longest reason, in characters.
const MOST_REASON: usize = 400;

impl HookEvent {
    /// As it can be stored, whatever was sent.
    fn bounded(self) -> Result<Self, HookError> {
        let Self { mut dedupe_key, mut meaning } = self;
        if dedupe_key.len() > MOST_KEY {
            dedupe_key = hex::encode(Sha256::digest(&dedupe_key));
        }
        if let HookMeaning::Created { ticket } | HookMeaning::Other { ticket: Some(ticket), .. } = &meaning
            && ticket.len() > MOST_TICKET
        {
            return Err(HookError::Malformed("the id of the ticket is longer than any id".into()));
        }
        if let HookMeaning::Other { reason, .. } = &mut meaning
            && let Some((end, _)) = reason.char_indices().nth(MOST_REASON)
        {
            reason.truncate(end);
        }
        Ok(Self { dedupe_key, meaning })
    }
}
