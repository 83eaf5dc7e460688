//! The queue. One job carries one ticket through the stages read → score → act; its row moves from stage to stage in
//! the transaction that stores the stage's result, so a crash repeats a stage and never skips one. Who leased a job keeps
//! it from stage to stage and gives it back when the ticket is through, or must wait.

mod claim;
mod held;
mod identify;
mod requeue;

pub(crate) use held::Held;
pub use identify::Identified;
pub(crate) use requeue::Requeue;

use crate::engine::{News, Query, Scope, Tx, execute, execute_query, fetch_one, fetch_query, sql};
use crate::rows::{self, clean};
use crate::writer::announce;
use crate::{Lease, Result, Store, StoreError, timeline};
use chrono::{DateTime, Utc};
use claim::Claim;
use domain::{AnalysisId, DeliveryId, JobId, PsaInstance, TenantId, TicketId};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use uuid::Uuid;

/// How long after the database went away it is asked again whether there are news; the queue is polled meanwhile.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

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
    /// Where its ticket is.
    pub psa: PsaInstance,
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
    /// Of an import of past tickets, now or then: closed tickets are read too, and nothing is written to the PSA.
    pub past: bool,
    /// This attempt included.
    pub attempts: u32,
    pub created_at: DateTime<Utc>,
    /// `false`: the delivery's signature could not be checked at the door; the read stage must.
    pub verified: bool,
}

impl Job {
    pub fn id(&self) -> JobId {
        self.lease.job
    }

    /// When the job was made; that of an import is younger than its ticket.
    pub fn made_at(&self) -> DateTime<Utc> {
        rows::time_of(self.id().0).unwrap_or(self.created_at)
    }

    /// The same job in its next stage, as the end of a stage has stored it.
    pub fn at(self, stage: Stage, ticket: TicketId, analysis: Option<AnalysisId>) -> Self {
        Self { stage, ticket: Some(ticket), analysis, attempts: 1, ..self }
    }
}

/// What one tenant may have of a node's leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Leases of one tenant that this node may hold at once.
    pub most: u32,
    /// So many of them may be late: of a ticket that came more than a minute ago, or on a second attempt.
    pub late: u32,
    /// The last of a claim go to tenants of which this node holds none, or nothing fresh.
    pub reserved: u32,
}

impl Share {
    /// At most so many of one tenant.
    pub fn of(most: u32) -> Self {
        Self { most, late: most, reserved: 0 }
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
    /// Leases up to `limit` due jobs, none of a ticket that is leased, none of a paused connection, and no more of one tenant
    /// than its share: first of the tenants that hold the fewest leases, then the oldest. Jobs whose lease ran out are due.
    /// Counts the attempt.
    pub async fn job_claim(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
        share: Share,
    ) -> Result<Vec<Job>> {
        let (node, until) = (self.inner.node, now + lease);
        let token = node.token();
        let claim = Claim { now, node, token, until, limit, share };
        let mut jobs = self
            .write_later(Scope::EveryTenant, claim, |tx, claim| Box::pin(claim.carry_out(tx)))
            .await?
            .into_iter()
            // One that a later release has written must not hold up the others of the claim.
            .filter_map(|row| row.leased(token).inspect_err(unreadable).ok())
            .collect::<Vec<_>>();
        // RETURNING keeps no order.
        jobs.sort_unstable_by_key(|job| (job.created_at, job.id()));
        Ok(jobs)
    }

    /// Prolongs leases that are still ours; returns the ones that are.
    pub async fn job_renew(&self, leases: &[Lease], until: DateTime<Utc>) -> Result<Vec<JobId>> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        self.write_later(Scope::EveryTenant, (leases.to_vec(), until), |tx, (leases, until)| {
            Box::pin(renew(tx, leases, *until))
        })
        .await
    }

    /// Gives the job back, to be tried again at `at`. `refund` gives the attempt back too (paused connection, shutdown),
    /// and leaves no line in the ticket's timeline; the delivery shows the cause either way.
    pub async fn job_retry(&self, lease: Lease, at: DateTime<Utc>, cause: &str, refund: bool) -> Result<()> {
        self.write_later(
            Scope::EveryTenant,
            (lease, at, clean(cause).into_owned(), refund),
            |tx, (lease, at, cause, refund)| {
                Box::pin(async move {
                    let held = Held::fence(tx, None, *lease).await?;
                    execute!(
                    tx,
                    "UPDATE jobs SET lease_token = NULL, due_at = $1, cause = $2, attempts = attempts - $3,
                       total_attempts = total_attempts - $3, for_outage = $4 WHERE id = $5",
                    *at,
                    cause,
                    i64::from(*refund),
                    *refund,
                    held.id
                )?;
                    tx.announce(News::Here);
                    held.note_cause(tx, cause, *refund).await?;
                    if *refund {
                        return Ok(());
                    }
                    match held.ticket_id {
                        // In the story it stands where the next attempt begins.
                        Some(ticket) => {
                            timeline::event(tx, held.tenant_id, ticket, *at, "retry", cause).await
                        }
                        None => Ok(()),
                    }
                })
            },
        )
        .await
    }

    /// Makes what is due after `farthest` due at `at`; how many jobs that were. For what was put off by a clock that has
    /// been set back since, leases included.
    pub async fn job_bring_forward(&self, farthest: DateTime<Utc>, at: DateTime<Utc>) -> Result<u64> {
        self.write_later(Scope::EveryTenant, (farthest, at), |tx, (farthest, at)| {
            Box::pin(async move {
                // A row that is locked is being moved by somebody who knows the time.
                let text = sql!(tx,
                    sqlite: "UPDATE jobs SET due_at = $1 WHERE due_at > $2",
                    postgres: "UPDATE jobs SET due_at = $1
                               WHERE id IN (SELECT id FROM jobs WHERE due_at > $2 FOR UPDATE SKIP LOCKED)");
                execute!(tx, text, *at, *farthest)
            })
        })
        .await
    }

    /// Gives up: the job and its delivery are dead with this cause, the ticket (if any) is `failed`.
    pub async fn job_bury(&self, lease: Lease, cause: &str, now: DateTime<Utc>) -> Result<()> {
        self.write(Scope::EveryTenant, (lease, clean(cause).into_owned(), now), |tx, (lease, cause, now)| {
            Box::pin(async move {
                let held = Held::fence(tx, None, *lease).await?;
                held.bury(tx, cause, *now).await
            })
        })
        .await
    }

    /// The job is finished; its delivery is done.
    pub async fn job_finish(&self, lease: Lease, now: DateTime<Utc>) -> Result<()> {
        self.write(Scope::EveryTenant, (lease, now), |tx, (lease, now)| {
            Box::pin(async move { Held::fence(tx, None, *lease).await?.finish(tx, *now).await })
        })
        .await
    }

    pub async fn queue_health(&self) -> Result<QueueHealth> {
        let mut reader = self.read(Scope::EveryTenant).await?;
        let (ready, leased, dead): (i64, i64, i64) = fetch_one!(
            reader,
            (i64, i64, i64),
            "SELECT
               (SELECT count(*) FROM jobs WHERE due_at IS NOT NULL AND lease_token IS NULL),
               (SELECT count(*) FROM jobs WHERE lease_token IS NOT NULL),
               (SELECT count(*) FROM jobs WHERE due_at IS NULL)"
        )?;
        let (oldest_ready_at,): (Option<DateTime<Utc>>,) = fetch_one!(
            reader,
            (Option<DateTime<Utc>>,),
            "SELECT min(j.due_at) FROM jobs j
             LEFT JOIN psa_connections p ON p.tenant_id = j.tenant_id
             LEFT JOIN model_connections m ON m.tenant_id = j.tenant_id
             WHERE j.due_at IS NOT NULL AND j.lease_token IS NULL
               AND coalesce(CASE WHEN j.stage = 'score' THEN m.state ELSE p.state END, '') <> 'paused'"
        )?;
        Ok(QueueHealth { ready, leased, dead, oldest_ready_at })
    }

    /// Resolves when work may have arrived: a local accept, or another node's (PostgreSQL LISTEN). Spurious wake-ups happen.
    ///
    /// News that comes while nobody waits is kept for the next call, so look for work after this returns, then wait again.
    pub async fn work_arrived(&self) {
        self.inner.listening.call_once(|| self.listen());
        self.inner.arrived.notified().await;
    }

    /// Passes on the news of other nodes until the store is closed.
    fn listen(&self) {
        let pools = self.inner.pools.clone();
        let arrived = Arc::clone(&self.inner.arrived);
        let mut closing = self.inner.closing.subscribe();
        let listening = async move {
            loop {
                match pools.listener().await {
                    Ok(None) => return,
                    Ok(Some(mut listener)) => {
                        // What was told while nobody listened is not told again.
                        announce(&arrived);
                        while listener.heard().await.is_ok() {
                            announce(&arrived);
                        }
                    }
                    Err(error) => {
                        tracing::debug!(
                            error = &error as &dyn std::error::Error,
                            "could not listen for news of work"
                        );
                    }
                }
                tokio::time::sleep(LISTEN_AGAIN).await;
            }
        };
        #[expect(clippy::disallowed_methods, reason = "the store owns it; it ends with the store")]
        let task = tokio::spawn(async move {
            tokio::select! {
                () = listening => {}
                // An error says that the store is gone.
                _ = closing.wait_for(|closing| *closing) => {}
            }
        });
        self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }
}

fn unreadable(error: &StoreError) {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "a job cannot be read; it is left alone until its lease ends"
    );
}

/// A row that is locked is about to be given back or finished by its holder, in another transaction: it is left alone,
/// and counts as ours. Waiting for it here, with other rows held, could end in a circle.
async fn renew(tx: &mut Tx, leases: &[Lease], until: DateTime<Utc>) -> Result<Vec<JobId>> {
    let mut update = Query::new("UPDATE jobs SET due_at = ");
    update.bind(until).push(" WHERE id IN (SELECT id FROM jobs WHERE ");
    ours(&mut update, leases);
    update.push(sql!(tx, sqlite: ")", postgres: " FOR UPDATE SKIP LOCKED)"));
    execute_query!(tx, update)?;
    let mut select = Query::new("SELECT id FROM jobs WHERE ");
    ours(&mut select, leases);
    let held: Vec<(Uuid,)> = fetch_query!(tx, (Uuid,), select)?;
    Ok(held.into_iter().map(|(id,)| id.into()).collect())
}

fn ours(query: &mut Query, leases: &[Lease]) {
    query.push("(");
    for (index, lease) in leases.iter().enumerate() {
        query.push(if index == 0 { "(id = " } else { " OR (id = " });
        query.bind(lease.job.0).push(" AND lease_token = ").bind(lease.token).push(")");
    }
    query.push(")");
}
