//! How our types look in a row: words for enums, JSON texts, ids that sort by time, cursors.

use crate::accounts::Tenant;
use crate::analyses::AnalysisState;
use crate::door::DeliveryState;
use crate::imports::ImportState;
use crate::jobs::Stage;
use crate::tickets::TicketState;
use crate::{Page, Result, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};
use domain::{ActionState, Dimension, HookState, Label, Mode, PsaInstance, PsaKind, Role, Score, Verdict};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

/// An enum that a column holds as a word.
pub(crate) trait Word: Sized + Copy + 'static {
    const WORDS: &'static [(Self, &'static str)];
    fn word(self) -> &'static str;
    fn read(table: &'static str, column: &'static str, text: &str) -> Result<Self> {
        let found = Self::WORDS.iter().find(|(_, word)| *word == text).map(|(value, _)| *value);
        found.ok_or_else(|| StoreError::corrupt(table, column, format!("{text:?} is not one of its words")))
    }
}

macro_rules! words {
    ($($kind:ident { $($variant:ident = $word:literal),* $(,)? })*) => {$(
        impl Word for $kind {
            const WORDS: &'static [(Self, &'static str)] = &[$((Self::$variant, $word)),*];
            fn word(self) -> &'static str { match self { $(Self::$variant => $word),* } }
        }
    )*};
}
words! {
    DeliveryState { Queued = "queued", Ignored = "ignored", Done = "done", Dead = "dead" }
    Stage { Read = "read", Score = "score", Act = "act" }
    TicketState {
        Reading = "reading", Analysed = "analysed", Shadowed = "shadowed", Acting = "acting", Acted = "acted",
        Skipped = "skipped", Failed = "failed",
    }
    AnalysisState { Scored = "scored", Skipped = "skipped" }
    ActionState {
        Shadow = "shadow", Planned = "planned", InFlight = "in_flight", Done = "done", Refused = "refused",
        Superseded = "superseded",
    }
    Dimension { Sentiment = "sentiment", Urgency = "urgency", Impact = "impact" }
    Verdict { Right = "right", TooHigh = "too_high", TooLow = "too_low" }
    HookState { On = "on", Off = "off", Absent = "absent" }
    ImportState {
        Listing = "listing", Listed = "listed", Running = "running", Paused = "paused", Done = "done",
        Cancelled = "cancelled",
    }
    Mode { Shadow = "shadow", Live = "live" }
    Label { Positive = "positive", Neutral = "neutral", Negative = "negative" }
    Role { Owner = "owner", Admin = "admin", Dispatcher = "dispatcher", Viewer = "viewer" }
    PsaKind { ConnectWise = "connectwise", Autotask = "autotask", HaloPsa = "halopsa" }
}

/// As [`Word::read`], where the column may be empty.
pub(crate) fn read_word<W: Word>(
    table: &'static str,
    column: &'static str,
    text: Option<&str>,
) -> Result<Option<W>> {
    text.map(|text| W::read(table, column, text)).transpose()
}

/// A column named psa.
pub(crate) fn read_instance(table: &'static str, text: &str) -> Result<PsaInstance> {
    text.parse().map_err(|error: domain::UnknownPsa| StoreError::corrupt(table, "psa", error))
}

pub(crate) fn read_score(column: &'static str, value: Option<i64>) -> Result<Option<Score>> {
    value.map(Score::new).transpose().map_err(|error| StoreError::corrupt("tickets", column, error))
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Driver(sqlx::Error::Encode(Box::new(error))))
}

pub(crate) fn read_json<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    text: &str,
) -> Result<T> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(table, column, error))
}

/// Text from outside. PostgreSQL's text holds no U+0000, so it becomes the replacement character on both engines.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// The days that both engines know: what is asked beyond them is asked of the last one.
pub(crate) fn known_day(day: NaiveDate) -> NaiveDate {
    const FIRST: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("a day");
    const LAST: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a day");
    day.clamp(FIRST, LAST)
}

/// As [`known_day`].
pub(crate) fn known_time(at: DateTime<Utc>) -> DateTime<Utc> {
    let day = at.date_naive();
    if known_day(day) == day { at } else { known_day(day).and_time(NaiveTime::MIN).and_utc() }
}

/// An id (a UUID of version 7) that begins with `at`, to the microsecond, and then counts: ids sort by time, and those
/// made here at the same time by the order they were made in.
pub(crate) fn id_at(at: DateTime<Utc>) -> Uuid {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut rest = crate::vault::random::<10>();
    // (6 bits beside the variant and) 32 bits of a count.
    rest[3..7].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    rest[2] = 0;
    id_of(at, rest)
}

/// The time that an id of [`id_at`] begins with, to the millisecond.
pub(crate) fn time_of(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// The least id that [`id_at`] could give at this time.
pub(crate) fn first_id_at(at: DateTime<Utc>) -> Uuid {
    id_of(at, [0; 10])
}

fn id_of(at: DateTime<Utc>, mut rest: [u8; 10]) -> Uuid {
    let micros = u16::try_from(at.nanosecond() / 1_000 % 1_000).expect("below 1000");
    // 12 bits beside the version.
    rest[..2].copy_from_slice(&micros.to_be_bytes());
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
}

/// The day in the tenant's zone.
pub(crate) fn day_of(at: DateTime<Utc>, time_zone: &str) -> NaiveDate {
    at.with_timezone(&zone(time_zone)).date_naive()
}

/// The hour in the tenant's zone, 0 to 23.
pub(crate) fn hour_of(at: DateTime<Utc>, time_zone: &str) -> i64 {
    use chrono::Timelike;
    i64::from(at.with_timezone(&zone(time_zone)).hour())
}

/// A zone we do not know counts as UTC: names come and go with the IANA database.
pub(crate) fn zone(name: &str) -> chrono_tz::Tz {
    name.parse().unwrap_or(chrono_tz::UTC)
}

/// Where a page ends: the time (in microseconds) and the id of its last row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cursor {
    pub(crate) at: DateTime<Utc>,
    pub(crate) id: Uuid,
}

impl Cursor {
    pub(crate) fn read(text: Option<&str>) -> Result<Option<Self>> {
        text.map(|text| Self::decode(text).ok_or(StoreError::BadCursor)).transpose()
    }
    fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text).ok()?;
        let (micros, id) = bytes.split_first_chunk::<8>()?;
        // A time beyond the calendar is only further away: what has the form of a cursor is one.
        let micros = i64::from_be_bytes(*micros);
        let beyond = if micros < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        let at = known_time(DateTime::from_timestamp_micros(micros).unwrap_or(beyond));
        Some(Self { at, id: Uuid::from_slice(id).ok()? })
    }
    pub(crate) fn encode(self) -> String {
        let mut bytes = self.at.timestamp_micros().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.as_bytes());
        BASE64.encode(bytes)
    }
}

/// Makes a page of rows that were asked for with one more than `limit`, so that the end is known.
pub(crate) fn page<T>(mut rows: Vec<T>, limit: u32, end: impl Fn(&T) -> Cursor) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| end(last).encode());
    Page { rows, next }
}

/// A tenant as its row has it.
#[derive(sqlx::FromRow)]
pub(crate) struct TenantRow {
    id: Uuid,
    name: String,
    time_zone: String,
    created_at: DateTime<Utc>,
}

impl From<TenantRow> for Tenant {
    fn from(row: TenantRow) -> Self {
        Self { id: row.id.into(), name: row.name, time_zone: row.time_zone, created_at: row.created_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn instant(micros: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(micros).unwrap()
    }

    #[test]
    fn ids_sort_by_time_and_then_by_the_order_they_were_made_in() {
        let start = instant(1_772_452_800_000_999);
        let mut ids = Vec::new();
        for step in [0, 0, 0, 1, 2, 999, 1_000, 1_000, 5_000_000] {
            ids.push(id_at(start + TimeDelta::microseconds(step)));
        }
        assert!(ids.is_sorted());
        ids.dedup();
        assert_eq!(ids.len(), 9);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert!(first_id_at(start) < ids[0] && ids[2] < first_id_at(start + TimeDelta::microseconds(1)));
        // Before 1970 there are no tickets; it must not panic all the same.
        id_at(instant(-1));
    }

    proptest! {
        #[test]
        fn a_later_instant_has_a_greater_id(a in 0..4_000_000_000_000_000_i64, b in 0..4_000_000_000_000_000_i64) {
            prop_assume!(a < b);
            prop_assert!(id_at(instant(a)) < id_at(instant(b)));
        }

        #[test]
        fn a_cursor_reads_back_as_it_was_written(micros in 0..4_000_000_000_000_000_i64, id: u128) {
            let cursor = Cursor { at: instant(micros), id: Uuid::from_u128(id) };
            prop_assert_eq!(Cursor::read(Some(&cursor.encode())).unwrap(), Some(cursor));
        }

        #[test]
        fn no_text_makes_reading_a_cursor_panic(text: String) {
            let _ = Cursor::read(Some(&text));
        }
    }

    #[test]
    fn a_page_ends_where_the_rows_end() {
        let end = |row: &i64| Cursor { at: instant(*row), id: Uuid::nil() };
        for (found, limit, shown, more) in
            [(0, 3, 0, false), (3, 3, 3, false), (4, 3, 3, true), (1, 0, 0, false)]
        {
            let page = page((0..found).collect(), limit, end);
            assert_eq!((page.rows.len(), page.next.is_some()), (shown, more), "{found} of {limit}");
        }
    }

    #[test]
    fn each_word_is_read_back_as_what_it_stands_for() {
        fn check<W: Word + PartialEq + std::fmt::Debug>() {
            for (value, word) in W::WORDS {
                assert_eq!(W::read("t", "c", word).unwrap(), *value);
                assert_eq!(value.word(), *word);
            }
            assert!(W::read("t", "c", "something else").is_err());
        }
        check::<DeliveryState>();
        check::<Stage>();
        check::<TicketState>();
        check::<AnalysisState>();
        check::<ActionState>();
        check::<Mode>();
        check::<Label>();
        check::<Role>();
        check::<PsaKind>();
    }

    #[test]
    fn a_day_ends_at_midnight_where_the_tenant_is() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (instant, zone, day) in [
            ("2026-03-02T23:59:59Z", "UTC", "2026-03-02"),
            ("2026-03-02T23:59:59Z", "Europe/Berlin", "2026-03-03"),
            ("2026-03-02T04:59:59Z", "America/New_York", "2026-03-01"),
            // Summer time has begun: five hours behind became four.
            ("2026-03-09T04:00:00Z", "America/New_York", "2026-03-09"),
            ("2026-03-02T12:00:00Z", "Nowhere/Land", "2026-03-02"),
        ] {
            assert_eq!(day_of(at(instant), zone).to_string(), day, "{instant} {zone}");
        }
    }
}
