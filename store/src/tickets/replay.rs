//! Reading tickets again, at a person's wish.

use crate::engine::{fetch_all, fetch_optional, locked};
use crate::jobs::Requeue;
use crate::{Actor, Result, TenantStore};
use chrono::{DateTime, Utc};
use domain::TicketId;
use uuid::Uuid;

impl TenantStore {
    /// Analyses the ticket again, as it stands now. `false` when there is no such ticket.
    pub async fn ticket_replay(&self, ticket: TicketId, actor: &Actor, now: DateTime<Utc>) -> Result<bool> {
        self.write((self.tenant, ticket.0, actor.clone(), now), |tx, (tenant, ticket, actor, now)| {
            Box::pin(async move {
                let found: Option<(String, String, DateTime<Utc>)> = fetch_optional!(
                    tx,
                    (String, String, DateTime<Utc>),
                    locked!(
                        tx,
                        "SELECT psa, external_id, taken_in_at FROM tickets WHERE tenant_id = $1 AND id = $2"
                    ),
                    tenant.0,
                    *ticket
                )?;
                let Some((psa, external_ticket, received_at)) = found else { return Ok(false) };
                let requeue = Requeue { tenant: *tenant, psa, external_ticket, delivery: None, received_at };
                requeue.carry_out(tx, actor, *now).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Analyses again what was read while the model was out, oldest first and at most `limit` tickets; how many.
    pub async fn tickets_replay_degraded(
        &self,
        limit: u32,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<usize> {
        self
            .write((self.tenant, limit, actor.clone(), now), |tx, (tenant, limit, actor, now)| {
                Box::pin(async move {
                    let found: Vec<(Uuid, String, String, DateTime<Utc>)> = fetch_all!(
                        tx,
                        (Uuid, String, String, DateTime<Utc>),
                        "SELECT id, psa, external_id, taken_in_at FROM tickets
                         WHERE tenant_id = $1 AND degraded AND state <> 'reading'
                           AND psa = coalesce((SELECT p.psa FROM psa_connections p WHERE p.tenant_id = $1 AND p.psa <> ''), psa)
                         ORDER BY taken_in_at, id LIMIT $2",
                        tenant.0,
                        i64::from(*limit)
                    )?;
                    for (_, psa, external_ticket, received_at) in &found {
                        let requeue = Requeue {
                            tenant: *tenant,
                            psa: psa.clone(),
                            external_ticket: external_ticket.clone(),
                            delivery: None,
                            received_at: *received_at,
                        };
                        requeue.carry_out(tx, actor, *now).await?;
                    }
                    Ok(found.len())
                })
            })
            .await
    }
}
