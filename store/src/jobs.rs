//! The queue. One job carries one ticket through the stages read → score → act; its row moves from stage to stage in
//! the transaction that stores the stage's result, so a crash repeats a stage and never skips one.

use crate::audit;
use crate::engine::{
    News, Query, Tx, execute, execute_query, fetch_all, fetch_one, fetch_optional, fetch_query, locked, sql,
};
use crate::rows::{Word, clean};
use crate::writer::announce;
use crate::{Actor, Lease, Result, Store, StoreError};
use chrono::{DateTime, Utc};
use domain::{AnalysisId, DeliveryId, JobId, TenantId, TicketId};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use uuid::Uuid;

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

/// The claim, in one statement. `$1` now, `$2` the new lease's token, `$3` its end, `$4` how many of one tenant, `$5` how
/// many in all.
///
/// - `waiting`: the tenants that have jobs, found by skipping through the index, not by reading all jobs.
/// - `lanes`: per tenant the stages whose connection is not paused, and how many more leases the tenant may hold.
/// - `heads`: the first few due jobs of each lane; a flood behind them is not read.
/// - `places`: a tenant's stages share its room, oldest first.
macro_rules! claim {
    (heads: $heads:literal, choose: $choose:literal) => {
        concat!(
            "WITH RECURSIVE waiting (tenant_id) AS (
               SELECT first.tenant_id FROM (
                 SELECT tenant_id FROM jobs WHERE due_at IS NOT NULL ORDER BY tenant_id LIMIT 1) AS first
               UNION ALL
               SELECT (SELECT j.tenant_id FROM jobs j WHERE j.due_at IS NOT NULL AND j.tenant_id > w.tenant_id
                       ORDER BY j.tenant_id LIMIT 1)
               FROM waiting w WHERE w.tenant_id IS NOT NULL),
             lanes AS (
               SELECT w.tenant_id, s.stage,
                 $4 - (SELECT count(*) FROM jobs h
                       WHERE h.tenant_id = w.tenant_id AND h.lease_token IS NOT NULL AND h.due_at > $1) AS room
               FROM waiting w
               CROSS JOIN (SELECT 'read' AS stage UNION ALL SELECT 'score' UNION ALL SELECT 'act') AS s
               LEFT JOIN psa_connections p ON p.tenant_id = w.tenant_id
               LEFT JOIN model_connections m ON m.tenant_id = w.tenant_id
               WHERE w.tenant_id IS NOT NULL
                 AND coalesce(CASE WHEN s.stage = 'score' THEN m.state ELSE p.state END, '') <> 'paused'),
             heads AS (", $heads, "),
             places AS (
               SELECT id, due_at, room, row_number() OVER (PARTITION BY tenant_id ORDER BY due_at, id) AS place FROM heads)
             UPDATE jobs SET lease_token = $2, due_at = $3, attempts = attempts + 1, total_attempts = total_attempts + 1
             WHERE id IN (", $choose, ")
             RETURNING id, tenant_id, stage, delivery_id, external_ticket, ticket_id, analysis_id, replay, attempts, created_at"
        )
    };
}
const CLAIM_SQLITE: &str = claim!(
    heads: "SELECT j.id, l.tenant_id, j.due_at, l.room FROM lanes l CROSS JOIN jobs j
            WHERE l.room > 0 AND j.id IN (
              SELECT c.id FROM jobs c
              WHERE c.tenant_id = l.tenant_id AND c.stage = l.stage AND c.due_at IS NOT NULL AND c.due_at <= $1
              ORDER BY c.due_at LIMIT $4)",
    choose: "SELECT id FROM places WHERE place <= room ORDER BY due_at, id LIMIT $5"
);
// The condition on due_at is judged again on the locked row: another node may have claimed it since the snapshot.
const CLAIM_POSTGRES: &str = claim!(
    heads: "SELECT j.id, l.tenant_id, j.due_at, l.room FROM lanes l CROSS JOIN LATERAL (
              SELECT c.id, c.due_at FROM jobs c
              WHERE c.tenant_id = l.tenant_id AND c.stage = l.stage AND c.due_at <= $1
              ORDER BY c.due_at LIMIT $4) AS j
            WHERE l.room > 0",
    choose: "SELECT id FROM jobs WHERE due_at <= $1
               AND id IN (SELECT id FROM places WHERE place <= room ORDER BY due_at, id LIMIT $5)
             FOR UPDATE SKIP LOCKED"
);

#[derive(sqlx::FromRow)]
struct JobRow {
    id: Uuid,
    tenant_id: Uuid,
    stage: String,
    delivery_id: Option<Uuid>,
    external_ticket: String,
    ticket_id: Option<Uuid>,
    analysis_id: Option<Uuid>,
    replay: bool,
    attempts: i64,
    created_at: DateTime<Utc>,
}

impl JobRow {
    fn leased(self, token: Uuid) -> Result<Job> {
        Ok(Job {
            lease: Lease { job: self.id.into(), token },
            tenant: self.tenant_id.into(),
            stage: Stage::read("jobs", "stage", &self.stage)?,
            delivery: self.delivery_id.map(DeliveryId),
            external_ticket: self.external_ticket,
            ticket: self.ticket_id.map(TicketId),
            analysis: self.analysis_id.map(AnalysisId),
            replay: self.replay,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            created_at: self.created_at,
        })
    }
}

impl Store {
    /// Leases up to `limit` due jobs, oldest first, none of a ticket that is leased, none of a paused connection,
    /// and no more than `per_tenant` of one tenant. Jobs whose lease ran out are due. Counts the attempt.
    pub async fn job_claim(
        &self,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
        per_tenant: u32,
    ) -> Result<Vec<Job>> {
        let token = Uuid::new_v4();
        let until = now + lease;
        let mut jobs = self
            .write((now, token, until, per_tenant, limit), |tx, (now, token, until, per_tenant, limit)| {
                Box::pin(async move {
                    let text = sql!(tx, sqlite: CLAIM_SQLITE, postgres: CLAIM_POSTGRES);
                    fetch_all!(
                        tx,
                        JobRow,
                        text,
                        *now,
                        *token,
                        *until,
                        i64::from(*per_tenant),
                        i64::from(*limit)
                    )
                })
            })
            .await?
            .into_iter()
            .map(|row| row.leased(token))
            .collect::<Result<Vec<_>>>()?;
        // RETURNING keeps no order.
        jobs.sort_unstable_by_key(|job| (job.created_at, job.id()));
        Ok(jobs)
    }

    /// Prolongs leases that are still ours; returns the ones that are.
    pub async fn job_renew(&self, leases: &[Lease], until: DateTime<Utc>) -> Result<Vec<JobId>> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        self.write((leases.to_vec(), until), |tx, (leases, until)| Box::pin(renew(tx, leases, *until))).await
    }

    /// Gives the job back, to be tried again at `at`. `refund` gives the attempt back too (paused connection, shutdown).
    pub async fn job_retry(&self, lease: Lease, at: DateTime<Utc>, cause: &str, refund: bool) -> Result<()> {
        self.write((lease, at, clean(cause).into_owned(), refund), |tx, (lease, at, cause, refund)| {
            Box::pin(async move {
                let held = Held::fence(tx, None, *lease).await?;
                execute!(
                    tx,
                    "UPDATE jobs SET lease_token = NULL, due_at = $1, cause = $2, attempts = attempts - $3,
                       total_attempts = total_attempts - $3 WHERE id = $4",
                    *at,
                    cause,
                    i64::from(*refund),
                    held.id
                )?;
                tx.announce(News::Here);
                if *refund {
                    return Ok(());
                }
                held.note_attempts(tx).await?;
                match held.ticket_id {
                    // In the story it stands where the next attempt begins.
                    Some(ticket) => event(tx, held.tenant_id, ticket, *at, "retry", cause).await,
                    None => Ok(()),
                }
            })
        })
        .await
    }

    /// Gives up: the job and its delivery are dead with this cause, the ticket (if any) is `failed`.
    pub async fn job_bury(&self, lease: Lease, cause: &str, now: DateTime<Utc>) -> Result<()> {
        self.write((lease, clean(cause).into_owned(), now), |tx, (lease, cause, now)| {
            Box::pin(async move {
                let held = Held::fence(tx, None, *lease).await?;
                held.bury(tx, cause, *now).await
            })
        })
        .await
    }

    /// The job is finished; its delivery is done.
    pub async fn job_finish(&self, lease: Lease, now: DateTime<Utc>) -> Result<()> {
        self.write((lease, now), |tx, (lease, now)| {
            Box::pin(async move { Held::fence(tx, None, *lease).await?.finish(tx, *now).await })
        })
        .await
    }

    pub async fn queue_health(&self) -> Result<QueueHealth> {
        let mut reader = self.read().await?;
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
            while let Ok(Some(mut listener)) = pools.listener().await {
                while listener.heard().await.is_ok() {
                    announce(&arrived);
                }
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

/// A job whose lease was found to be ours, locked until the transaction ends.
#[derive(sqlx::FromRow)]
pub(crate) struct Held {
    pub(crate) id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) psa: String,
    pub(crate) external_ticket: String,
    pub(crate) ticket_id: Option<Uuid>,
    pub(crate) replay: bool,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) time_zone: String,
    again: bool,
    total_attempts: i64,
}

impl Held {
    /// [`StoreError::LeaseLost`] when it is not, or the job is not this tenant's.
    pub(crate) async fn fence(tx: &mut Tx, tenant: Option<TenantId>, lease: Lease) -> Result<Self> {
        let held = fetch_optional!(
            tx,
            Self,
            locked!(
                tx,
                "SELECT j.id, j.tenant_id, j.psa, j.external_ticket, j.ticket_id, j.replay, j.created_at, t.time_zone, j.again, j.total_attempts
                 FROM jobs j JOIN tenants t ON t.id = j.tenant_id WHERE j.id = $1 AND j.lease_token = $2",
                of "j"
            ),
            lease.job.0,
            lease.token
        )?;
        held.filter(|held| tenant.is_none_or(|tenant| tenant.0 == held.tenant_id))
            .ok_or(StoreError::LeaseLost)
    }

    /// [`StoreError::LeaseLost`] unless the job is about this ticket.
    pub(crate) fn about(self, ticket: Uuid) -> Result<Self> {
        if self.ticket_id == Some(ticket) { Ok(self) } else { Err(StoreError::LeaseLost) }
    }

    /// The stage is done, the next may begin; the job keeps its place in the line.
    pub(crate) async fn advance(
        &self,
        tx: &mut Tx,
        stage: Stage,
        ticket: Uuid,
        analysis: Option<Uuid>,
    ) -> Result<()> {
        execute!(
            tx,
            "UPDATE jobs SET stage = $1, ticket_id = $2, analysis_id = $3, lease_token = NULL, due_at = created_at,
               attempts = 0, cause = NULL WHERE id = $4",
            stage.word(),
            ticket,
            analysis,
            self.id
        )?;
        tx.announce(News::Here);
        Ok(())
    }

    /// The ticket is through; or from the start, if a person asked for that meanwhile.
    pub(crate) async fn finish(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
        if self.again {
            return self.start_over(tx, now).await;
        }
        execute!(tx, "DELETE FROM jobs WHERE id = $1", self.id)?;
        execute!(
            tx,
            "UPDATE deliveries SET state = 'done', reason = NULL, attempts = $1
             WHERE tenant_id = $2 AND external_ticket = $3 AND psa = $4 AND state IN ('queued', 'dead')",
            self.total_attempts,
            self.tenant_id,
            &self.external_ticket,
            &self.psa
        )?;
        Ok(())
    }

    async fn bury(&self, tx: &mut Tx, cause: &str, now: DateTime<Utc>) -> Result<()> {
        if self.again {
            return self.start_over(tx, now).await;
        }
        execute!(
            tx,
            "UPDATE jobs SET lease_token = NULL, due_at = NULL, cause = $1 WHERE id = $2",
            cause,
            self.id
        )?;
        execute!(
            tx,
            "UPDATE deliveries SET state = 'dead', reason = $1, attempts = $2
             WHERE tenant_id = $3 AND external_ticket = $4 AND psa = $5 AND state = 'queued'",
            cause,
            self.total_attempts,
            self.tenant_id,
            &self.external_ticket,
            &self.psa
        )?;
        let Some(ticket) = self.ticket_id else { return Ok(()) };
        execute!(
            tx,
            "UPDATE tickets SET state = 'failed', reason = $1 WHERE tenant_id = $2 AND id = $3",
            cause,
            self.tenant_id,
            ticket
        )?;
        event(tx, self.tenant_id, ticket, now, "failed", cause).await
    }

    async fn start_over(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
        restart(tx, self.id, now).await
    }

    async fn note_attempts(&self, tx: &mut Tx) -> Result<()> {
        execute!(
            tx,
            "UPDATE deliveries SET attempts = $1
             WHERE tenant_id = $2 AND external_ticket = $3 AND psa = $4 AND state = 'queued'",
            self.total_attempts,
            self.tenant_id,
            &self.external_ticket,
            &self.psa
        )
        .map(drop)
    }
}

/// The job begins with reading again, at a person's wish.
async fn restart(tx: &mut Tx, job: Uuid, now: DateTime<Utc>) -> Result<()> {
    execute!(
        tx,
        "UPDATE jobs SET stage = 'read', replay = $1, again = $2, lease_token = NULL, due_at = $3, attempts = 0, cause = NULL
         WHERE id = $4",
        true,
        false,
        now,
        job
    )?;
    tx.announce(News::Everywhere);
    Ok(())
}

/// A person wants a ticket analysed (again).
pub(crate) struct Requeue {
    pub(crate) tenant: TenantId,
    pub(crate) psa: String,
    pub(crate) external_ticket: String,
    /// The delivery that stands for it; `None`: the one that brought the ticket in.
    pub(crate) delivery: Option<Uuid>,
    /// When it was taken in, if it was not before.
    pub(crate) received_at: DateTime<Utc>,
}

impl Requeue {
    /// Uses the job there is, alive or dead, before it makes one: a ticket has at most one.
    pub(crate) async fn carry_out(&self, tx: &mut Tx, actor: &Actor, now: DateTime<Utc>) -> Result<()> {
        let tenant = self.tenant.0;
        execute!(
            tx,
            "INSERT INTO intake (tenant_id, psa, external_ticket, delivery_id, taken_in_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            tenant,
            &self.psa,
            &self.external_ticket,
            self.delivery.unwrap_or_default(),
            self.received_at
        )?;
        let job: Option<(Uuid, Option<Uuid>)> = fetch_optional!(
            tx,
            (Uuid, Option<Uuid>),
            locked!(
                tx,
                "SELECT id, lease_token FROM jobs WHERE tenant_id = $1 AND psa = $2 AND external_ticket = $3"
            ),
            tenant,
            &self.psa,
            &self.external_ticket
        )?;
        match job {
            Some((job, Some(_lease))) => {
                execute!(tx, "UPDATE jobs SET again = $1 WHERE id = $2", true, job)?;
            }
            Some((job, None)) => restart(tx, job, now).await?,
            None => self.insert_job(tx, now).await?,
        }
        execute!(
            tx,
            "UPDATE deliveries SET state = 'queued', reason = NULL
             WHERE tenant_id = $1 AND external_ticket = $2 AND psa = $3 AND (state = 'dead' OR id = $4)",
            tenant,
            &self.external_ticket,
            &self.psa,
            self.delivery
        )?;
        let ticket: Option<(Uuid,)> = fetch_optional!(
            tx,
            (Uuid,),
            "UPDATE tickets SET state = 'reading', reason = NULL WHERE tenant_id = $1 AND psa = $2 AND external_id = $3
             RETURNING id",
            tenant,
            &self.psa,
            &self.external_ticket
        )?;
        let by = audit::name(tx, self.tenant, actor).await?;
        if let Some((ticket,)) = ticket {
            event(tx, tenant, ticket, now, "replayed", &format!("asked for by {by}")).await?;
        }
        let detail = format!("{} ticket {} is analysed again", self.psa, self.external_ticket);
        audit::append(tx, self.tenant, &by, "ticket.replayed", &detail, now).await
    }

    async fn insert_job(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
        let (taken_in_at, first): (DateTime<Utc>, Uuid) = fetch_one!(
            tx,
            (DateTime<Utc>, Uuid),
            "SELECT taken_in_at, delivery_id FROM intake WHERE tenant_id = $1 AND psa = $2 AND external_ticket = $3",
            self.tenant.0,
            &self.psa,
            &self.external_ticket
        )?;
        // The first delivery may have been removed when its time was up.
        let delivery: Option<(Uuid,)> = fetch_optional!(
            tx,
            (Uuid,),
            "SELECT id FROM deliveries WHERE tenant_id = $1 AND id = $2",
            self.tenant.0,
            self.delivery.unwrap_or(first)
        )?;
        execute!(
            tx,
            "INSERT INTO jobs (id, tenant_id, psa, external_ticket, stage, delivery_id, ticket_id, replay, again, due_at,
               attempts, total_attempts, created_at)
             VALUES ($1, $2, $3, $4, 'read', $5,
               (SELECT t.id FROM tickets t WHERE t.tenant_id = $2 AND t.psa = $3 AND t.external_id = $4), $6, $7, $8, 0, 0, $9)",
            crate::rows::id_at(now),
            self.tenant.0,
            &self.psa,
            &self.external_ticket,
            delivery.map(|(id,)| id),
            true,
            false,
            now,
            taken_in_at
        )?;
        tx.announce(News::Everywhere);
        Ok(())
    }
}

/// One line of a ticket's timeline.
pub(crate) async fn event(
    tx: &mut Tx,
    tenant: Uuid,
    ticket: Uuid,
    at: DateTime<Utc>,
    what: &str,
    detail: &str,
) -> Result<()> {
    events(tx, tenant, ticket, &[(at, what, detail)]).await
}

pub(crate) async fn events(
    tx: &mut Tx,
    tenant: Uuid,
    ticket: Uuid,
    lines: &[(DateTime<Utc>, &str, &str)],
) -> Result<()> {
    let mut query = Query::new("INSERT INTO events (tenant_id, ticket_id, at, id, what, detail) VALUES ");
    query.rows(lines.iter().map(|(at, what, detail)| {
        vec![
            tenant.into(),
            ticket.into(),
            (*at).into(),
            crate::rows::id_at(*at).into(),
            (*what).into(),
            (*detail).into(),
        ]
    }));
    execute_query!(tx, query).map(drop)
}
