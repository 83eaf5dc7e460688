//! Taking in a batch: one transaction for all callers that wait.

use super::{Accepted, DeliveryState, Disposition, NewDelivery};
use crate::engine::{
    Arg, News, Query, Scope, Tx, execute, execute_query, fetch_optional, fetch_query, locked,
};
use crate::error::BatchFailure;
use crate::rows::{self, Word, clean};
use crate::writer::{Batch, Flush};
use crate::{Result, StoreError};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use tokio::sync::oneshot;
use uuid::Uuid;

/// Why a second delivery about a ticket does nothing.
pub(crate) const TAKEN_IN_BEFORE: &str = "this ticket was taken in before";
/// Why a call that could not be verified gave way.
const UNPROVEN: &str = "a call that is proven genuine came for this ticket";
/// Deliveries in one transaction.
const BATCH: usize = 256;
/// Rows in one insert, at most. Inserts come in powers of two, so that a few prepared texts serve all batches.
const ROWS: usize = 64;

/// The batches of [`Store::accept`].
pub(crate) struct Door;

/// One caller at the door. Everything that needs no database is done before it gets in line, in the caller's own task:
/// what the one writer need not do, it need not do for all.
pub(crate) struct Knock {
    delivery: Uuid,
    job: Uuid,
    tenant: Uuid,
    psa: String,
    key: String,
    external_ticket: Option<String>,
    /// Why it is left alone; `None`: its ticket is to be analysed.
    ignored: Option<String>,
    verified: bool,
    by_sweep: bool,
    received_at: DateTime<Utc>,
    headers: String,
    body: Vec<u8>,
    outcome: Option<Accepted>,
    reply: oneshot::Sender<Result<Accepted>>,
}

impl Knock {
    pub(super) fn new(new: NewDelivery, reply: oneshot::Sender<Result<Accepted>>) -> Self {
        let cleaned = |text: String| clean(&text).into_owned();
        let by_sweep = matches!(new.disposition, Disposition::Recover { .. });
        let (external_ticket, ignored) = match new.disposition {
            Disposition::Analyse { external_ticket } | Disposition::Recover { external_ticket } => {
                (Some(external_ticket), None)
            }
            Disposition::Ignore { external_ticket, reason } => (external_ticket, Some(cleaned(reason))),
        };
        let psa = new.psa.to_string();
        Self {
            delivery: rows::id_at(new.received_at),
            job: rows::id_at(new.received_at),
            tenant: new.tenant.0,
            // One ticket's number may be another's in another system.
            key: cleaned(format!("{psa} {}", new.dedupe_key)),
            psa,
            external_ticket: external_ticket.map(cleaned),
            ignored,
            verified: new.verified,
            by_sweep,
            received_at: new.received_at,
            headers: new.headers.to_string(),
            body: new.body,
            outcome: None,
            reply,
        }
    }
    fn key(&self) -> Key<'_> {
        (self.tenant, &self.key)
    }
    /// The ticket to analyse.
    fn ticket(&self) -> Option<Ticket<'_>> {
        let external_ticket = self.external_ticket.as_deref().filter(|_| self.ignored.is_none())?;
        Some((self.tenant, &self.psa, external_ticket))
    }
}

/// Tenant and dedupe key.
type Key<'k> = (Uuid, &'k str);
/// Tenant, PSA and the PSA's id.
type Ticket<'k> = (Uuid, &'k str, &'k str);

impl Batch for Door {
    type Item = Knock;
    const AT_MOST: usize = BATCH;

    /// The sender is told that its call is safe with us.
    fn flush(_: &Knock) -> Flush {
        Flush::First
    }

    /// One statement carries the calls of all who knock.
    fn scope(_: &Knock) -> Scope {
        Scope::EveryTenant
    }

    fn carry_out<'t>(items: &'t mut [Knock], tx: &'t mut Tx) -> BoxFuture<'t, Result<()>> {
        Box::pin(take_in(items, tx))
    }

    fn answer(item: Knock, failure: Option<&BatchFailure>) {
        let outcome = match (failure, item.outcome) {
            (Some(failure), _) => Err(failure.told()),
            (None, Some(accepted)) => Ok(accepted),
            (None, None) => return,
        };
        // A caller that hung up will call again, and be told the same id.
        let _ = item.reply.send(outcome);
    }
}

/// Stores a batch: deliveries, then intake, then jobs, each sorted by its key. Every node locks in this order, so none
/// waits for another in a circle.
async fn take_in(items: &mut [Knock], tx: &mut Tx) -> Result<()> {
    let kept = keep(items, tx).await?;
    let mut told = HashSet::with_capacity(items.len());
    for (item, delivery) in items.iter_mut().zip(kept) {
        let first = delivery == item.delivery && told.insert(delivery);
        item.outcome = Some(Accepted { delivery: delivery.into(), repeated: !first });
    }
    Ok(())
}

/// The id each item's key has, in the order of the items.
async fn keep(items: &[Knock], tx: &mut Tx) -> Result<Vec<Uuid>> {
    let mut firsts: HashMap<Key, (usize, i64)> = HashMap::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        firsts.entry(item.key()).and_modify(|(_, repeats)| *repeats += 1).or_insert((index, 0));
    }
    let mut order: Vec<(Key, usize, i64)> =
        firsts.iter().map(|(key, (index, repeats))| (*key, *index, *repeats)).collect();
    order.sort_unstable();

    let mut kept: HashMap<(Uuid, String), Uuid> = HashMap::with_capacity(order.len());
    for chunk in chunks(&order) {
        for (tenant, key, id) in insert_deliveries(tx, items, chunk).await? {
            kept.insert((tenant, key), id);
        }
    }
    let ids: Option<Vec<Uuid>> =
        items.iter().map(|item| kept.get(&(item.tenant, item.key.clone())).copied()).collect();
    let ids = ids.ok_or(StoreError::Driver(sqlx::Error::RowNotFound))?;
    // In the order of arrival, so that the first call about a ticket is the one that counts.
    let fresh: Vec<&Knock> =
        items.iter().zip(&ids).filter(|(item, id)| item.delivery == **id).map(|(item, _)| item).collect();
    take_in_tickets(tx, &fresh).await?;
    Ok(ids)
}

/// Greedy powers of two: 100 rows are 64 + 32 + 4.
fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = 1 << rows.len().checked_ilog2()?;
        let (chunk, rest) = rows.split_at(size.min(ROWS));
        rows = rest;
        Some(chunk)
    })
}

/// Inserts what is new and counts what is repeated; the id of each key, whoever gave it.
async fn insert_deliveries(
    tx: &mut Tx,
    items: &[Knock],
    chunk: &[(Key<'_>, usize, i64)],
) -> Result<Vec<(Uuid, String, Uuid)>> {
    let mut query = Query::new(
        "INSERT INTO deliveries (tenant_id, id, psa, dedupe_key, state, reason, external_ticket, repeats, attempts,
           verified, by_sweep, received_at, headers, body) VALUES ",
    );
    query.rows(chunk.iter().map(|(_, index, repeats)| {
        let item = &items[*index];
        let state = if item.ignored.is_some() { DeliveryState::Ignored } else { DeliveryState::Queued };
        vec![
            item.tenant.into(),
            item.delivery.into(),
            item.psa.as_str().into(),
            item.key.as_str().into(),
            state.word().into(),
            item.ignored.clone().into(),
            item.external_ticket.clone().into(),
            (*repeats).into(),
            0_i64.into(),
            item.verified.into(),
            item.by_sweep.into(),
            item.received_at.into(),
            item.headers.as_str().into(),
            // Not taken out of the item: the batch may have to be carried out a second time.
            item.body.clone().into(),
        ]
    }));
    query.push(
        " ON CONFLICT (tenant_id, dedupe_key) DO UPDATE SET repeats = deliveries.repeats + 1 + excluded.repeats
          RETURNING tenant_id, dedupe_key, id",
    );
    fetch_query!(tx, (Uuid, String, Uuid), query)
}

/// Decides which of the fresh deliveries are the first of their ticket: those get a job, the others are ignored.
async fn take_in_tickets(tx: &mut Tx, fresh: &[&Knock]) -> Result<()> {
    let mut first: HashMap<Ticket, &Knock> = HashMap::with_capacity(fresh.len());
    let mut later: Vec<&Knock> = Vec::new();
    for item in fresh {
        let Some(ticket) = item.ticket() else { continue };
        match first.entry(ticket) {
            Entry::Vacant(entry) => {
                entry.insert(item);
            }
            Entry::Occupied(_) => later.push(item),
        }
    }
    let mut order: Vec<(Ticket, &Knock)> = first.into_iter().collect();
    order.sort_unstable_by_key(|(ticket, _)| *ticket);
    let mut taken = HashSet::with_capacity(order.len());
    for chunk in chunks(&order) {
        taken.extend(insert_intake(tx, chunk).await?);
    }
    let (new, known): (Vec<_>, Vec<_>) =
        order.into_iter().partition(|(_, item)| taken.contains(&item.delivery));
    for (ticket, item) in known {
        if !(item.verified && take_over(tx, ticket, item).await?) {
            later.push(item);
        }
    }
    for chunk in chunks(&new) {
        insert_jobs(tx, chunk).await?;
    }
    if !new.is_empty() {
        tx.announce(News::Everywhere);
    }
    for chunk in chunks(&later) {
        let mut query = Query::new("UPDATE deliveries SET state = 'ignored', reason = ");
        query.bind(TAKEN_IN_BEFORE).push(" WHERE (tenant_id, id) IN (VALUES ");
        query.rows(chunk.iter().map(|item| vec![item.tenant.into(), item.delivery.into()]));
        query.push(")");
        execute_query!(tx, query)?;
    }
    Ok(())
}

/// The ids of the deliveries whose ticket was not known yet.
async fn insert_intake(tx: &mut Tx, chunk: &[(Ticket<'_>, &Knock)]) -> Result<Vec<Uuid>> {
    let mut query = Query::new(
        "INSERT INTO intake (tenant_id, psa, external_ticket, delivery_id, taken_in_at, by_sweep) VALUES ",
    );
    query.rows(chunk.iter().map(|((tenant, psa, external_ticket), item)| {
        vec![
            (*tenant).into(),
            (*psa).into(),
            (*external_ticket).into(),
            item.delivery.into(),
            item.received_at.into(),
            item.by_sweep.into(),
        ]
    }));
    query.push(" ON CONFLICT DO NOTHING RETURNING delivery_id");
    let ids: Vec<(Uuid,)> = fetch_query!(tx, (Uuid,), query)?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// A call that is proven genuine takes the place of one that is not yet: whoever makes calls up must not keep the true
/// one out. The job goes on, or begins anew if it was given up, on the word of the new call.
async fn take_over(tx: &mut Tx, (tenant, psa, external_ticket): Ticket<'_>, item: &Knock) -> Result<bool> {
    let before: Option<(Uuid, Uuid)> = fetch_optional!(
        tx,
        (Uuid, Uuid),
        locked!(
            tx,
            "SELECT j.id, d.id FROM jobs j JOIN deliveries d ON d.tenant_id = j.tenant_id AND d.id = j.delivery_id
             WHERE j.tenant_id = $1 AND j.psa = $2 AND j.external_ticket = $3 AND j.stage = 'read' AND NOT d.verified",
            of "j"
        ),
        tenant,
        psa,
        external_ticket
    )?;
    let Some((job, unproven)) = before else { return Ok(false) };
    // One that is being worked on is judged by the new call when it comes back.
    execute!(
        tx,
        "UPDATE jobs SET delivery_id = $1, attempts = 0, cause = NULL,
           due_at = CASE WHEN lease_token IS NULL THEN $2 ELSE due_at END WHERE id = $3",
        item.delivery,
        item.received_at,
        job
    )?;
    execute!(
        tx,
        "UPDATE deliveries SET state = 'ignored', reason = $1 WHERE tenant_id = $2 AND id = $3",
        UNPROVEN,
        tenant,
        unproven
    )?;
    tx.announce(News::Everywhere);
    Ok(true)
}

async fn insert_jobs(tx: &mut Tx, chunk: &[(Ticket<'_>, &Knock)]) -> Result<()> {
    let mut query = Query::new(
        "INSERT INTO jobs (id, tenant_id, psa, external_ticket, stage, delivery_id, replay, again, due_at, attempts,
           total_attempts, created_at) VALUES ",
    );
    query.rows(chunk.iter().map(|((tenant, psa, external_ticket), item)| {
        vec![
            item.job.into(),
            (*tenant).into(),
            (*psa).into(),
            (*external_ticket).into(),
            "read".into(),
            item.delivery.into(),
            false.into(),
            false.into(),
            item.received_at.into(),
            0_i64.into(),
            0_i64.into(),
            Arg::from(item.received_at),
        ]
    }));
    execute_query!(tx, query).map(drop)
}

#[cfg(test)]
mod tests {
    use super::chunks;

    #[test]
    fn rows_are_cut_into_a_few_sizes() {
        for (rows, sizes) in [
            (0, vec![]),
            (1, vec![1]),
            (7, vec![4, 2, 1]),
            (64, vec![64]),
            (100, vec![64, 32, 4]),
            (200, vec![64, 64, 64, 8]),
        ] {
            let all: Vec<usize> = (0..rows).collect();
            let cut: Vec<&[usize]> = chunks(&all).collect();
            assert_eq!(cut.iter().map(|chunk| chunk.len()).collect::<Vec<_>>(), sizes);
            assert_eq!(cut.concat(), all);
        }
    }
}
