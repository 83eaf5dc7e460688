//! A leased job, and the ways it can end.

use super::Stage;
use crate::engine::{News, Tx, execute, fetch_optional, locked};
use crate::rows::Word;
use crate::{Lease, Result, StoreError, imports, timeline};
use chrono::{DateTime, Utc};
use domain::TenantId;
use uuid::Uuid;

/// A job whose lease was found to be ours, locked until the transaction ends.
#[derive(sqlx::FromRow)]
pub(crate) struct Held {
    pub(crate) id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) psa: String,
    pub(crate) external_ticket: String,
    pub(crate) delivery_id: Option<Uuid>,
    pub(crate) ticket_id: Option<Uuid>,
    pub(crate) replay: bool,
    /// The import that took it in.
    pub(crate) import_id: Option<Uuid>,
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
                "SELECT j.id, j.tenant_id, j.psa, j.external_ticket, j.delivery_id, j.ticket_id, j.replay, j.import_id, j.created_at,
                   t.time_zone, j.again, j.total_attempts
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

    /// The stage is done and the next one begins, under the same lease: whoever did this one goes on.
    pub(crate) async fn advance(
        &self,
        tx: &mut Tx,
        stage: Stage,
        ticket: Uuid,
        analysis: Option<Uuid>,
    ) -> Result<()> {
        execute!(
            tx,
            "UPDATE jobs SET stage = $1, ticket_id = $2, analysis_id = $3, attempts = 1,
               total_attempts = total_attempts + 1, cause = NULL WHERE id = $4",
            stage.word(),
            ticket,
            analysis,
            self.id
        )
        .map(drop)
    }

    /// The ticket is through; or from the start, if a person asked for that meanwhile.
    pub(crate) async fn finish(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
        if self.again {
            return self.start_over(tx, now).await;
        }
        execute!(tx, "DELETE FROM jobs WHERE id = $1", self.id)?;
        if self.import_id.is_some() {
            imports::left(tx, self).await?;
        }
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

    pub(super) async fn bury(&self, tx: &mut Tx, cause: &str, now: DateTime<Utc>) -> Result<()> {
        if self.again {
            return self.start_over(tx, now).await;
        }
        execute!(
            tx,
            "UPDATE jobs SET lease_token = NULL, due_at = NULL, cause = $1, import_id = NULL WHERE id = $2",
            cause,
            self.id
        )?;
        if self.import_id.is_some() {
            imports::failed(tx, self, cause).await?;
        }
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
        timeline::event(tx, self.tenant_id, ticket, now, "failed", cause).await
    }

    async fn start_over(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
        restart(tx, self.id, now).await
    }

    /// The delivery shows why it waits.
    pub(super) async fn note_cause(&self, tx: &mut Tx, cause: &str, refund: bool) -> Result<()> {
        execute!(
            tx,
            "UPDATE deliveries SET attempts = $1, reason = $2
             WHERE tenant_id = $3 AND external_ticket = $4 AND psa = $5 AND state = 'queued'",
            self.total_attempts - i64::from(refund),
            cause,
            self.tenant_id,
            &self.external_ticket,
            &self.psa
        )
        .map(drop)
    }
}

/// The job begins with reading again, at a person's wish.
pub(super) async fn restart(tx: &mut Tx, job: Uuid, now: DateTime<Utc>) -> Result<()> {
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
