//! What arrived: deliveries, and the group commit that makes them durable before they are acknowledged.

use crate::engine::{Arg, News, Query, Tx, execute_query, fetch_one, fetch_optional, fetch_query, locked};
use crate::error::BatchFailure;
use crate::jobs::Requeue;
use crate::rows::{self, Cursor, Word, clean};
use crate::writer::Batch;
use crate::{Actor, Page, Result, Store, StoreError, TenantStore};
use chrono::{DateTime, Utc};
use domain::{DeliveryId, PsaKind, TenantId, TicketId};
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

/// What to do with a delivery, as the door judged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// A ticket was created: analyse it, once per `(tenant, external_ticket)` whatever else arrives.
    Analyse { external_ticket: String },
    /// Recorded and acknowledged, nothing more; `reason` is for people ("update of a ticket", "our own change").
    Ignore { external_ticket: Option<String>, reason: String },
}

#[derive(Clone, Debug)]
pub struct NewDelivery {
    pub tenant: TenantId,
    pub psa: PsaKind,
    /// Equal for repeats of one call. Unique within the tenant.
    pub dedupe_key: String,
    pub disposition: Disposition,
    /// Headers worth keeping, as JSON, credentials removed.
    pub headers: serde_json::Value,
    pub body: Vec<u8>,
    /// `false`: a ConnectWise signature could not be checked yet (the key server did not answer); the read stage must.
    pub verified: bool,
    pub received_at: DateTime<Utc>,
}

/// Stored durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The id given to the first call with this key.
    pub delivery: DeliveryId,
    /// This key was seen before; nothing changed.
    pub repeated: bool,
}

/// The fate of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waiting or under way.
    Queued,
    /// Acknowledged and left alone; the reason says why.
    Ignored,
    /// Its ticket was analysed (or skipped, or left out by a rule).
    Done,
    /// Gave up; the reason says why, Replay tries again.
    Dead,
}

#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: DeliveryId,
    pub psa: PsaKind,
    pub received_at: DateTime<Utc>,
    pub state: DeliveryState,
    /// Why it was ignored or is dead; of one that is queued, why its last attempt failed.
    pub reason: Option<String>,
    pub external_ticket: Option<String>,
    pub ticket: Option<TicketId>,
    /// How often this call was repeated.
    pub repeats: i64,
    pub attempts: i64,
}

#[derive(Clone, Debug)]
pub struct DeliveryDetail {
    pub delivery: Delivery,
    pub headers: serde_json::Value,
    pub body: Vec<u8>,
    pub verified: bool,
}

#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
}

impl Store {
    /// Returns once the delivery and its first job are committed together (group commit: one transaction for all
    /// callers that wait). [`crate::StoreError::Unavailable`] means nothing was kept.
    pub async fn accept(&self, delivery: NewDelivery) -> Result<Accepted> {
        let (reply, answer) = oneshot::channel();
        let id = rows::id_at(delivery.received_at);
        self.inner.door.push(Knock { id, delivery, outcome: None, reply })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Driver(sqlx::Error::WorkerCrashed)))
    }
}

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

/// A delivery as the list shows it.
#[derive(sqlx::FromRow)]
pub(crate) struct DeliveryRow {
    id: Uuid,
    psa: String,
    received_at: DateTime<Utc>,
    state: String,
    reason: Option<String>,
    external_ticket: Option<String>,
    ticket_id: Option<Uuid>,
    repeats: i64,
    attempts: i64,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StoreError;
    fn try_from(row: DeliveryRow) -> Result<Self> {
        Ok(Self {
            id: row.id.into(),
            psa: PsaKind::read("deliveries", "psa", &row.psa)?,
            received_at: row.received_at,
            state: DeliveryState::read("deliveries", "state", &row.state)?,
            reason: row.reason,
            external_ticket: row.external_ticket,
            ticket: row.ticket_id.map(TicketId),
            repeats: row.repeats,
            attempts: row.attempts,
        })
    }
}

/// The columns of [`DeliveryRow`], from `d`.
macro_rules! select_deliveries {
    () => {
        "SELECT d.id, d.psa, d.received_at, d.state, d.reason, d.external_ticket, t.id AS ticket_id, d.repeats, d.attempts
         FROM deliveries d
         LEFT JOIN tickets t ON t.tenant_id = d.tenant_id AND t.psa = d.psa AND t.external_id = d.external_ticket "
    };
}
pub(crate) use select_deliveries;

impl TenantStore {
    /// Newest first.
    pub async fn delivery_list(
        &self,
        filter: &DeliveryFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Delivery>> {
        let cursor = Cursor::read(cursor)?;
        let mut query = Query::new(concat!(select_deliveries!(), "WHERE d.tenant_id = "));
        query.bind(self.tenant.0);
        if let Some(state) = filter.state {
            query.push(" AND d.state = ").bind(state.word());
        }
        if filter.state == Some(DeliveryState::Queued) {
            // Few are under way, among many that were: find them by their jobs.
            query.push(" AND d.id IN (SELECT j.delivery_id FROM jobs j WHERE j.due_at IS NOT NULL AND j.tenant_id = ");
            query.bind(self.tenant.0).push(")");
        }
        if let Some(cursor) = cursor {
            query.push(" AND d.id < ").bind(cursor.id);
        }
        query.push(" ORDER BY d.id DESC LIMIT ").bind(i64::from(limit) + 1);
        let mut reader = self.store.read().await?;
        let found = fetch_query!(reader, DeliveryRow, query)?;
        let found = found.into_iter().map(Delivery::try_from).collect::<Result<Vec<_>>>()?;
        Ok(rows::page(found, limit, |last| Cursor { at: last.received_at, id: last.id.0 }))
    }

    pub async fn delivery_fetch(&self, delivery: DeliveryId) -> Result<Option<DeliveryDetail>> {
        let mut reader = self.store.read().await?;
        let Some(row) = fetch_optional!(
            reader,
            DeliveryRow,
            concat!(select_deliveries!(), "WHERE d.tenant_id = $1 AND d.id = $2"),
            self.tenant.0,
            delivery.0
        )?
        else {
            return Ok(None);
        };
        let (headers, body, verified): (String, Vec<u8>, bool) = fetch_one!(
            reader,
            (String, Vec<u8>, bool),
            "SELECT headers, body, verified FROM deliveries WHERE tenant_id = $1 AND id = $2",
            self.tenant.0,
            delivery.0
        )?;
        let headers = rows::read_json("deliveries", "headers", &headers)?;
        Ok(Some(DeliveryDetail { delivery: row.try_into()?, headers, body, verified }))
    }

    /// Queues a dead or ignored-by-mistake delivery again. `false` when there is none or it names no ticket.
    /// One that is under way stays as it is.
    pub async fn delivery_replay(
        &self,
        delivery: DeliveryId,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        self.store
            .write((self.tenant, delivery.0, actor.clone(), now), |tx, (tenant, delivery, actor, now)| {
                Box::pin(async move {
                    type Row = (String, String, Option<String>, DateTime<Utc>);
                    let found = fetch_optional!(
                        tx,
                        Row,
                        locked!(tx, "SELECT psa, state, external_ticket, received_at FROM deliveries WHERE tenant_id = $1 AND id = $2"),
                        tenant.0,
                        *delivery
                    )?;
                    let Some((psa, state, Some(external_ticket), received_at)) = found else { return Ok(false) };
                    if state == DeliveryState::Queued.word() {
                        return Ok(true);
                    }
                    let requeue = Requeue { tenant: *tenant, psa, external_ticket, delivery: Some(*delivery), received_at };
                    requeue.carry_out(tx, actor, *now).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// When the last delivery arrived, how many wait, the oldest waiting, how many are dead.
    pub async fn pipeline_health(&self, _now: DateTime<Utc>) -> Result<PipelineHealth> {
        let mut reader = self.store.read().await?;
        let last: Option<(DateTime<Utc>,)> = fetch_optional!(
            reader,
            (DateTime<Utc>,),
            "SELECT received_at FROM deliveries WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1",
            self.tenant.0
        )?;
        let (waiting, oldest_waiting_at): (i64, Option<DateTime<Utc>>) = fetch_one!(
            reader,
            (i64, Option<DateTime<Utc>>),
            "SELECT count(*), min(created_at) FROM jobs WHERE tenant_id = $1 AND due_at IS NOT NULL",
            self.tenant.0
        )?;
        let (dead,): (i64,) = fetch_one!(
            reader,
            (i64,),
            "SELECT count(*) FROM deliveries WHERE tenant_id = $1 AND state = 'dead'",
            self.tenant.0
        )?;
        Ok(PipelineHealth { last_delivery_at: last.map(|(at,)| at), waiting, oldest_waiting_at, dead })
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PipelineHealth {
    pub last_delivery_at: Option<DateTime<Utc>>,
    pub waiting: i64,
    pub oldest_waiting_at: Option<DateTime<Utc>>,
    pub dead: i64,
}
