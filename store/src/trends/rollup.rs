//! Keeping the roll-ups equal to the sum of the tickets.

use crate::engine::{
    Arg, Engine, Gathered, Query, Scope, Tx, execute, execute_query, fetch_all, fetch_optional,
};
use crate::jobs::Held;
use crate::{Result, rows};
use chrono::{DateTime, NaiveDate, Utc};
use domain::trend::Tally;
use domain::{Label, TenantId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How much one day and client change.
#[derive(Clone, Debug)]
pub(crate) struct TallyChange {
    tenant: Uuid,
    day: NaiveDate,
    /// `None`: from a time when hours were not counted.
    hour: Option<i64>,
    /// Empty: none.
    client_id: String,
    client_name: String,
    by: Tally,
}

/// What of a ticket's row counts in the roll-ups.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Counted {
    day: NaiveDate,
    hour: Option<i64>,
    client_id: Option<String>,
    client_name: Option<String>,
    label: Option<String>,
    sentiment: Option<i64>,
    updated: bool,
    escalated: bool,
    taken_in_at: DateTime<Utc>,
    duration_ms: Option<i64>,
}

impl Counted {
    pub(crate) async fn of(tx: &mut Tx, tenant: Uuid, ticket: Uuid) -> Result<Option<Self>> {
        fetch_optional!(
            tx,
            Self,
            "SELECT day, hour, client_id, client_name, label, sentiment, updated, escalated, taken_in_at, duration_ms
             FROM tickets WHERE tenant_id = $1 AND id = $2",
            tenant,
            ticket
        )
    }

    /// Of the ticket a job is about, where it was read before.
    pub(crate) async fn of_external(tx: &mut Tx, held: &Held) -> Result<Option<Self>> {
        fetch_optional!(
            tx,
            Self,
            "SELECT day, hour, client_id, client_name, label, sentiment, updated, escalated, taken_in_at, duration_ms
             FROM tickets WHERE tenant_id = $1 AND psa = $2 AND external_id = $3",
            held.tenant_id,
            &held.psa,
            &held.external_ticket
        )
    }

    fn tally(&self) -> Tally {
        let Some(label) = self.label.as_deref() else { return Tally::default() };
        let is = |word: Label| i64::from(label == word.word());
        Tally {
            analysed: 1,
            negative: is(Label::Negative),
            neutral: is(Label::Neutral),
            positive: is(Label::Positive),
            sentiment_sum: self.sentiment.unwrap_or_default(),
            updated: i64::from(self.updated),
            escalated: i64::from(self.escalated),
        }
    }

    fn change(&self, tenant: Uuid, sign: i64) -> TallyChange {
        let tally = self.tally();
        TallyChange {
            tenant,
            day: self.day,
            hour: self.hour,
            client_id: self.client_id.clone().unwrap_or_default(),
            client_name: self.client_name.clone().unwrap_or_default(),
            by: Tally {
                analysed: sign * tally.analysed,
                negative: sign * tally.negative,
                neutral: sign * tally.neutral,
                positive: sign * tally.positive,
                sentiment_sum: sign * tally.sentiment_sum,
                updated: sign * tally.updated,
                escalated: sign * tally.escalated,
            },
        }
    }

    /// The ticket counts as it stands, for the first time.
    pub(crate) fn added(&self, tx: &mut Tx, tenant: Uuid) {
        tx.tally(self.change(tenant, 1));
    }

    /// The ticket no longer counts as this but as its row stands now.
    pub(crate) async fn replaced(&self, tx: &mut Tx, tenant: Uuid, ticket: Uuid) -> Result<()> {
        if let Some(after) = Self::of(tx, tenant, ticket).await? {
            tx.tally(self.change(tenant, -1));
            tx.tally(after.change(tenant, 1));
        }
        Ok(())
    }

    /// How long the ticket took until now, in milliseconds; a replay keeps what the first way took.
    pub(crate) fn took(&self, now: DateTime<Utc>) -> i64 {
        self.duration_ms.unwrap_or_else(|| (now - self.taken_in_at).num_milliseconds().max(0))
    }

    /// The ticket was updated or escalated in the PSA, and no longer counts as this but as that.
    pub(crate) fn flagged(&self, tx: &mut Tx, tenant: Uuid, updated: bool, escalated: bool) {
        let after =
            Self { updated: self.updated || updated, escalated: self.escalated || escalated, ..self.clone() };
        tx.tally(self.change(tenant, -1));
        tx.tally(after.change(tenant, 1));
    }
}

/// The columns that are added up, in the order of [`counts`].
macro_rules! counts {
    () => {
        "analysed, negative, neutral, positive, sentiment_sum, updated, escalated"
    };
}

/// The same, counted from tickets.
macro_rules! counted {
    () => {
        "count(*), count(CASE WHEN label = 'negative' THEN 1 END), count(CASE WHEN label = 'neutral' THEN 1 END),
           count(CASE WHEN label = 'positive' THEN 1 END), coalesce(sum(sentiment), 0),
           count(CASE WHEN updated THEN 1 END), count(CASE WHEN escalated THEN 1 END)"
    };
}

/// The columns of a row that is there already, raised by those that were to be inserted.
macro_rules! raised {
    ($table:literal) => {
        concat!(
            "analysed = ",
            $table,
            ".analysed + excluded.analysed, negative = ",
            $table,
            ".negative + excluded.negative,
             neutral = ",
            $table,
            ".neutral + excluded.neutral, positive = ",
            $table,
            ".positive + excluded.positive,
             sentiment_sum = ",
            $table,
            ".sentiment_sum + excluded.sentiment_sum,
             updated = ",
            $table,
            ".updated + excluded.updated, escalated = ",
            $table,
            ".escalated + excluded.escalated"
        )
    };
}

fn counts(sum: Tally) -> [Arg; 7] {
    [
        sum.analysed.into(),
        sum.negative.into(),
        sum.neutral.into(),
        sum.positive.into(),
        sum.sentiment_sum.into(),
        sum.updated.into(),
        sum.escalated.into(),
    ]
}

/// Writes what a transaction gathered, one row per day and client, one per day and one per hour, in the order of their keys.
pub(crate) async fn apply(tx: &mut Tx) -> Result<()> {
    let mut clients: BTreeMap<(Uuid, NaiveDate, String), (String, Tally)> = BTreeMap::new();
    let mut days: BTreeMap<(Uuid, NaiveDate), Tally> = BTreeMap::new();
    let mut hours: BTreeMap<(Uuid, NaiveDate, i64), Tally> = BTreeMap::new();
    for gathered in tx.take_tallies() {
        let change = match gathered {
            Gathered::Change(change) => change,
            Gathered::CountedAnew(tenant) => {
                clients.retain(|(of, ..), _| *of != tenant);
                days.retain(|(of, _), _| *of != tenant);
                hours.retain(|(of, ..), _| *of != tenant);
                continue;
            }
        };
        if let Some(hour) = change.hour {
            let hour = hours.entry((change.tenant, change.day, hour)).or_default();
            *hour = hour.plus(change.by);
        }
        let day = days.entry((change.tenant, change.day)).or_default();
        *day = day.plus(change.by);
        let (name, sum) = clients.entry((change.tenant, change.day, change.client_id)).or_default();
        *name = change.client_name;
        *sum = sum.plus(change.by);
    }
    clients.retain(|_, (_, sum)| *sum != Tally::default());
    days.retain(|_, sum| *sum != Tally::default());
    hours.retain(|_, sum| *sum != Tally::default());
    if clients.is_empty() {
        return Ok(());
    }
    // The batch may hold the operations of several.
    let mut tenants: Vec<Uuid> = clients.keys().map(|(tenant, ..)| *tenant).collect();
    tenants.dedup();
    tx.enter(match tenants[..] {
        [only] => Scope::Tenant(only.into()),
        _ => Scope::EveryTenant,
    })
    .await?;
    let mut query = Query::new(concat!(
        "INSERT INTO tallies (tenant_id, day, client_id, client_name, ",
        counts!(),
        ") VALUES "
    ));
    query.rows(clients.into_iter().map(|((tenant, day, client_id), (name, sum))| {
        let keys = [tenant.into(), day.into(), client_id.into(), name.into()];
        keys.into_iter().chain(counts(sum)).collect()
    }));
    query.push(concat!(
        " ON CONFLICT (tenant_id, day, client_id) DO UPDATE SET client_name = excluded.client_name, ",
        raised!("tallies")
    ));
    execute_query!(tx, query)?;
    if days.is_empty() {
        // A ticket passed from one client to another.
        return Ok(());
    }
    let mut query = Query::new(concat!("INSERT INTO day_tallies (tenant_id, day, ", counts!(), ") VALUES "));
    query
        .rows(days.into_iter().map(|((tenant, day), sum)| {
            [tenant.into(), day.into()].into_iter().chain(counts(sum)).collect()
        }));
    query.push(concat!(" ON CONFLICT (tenant_id, day) DO UPDATE SET ", raised!("day_tallies")));
    execute_query!(tx, query)?;
    if hours.is_empty() {
        return Ok(());
    }
    let mut query =
        Query::new(concat!("INSERT INTO hour_tallies (tenant_id, day, hour, ", counts!(), ") VALUES "));
    query.rows(hours.into_iter().map(|((tenant, day, hour), sum)| {
        [tenant.into(), day.into(), hour.into()].into_iter().chain(counts(sum)).collect()
    }));
    query.push(concat!(" ON CONFLICT (tenant_id, day, hour) DO UPDATE SET ", raised!("hour_tallies")));
    execute_query!(tx, query).map(drop)
}

/// See [`TenantStore::trends_rebuild`].
pub(crate) async fn rebuild(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    let zone: Option<(String,)> =
        fetch_optional!(tx, (String,), "SELECT time_zone FROM tenants WHERE id = $1", tenant.0)?;
    let Some((zone,)) = zone else { return Ok(()) };
    let tickets: Vec<(Uuid, DateTime<Utc>, NaiveDate, Option<i64>)> = fetch_all!(
        tx,
        (Uuid, DateTime<Utc>, NaiveDate, Option<i64>),
        "SELECT id, taken_in_at, day, hour FROM tickets WHERE tenant_id = $1",
        tenant.0
    )?;
    for (id, taken_in_at, day, hour) in tickets {
        let present = (rows::day_of(taken_in_at, &zone), rows::hour_of(taken_in_at, &zone));
        if present != (day, hour.unwrap_or(-1)) {
            execute!(
                tx,
                "UPDATE tickets SET day = $1, hour = $2 WHERE tenant_id = $3 AND id = $4",
                present.0,
                present.1,
                tenant.0,
                id
            )?;
        }
    }
    // Whoever has changed a ticket and is about to count it waits here, and counts it on top. SQLite has one
    // writer. After the tickets, as whoever holds one waits for this.
    if tx.engine() == Engine::Postgres {
        execute!(tx, "LOCK TABLE tallies, day_tallies, hour_tallies IN SHARE ROW EXCLUSIVE MODE")?;
    }
    execute!(tx, "DELETE FROM tallies WHERE tenant_id = $1", tenant.0)?;
    execute!(tx, "DELETE FROM day_tallies WHERE tenant_id = $1", tenant.0)?;
    execute!(tx, "DELETE FROM hour_tallies WHERE tenant_id = $1", tenant.0)?;
    execute!(
        tx,
        concat!(
            "INSERT INTO tallies (tenant_id, day, client_id, client_name, ",
            counts!(),
            ")
         SELECT tenant_id, day, coalesce(client_id, ''), coalesce(max(client_name), ''), ",
            counted!(),
            "
         FROM tickets WHERE tenant_id = $1 AND label IS NOT NULL
         GROUP BY tenant_id, day, coalesce(client_id, '')"
        ),
        tenant.0
    )?;
    execute!(
        tx,
        concat!("INSERT INTO day_tallies (tenant_id, day, ", counts!(), ")
         SELECT tenant_id, day, sum(analysed), sum(negative), sum(neutral), sum(positive), sum(sentiment_sum), sum(updated),
           sum(escalated)
         FROM tallies WHERE tenant_id = $1 GROUP BY tenant_id, day"),
        tenant.0
    )?;
    execute!(
        tx,
        concat!("INSERT INTO hour_tallies (tenant_id, day, hour, ", counts!(), ")
         SELECT tenant_id, day, hour, ", counted!(), "
         FROM tickets WHERE tenant_id = $1 AND label IS NOT NULL AND hour IS NOT NULL GROUP BY tenant_id, day, hour"),
        tenant.0
    )?;
    tx.counted_anew(tenant.0);
    Ok(())
}
