//! What the screens offer that is no page: a list as a file, written while it is read from the store, and news of a list,
//! told as they come.

use app::csv::{self, Times};
use app::pages::accuracy;
use app::pages::tickets::Filters;
use app::viewer::{Viewer, viewer_of};
use app::{AppError, Instance};
use axum::body::Body;
use axum::extract::RawQuery;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Days, Utc};
use domain::Permission;
use futures::StreamExt;
use futures::future::ready;
use futures::stream::{once, try_unfold, unfold};
use http::{HeaderName, StatusCode, header};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::StoreError;
use store::tickets::TicketFilter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower_sessions::Session;

const ACCURACY: &str = "/sign-in?next=%2Faccuracy";
/// Tickets of a file that are read at once.
const PAGE: u32 = 200;
/// How often it is looked for news.
const LOOK: Duration = Duration::from_secs(2);
/// News that are counted; what is more is said to be more.
const MOST: u32 = 100;
/// Spreadsheets that know no better take these bytes at the beginning as a sign of UTF-8.
const MARK: char = '\u{feff}';
/// People who can be told at the same time, by one process.
const LISTENERS: usize = 2_000;

/// Who may be told of news, and until when.
#[derive(Clone)]
pub(super) struct Streams {
    instance: Instance,
    stop: CancellationToken,
    /// How often it is asked again whether a person may see this still.
    ask_again: Duration,
    room: Arc<Semaphore>,
}

impl Streams {
    pub(super) fn new(instance: Instance, stop: CancellationToken, ask_again: Duration) -> Self {
        Self { instance, stop, ask_again, room: Arc::new(Semaphore::new(LISTENERS)) }
    }

    /// The list of the address as a file for spreadsheets, with the times of the tenant's zone.
    pub(super) async fn tickets_csv(self, session: Session, RawQuery(query): RawQuery) -> Response {
        let viewer = match viewer_of(&self.instance, &session, Permission::Read).await {
            Ok(viewer) => viewer,
            Err(error) => return refused(&error, "/sign-in?next=%2Ftickets"),
        };
        let filters = Filters::of_query(query.as_deref().unwrap_or_default());
        let headers = file(&viewer, "tickets");
        let walk = Walk { filter: filters.filter(viewer.time_zone), filters, viewer, next: Next::Head };
        (headers, Body::from_stream(try_unfold(walk, Walk::step))).into_response()
    }

    /// The scores that people judged, with the texts that were read: for whoever wants to compare models and prompts.
    pub(super) async fn accuracy_csv(self, session: Session) -> Response {
        let viewer = match viewer_of(&self.instance, &session, Permission::Read).await {
            Ok(viewer) => viewer,
            Err(error) => return refused(&error, ACCURACY),
        };
        let since = viewer.now - Days::new(accuracy::DAYS);
        let judged = match viewer.store.feedback_list(since, accuracy::MOST).await {
            Ok(judged) => judged,
            Err(error) => return refused(&error.into(), ACCURACY),
        };
        let headers = file(&viewer, "judged-scores");
        let times = Times::In(viewer.time_zone);
        let lines = try_unfold((viewer, judged.into_iter()), move |(viewer, mut judged)| async move {
            let Some(one) = judged.next() else { return Ok::<_, StoreError>(None) };
            let read = viewer.store.ticket_for_work(one.ticket).await?;
            let text = read.map(|(_, read)| read.text).unwrap_or_default();
            Ok(Some((csv::judged(one, &text, times), (viewer, judged))))
        });
        let head = once(ready(Ok(format!("{MARK}{}", csv::judged_head()))));
        (headers, Body::from_stream(head.chain(lines))).into_response()
    }

    /// Server-sent events named `news`: how many tickets came in or were scored since the moment in the address. Whoever
    /// asks again after a break with the same address is told all of them.
    pub(super) async fn ticket_news(self, session: Session, RawQuery(query): RawQuery) -> Response {
        let viewer = match viewer_of(&self.instance, &session, Permission::Read).await {
            Ok(viewer) => viewer,
            Err(error) => return error.status().into_response(),
        };
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "60")]).into_response();
        };
        let query = query.unwrap_or_default();
        let filter = Filters::of_query(&query).filter(viewer.time_zone);
        let since = since(&query).unwrap_or(viewer.now);
        let asked = Instant::now();
        let watch = Watch { streams: self, session, viewer, filter, since, told: 0, asked, _room: room };
        let events = unfold(watch, |mut watch| async {
            let count = watch.news().await?;
            let count = if count >= MOST { format!("{}+", MOST - 1) } else { count.to_string() };
            Some((Ok::<_, Infallible>(Event::default().event("news").data(count)), watch))
        });
        // Proxies that gather answers would keep the news.
        let headers =
            [(header::CACHE_CONTROL, "no-store"), (HeaderName::from_static("x-accel-buffering"), "no")];
        (headers, Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(20))))
            .into_response()
    }
}

/// Of a file for spreadsheets that is named after what it holds and today.
fn file(viewer: &Viewer, what: &str) -> [(HeaderName, String); 3] {
    let day = viewer.now.with_timezone(&viewer.time_zone).format("%Y-%m-%d");
    [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{what}-{day}.csv\"")),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ]
}

/// Microseconds since 1970.
fn since(query: &str) -> Option<DateTime<Utc>> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
    let text = pairs.into_iter().find(|(name, _)| name == "since")?.1;
    DateTime::from_timestamp_micros(text.parse().ok()?)
}

/// To sign-in and back to where the file is asked for, or a page that says what went wrong.
fn refused(error: &AppError, sign_in: &'static str) -> Response {
    match error {
        AppError::NotSignedIn => Redirect::to(sign_in).into_response(),
        other => super::forms::problem(other),
    }
}

/// Where a file stands.
struct Walk {
    viewer: Viewer,
    filters: Filters,
    filter: TicketFilter,
    next: Next,
}

enum Next {
    Head,
    Page(Option<String>),
    End,
}

impl Walk {
    async fn step(mut self) -> Result<Option<(String, Self)>, StoreError> {
        match std::mem::replace(&mut self.next, Next::End) {
            Next::End => Ok(None),
            Next::Head => {
                self.next = Next::Page(None);
                Ok(Some((format!("{MARK}{}", csv::tickets_head()), self)))
            }
            Next::Page(cursor) => {
                let (store, cursor) = (&self.viewer.store, cursor.as_deref());
                let page = match self.filters.sort {
                    None => store.ticket_list(&self.filter, PAGE, cursor).await?,
                    Some(by) => store.ticket_ranked(by, &self.filter, PAGE, cursor).await?,
                };
                let times = Times::In(self.viewer.time_zone);
                let text = page.rows.into_iter().map(|row| csv::ticket(row, times)).collect();
                self.next = page.next.map_or(Next::End, |next| Next::Page(Some(next)));
                Ok(Some((text, self)))
            }
        }
    }
}

/// A person who looks at a list.
struct Watch {
    streams: Streams,
    session: Session,
    viewer: Viewer,
    filter: TicketFilter,
    since: DateTime<Utc>,
    told: u32,
    /// When it was last asked whether the person may see this.
    asked: Instant,
    _room: OwnedSemaphorePermit,
}

impl Watch {
    /// By the session as it is now: it may have ended, or be another's.
    async fn may_see(&self) -> Result<(), AppError> {
        self.session.load().await.map_err(AppError::broken)?;
        viewer_of(&self.streams.instance, &self.session, Permission::Read).await.map(drop)
    }

    /// The next count that differs from what was told. `None`: the program stops, or the person may not see this any more.
    async fn news(&mut self) -> Option<u32> {
        loop {
            tokio::select! {
                () = self.streams.stop.cancelled() => return None,
                () = tokio::time::sleep(LOOK) => {}
            }
            if self.asked.elapsed() >= self.streams.ask_again {
                match self.may_see().await {
                    Ok(()) => self.asked = Instant::now(),
                    Err(AppError::NotSignedIn | AppError::Denied) => return None,
                    // A database in a bad minute is no reason to send people away.
                    Err(_) => continue,
                }
            }
            match self.viewer.store.ticket_news(&self.filter, self.since, MOST).await {
                Ok(count) if count != self.told => {
                    self.told = count;
                    return Some(count);
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
}
