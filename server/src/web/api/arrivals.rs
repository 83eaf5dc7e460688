//! `arrivals`: whether every ticket reached us, and what the sweep knows of the webhook.

use super::Api;
use super::auth::Caller;
use super::extract::Query;
use super::problem::ApiProblem;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::HookState;
use serde::{Deserialize, Serialize};
use store::sweeps;
use utoipa::{IntoParams, ToSchema};

const USUAL_DAYS: u16 = 14;
/// What was found is kept a few days longer.
const MOST_DAYS: u16 = 31;

/// Whether every ticket reached us: what the ticketing system says was created, beside what its webhooks told.
#[derive(Serialize, ToSchema)]
pub(super) struct Arrivals {
    /// Days that had tickets, newest first.
    days: Vec<Day>,
    /// When the list of new tickets was last read.
    swept_at: Option<DateTime<Utc>>,
    /// When it is read next.
    next_at: Option<DateTime<Utc>>,
    /// Why it could not be read the last time.
    problem: Option<String>,
    /// Null where the ticketing system does not say.
    webhook: Option<Webhook>,
}

/// Tickets created on one day of the workspace's time zone. Each is counted once.
#[derive(Serialize, ToSchema)]
pub(super) struct Day {
    day: NaiveDate,
    /// As the ticketing system says.
    created: i64,
    /// Told by a webhook.
    seen: i64,
    /// Told by none, and taken in by our own look into the list.
    recovered: i64,
    /// Not taken in yet: a webhook may still tell of them, or the next look takes them in.
    waiting: i64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Webhook {
    state: HookState,
    since: DateTime<Utc>,
}

impl From<sweeps::Arrivals> for Day {
    fn from(one: sweeps::Arrivals) -> Self {
        Self {
            day: one.day,
            created: one.created,
            seen: one.seen,
            recovered: one.recovered,
            waiting: one.waiting(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ArrivalsQuery {
    /// How many days back, today included: 1 to 31; 14 unless told.
    #[param(minimum = 1, maximum = 31)]
    days: Option<u16>,
}

/// Whether every ticket reached us
///
/// Every few minutes the ticketing system is asked which tickets were created, and those that no webhook told of are taken
/// in. A webhook that is `off` was switched off by the ticketing system: register it again.
#[utoipa::path(get, path = "/arrivals", tag = "Activity", params(ArrivalsQuery), responses((status = 200, description = "Created, seen and recovered, by day", body = Arrivals)))]
pub(super) async fn arrivals(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<ArrivalsQuery>,
) -> Result<Json<Arrivals>, ApiProblem> {
    let days = query.days.unwrap_or(USUAL_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(ApiProblem::invalid("days", format!("“days” must be 1 to {MOST_DAYS}.")));
    }
    let today = caller.tenant.today(api.ops.now()).await?;
    let from = today.checked_sub_days(Days::new(u64::from(days) - 1)).unwrap_or(today);
    let found = caller.tenant.arrivals(from).await?;
    let sweep = caller.tenant.sweep().await?;
    let (swept_at, next_at) =
        sweep.as_ref().map_or((None, None), |sweep| (sweep.swept_at, Some(sweep.next_at)));
    Ok(Json(Arrivals {
        days: found.into_iter().map(Day::from).collect(),
        swept_at,
        next_at,
        webhook: sweep.as_ref().and_then(|sweep| sweep.hook).map(|(state, since)| Webhook { state, since }),
        problem: sweep.and_then(|sweep| sweep.problem),
    }))
}
