//! What came for one instance of a ticketing system turns out to belong to another.

use crate::door::TAKEN_IN_BEFORE;
use crate::engine::{
    Engine, News, Query, Tx, execute, execute_query, fetch_all, fetch_optional, fetch_query, locked,
};
use crate::{Result, StoreError};
use domain::{PsaInstance, TenantId};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Tickets moved by one set of statements.
const TICKETS: i64 = 500;

/// The calls that came for `from` are about `to`: its address was a wrong one. Those of a ticket that was taken in there are
/// repeats; the others begin anew. `false`: a ticket of `from` was read, so it is a system of its own.
pub(super) async fn hand_over(
    tx: &mut Tx,
    tenant: TenantId,
    from: PsaInstance,
    to: PsaInstance,
) -> Result<bool> {
    let way = Way { tenant, from: from.to_string(), to: to.to_string(), merges: false };
    way.go(tx).await
}

/// As [`hand_over`], for what is part of `to` already: calls that were on their way.
pub(super) async fn hand_over_late(
    tx: &mut Tx,
    tenant: TenantId,
    from: PsaInstance,
    to: PsaInstance,
) -> Result<()> {
    let way = Way { tenant, from: from.to_string(), to: to.to_string(), merges: true };
    way.go(tx).await.map(drop)
}

/// Calls for an address that never let us in, beside a system that works: nobody knows whose tickets they are about, and
/// another system's number may be an old ticket's here. What was created here meanwhile the sweep finds.
pub(super) async fn drop_calls(tx: &mut Tx, tenant: TenantId, from: PsaInstance) -> Result<()> {
    let way = Way { tenant, from: from.to_string(), to: String::new(), merges: false };
    loop {
        let tickets = way.next_tickets(tx).await?;
        if tickets.is_empty() {
            return Ok(());
        }
        way.lock_jobs(tx, &tickets).await?;
        if way.has_read(tx).await? {
            return Ok(());
        }
        // The same call may come again, once it lets us in.
        way.end_calls(tx, &tickets, NEVER_LET_IN, true).await?;
        let mut query = Query::new("DELETE FROM intake WHERE tenant_id = ");
        way.of(&mut query, &tickets);
        execute_query!(tx, query)?;
    }
}

/// The address that `psa` was said to be at before never let us in, and was a mistake: whoever reads a ticket there loses it.
pub(super) async fn read_anew(tx: &mut Tx, tenant: TenantId, psa: PsaInstance) -> Result<()> {
    let way = Way { tenant, from: psa.to_string(), to: String::new(), merges: false };
    let jobs: Vec<(Uuid,)> = fetch_all!(
        tx,
        (Uuid,),
        locked!(
            tx,
            "SELECT id FROM jobs WHERE tenant_id = $1 AND psa = $2 AND lease_token IS NOT NULL ORDER BY id"
        ),
        tenant.0,
        &way.from
    )?;
    if way.has_read(tx).await? {
        return Err(StoreError::busy(LET_IN));
    }
    for (job,) in jobs {
        execute!(
            tx,
            "UPDATE jobs SET lease_token = NULL, attempts = 0, cause = NULL,
               due_at = CASE WHEN import_id IS NULL THEN created_at ELSE due_at END WHERE id = $1",
            job
        )?;
    }
    Ok(())
}

/// The whole save is taken back, and is judged anew when it comes again.
const LET_IN: &str = "a ticket was read there in this moment";

/// An id within a text.
fn id_text(tx: &Tx) -> &'static str {
    if tx.engine() == Engine::Postgres { "id::text" } else { "hex(id)" }
}

const NEVER_LET_IN: &str =
    "it came for a ticketing system that never let us in, and another one is connected";

struct Way {
    tenant: TenantId,
    from: String,
    to: String,
    /// Both are one system: what was done for a ticket at the one is done. Otherwise nothing was.
    merges: bool,
}

impl Way {
    async fn go(&self, tx: &mut Tx) -> Result<bool> {
        let mut moved = false;
        loop {
            let tickets = self.next_tickets(tx).await?;
            self.lock_jobs(tx, &tickets).await?;
            // It let us in a moment ago: its tickets are its own.
            if !self.merges && self.has_read(tx).await? {
                return if moved { Err(StoreError::busy(LET_IN)) } else { Ok(false) };
            }
            moved = true;
            if tickets.is_empty() {
                tx.announce(News::Everywhere);
                return Ok(true);
            }
            let new = self.move_intake(tx, &tickets).await?;
            let repeats: BTreeSet<String> = tickets.difference(&new).cloned().collect();
            if !repeats.is_empty() {
                self.end_calls(tx, &repeats, TAKEN_IN_BEFORE, false).await?;
            }
            if !new.is_empty() {
                self.begin_anew(tx, &new).await?;
            }
            self.move_calls(tx, &tickets).await?;
        }
    }

    /// Chosen once: what is taken in while this goes on is left whole, for the next time.
    async fn next_tickets(&self, tx: &mut Tx) -> Result<BTreeSet<String>> {
        let tickets: Vec<(String,)> = fetch_all!(
            tx,
            (String,),
            "SELECT external_ticket FROM intake WHERE tenant_id = $1 AND psa = $2 ORDER BY external_ticket LIMIT $3",
            self.tenant.0,
            &self.from,
            TICKETS
        )?;
        Ok(tickets.into_iter().map(|(ticket,)| ticket).collect())
    }

    /// Whether a ticket of `from` was read.
    async fn has_read(&self, tx: &mut Tx) -> Result<bool> {
        let found: Option<(i64,)> = fetch_optional!(
            tx,
            (i64,),
            "SELECT CAST(1 AS bigint) FROM tickets WHERE tenant_id = $1 AND psa = $2 LIMIT 1",
            self.tenant.0,
            &self.from
        )?;
        Ok(found.is_some())
    }

    /// Ends a statement that stands at `tenant_id = `: rows of `from` that are about these tickets.
    fn of<'a>(&self, query: &'a mut Query, tickets: &BTreeSet<String>) -> &'a mut Query {
        query.bind(self.tenant.0).push(" AND psa = ").bind(self.from.as_str());
        query.push(" AND external_ticket IN (VALUES ");
        query.rows(tickets.iter().map(|ticket| vec![ticket.as_str().into()])).push(")")
    }

    /// First, as the end of a stage locks them.
    async fn lock_jobs(&self, tx: &mut Tx, tickets: &BTreeSet<String>) -> Result<()> {
        if tx.engine() == Engine::Postgres && !tickets.is_empty() {
            let mut query = Query::new("SELECT id FROM jobs WHERE tenant_id = ");
            self.of(&mut query, tickets).push(" ORDER BY id FOR UPDATE");
            fetch_query!(tx, (Uuid,), query)?;
        }
        Ok(())
    }

    /// Those that `to` did not know.
    async fn move_intake(&self, tx: &mut Tx, tickets: &BTreeSet<String>) -> Result<BTreeSet<String>> {
        let mut query = Query::new(
            "INSERT INTO intake (tenant_id, psa, external_ticket, delivery_id, taken_in_at, by_sweep) SELECT tenant_id, ",
        );
        query.bind(self.to.as_str());
        query.push(", external_ticket, delivery_id, taken_in_at, by_sweep FROM intake WHERE tenant_id = ");
        self.of(&mut query, tickets).push(" ON CONFLICT DO NOTHING RETURNING external_ticket");
        let new = fetch_query!(tx, (String,), query)?;
        let mut query = Query::new("DELETE FROM intake WHERE tenant_id = ");
        self.of(&mut query, tickets);
        execute_query!(tx, query)?;
        Ok(new.into_iter().map(|(ticket,)| ticket).collect())
    }

    /// `frees`: their keys are free again.
    async fn end_calls(
        &self,
        tx: &mut Tx,
        tickets: &BTreeSet<String>,
        reason: &str,
        frees: bool,
    ) -> Result<()> {
        let mut query = Query::new("DELETE FROM jobs WHERE tenant_id = ");
        self.of(&mut query, tickets);
        execute_query!(tx, query)?;
        let mut query = Query::new("UPDATE deliveries SET state = 'ignored', reason = ");
        query.bind(reason);
        if frees {
            query.push(", dedupe_key = dedupe_key || ' ended ' || ").push(id_text(tx));
        }
        query.push(" WHERE state IN ('queued', 'dead') AND tenant_id = ");
        self.of(&mut query, tickets);
        execute_query!(tx, query).map(drop)
    }

    /// Whoever reads one of them at a mistaken address loses it: what stands there is not what stands here.
    async fn begin_anew(&self, tx: &mut Tx, new: &BTreeSet<String>) -> Result<()> {
        let mut query = Query::new("UPDATE jobs SET ");
        query.push(if self.merges {
            // What is being done for it is done for the one system it is.
            "attempts = CASE WHEN lease_token IS NULL THEN 0 ELSE attempts END,
             cause = CASE WHEN lease_token IS NULL THEN NULL ELSE cause END,
             due_at = CASE WHEN lease_token IS NULL AND import_id IS NULL THEN created_at ELSE due_at END"
        } else {
            "lease_token = NULL, attempts = 0, cause = NULL,
             due_at = CASE WHEN import_id IS NULL THEN created_at ELSE due_at END, stage = 'read', ticket_id = NULL,
             analysis_id = NULL"
        });
        query.push(", psa = ").bind(self.to.as_str()).push(" WHERE tenant_id = ");
        self.of(&mut query, new);
        execute_query!(tx, query)?;
        let mut query =
            Query::new("UPDATE deliveries SET state = 'queued' WHERE state = 'dead' AND tenant_id = ");
        self.of(&mut query, new);
        execute_query!(tx, query).map(drop)
    }

    /// The key of a call begins with the instance. What was handed over must not keep a later call of that instance out.
    async fn move_calls(&self, tx: &mut Tx, tickets: &BTreeSet<String>) -> Result<()> {
        let (from, to) = (self.from.as_str(), self.to.as_str());
        let id = id_text(tx);
        let mut query = Query::new(
            "UPDATE deliveries SET dedupe_key = CASE WHEN EXISTS (SELECT 1 FROM deliveries o WHERE o.tenant_id = ",
        );
        query.bind(self.tenant.0).push(" AND o.dedupe_key = ").bind(to);
        query.push(" || substr(deliveries.dedupe_key, length(").bind(from);
        query.push(") + 1)) THEN dedupe_key || ' moved ' || ").push(id);
        query.push(" WHEN substr(dedupe_key, 1, length(").bind(from).push(") + 1) = ").bind(from);
        query.push(" || ' ' THEN ").bind(to).push(" || substr(dedupe_key, length(").bind(from);
        query.push(") + 1) ELSE dedupe_key END, psa = ").bind(to).push(" WHERE tenant_id = ");
        self.of(&mut query, tickets);
        execute_query!(tx, query).map(drop)
    }
}
