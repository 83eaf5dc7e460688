//! Taking in a batch: one transaction for all callers that wait.

use super::{Accepted, DeliveryState, Disposition, NewDelivery};
use crate::engine::{Arg, News, Query, Tx, execute_query, fetch_query};
use crate::error::BatchFailure;
use crate::rows::{self, Word, clean};
use crate::writer::Batch;
use crate::{Result, StoreError};
use futures::future::BoxFuture;
use std::collections::{HashMap, HashSet};
use tokio::sync::oneshot;
use uuid::Uuid;

/// Why a second delivery about a ticket does nothing.
const TAKEN_IN_BEFORE: &str = "this ticket was taken in before";
/// Deliveries in one transaction.
const BATCH: usize = 256;
/// Rows in one insert, at most. Inserts come in powers of two, so that a few prepared texts serve all batches.
const ROWS: usize = 64;

/// The batches of [`Store::accept`].
pub(crate) struct Door;

/// One caller at the door.
pub(crate) struct Knock {
    id: Uuid,
    delivery: NewDelivery,
    outcome: Option<Accepted>,
    reply: oneshot::Sender<Result<Accepted>>,
}

impl Knock {
    pub(super) fn new(delivery: NewDelivery, reply: oneshot::Sender<Result<Accepted>>) -> Self {
        Self { id: rows::id_at(delivery.received_at), delivery, outcome: None, reply }
    }
    fn key(&self) -> Key {
        (self.delivery.tenant.0, clean(&self.delivery.dedupe_key).into_owned())
    }
    /// The ticket to analyse.
    fn ticket(&self) -> Option<Ticket> {
        match &self.delivery.disposition {
            Disposition::Analyse { external_ticket } => {
                Some((self.delivery.tenant.0, self.delivery.psa.slug(), clean(external_ticket).into_owned()))
            }
            Disposition::Ignore { .. } => None,
        }
    }
}

/// Tenant and dedupe key.
type Key = (Uuid, String);
/// Tenant, PSA and the PSA's id.
type Ticket = (Uuid, &'static str, String);

impl Batch for Door {
    type Item = Knock;
    const AT_MOST: usize = BATCH;

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
    let mut firsts: HashMap<Key, (usize, i64)> = HashMap::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        firsts.entry(item.key()).and_modify(|(_, repeats)| *repeats += 1).or_insert((index, 0));
    }
    let mut order: Vec<(&Key, usize, i64)> =
        firsts.iter().map(|(key, (index, repeats))| (key, *index, *repeats)).collect();
    order.sort_unstable();

    let mut kept: HashMap<Key, Uuid> = HashMap::with_capacity(order.len());
    for chunk in chunks(&order) {
        for (tenant, key, id) in insert_deliveries(tx, items, chunk).await? {
            kept.insert((tenant, key), id);
        }
    }
    let fresh: Vec<usize> = order
        .iter()
        .filter(|(key, index, _)| kept.get(*key) == Some(&items[*index].id))
        .map(|(_, index, _)| *index)
        .collect();
    take_in_tickets(tx, items, &fresh).await?;

    let mut told = HashSet::with_capacity(order.len());
    for item in items {
        let delivery = *kept.get(&item.key()).ok_or(StoreError::Driver(sqlx::Error::RowNotFound))?;
        let first = delivery == item.id && told.insert(delivery);
        item.outcome = Some(Accepted { delivery: delivery.into(), repeated: !first });
    }
    Ok(())
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
    chunk: &[(&Key, usize, i64)],
) -> Result<Vec<(Uuid, String, Uuid)>> {
    let mut query = Query::new(
        "INSERT INTO deliveries (tenant_id, id, psa, dedupe_key, state, reason, external_ticket, repeats, attempts,
           verified, received_at, headers, body) VALUES ",
    );
    query.rows(chunk.iter().map(|((tenant, key), index, repeats)| {
        let Knock { id, delivery, .. } = &items[*index];
        let (state, reason, external_ticket) = match &delivery.disposition {
            Disposition::Analyse { external_ticket } => (DeliveryState::Queued, None, Some(external_ticket)),
            Disposition::Ignore { external_ticket, reason } => {
                (DeliveryState::Ignored, Some(clean(reason).into_owned()), external_ticket.as_ref())
            }
        };
        let external_ticket = external_ticket.map(|ticket| clean(ticket).into_owned());
        vec![
            (*tenant).into(),
            (*id).into(),
            delivery.psa.slug().into(),
            key.as_str().into(),
            state.word().into(),
            reason.into(),
            external_ticket.into(),
            (*repeats).into(),
            0_i64.into(),
            delivery.verified.into(),
            delivery.received_at.into(),
            delivery.headers.to_string().into(),
            delivery.body.clone().into(),
        ]
    }));
    query.push(
        " ON CONFLICT (tenant_id, dedupe_key) DO UPDATE SET repeats = deliveries.repeats + 1 + excluded.repeats
          RETURNING tenant_id, dedupe_key, id",
    );
    fetch_query!(tx, (Uuid, String, Uuid), query)
}

/// Decides which of the fresh deliveries are the first of their ticket: those get a job, the others are ignored.
async fn take_in_tickets(tx: &mut Tx, items: &[Knock], fresh: &[usize]) -> Result<()> {
    let mut first: HashMap<Ticket, usize> = HashMap::with_capacity(fresh.len());
    let mut later: Vec<usize> = Vec::new();
    // In the order of arrival, so that the first call about a ticket is the one that counts.
    let mut arrivals = fresh.to_vec();
    arrivals.sort_unstable();
    for index in arrivals {
        let Some(ticket) = items[index].ticket() else { continue };
        match first.entry(ticket) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(index);
            }
            std::collections::hash_map::Entry::Occupied(_) => later.push(index),
        }
    }
    let mut order: Vec<(Ticket, usize)> = first.into_iter().collect();
    order.sort_unstable();
    let mut taken = HashSet::with_capacity(order.len());
    for chunk in chunks(&order) {
        taken.extend(insert_intake(tx, items, chunk).await?);
    }
    let (new, known): (Vec<_>, Vec<_>) =
        order.into_iter().partition(|(_, index)| taken.contains(&items[*index].id));
    later.extend(known.iter().map(|(_, index)| *index));
    for chunk in chunks(&new) {
        insert_jobs(tx, items, chunk).await?;
    }
    if !new.is_empty() {
        tx.announce(News::Everywhere);
    }
    for chunk in chunks(&later) {
        let mut query = Query::new("UPDATE deliveries SET state = 'ignored', reason = ");
        query.bind(TAKEN_IN_BEFORE).push(" WHERE (tenant_id, id) IN (VALUES ");
        query.rows(chunk.iter().map(|index| {
            let Knock { id, delivery, .. } = &items[*index];
            vec![delivery.tenant.0.into(), (*id).into()]
        }));
        query.push(")");
        execute_query!(tx, query)?;
    }
    Ok(())
}

/// The ids of the deliveries whose ticket was not known yet.
async fn insert_intake(tx: &mut Tx, items: &[Knock], chunk: &[(Ticket, usize)]) -> Result<Vec<Uuid>> {
    let mut query =
        Query::new("INSERT INTO intake (tenant_id, psa, external_ticket, delivery_id, taken_in_at) VALUES ");
    query.rows(chunk.iter().map(|((tenant, psa, external_ticket), index)| {
        let Knock { id, delivery, .. } = &items[*index];
        vec![
            (*tenant).into(),
            (*psa).into(),
            external_ticket.as_str().into(),
            (*id).into(),
            delivery.received_at.into(),
        ]
    }));
    query.push(" ON CONFLICT DO NOTHING RETURNING delivery_id");
    let ids: Vec<(Uuid,)> = fetch_query!(tx, (Uuid,), query)?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

async fn insert_jobs(tx: &mut Tx, items: &[Knock], chunk: &[(Ticket, usize)]) -> Result<()> {
    let mut query = Query::new(
        "INSERT INTO jobs (id, tenant_id, psa, external_ticket, stage, delivery_id, replay, again, due_at, attempts,
           total_attempts, created_at) VALUES ",
    );
    query.rows(chunk.iter().map(|((tenant, psa, external_ticket), index)| {
        let Knock { id, delivery, .. } = &items[*index];
        vec![
            rows::id_at(delivery.received_at).into(),
            (*tenant).into(),
            (*psa).into(),
            external_ticket.as_str().into(),
            "read".into(),
            (*id).into(),
            false.into(),
            false.into(),
            delivery.received_at.into(),
            0_i64.into(),
            0_i64.into(),
            Arg::from(delivery.received_at),
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
