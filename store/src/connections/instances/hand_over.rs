//! What came for one instance of a ticketing system turns out to belong to another.

use crate::door::TAKEN_IN_BEFORE;
use crate::engine::{Engine, News, Query, Tx, execute, execute_query, fetch_all, fetch_query};
use crate::trends::rebuild;
use crate::{Result, rows};
use domain::{PsaInstance, TenantId};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Tickets moved by one set of statements.
const TICKETS: i64 = 500;

/// The calls that came for `from` are about `to`: its address was a wrong one, or it is the same system. Those of a ticket
/// that was taken in there are repeats; the others begin anew.
pub(super) async fn hand_over(
    tx: &mut Tx,
    tenant: TenantId,
    from: PsaInstance,
    to: PsaInstance,
) -> Result<()> {
    let way = Way { tenant, from: from.to_string(), to: to.to_string() };
    loop {
        // Chosen once: what is taken in while this goes on is left whole, for the next time.
        let tickets: Vec<(String,)> = fetch_all!(
            tx,
            (String,),
            "SELECT external_ticket FROM intake WHERE tenant_id = $1 AND psa = $2 ORDER BY external_ticket LIMIT $3",
            tenant.0,
            &way.from,
            TICKETS
        )?;
        let tickets: BTreeSet<String> = tickets.into_iter().map(|(ticket,)| ticket).collect();
        if tickets.is_empty() {
            tx.announce(News::Everywhere);
            return Ok(());
        }
        way.lock_jobs(tx, &tickets).await?;
        let new = way.move_intake(tx, &tickets).await?;
        let repeats: BTreeSet<String> = tickets.difference(&new).cloned().collect();
        if !repeats.is_empty() {
            way.end_repeats(tx, &repeats).await?;
        }
        if !new.is_empty() {
            way.begin_anew(tx, &new).await?;
        }
        way.move_calls(tx, &tickets).await?;
    }
}

struct Way {
    tenant: TenantId,
    from: String,
    to: String,
}

impl Way {
    /// Ends a statement that stands at `tenant_id = `: rows of `from` that are about these tickets.
    fn of<'a>(&self, query: &'a mut Query, tickets: &BTreeSet<String>) -> &'a mut Query {
        query.bind(self.tenant.0).push(" AND psa = ").bind(self.from.as_str());
        query.push(" AND external_ticket IN (VALUES ");
        query.rows(tickets.iter().map(|ticket| vec![ticket.as_str().into()])).push(")")
    }

    /// First, as the end of a stage locks them.
    async fn lock_jobs(&self, tx: &mut Tx, tickets: &BTreeSet<String>) -> Result<()> {
        if tx.engine() == Engine::Postgres {
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

    async fn end_repeats(&self, tx: &mut Tx, repeats: &BTreeSet<String>) -> Result<()> {
        let mut query = Query::new("DELETE FROM jobs WHERE tenant_id = ");
        self.of(&mut query, repeats);
        execute_query!(tx, query)?;
        let mut query = Query::new("UPDATE deliveries SET state = 'ignored', reason = ");
        query.bind(TAKEN_IN_BEFORE).push(" WHERE state IN ('queued', 'dead') AND tenant_id = ");
        self.of(&mut query, repeats);
        execute_query!(tx, query).map(drop)
    }

    async fn begin_anew(&self, tx: &mut Tx, new: &BTreeSet<String>) -> Result<()> {
        let mut query = Query::new("UPDATE jobs SET psa = ");
        query.bind(self.to.as_str());
        query.push(", attempts = CASE WHEN lease_token IS NULL THEN 0 ELSE attempts END");
        query.push(", cause = CASE WHEN lease_token IS NULL THEN NULL ELSE cause END");
        query.push(
            ", due_at = CASE WHEN lease_token IS NULL THEN created_at ELSE due_at END WHERE tenant_id = ",
        );
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
        let id = if tx.engine() == Engine::Postgres { "id::text" } else { "hex(id)" };
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

/// Both are one system, which had moved: what is known of its tickets at the one address is known of them at the other. A
/// ticket that was worked on at both stays on record twice.
pub(super) async fn merge(tx: &mut Tx, tenant: TenantId, from: PsaInstance, to: PsaInstance) -> Result<()> {
    hand_over(tx, tenant, from, to).await?;
    let (from, to) = (&*from.to_string(), &*to.to_string());
    for statement in [
        "UPDATE tickets SET psa = $3 WHERE tenant_id = $1 AND psa = $2 AND external_id NOT IN (
           SELECT external_id FROM tickets WHERE tenant_id = $1 AND psa = $3)",
        "UPDATE tickets SET client_id = $3 || substr(client_id, length($2) + 1)
         WHERE tenant_id = $1 AND substr(client_id, 1, length($2) + 1) = $2 || '/'",
        "DELETE FROM swept_tickets WHERE tenant_id = $1 AND psa = $2 AND external_ticket IN (
           SELECT external_ticket FROM swept_tickets WHERE tenant_id = $1 AND psa = $3)",
        "UPDATE swept_tickets SET psa = $3 WHERE tenant_id = $1 AND psa = $2",
        "UPDATE psa_instances SET worked_at = coalesce(worked_at, (
           SELECT i.worked_at FROM psa_instances i WHERE i.tenant_id = $1 AND i.psa = $2))
         WHERE tenant_id = $1 AND psa = $3",
        "UPDATE psa_instances SET merged_into = $3 WHERE tenant_id = $1 AND (psa = $2 OR merged_into = $2)",
    ] {
        execute!(tx, statement, tenant.0, from, to)?;
    }
    // Nobody goes on with these: the job was the other's repeat.
    for statement in [
        "UPDATE actions SET state = 'superseded', detail = $1 WHERE tenant_id = $2 AND state IN ('planned', 'in_flight')
           AND ticket_id IN (SELECT t.id FROM tickets t WHERE t.tenant_id = $2 AND t.psa = $3)",
        "UPDATE tickets SET state = 'failed', reason = $1 WHERE tenant_id = $2 AND psa = $3 AND state IN ('reading', 'acting')",
    ] {
        execute!(tx, statement, rows::clean(TWICE), tenant.0, from)?;
    }
    // Its clients are the other's.
    rebuild(tx, tenant).await
}

const TWICE: &str = "this ticket is on record twice, as its system was taken for two; the other one goes on";
