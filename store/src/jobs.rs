//! The queue. One job carries one ticket through the stages read → score → act; its row moves from stage to stage in
//! the transaction that stores the stage's result, so a crash repeats a stage and never skips one.

use crate::{Lease, Result, Store};
use chrono::{DateTime, Utc};
use domain::{AnalysisId, DeliveryId, JobId, TenantId, TicketId};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Fetch the ticket and its first note, prepare the text, judge the scope.
    Read,
    /// Ask the model, decide, save the plan.
    Score,
    /// Carry out the plan.
    Act,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub lease: Lease,
    pub tenant: TenantId,
    pub stage: Stage,
    pub delivery: Option<DeliveryId>,
    /// The PSA's id of the ticket; jobs of one ticket never run together.
    pub external_ticket: String,
    /// From the read stage on.
    pub ticket: Option<TicketId>,
    /// From the score stage on.
    pub analysis: Option<AnalysisId>,
    /// A person asked for it: analyse although it was analysed before.
    pub replay: bool,
    /// This attempt included.
    pub attempts: u32,
    pub created_at: DateTime<Utc>,
}

impl Job {
    pub fn id(&self) -> JobId {
        self.lease.job
    }
}

/// Depth and age, for metrics and readiness.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueHealth {
    pub ready: i64,
    pub leased: i64,
    pub dead: i64,
    pub oldest_ready_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Leases up to `limit` due jobs, oldest first, none of a ticket that is leased, none of a paused connection,
    /// and no more than `per_tenant` of one tenant. Jobs whose lease ran out are due. Counts the attempt.
    pub async fn job_claim(
        &self,
        _now: DateTime<Utc>,
        _lease: Duration,
        _limit: u32,
        _per_tenant: u32,
    ) -> Result<Vec<Job>> {
        unimplemented!()
    }
    /// Prolongs leases that are still ours; returns the ones that are.
    pub async fn job_renew(&self, _leases: &[Lease], _until: DateTime<Utc>) -> Result<Vec<JobId>> {
        unimplemented!()
    }
    /// Gives the job back, to be tried again at `at`. `refund` gives the attempt back too (paused connection, shutdown).
    pub async fn job_retry(
        &self,
        _lease: Lease,
        _at: DateTime<Utc>,
        _cause: &str,
        _refund: bool,
    ) -> Result<()> {
        unimplemented!()
    }
    /// Gives up: the job and its delivery are dead with this cause, the ticket (if any) is `failed`.
    pub async fn job_bury(&self, _lease: Lease, _cause: &str, _now: DateTime<Utc>) -> Result<()> {
        unimplemented!()
    }
    /// The job is finished; its delivery is done.
    pub async fn job_finish(&self, _lease: Lease, _now: DateTime<Utc>) -> Result<()> {
        unimplemented!()
    }
    pub async fn queue_health(&self) -> Result<QueueHealth> {
        unimplemented!()
    }
    /// Resolves when work may have arrived: a local accept, or another node's (PostgreSQL LISTEN). Spurious wake-ups happen.
    pub async fn work_arrived(&self) {
        unimplemented!()
    }
}
