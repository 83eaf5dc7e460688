//! What arrived: deliveries, and the group commit that makes them durable before they are acknowledged.

mod intake;

use intake::Knock;
pub(crate) use intake::{Door, TAKEN_IN_BEFORE};

use crate::engine::{Query, Reader, fetch_one, fetch_optional, fetch_query, locked};
use crate::jobs::Requeue;
use crate::rows::{self, Cursor, Word};
use crate::{Actor, Page, Result, Store, StoreError, TenantStore};
use chrono::{DateTime, Utc};
use domain::{DeliveryId, PsaInstance, PsaKind, TenantId, TicketId};
use tokio::sync::oneshot;
use uuid::Uuid;

/// Deliveries among which the last webhook is looked for: a workspace may have been swept only, for long.
const LOOKED_BACK: i64 = 1_000;

/// What to do with a delivery, as the door judged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// A ticket was created: analyse it, once per `(tenant, psa, external_ticket)` whatever else arrives.
    Analyse { external_ticket: String },
    /// Recorded and acknowledged, nothing more; `reason` is for people ("update of a ticket", "our own change").
    Ignore { external_ticket: Option<String>, reason: String },
    /// A sweep found it in the PSA's list of new tickets: as [`Analyse`](Self::Analyse), and told apart from a webhook.
    Recover { external_ticket: String },
}

#[derive(Clone, Debug)]
pub struct NewDelivery {
    pub tenant: TenantId,
    /// Where its ticket is.
    pub psa: PsaInstance,
    /// Equal for repeats of one call, within the instance.
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
    /// No webhook: a sweep found its ticket.
    pub by_sweep: bool,
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

/// Calls that one page looks through for those with a certain fate.
pub const LOOKED_THROUGH: u32 = 5_000;

impl Store {
    /// Returns once the delivery and its first job are committed together (group commit: one transaction for all
    /// callers that wait). [`crate::StoreError::Unavailable`] means nothing was kept.
    pub async fn accept(&self, delivery: NewDelivery) -> Result<Accepted> {
        let (reply, answer) = oneshot::channel();
        self.inner.door.push(Knock::new(delivery, reply))?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Driver(sqlx::Error::WorkerCrashed)))
    }
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
    by_sweep: bool,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StoreError;
    fn try_from(row: DeliveryRow) -> Result<Self> {
        Ok(Self {
            id: row.id.into(),
            psa: rows::read_instance("deliveries", &row.psa)?.kind,
            received_at: row.received_at,
            state: DeliveryState::read("deliveries", "state", &row.state)?,
            reason: row.reason,
            external_ticket: row.external_ticket,
            ticket: row.ticket_id.map(TicketId),
            repeats: row.repeats,
            attempts: row.attempts,
            by_sweep: row.by_sweep,
        })
    }
}

/// The columns of [`DeliveryRow`], from `d`.
macro_rules! select_deliveries {
    () => {
        "SELECT d.id, d.psa, d.received_at, d.state, d.reason, d.external_ticket, t.id AS ticket_id, d.repeats, d.attempts, d.by_sweep
         FROM deliveries d
         LEFT JOIN tickets t ON t.tenant_id = d.tenant_id AND t.psa = d.psa AND t.external_id = d.external_ticket "
    };
}
pub(crate) use select_deliveries;

impl TenantStore {
    /// Newest first. Calls that were analysed, or left alone, are looked for among [`LOOKED_THROUGH`] a page, so that a page
    /// may hold fewer than `limit` rows, or none, and yet have a next one.
    pub async fn delivery_list(
        &self,
        filter: &DeliveryFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Delivery>> {
        let cursor = Cursor::read(cursor)?;
        let mut query = Query::new(concat!(select_deliveries!(), "WHERE d.tenant_id = "));
        query.bind(self.tenant.0);
        let mut reader = self.read().await?;
        let mut stop = None;
        match filter.state {
            None => {}
            // There is an index for it, which is found by the word itself.
            Some(DeliveryState::Dead) => {
                query.push(" AND d.state = 'dead'");
            }
            Some(DeliveryState::Queued) => {
                // Few are under way, among many that were: find them by their jobs.
                query.push(" AND d.state = 'queued' AND d.id IN (SELECT j.delivery_id FROM jobs j WHERE j.due_at IS NOT NULL AND j.tenant_id = ");
                query.bind(self.tenant.0).push(")");
            }
            Some(state) => {
                query.push(" AND d.state = ").bind(state.word());
                stop = self.delivery_stop(&mut reader, cursor).await?;
            }
        }
        if let Some(cursor) = cursor {
            query.push(" AND d.id < ").bind(cursor.id);
        }
        if let Some(stop) = stop {
            query.push(" AND d.id >= ").bind(stop.id);
        }
        query.push(" ORDER BY d.id DESC LIMIT ").bind(i64::from(limit) + 1);
        let found = fetch_query!(reader, DeliveryRow, query)?;
        let found = found.into_iter().map(Delivery::try_from).collect::<Result<Vec<_>>>()?;
        let mut page = rows::page(found, limit, |last| Cursor { at: last.received_at, id: last.id.0 });
        page.next = page.next.or_else(|| stop.map(Cursor::encode));
        Ok(page)
    }

    /// The last call that a page from `cursor` on looks at; `None`: it may look at all there are.
    async fn delivery_stop(&self, reader: &mut Reader, cursor: Option<Cursor>) -> Result<Option<Cursor>> {
        let mut query = Query::new("SELECT id FROM deliveries WHERE tenant_id = ");
        query.bind(self.tenant.0);
        if let Some(cursor) = cursor {
            query.push(" AND id < ").bind(cursor.id);
        }
        query.push(" ORDER BY id DESC LIMIT 2 OFFSET ").bind(i64::from(LOOKED_THROUGH) - 1);
        let found: Vec<(Uuid,)> = fetch_query!(reader, (Uuid,), query)?;
        Ok(if let [(id,), _] = found[..] { Some(Cursor { at: DateTime::UNIX_EPOCH, id }) } else { None })
    }

    pub async fn delivery_fetch(&self, delivery: DeliveryId) -> Result<Option<DeliveryDetail>> {
        let mut reader = self.read().await?;
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
        self
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
                    let (is_under_way,): (bool,) = fetch_one!(
                        tx,
                        (bool,),
                        "SELECT EXISTS (SELECT 1 FROM jobs WHERE tenant_id = $1 AND psa = $2 AND external_ticket = $3
                                          AND due_at IS NOT NULL)",
                        tenant.0,
                        &psa,
                        &external_ticket
                    )?;
                    if state == DeliveryState::Queued.word() && is_under_way {
                        return Ok(true);
                    }
                    let requeue = Requeue { tenant: *tenant, psa, external_ticket, delivery: Some(*delivery), received_at };
                    requeue.carry_out(tx, actor, *now).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// When the last webhook arrived, how many wait, the oldest waiting, how many are dead.
    pub async fn pipeline_health(&self, _now: DateTime<Utc>) -> Result<PipelineHealth> {
        let mut reader = self.read().await?;
        let last: Option<(DateTime<Utc>,)> = fetch_optional!(
            reader,
            (DateTime<Utc>,),
            "SELECT received_at FROM (SELECT id, received_at, by_sweep FROM deliveries WHERE tenant_id = $1
               ORDER BY id DESC LIMIT $2) AS newest
             WHERE NOT by_sweep ORDER BY id DESC LIMIT 1",
            self.tenant.0,
            LOOKED_BACK
        )?;
        let (waiting, oldest_waiting_at): (i64, Option<DateTime<Utc>>) = fetch_one!(
            reader,
            (i64, Option<DateTime<Utc>>),
            "SELECT count(*), min(CASE WHEN import_id IS NULL THEN created_at END) FROM jobs WHERE tenant_id = $1 AND due_at IS NOT NULL",
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
    /// Webhooks only; what a sweep found is none.
    pub last_delivery_at: Option<DateTime<Utc>>,
    pub waiting: i64,
    pub oldest_waiting_at: Option<DateTime<Utc>>,
    pub dead: i64,
}
