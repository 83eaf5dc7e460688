//! What it adds up to: rolled up by day (in the tenant's time zone) and client as tickets are analysed, so that no
//! page reads raw tickets to draw a trend.

use crate::{Result, TenantStore};
use chrono::{DateTime, NaiveDate, Utc};
use domain::trend::Tally;

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
    pub client_id: String,
    pub name: String,
    pub tally: Tally,
    /// The same client over the span of equal length before.
    pub before: Tally,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    pub tally: Tally,
    /// The span of equal length before.
    pub before: Tally,
    /// Median seconds from taking in a ticket to its last note (or its analysis where nothing was written); the newest
    /// 1,000 tickets of the span.
    pub median_seconds: Option<f64>,
}

impl TenantStore {
    /// `from` inclusive, `to` exclusive, days in the tenant's zone.
    pub async fn overview(&self, _from: NaiveDate, _to: NaiveDate) -> Result<Overview> {
        unimplemented!()
    }
    pub async fn trend(
        &self,
        _from: NaiveDate,
        _to: NaiveDate,
        _bucket: Bucket,
        _client: Option<&str>,
    ) -> Result<Vec<Point>> {
        unimplemented!()
    }
    /// Worst first: by mean sentiment weighted by count, then by negatives.
    pub async fn client_tallies(
        &self,
        _from: NaiveDate,
        _to: NaiveDate,
        _limit: u32,
    ) -> Result<Vec<ClientTally>> {
        unimplemented!()
    }
    /// Today in the tenant's zone.
    pub async fn today(&self, _now: DateTime<Utc>) -> Result<NaiveDate> {
        unimplemented!()
    }
    /// Counts the roll-ups anew from the tickets.
    pub async fn trends_rebuild(&self) -> Result<()> {
        unimplemented!()
    }
}
