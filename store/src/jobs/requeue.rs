//! Analysing a ticket again, at a person's wish.

use super::held::restart;
use crate::engine::{News, Tx, execute, fetch_one, fetch_optional, locked};
use crate::{Actor, Result, StoreError, audit, rows, timeline};
use chrono::{DateTime, Utc};
use domain::TenantId;
use uuid::Uuid;

/// A person wants a ticket analysed (again).
#[derive(Clone)]
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
    /// [`StoreError::NotConnected`]: its ticket is elsewhere than where the workspace is connected to.
    ///
    /// Uses the job there is, alive or dead, before it makes one: a ticket has at most one.
    pub(crate) async fn carry_out(&self, tx: &mut Tx, actor: &Actor, now: DateTime<Utc>) -> Result<()> {
        let merged: Option<(String,)> = fetch_optional!(
            tx,
            (String,),
            "SELECT merged_into FROM psa_instances WHERE tenant_id = $1 AND psa = $2 AND merged_into IS NOT NULL",
            self.tenant.0,
            &self.psa
        )?;
        match merged {
            // A mistaken address: it is the ticket of the system whose it should have been.
            Some((psa,)) => Self { psa, delivery: None, ..self.clone() }.analyse(tx, actor, now).await,
            None => self.analyse(tx, actor, now).await,
        }
    }

    async fn analyse(&self, tx: &mut Tx, actor: &Actor, now: DateTime<Utc>) -> Result<()> {
        let tenant = self.tenant.0;
        let connected: Option<(String,)> = fetch_optional!(
            tx,
            (String,),
            "SELECT psa FROM psa_connections WHERE tenant_id = $1 AND psa <> ''",
            tenant
        )?;
        if connected.is_some_and(|(connected,)| connected != self.psa) {
            return Err(StoreError::NotConnected);
        }
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
            Some((job, None)) => {
                // By the word of the call that was chosen, if one was.
                if let Some(delivery) = self.delivery {
                    execute!(tx, "UPDATE jobs SET delivery_id = $1 WHERE id = $2", delivery, job)?;
                }
                restart(tx, job, now).await?;
            }
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
            timeline::event(tx, tenant, ticket, now, "replayed", &format!("asked for by {by}")).await?;
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
            // It must not be removed before the job holds it.
            locked!(tx, "SELECT id FROM deliveries WHERE tenant_id = $1 AND id = $2"),
            self.tenant.0,
            self.delivery.unwrap_or(first)
        )?;
        execute!(
            tx,
            "INSERT INTO jobs (id, tenant_id, psa, external_ticket, stage, delivery_id, ticket_id, replay, again, due_at,
               attempts, total_attempts, created_at)
             VALUES ($1, $2, $3, $4, 'read', $5,
               (SELECT t.id FROM tickets t WHERE t.tenant_id = $2 AND t.psa = $3 AND t.external_id = $4), $6, $7, $8, 0, 0, $9)",
            rows::id_at(now),
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
