//! A ticket that a webhook call named otherwise than the PSA does: by its number instead of its id.
//!
//! The door cannot ask the PSA, so it takes such a call in under the name it was given. Once the PSA's id is known, the
//! rule that a ticket is taken in once is decided again, under the id, and the job goes on under it or ends.

use super::Held;
use crate::door::TAKEN_IN_BEFORE;
use crate::engine::{Scope, execute, fetch_all, fetch_one, fetch_optional, locked};
use crate::rows::clean;
use crate::{Lease, Result, Store};
use uuid::Uuid;

/// What became of a job whose ticket has another name in the PSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identified {
    /// The job is the ticket's.
    Ours,
    /// Another call took the ticket in: this job is finished, its delivery is ignored.
    TakenInBefore,
}

impl Store {
    /// The job's ticket is `external_ticket` to its PSA: that name decides whether it was taken in before, and if it was
    /// not, the job and its deliveries go by it from now on. A ticket that an earlier version stored under its other name
    /// keeps that.
    ///
    /// Safe to repeat. [`StoreError::LeaseLost`](crate::StoreError::LeaseLost) when the lease is not ours.
    pub async fn job_identify(&self, lease: Lease, external_ticket: &str) -> Result<Identified> {
        self.write(Scope::EveryTenant, (lease, clean(external_ticket).into_owned()), |tx, (lease, id)| {
            Box::pin(async move {
                let held = Held::fence(tx, None, *lease).await?;
                if held.external_ticket == *id {
                    return Ok(Identified::Ours);
                }
                let (tenant, psa, named) = (held.tenant_id, &held.psa, &held.external_ticket);
                let stored: Option<(i64,)> = fetch_optional!(
                    tx,
                    (i64,),
                    "SELECT CAST(1 AS bigint) FROM tickets WHERE tenant_id = $1 AND psa = $2 AND external_id = $3",
                    tenant,
                    psa,
                    named
                )?;
                if stored.is_some() {
                    return Ok(Identified::Ours);
                }
                // Deliveries before intake, as the door does it, so that neither waits for the other in a circle.
                let _locked: Vec<(Uuid,)> = fetch_all!(
                    tx,
                    (Uuid,),
                    locked!(tx, "SELECT id FROM deliveries WHERE tenant_id = $1 AND external_ticket = $2 AND psa = $3"),
                    tenant,
                    named,
                    psa
                )?;
                let (delivery,): (Option<Uuid>,) =
                    fetch_one!(tx, (Option<Uuid>,), "SELECT delivery_id FROM jobs WHERE id = $1", held.id)?;
                let is_first = execute!(
                    tx,
                    "INSERT INTO intake (tenant_id, psa, external_ticket, delivery_id, taken_in_at)
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                    tenant,
                    psa,
                    id,
                    delivery.unwrap_or_default(),
                    held.created_at
                )? > 0;
                if is_first {
                    execute!(tx, "UPDATE jobs SET external_ticket = $1 WHERE id = $2", id, held.id)?;
                } else {
                    execute!(tx, "DELETE FROM jobs WHERE id = $1", held.id)?;
                    execute!(
                        tx,
                        "UPDATE deliveries SET state = 'ignored', reason = $1
                         WHERE tenant_id = $2 AND external_ticket = $3 AND psa = $4 AND state = 'queued'",
                        TAKEN_IN_BEFORE,
                        tenant,
                        named,
                        psa
                    )?;
                }
                execute!(
                    tx,
                    "UPDATE deliveries SET external_ticket = $1 WHERE tenant_id = $2 AND external_ticket = $3 AND psa = $4",
                    id,
                    tenant,
                    named,
                    psa
                )?;
                Ok(if is_first { Identified::Ours } else { Identified::TakenInBefore })
            })
        })
        .await
    }
}
