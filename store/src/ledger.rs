//! What we did in the PSA: one row per action, so that each effect happens once.

use crate::{Lease, Result, TenantStore};
use chrono::{DateTime, Utc};
use domain::{Action, ActionId, ActionState, AnalysisId, Effect, TicketId};

#[derive(Clone, Debug)]
pub struct LedgerRow {
    pub id: ActionId,
    pub ticket: TicketId,
    pub analysis: AnalysisId,
    /// Position in the plan.
    pub position: i64,
    pub action: Action,
    pub state: ActionState,
    pub effects: Vec<Effect>,
    /// For notes: the text as sent. For refusals: the PSA's words.
    pub detail: Option<String>,
    /// The short code at the end of our note, stable per row: by it a note is found again.
    pub reference: String,
    /// The PSA's id of the note written.
    pub receipt: Option<String>,
    pub attempts: i64,
    pub decided_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// `Done`, `Refused` or `Superseded`.
    pub state: ActionState,
    pub effects: Vec<Effect>,
    pub detail: Option<String>,
    pub receipt: Option<String>,
}

impl TenantStore {
    /// The rows of one analysis that are to be carried out, in order; final ones included, since notes speak of them.
    pub async fn action_list(&self, _analysis: AnalysisId) -> Result<Vec<LedgerRow>> {
        unimplemented!()
    }
    /// `planned` → `in_flight`, committed before the request leaves. Returns the state it had: `InFlight` means an
    /// earlier attempt may have reached the PSA, so look there first.
    pub async fn action_begin(
        &self,
        _lease: Lease,
        _action: ActionId,
        _now: DateTime<Utc>,
    ) -> Result<ActionState> {
        unimplemented!()
    }
    /// Ends an action and, in the same transaction, begins `next` (returning the state that one had).
    pub async fn action_end(
        &self,
        _lease: Lease,
        _action: ActionId,
        _outcome: &Outcome,
        _next: Option<ActionId>,
        _now: DateTime<Utc>,
    ) -> Result<Option<ActionState>> {
        unimplemented!()
    }
    /// All actions are final: the ticket is `acted`, the job finished.
    pub async fn actions_finished(
        &self,
        _lease: Lease,
        _ticket: TicketId,
        _now: DateTime<Utc>,
    ) -> Result<()> {
        unimplemented!()
    }
}
