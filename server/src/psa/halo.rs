//! HaloPSA (and HaloITSM, HaloServiceDesk, HaloCRM, which share its API).
//!
//! Facts this rests on, from the vendor's OpenAPI document and guides and from integrators' reports:
//! - Client credentials bring a token; rights live in it ([`wire`]).
//! - Writes are POSTs of arrays: with `id` a change, without it a new ticket. Only the keys sent change.
//! - A priority's number counts within the ticket's SLA; 1 is the most severe. Impact and urgency are look-ups 12 and 27,
//!   1 the most severe, 0 not set.
//! - Halo may replace a value without an error, so each change is read back.
//! - Actions (notes) are numbered within their ticket, need an outcome, and are public unless `hiddenfromuser` is sent.
//! - Times come as UTC, mostly without `Z`; years before 1901 mean "not set".
//! - About 450 to 500 requests per five minutes are allowed (not documented by the vendor): see [`LIMITS`].

mod hook;
mod listing;
mod lists;
mod probe;
mod reading;
mod shapes;
mod webhooks;
mod wire;
mod writing;

pub use hook::read_hook;

use super::{Created, Fetched, NewNote, Psa};
use crate::outside::{CallError, Caller, Limits};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    Change, HookState, HookWanted, Lookups, PsaKind, PsaSettings, Registration, Report, Secret, Snapshot,
};
use lists::Lists;
use std::time::Duration;
use wire::Session;

/// Well under the limit that others report; writes of one ticket come one after the other by themselves.
pub const LIMITS: Limits = Limits { parallel: 4, requests: 300, per: Duration::from_secs(300) };

/// One tenant's Halo.
pub struct Halo {
    session: Session,
    lists: Lists,
}

impl Halo {
    pub fn new(settings: &PsaSettings, caller: Caller) -> Self {
        let session = match settings {
            PsaSettings::HaloPsa { url, client_id, client_secret, tenant, auth_url } => Session::new(
                caller,
                url,
                client_id.trim().to_owned(),
                client_secret.clone(),
                tenant.clone(),
                auth_url.clone(),
            ),
            // `psa::open` chooses by kind, so this arm never runs; an empty address is refused before anything is sent.
            _ => Session::new(caller, "", String::new(), Secret::default(), None, None),
        };
        Self { session, lists: Lists::default() }
    }
}

/// Halo takes an object without id for a new ticket, so nothing but an id of Halo's own ever goes into a write.
fn id_of(ticket: &str) -> Result<i64, CallError> {
    ticket.trim().parse().ok().filter(|id| *id > 0).ok_or_else(|| CallError::Rejected {
        status: 404,
        message: format!("“{ticket}” is not the id of a Halo ticket."),
    })
}

#[async_trait]
impl Psa for Halo {
    fn kind(&self) -> PsaKind {
        PsaKind::HaloPsa
    }

    async fn probe(&self) -> Report {
        probe::probe(self).await
    }

    async fn lookups(&self) -> Result<Lookups, CallError> {
        probe::lookups(self).await
    }

    async fn fetch(&self, ticket: &str) -> Result<Option<Fetched>, CallError> {
        match self.ticket(ticket).await? {
            Some(item) => {
                let id = item.id.map_or_else(|| id_of(ticket), Ok)?;
                self.described(id, item).await.map(Some)
            }
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
        let id = id_of(ticket)?;
        if !changes.is_empty() {
            self.post_changes(id, changes).await?;
        }
        self.levers(ticket).await?.ok_or_else(|| CallError::Rejected {
            status: 404,
            message: format!("Halo has no ticket {id} any more."),
        })
    }

    async fn find_note(&self, ticket: &str, reference: &str) -> Result<Option<String>, CallError> {
        let own = self.lists.own_agent(&self.session).await?;
        let forms = [reference.to_owned(), writing::escaped(reference)];
        let holds = |text: &Option<String>| {
            text.as_deref().is_some_and(|text| forms.iter().any(|form| text.contains(form.as_str())))
        };
        let actions = self.actions(id_of(ticket)?, true).await?;
        let found = actions.iter().find(|action| {
            // A colleague may quote our reference.
            let by = action.who_agentid.or(action.actionby_agent_id).filter(|id| *id > 0);
            let is_ours = own.is_none() || by.is_none() || by == own || action.actionby_agent_id == own;
            is_ours && (holds(&action.note_html) || holds(&action.note))
        });
        Ok(found.and_then(|action| action.id).map(|id| id.to_string()))
    }

    async fn write_note(&self, ticket: &str, note: &NewNote) -> Result<String, CallError> {
        self.post_note(id_of(ticket)?, note).await
    }

    async fn created(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Created, CallError> {
        listing::created(&self.session, since, after).await
    }

    async fn hook_state(&self, key: &str) -> Result<HookState, CallError> {
        webhooks::state(&self.session, key).await
    }

    async fn register_hook(&self, wanted: &HookWanted) -> Result<Registration, CallError> {
        webhooks::register(self, wanted).await
    }
}
