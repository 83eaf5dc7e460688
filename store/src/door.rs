//! What arrived: deliveries, and the group commit that makes them durable before they are acknowledged.

use crate::{Actor, Page, Result, Store, TenantStore};
use chrono::{DateTime, Utc};
use domain::{DeliveryId, PsaKind, TenantId, TicketId};

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
    pub async fn accept(&self, _delivery: NewDelivery) -> Result<Accepted> {
        unimplemented!()
    }
}

impl TenantStore {
    /// Newest first.
    pub async fn delivery_list(
        &self,
        _filter: &DeliveryFilter,
        _limit: u32,
        _cursor: Option<&str>,
    ) -> Result<Page<Delivery>> {
        unimplemented!()
    }
    pub async fn delivery_fetch(&self, _delivery: DeliveryId) -> Result<Option<DeliveryDetail>> {
        unimplemented!()
    }
    /// Queues a dead or ignored-by-mistake delivery again. `false` when there is none or it names no ticket.
    pub async fn delivery_replay(
        &self,
        _delivery: DeliveryId,
        _actor: &Actor,
        _now: DateTime<Utc>,
    ) -> Result<bool> {
        unimplemented!()
    }
    /// When the last delivery arrived, how many wait, the oldest waiting, how many are dead.
    pub async fn pipeline_health(&self, _now: DateTime<Utc>) -> Result<PipelineHealth> {
        unimplemented!()
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PipelineHealth {
    pub last_delivery_at: Option<DateTime<Utc>>,
    pub waiting: i64,
    pub oldest_waiting_at: Option<DateTime<Utc>>,
    pub dead: i64,
}
