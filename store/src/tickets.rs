//! What arrived means: tickets in the one shape, and the lists and stories of the screens.

use crate::analyses::Analysis;
use crate::door::Delivery;
use crate::ledger::LedgerRow;
use crate::{Actor, Lease, Page, Result, TenantStore};
use chrono::{DateTime, Utc};
use domain::{Label, Mode, Score, Ticket, TicketId};

/// Where a ticket stands with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// Read from the PSA, not scored yet.
    Reading,
    /// Scored; nothing to do.
    Analysed,
    /// Scored, in shadow mode; actions shown as "would have".
    Shadowed,
    /// Scored; actions are being carried out.
    Acting,
    /// Scored and all actions are final.
    Acted,
    /// Not scored, on purpose: left out by a rule, machine text, too little text, refused by the model.
    Skipped,
    /// Gave up; Replay tries again.
    Failed,
}

/// What the read stage found out.
#[derive(Clone, Debug)]
pub struct ReadTicket {
    pub ticket: Ticket,
    /// The customer's first note, prepared; what the model will read.
    pub text: String,
    /// How the text was prepared, for people: what was cut.
    pub text_remarks: Vec<String>,
    /// Whose note it is.
    pub author_name: String,
}

#[derive(Clone, Debug)]
pub struct TicketRow {
    pub id: TicketId,
    pub external_id: String,
    pub number: String,
    pub title: String,
    pub client: Option<String>,
    pub client_id: Option<String>,
    pub board: Option<String>,
    pub created_at: DateTime<Utc>,
    pub analysed_at: Option<DateTime<Utc>>,
    pub state: TicketState,
    /// Why skipped or failed.
    pub reason: Option<String>,
    pub mode: Option<Mode>,
    pub label: Option<Label>,
    pub sentiment: Option<Score>,
    pub urgency: Option<Score>,
    pub impact: Option<Score>,
    pub updated: bool,
    pub escalated: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketFilter {
    /// By when we took it in: from inclusive, to exclusive.
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub label: Option<Label>,
    /// The PSA's client id.
    pub client: Option<String>,
    pub state: Option<TicketState>,
    pub min_sentiment: Option<Score>,
    pub escalated: Option<bool>,
    /// Words in title, text, client or number, case-insensitive.
    pub q: Option<String>,
}

/// Everything about one ticket.
#[derive(Clone, Debug)]
pub struct TicketStory {
    pub row: TicketRow,
    pub ticket: Ticket,
    pub text: String,
    pub text_remarks: Vec<String>,
    pub author_name: String,
    /// Newest first.
    pub analyses: Vec<Analysis>,
    /// In the order of the plan.
    pub actions: Vec<LedgerRow>,
    pub deliveries: Vec<Delivery>,
    /// The timeline, oldest first.
    pub events: Vec<Event>,
}

/// One line of a ticket's timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at: DateTime<Utc>,
    /// `received`, `read`, `scored`, `skipped`, `decided`, `acted`, `retry`, `failed`, `replayed`.
    pub what: String,
    pub detail: String,
}

impl TenantStore {
    /// End of the read stage: the ticket is stored (or refreshed, on replay) and the job moves on to scoring.
    pub async fn ticket_read(
        &self,
        _lease: Lease,
        _read: &ReadTicket,
        _now: DateTime<Utc>,
    ) -> Result<TicketId> {
        unimplemented!()
    }
    /// End of the read stage for a ticket that is left out: stored with the reason, job finished, an analysis with
    /// state `skipped` kept.
    pub async fn ticket_skip(
        &self,
        _lease: Lease,
        _read: &ReadTicket,
        _reason: &str,
        _now: DateTime<Utc>,
    ) -> Result<TicketId> {
        unimplemented!()
    }
    /// What the score and act stages work on.
    pub async fn ticket_for_work(&self, _ticket: TicketId) -> Result<Option<(TicketId, ReadTicket)>> {
        unimplemented!()
    }
    /// Newest first (by when we took it in).
    pub async fn ticket_list(
        &self,
        _filter: &TicketFilter,
        _limit: u32,
        _cursor: Option<&str>,
    ) -> Result<Page<TicketRow>> {
        unimplemented!()
    }
    pub async fn ticket_story(&self, _ticket: TicketId) -> Result<Option<TicketStory>> {
        unimplemented!()
    }
    /// Analyses the ticket again, as it stands now. `false` when there is no such ticket.
    pub async fn ticket_replay(
        &self,
        _ticket: TicketId,
        _actor: &Actor,
        _now: DateTime<Utc>,
    ) -> Result<bool> {
        unimplemented!()
    }
    /// The newest scored tickets with their scores, newest first: what a policy is held against before it is saved.
    pub async fn assessed_newest(&self, _limit: u32) -> Result<Vec<(ReadTicket, domain::Assessment)>> {
        unimplemented!()
    }
    /// The newest tickets with text, for prompt previews.
    pub async fn ticket_samples(&self, _limit: u32) -> Result<Vec<(TicketId, ReadTicket)>> {
        unimplemented!()
    }
}
