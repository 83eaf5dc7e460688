//! The span of days that a page looks at.

use crate::screen::Asked;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use leptos::prelude::*;
use store::trends::Bucket;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: NaiveDate,
    /// Exclusive.
    pub to: NaiveDate,
    /// Up to today; otherwise two days were chosen.
    is_last: bool,
}

impl Period {
    const CHOICES: [u64; 3] = [7, 30, 90];
    /// Two years: further back a chart shows nothing that its client's page does not.
    const MOST: i64 = 731;

    /// `days`: the last 7, 30 or 90, today included. `from` and `to`: these days and those between them. 30 days where the
    /// address says nothing sensible.
    pub fn of(asked: &Asked, today: NaiveDate) -> Self {
        Self::read(|name| asked.query(name), today)
    }

    fn read(query: impl Fn(&str) -> Option<String>, today: NaiveDate) -> Self {
        let day = |name| query(name).and_then(|day| day.parse::<NaiveDate>().ok());
        let chosen = day("from").map(|from| (from, day("to").unwrap_or(today)));
        if let Some((from, last)) = chosen
            && let Some(to) = last.succ_opt()
            && (1..=Self::MOST).contains(&(to - from).num_days())
        {
            return Self { from, to, is_last: false };
        }
        let days = query("days").and_then(|days| days.parse().ok());
        Self::last(days.filter(|days| Self::CHOICES.contains(days)).unwrap_or(30), today)
    }

    fn last(days: u64, today: NaiveDate) -> Self {
        Self { from: today - Days::new(days - 1), to: today + Days::new(1), is_last: true }
    }

    pub fn days(self) -> u64 {
        (self.to - self.from).num_days().unsigned_abs()
    }

    fn last_day(self) -> NaiveDate {
        self.to.pred_opt().unwrap_or(self.from)
    }

    /// For the address of a page that looks at the same span.
    pub fn query(self) -> String {
        if self.is_last { format!("days={}", self.days()) } else { self.span() }
    }

    /// For the address of the ticket list, which knows days only.
    pub fn span(self) -> String {
        format!("from={}&to={}", self.from, self.last_day())
    }

    /// When it begins and ends, for what is kept by moments. From inclusive, to exclusive.
    pub fn moments(self, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        let at =
            |day: NaiveDate| midnight(day, zone).unwrap_or_else(|| day.and_time(NaiveTime::MIN).and_utc());
        (at(self.from), at(self.to))
    }

    /// "the last 30 days", "2 Nov to 9 Nov 2026".
    pub fn words(self) -> String {
        if self.is_last {
            return format!("the last {} days", self.days());
        }
        let last = self.last_day().format("%-d %b %Y");
        match self.days() {
            1 => last.to_string(),
            _ if self.from.format("%Y").to_string() == self.to.format("%Y").to_string() => {
                format!("{} to {last}", self.from.format("%-d %b"))
            }
            _ => format!("{} to {last}", self.from.format("%-d %b %Y")),
        }
    }

    /// How wide a point of a chart over it is, and its word.
    pub fn bucket(self) -> (Bucket, &'static str) {
        match self.days() {
            ..=31 => (Bucket::Day, "day"),
            32..=186 => (Bucket::Week, "week"),
            _ => (Bucket::Month, "month"),
        }
    }
}

/// When a day begins in a zone.
pub(super) fn midnight(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let start = day.and_hms_opt(0, 0, 0)?;
    // Where clocks skip midnight, the day begins an hour later.
    let local = zone.from_local_datetime(&start).earliest();
    let local = local.or_else(|| zone.from_local_datetime(&(start + chrono::Duration::hours(1))).earliest());
    local.map(|local| local.with_timezone(&Utc))
}

/// The choice of the period: three links, and two days for anything else.
#[component]
pub fn Periods(
    period: Period,
    path: String,
    /// What else stands in the address.
    #[prop(optional)]
    keep: Vec<(&'static str, String)>,
) -> impl IntoView {
    let kept = serde_urlencoded::to_string(&keep).unwrap_or_default();
    let links = Period::CHOICES
        .map(|days| {
            let here = (period.is_last && days == period.days()).then_some("true");
            let and = if kept.is_empty() { "" } else { "&" };
            view! { <a href=format!("{path}?days={days}{and}{kept}") aria-current=here>{format!("{days} days")}</a> }
        })
        .collect_view();
    let kept = keep
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view();
    view! {
        <div class="periods">
            <nav class="switch" aria-label="Period">{links}</nav>
            <details class="period-own">
                <summary class="button" aria-current=(!period.is_last).then_some("true")>{if period.is_last { "Other days".to_owned() } else { period.words() }}</summary>
                <form method="get" action=path>
                    {kept}
                    <label class="filter"><span>"From"</span><input type="date" name="from" required value=period.from.to_string()/></label>
                    <label class="filter"><span>"To"</span><input type="date" name="to" required value=period.last_day().to_string()/></label>
                    <button class="button">"Show"</button>
                </form>
            </details>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(query: &str) -> Period {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        Period::read(|name| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()), today)
    }

    #[test]
    fn the_address_says_which_days_are_shown() {
        let cases = [
            ("", "from=2026-10-25&to=2026-11-23", "the last 30 days", "days=30"),
            ("days=7", "from=2026-11-17&to=2026-11-23", "the last 7 days", "days=7"),
            ("days=8", "from=2026-10-25&to=2026-11-23", "the last 30 days", "days=30"),
            (
                "from=2026-11-02&to=2026-11-09",
                "from=2026-11-02&to=2026-11-09",
                "2 Nov to 9 Nov 2026",
                "from=2026-11-02&to=2026-11-09",
            ),
            (
                "from=2025-12-30&to=2026-01-02&days=7",
                "from=2025-12-30&to=2026-01-02",
                "30 Dec 2025 to 2 Jan 2026",
                "from=2025-12-30&to=2026-01-02",
            ),
            (
                "from=2026-11-20",
                "from=2026-11-20&to=2026-11-23",
                "20 Nov to 23 Nov 2026",
                "from=2026-11-20&to=2026-11-23",
            ),
            (
                "from=2026-11-20&to=2026-11-20",
                "from=2026-11-20&to=2026-11-20",
                "20 Nov 2026",
                "from=2026-11-20&to=2026-11-20",
            ),
        ];
        for (query, span, words, again) in cases {
            let period = period(query);
            assert_eq!((period.span().as_str(), period.words().as_str()), (span, words), "{query}");
            assert_eq!(period.query(), again);
        }
    }

    #[test]
    fn days_that_make_no_span_are_the_last_thirty() {
        for query in [
            "from=2026-11-09&to=2026-11-02",
            "from=1999-01-01",
            "from=yesterday",
            "from=2026-01-01&to=2999-12-31",
        ] {
            assert_eq!(period(query).query(), "days=30", "{query}");
        }
    }

    #[test]
    fn a_long_span_has_wider_points() {
        for (query, unit) in
            [("days=30", "day"), ("days=90", "week"), ("from=2025-11-23&to=2026-11-22", "month")]
        {
            assert_eq!(period(query).bucket().1, unit);
        }
    }
}
