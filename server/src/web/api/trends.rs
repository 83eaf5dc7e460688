//! `overview`, `trends` and `clients`: what the tickets add up to.

use super::Api;
use super::auth::Caller;
use super::extract::{Query, limit};
use super::problem::ApiProblem;
use super::tickets::{client_key, words};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::trend::Tally;
use serde::{Deserialize, Serialize};
use store::trends::{Bucket, Point, keys_of};
use utoipa::openapi::Object;
use utoipa::{IntoParams, ToSchema};

/// The span where none is given.
const USUAL_DAYS: u64 = 30;
/// The longest span, in days: three years and a bit.
const MOST_DAYS: i64 = 1_100;
/// Clients drawn at once, worst first.
const MOST_GROUPS: u32 = 20;

/// Counts over a span, and what follows from them.
#[derive(Serialize, ToSchema)]
pub(super) struct Sums {
    #[serde(flatten)]
    tally: Tally,
    /// 0 to 1; null where nothing was analysed.
    negative_share: Option<f64>,
    /// 1 to 5; null where nothing was analysed.
    mean_sentiment: Option<f64>,
}

impl From<Tally> for Sums {
    fn from(tally: Tally) -> Self {
        Self { tally, negative_share: tally.negative_share(), mean_sentiment: tally.mean_sentiment() }
    }
}

/// Days in the workspace's time zone.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SpanQuery {
    /// The first day; 29 days ago unless told.
    #[param(example = "2026-03-01")]
    from: Option<NaiveDate>,
    /// The day after the last; tomorrow unless told.
    #[param(example = "2026-04-01")]
    to: Option<NaiveDate>,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
pub(super) struct Span {
    /// Included.
    from: NaiveDate,
    /// Not included.
    to: NaiveDate,
}

async fn span(
    api: &Api,
    caller: &Caller,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> Result<Span, ApiProblem> {
    let tomorrow = || async {
        let today = caller.tenant.today(api.ops.now()).await?;
        Ok::<_, ApiProblem>(today.checked_add_days(Days::new(1)).unwrap_or(today))
    };
    let to = match to {
        Some(to) => to,
        None => tomorrow().await?,
    };
    let from = from.or_else(|| to.checked_sub_days(Days::new(USUAL_DAYS))).unwrap_or(to);
    match (to - from).num_days() {
        1..=MOST_DAYS => Ok(Span { from, to }),
        ..=0 => Err(ApiProblem::invalid("from", "“from” must be before “to”.")),
        _ => Err(ApiProblem::invalid("from", format!("From “from” to “to” there may be {MOST_DAYS} days."))),
    }
}

/// How things stand.
#[derive(Serialize, ToSchema)]
pub(super) struct Overview {
    span: Span,
    now: Sums,
    /// The span of equal length before.
    before: Sums,
    /// Median seconds from taking in a ticket to its last note.
    median_seconds: Option<f64>,
    pipeline: Pipeline,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Pipeline {
    last_delivery_at: Option<DateTime<Utc>>,
    waiting: i64,
    oldest_waiting_at: Option<DateTime<Utc>>,
    /// Gave up; see the deliveries.
    dead: i64,
}

/// How things stand
#[utoipa::path(get, path = "/overview", tag = "Trends", params(SpanQuery), responses((status = 200, description = "Sums and health", body = Overview)))]
pub(super) async fn overview(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<SpanQuery>,
) -> Result<Json<Overview>, ApiProblem> {
    let span = span(&api, &caller, query.from, query.to).await?;
    let found = caller.tenant.overview(span.from, span.to).await?;
    let health = caller.tenant.pipeline_health(api.ops.now()).await?;
    Ok(Json(Overview {
        span,
        now: found.tally.into(),
        before: found.before.into(),
        median_seconds: found.median_seconds,
        pipeline: Pipeline {
            last_delivery_at: health.last_delivery_at,
            waiting: health.waiting,
            oldest_waiting_at: health.oldest_waiting_at,
            dead: health.dead,
        },
    }))
}

fn bucket_words() -> Object {
    words("How wide a point is; `day` unless told, and weeks begin on Monday.", &["day", "week", "month"])
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum GroupBy {
    Client,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TrendsQuery {
    /// The first day; 29 days ago unless told.
    from: Option<NaiveDate>,
    /// The day after the last; tomorrow unless told.
    to: Option<NaiveDate>,
    #[param(schema_with = bucket_words, required = false)]
    bucket: Option<Bucket>,
    /// One line for each client (the 20 worst) instead of one for all.
    #[param(inline)]
    group_by: Option<GroupBy>,
    /// Only this client: its `id` of `/clients`, or the ticketing system's own number of a client of the connected system.
    client: Option<String>,
}

/// Counts over time.
#[derive(Serialize, ToSchema)]
pub(super) struct Trends {
    span: Span,
    #[schema(schema_with = bucket_words)]
    bucket: Bucket,
    series: Vec<Series>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Series {
    /// Null for all clients together.
    client_id: Option<String>,
    client: Option<String>,
    /// Buckets without tickets are there, with zeros.
    points: Vec<TrendPoint>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct TrendPoint {
    /// First day of the bucket.
    start: NaiveDate,
    #[serde(flatten)]
    sums: Sums,
}

impl From<Point> for TrendPoint {
    fn from(point: Point) -> Self {
        Self { start: point.start, sums: point.tally.into() }
    }
}

/// Counts over time
#[utoipa::path(get, path = "/trends", tag = "Trends", params(TrendsQuery), responses((status = 200, description = "One line or several", body = Trends)))]
pub(super) async fn trends(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<TrendsQuery>,
) -> Result<Json<Trends>, ApiProblem> {
    let span = span(&api, &caller, query.from, query.to).await?;
    let bucket = query.bucket.unwrap_or(Bucket::Day);
    let client = client_key(&caller, query.client).await?;
    let wanted: Vec<(Option<String>, Option<String>)> = match (query.group_by, client) {
        (None, client) => vec![(client, None)],
        (Some(GroupBy::Client), only) => {
            let tallies = caller.tenant.client_tallies(span.from, span.to, MOST_GROUPS).await?;
            let wanted =
                tallies.into_iter().filter(|tally| only.as_ref().is_none_or(|only| *only == tally.client_id));
            wanted.map(|tally| (Some(tally.client_id), Some(tally.name))).collect()
        }
    };
    let mut series = Vec::with_capacity(wanted.len());
    for (client_id, client) in wanted {
        let points = caller.tenant.trend(span.from, span.to, bucket, client_id.as_deref()).await?;
        series.push(Series { client_id, client, points: points.into_iter().map(Into::into).collect() });
    }
    Ok(Json(Trends { span, bucket, series }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ClientsQuery {
    /// The first day; 29 days ago unless told.
    from: Option<NaiveDate>,
    /// The day after the last; tomorrow unless told.
    to: Option<NaiveDate>,
    /// 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Clients {
    span: Span,
    /// Worst first.
    clients: Vec<Client>,
}

/// A client's mood, and its own before.
#[derive(Serialize, ToSchema)]
pub(super) struct Client {
    /// The ticketing system and its number of the client.
    #[schema(example = "autotask/250")]
    id: String,
    name: String,
    now: Sums,
    /// The span of equal length before.
    before: Sums,
}

/// Clients, worst first
#[utoipa::path(get, path = "/clients", tag = "Trends", params(ClientsQuery), responses((status = 200, description = "Clients with their counts", body = Clients)))]
pub(super) async fn clients(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<ClientsQuery>,
) -> Result<Json<Clients>, ApiProblem> {
    let span = span(&api, &caller, query.from, query.to).await?;
    let tallies = caller.tenant.client_tallies(span.from, span.to, limit(query.limit)?).await?;
    let earlier = span.from.checked_sub_signed(span.to - span.from).unwrap_or(NaiveDate::MIN);
    let mut before = caller.tenant.client_sums(earlier, span.from, &keys_of(&tallies)).await?;
    let clients = tallies.into_iter().map(|tally| Client {
        before: before.remove(&tally.client_id).unwrap_or_default().into(),
        id: tally.client_id,
        name: tally.name,
        now: tally.tally.into(),
    });
    Ok(Json(Clients { span, clients: clients.collect() }))
}
