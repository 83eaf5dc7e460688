//! What it adds up to: rolled up by day (in the tenant's time zone), and by day and client, as tickets are analysed, so
//! that no page reads raw tickets to draw a trend.

mod rollup;

pub(crate) use rollup::{Counted, TallyChange, apply, rebuild};

use crate::engine::{Query, Reader, fetch_all, fetch_one, fetch_query, sql};
use crate::rows;
use crate::{Result, TenantStore};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc, Weekday};
use domain::trend::Tally;
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    Day,
    /// Starting on Monday.
    Week,
    Month,
}

/// One point of a trend; buckets without tickets are present with a zero tally.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// First day of the bucket.
    pub start: NaiveDate,
    pub tally: Tally,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ClientTally {
    /// Written as a [`domain::ClientKey`].
    pub client_id: String,
    pub name: String,
    pub tally: Tally,
}

/// Sums by weekday, Monday first, and hour, in the tenant's zone.
pub type Hours = [[Tally; 24]; 7];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    pub tally: Tally,
    /// The span of equal length before.
    pub before: Tally,
    /// Median seconds from taking in a ticket to its last note (or its analysis where nothing was written); the newest
    /// 1,000 tickets of the span.
    pub median_seconds: Option<f64>,
}

/// Neutral tickets that each client is taken to have had before: one angry ticket does not outrank a bad month.
const PRIOR: i64 = 5;
/// Tickets a median is taken over.
const MEDIAN_OF: i64 = 1_000;

#[derive(sqlx::FromRow)]
struct Sums {
    analysed: i64,
    negative: i64,
    neutral: i64,
    positive: i64,
    sentiment_sum: i64,
    updated: i64,
    escalated: i64,
}

impl From<Sums> for Tally {
    fn from(sums: Sums) -> Self {
        Self {
            analysed: sums.analysed,
            negative: sums.negative,
            neutral: sums.neutral,
            positive: sums.positive,
            sentiment_sum: sums.sentiment_sum,
            updated: sums.updated,
            escalated: sums.escalated,
        }
    }
}

/// The columns of [`Sums`]; PostgreSQL's sum(bigint) is numeric.
macro_rules! sums {
    () => {
        "CAST(coalesce(sum(analysed), 0) AS bigint) AS analysed, CAST(coalesce(sum(negative), 0) AS bigint) AS negative,
         CAST(coalesce(sum(neutral), 0) AS bigint) AS neutral, CAST(coalesce(sum(positive), 0) AS bigint) AS positive,
         CAST(coalesce(sum(sentiment_sum), 0) AS bigint) AS sentiment_sum,
         CAST(coalesce(sum(updated), 0) AS bigint) AS updated, CAST(coalesce(sum(escalated), 0) AS bigint) AS escalated "
    };
}

#[derive(sqlx::FromRow)]
struct DayRow {
    day: NaiveDate,
    #[sqlx(flatten)]
    sums: Sums,
}

#[derive(sqlx::FromRow)]
struct ClientRow {
    client_id: String,
    name: String,
    #[sqlx(flatten)]
    sums: Sums,
}

#[derive(sqlx::FromRow)]
struct ClientPartRow {
    client_id: String,
    part: i64,
    analysed: i64,
    sentiment_sum: i64,
}

#[derive(sqlx::FromRow)]
struct HourRow {
    day: NaiveDate,
    hour: i64,
    #[sqlx(flatten)]
    sums: Sums,
}

/// What names each of these clients.
pub fn keys_of(clients: &[ClientTally]) -> Vec<&str> {
    clients.iter().map(|client| client.client_id.as_str()).collect()
}

impl TenantStore {
    /// `from` inclusive, `to` exclusive, days in the tenant's zone.
    pub async fn overview(&self, from: NaiveDate, to: NaiveDate) -> Result<Overview> {
        let (from, to) = (rows::known_day(from), rows::known_day(to));
        let mut reader = self.read().await?;
        let tally = self.sum(&mut reader, from, to).await?;
        let before = self.sum(&mut reader, before(from, to), from).await?;
        let mut durations: Vec<(i64,)> = fetch_all!(
            reader,
            (i64,),
            "SELECT duration_ms FROM tickets WHERE tenant_id = $1 AND day >= $2 AND day < $3 AND duration_ms IS NOT NULL
             ORDER BY day DESC, finished_at DESC LIMIT $4",
            self.tenant.0,
            from,
            to,
            MEDIAN_OF
        )?;
        durations.sort_unstable();
        Ok(Overview { tally, before, median_seconds: median(&durations) })
    }

    async fn sum(&self, reader: &mut Reader, from: NaiveDate, to: NaiveDate) -> Result<Tally> {
        fetch_one!(
            reader,
            Sums,
            concat!("SELECT ", sums!(), "FROM day_tallies WHERE tenant_id = $1 AND day >= $2 AND day < $3"),
            self.tenant.0,
            from,
            to
        )
        .map(Tally::from)
    }

    pub async fn trend(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        bucket: Bucket,
        client: Option<&str>,
    ) -> Result<Vec<Point>> {
        let (from, to) = (rows::known_day(from), rows::known_day(to));
        let mut query = Query::new(match client {
            None => concat!("SELECT day, ", sums!(), "FROM day_tallies WHERE tenant_id = "),
            Some(_) => concat!("SELECT day, ", sums!(), "FROM tallies WHERE tenant_id = "),
        });
        query.bind(self.tenant.0).push(" AND day >= ").bind(from).push(" AND day < ").bind(to);
        if let Some(client) = client {
            query.push(" AND client_id = ").bind(rows::clean(client).into_owned());
        }
        query.push(" GROUP BY day");
        let mut reader = self.read().await?;
        let days = fetch_query!(reader, DayRow, query)?;
        let mut points: BTreeMap<NaiveDate, Tally> = BTreeMap::new();
        let mut start = bucket.start(from);
        while start < to {
            points.insert(start, Tally::default());
            let Some(next) = bucket.next(start) else { break };
            start = next;
        }
        for row in days {
            let tally = points.entry(bucket.start(row.day)).or_default();
            *tally = tally.plus(row.sums.into());
        }
        Ok(points.into_iter().map(|(start, tally)| Point { start, tally }).collect())
    }

    /// Worst first: by mean sentiment weighted by count (each client is taken to have had five neutral tickets more),
    /// then by negatives. Tickets without a client are left out.
    pub async fn client_tallies(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        limit: u32,
    ) -> Result<Vec<ClientTally>> {
        let (from, to) = (rows::known_day(from), rows::known_day(to));
        let mut reader = self.read().await?;
        let mut tallies: Vec<ClientTally> = self
            .clients(&mut reader, from, to)
            .await?
            .into_iter()
            .map(|row| ClientTally { client_id: row.client_id, name: row.name, tally: row.sums.into() })
            .collect();
        // Fractions compared by multiplying out: exact, and the same on every machine.
        let weight = |tally: &Tally| (tally.sentiment_sum + 3 * PRIOR, tally.analysed + PRIOR);
        tallies.sort_by(|a, b| {
            let ((sum_a, count_a), (sum_b, count_b)) = (weight(&a.tally), weight(&b.tally));
            (sum_b * count_a)
                .cmp(&(sum_a * count_b))
                .then(b.tally.negative.cmp(&a.tally.negative))
                .then_with(|| a.name.cmp(&b.name))
        });
        tallies.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(tallies)
    }

    /// The name is the newest one; a client may have been renamed. Looked up once a client, not carried through the sums.
    async fn clients(&self, reader: &mut Reader, from: NaiveDate, to: NaiveDate) -> Result<Vec<ClientRow>> {
        fetch_all!(
            reader,
            ClientRow,
            concat!(
                "SELECT g.*, (SELECT n.client_name FROM tallies n
                              WHERE n.tenant_id = $1 AND n.client_id = g.client_id AND n.day < $3
                              ORDER BY n.day DESC LIMIT 1) AS name
                 FROM (SELECT client_id, ",
                sums!(),
                "FROM tallies WHERE tenant_id = $1 AND day >= $2 AND day < $3 AND client_id <> '' GROUP BY client_id
                       HAVING sum(analysed) > 0) AS g"
            ),
            self.tenant.0,
            from,
            to
        )
    }

    /// What each of these clients came to in another span, such as one before.
    pub async fn client_sums(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        clients: &[&str],
    ) -> Result<HashMap<String, Tally>> {
        if clients.is_empty() {
            return Ok(HashMap::new());
        }
        let (from, to) = (rows::known_day(from), rows::known_day(to));
        let mut reader = self.read().await?;
        let mut query =
            Query::new(concat!("SELECT client_id, '' AS name, ", sums!(), "FROM tallies WHERE tenant_id = "));
        query.bind(self.tenant.0).push(" AND day >= ").bind(from).push(" AND day < ").bind(to);
        // Rows, not a list: where PostgreSQL keeps one plan for any values, it makes a list anew for each row it reads.
        query.push(" AND client_id IN (VALUES ");
        query.rows(clients.iter().map(|client| vec![rows::clean(client).into_owned().into()]));
        query.push(") GROUP BY client_id");
        let rows = fetch_query!(reader, ClientRow, query)?;
        Ok(rows.into_iter().map(|row| (row.client_id, row.sums.into())).collect())
    }

    /// Each of these clients' way through the span, in so many equal parts: the mean of each, `None` where a part has no
    /// tickets. Added up by the database: what is read is the same however many days had tickets.
    pub async fn client_means(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        parts: usize,
        clients: &[&str],
    ) -> Result<HashMap<String, Vec<Option<f64>>>> {
        let mut ways: HashMap<String, Vec<Option<f64>>> = HashMap::new();
        if clients.is_empty() || parts == 0 {
            return Ok(ways);
        }
        let (from, to) = (rows::known_day(from), rows::known_day(to));
        let length = to.signed_duration_since(from).num_days().max(1);
        let mut reader = self.read().await?;
        let (before, after) = sql!(
            reader,
            sqlite: ("CAST(julianday(day) - julianday(", ") AS bigint)"),
            postgres: ("CAST(day - ", " AS bigint)"),
        );
        let mut query = Query::new("SELECT client_id, part, CAST(sum(analysed) AS bigint) AS analysed,
             CAST(sum(sentiment_sum) AS bigint) AS sentiment_sum FROM (SELECT client_id, analysed, sentiment_sum, ");
        query.push(before).bind(from).push(after).push(" * ").bind(i64::try_from(parts).unwrap_or(i64::MAX));
        query.push(" / ").bind(length).push(" AS part FROM tallies WHERE tenant_id = ").bind(self.tenant.0);
        query.push(" AND day >= ").bind(from).push(" AND day < ").bind(to).push(" AND client_id IN (VALUES ");
        query.rows(clients.iter().map(|client| vec![rows::clean(client).into_owned().into()]));
        query.push(")) AS d GROUP BY client_id, part");
        for row in fetch_query!(reader, ClientPartRow, query)? {
            let way = ways.entry(row.client_id).or_insert_with(|| vec![None; parts]);
            if let Some(mean) = usize::try_from(row.part).ok().and_then(|part| way.get_mut(part)) {
                let tally =
                    Tally { analysed: row.analysed, sentiment_sum: row.sentiment_sum, ..Tally::default() };
                *mean = tally.mean_sentiment();
            }
        }
        Ok(ways)
    }

    /// When tickets come, and when they turn sour.
    pub async fn hours(&self, from: NaiveDate, to: NaiveDate) -> Result<Box<Hours>> {
        let mut reader = self.read().await?;
        let rows = fetch_all!(
            reader,
            HourRow,
            concat!(
                "SELECT day, hour, ",
                sums!(),
                "FROM hour_tallies WHERE tenant_id = $1 AND day >= $2 AND day < $3 GROUP BY day, hour"
            ),
            self.tenant.0,
            rows::known_day(from),
            rows::known_day(to)
        )?;
        let mut hours = Box::<Hours>::default();
        for row in rows {
            let weekday = row.day.weekday().num_days_from_monday() as usize;
            let hour = usize::try_from(row.hour).unwrap_or_default();
            if let Some(sum) = hours.get_mut(weekday).and_then(|hours| hours.get_mut(hour)) {
                *sum = sum.plus(row.sums.into());
            }
        }
        Ok(hours)
    }

    /// Id and name of the clients that had tickets on `since` or later; where they are more than `limit`, those that had
    /// some last. Found by skipping from client to client, not by reading their days.
    pub async fn client_names(&self, since: NaiveDate, limit: u32) -> Result<Vec<(String, String)>> {
        let mut reader = self.read().await?;
        macro_rules! newest {
            ($join:literal) => {
                concat!(
                    "WITH RECURSIVE each (client_id) AS (
                       SELECT (SELECT client_id FROM tallies WHERE tenant_id = $1 AND client_id > ''
                               ORDER BY client_id LIMIT 1)
                       UNION ALL
                       SELECT (SELECT t.client_id FROM tallies t WHERE t.tenant_id = $1 AND t.client_id > e.client_id
                               ORDER BY t.client_id LIMIT 1)
                       FROM each e WHERE e.client_id IS NOT NULL)
                     SELECT n.client_id, n.client_name FROM each e ",
                    $join,
                    " WHERE n.day >= $2 ORDER BY n.day DESC, n.client_id LIMIT $3"
                )
            };
        }
        // Left to themselves both read all days to join them: SQLite takes the order of a CROSS JOIN as it is written.
        let text = sql!(
            reader,
            sqlite: newest!(
                "CROSS JOIN tallies n ON n.tenant_id = $1 AND n.client_id = e.client_id
                   AND n.day = (SELECT max(x.day) FROM tallies x WHERE x.tenant_id = $1 AND x.client_id = e.client_id)"
            ),
            postgres: newest!(
                "CROSS JOIN LATERAL (SELECT t.client_id, t.client_name, t.day FROM tallies t
                   WHERE t.tenant_id = $1 AND t.client_id = e.client_id ORDER BY t.day DESC LIMIT 1) n"
            )
        );
        fetch_all!(reader, (String, String), text, self.tenant.0, rows::known_day(since), i64::from(limit))
    }

    /// Today in the tenant's zone.
    pub async fn today(&self, now: DateTime<Utc>) -> Result<NaiveDate> {
        let tenant = self.tenant_fetch().await?;
        Ok(rows::day_of(now, tenant.as_ref().map_or("UTC", |tenant| &tenant.time_zone)))
    }

    /// Counts the roll-ups anew from the tickets, with each ticket's day in the tenant's present zone.
    pub async fn trends_rebuild(&self) -> Result<()> {
        self.write(self.tenant, |tx, tenant| Box::pin(rebuild(tx, *tenant))).await
    }
}

/// Begin of the span of equal length before.
fn before(from: NaiveDate, to: NaiveDate) -> NaiveDate {
    rows::known_day(from.checked_sub_signed(to - from).unwrap_or(NaiveDate::MIN))
}

/// Of sorted milliseconds, in seconds.
fn median(sorted: &[(i64,)]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "durations stay far below 2^52 milliseconds")]
    let seconds = |&(ms,): &(i64,)| ms as f64 / 1_000.0;
    let upper = sorted.get(sorted.len() / 2).map(seconds)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted.get(sorted.len() / 2 - 1).map(seconds)?;
    Some(f64::midpoint(lower, upper))
}

impl Bucket {
    fn start(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => day,
            Self::Week => day.week(Weekday::Mon).checked_first_day().unwrap_or(day),
            Self::Month => day.with_day(1).unwrap_or(day),
        }
    }
    fn next(self, start: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => start.checked_add_days(Days::new(1)),
            Self::Week => start.checked_add_days(Days::new(7)),
            Self::Month => start.checked_add_months(Months::new(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_begin_where_people_expect() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (bucket, within, start, next) in [
            (Bucket::Day, "2026-03-04", "2026-03-04", "2026-03-05"),
            (Bucket::Week, "2026-03-04", "2026-03-02", "2026-03-09"),
            (Bucket::Week, "2026-03-01", "2026-02-23", "2026-03-02"),
            (Bucket::Week, "2026-01-01", "2025-12-29", "2026-01-05"),
            (Bucket::Month, "2026-12-31", "2026-12-01", "2027-01-01"),
        ] {
            assert_eq!(bucket.start(day(within)), day(start), "{bucket:?} {within}");
            assert_eq!(bucket.next(day(start)), Some(day(next)), "{bucket:?} {within}");
        }
        assert_eq!(before(day("2026-03-08"), day("2026-03-15")), day("2026-03-01"));
    }

    #[test]
    fn a_median_is_the_middle_or_between_the_two() {
        let of = |ms: &[i64]| median(&ms.iter().map(|ms| (*ms,)).collect::<Vec<_>>());
        for (ms, expected) in [
            (&[][..], None),
            (&[1_500][..], Some(1.5)),
            (&[1_000, 2_000][..], Some(1.5)),
            (&[1, 2_000, 900_000][..], Some(2.0)),
        ] {
            assert_eq!(of(ms), expected);
        }
    }
}
