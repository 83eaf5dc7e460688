//! What the model said and what the policy decided.

use crate::{Lease, Result, TenantStore};
use chrono::{DateTime, Utc};
use domain::{AnalysisId, Assessment, Plan, TicketId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisState {
    Scored,
    /// No scores, no action; see the reason.
    Skipped,
}

/// How the scores came to be: enough to explain and to repeat.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Provenance {
    /// As [`domain::ModelSettings::shown`] says it, or as the answer names it.
    pub model: String,
    /// 0 is the built-in template.
    pub prompt_version: i64,
    /// What was sent: the rendered messages.
    pub prompt: String,
    /// What came back, raw.
    pub answer: String,
    pub tokens_in: i64,
    pub tokens_out: i64,
    /// Time the model took, milliseconds.
    pub model_ms: i64,
    /// The first answer was unusable and one repair was asked for.
    pub repaired: bool,
}

#[derive(Clone, Debug)]
pub struct Analysis {
    pub id: AnalysisId,
    pub ticket: TicketId,
    pub at: DateTime<Utc>,
    pub state: AnalysisState,
    pub reason: Option<String>,
    pub assessment: Option<Assessment>,
    pub plan: Option<Plan>,
    pub policy_version: i64,
    pub provenance: Provenance,
}

impl TenantStore {
    /// Whether an escalation was ever planned live or carried out for this ticket.
    pub async fn escalated_before(&self, _ticket: TicketId) -> Result<bool> {
        unimplemented!()
    }
    /// End of the score stage: the analysis, its plan and the ledger rows are stored, trends are counted, and the job
    /// moves on to acting, or is finished when there is nothing to do (or in shadow mode).
    /// A ledger row whose key the ticket already has stays as it is: each effect once.
    pub async fn analysis_scored(
        &self,
        _lease: Lease,
        _ticket: TicketId,
        _assessment: &Assessment,
        _plan: &Plan,
        _policy_version: i64,
        _provenance: &Provenance,
        _now: DateTime<Utc>,
    ) -> Result<AnalysisId> {
        unimplemented!()
    }
    /// End of the score stage without scores (refused, filtered, unusable twice): nothing is done, the job is finished.
    pub async fn analysis_skipped(
        &self,
        _lease: Lease,
        _ticket: TicketId,
        _reason: &str,
        _policy_version: i64,
        _provenance: &Provenance,
        _now: DateTime<Utc>,
    ) -> Result<AnalysisId> {
        unimplemented!()
    }
    /// The newest analysis of a ticket.
    pub async fn analysis_latest(&self, _ticket: TicketId) -> Result<Option<Analysis>> {
        unimplemented!()
    }
}
