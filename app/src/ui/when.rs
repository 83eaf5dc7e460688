//! Times: relative in lists, exact on hover and in the DOM, in the tenant's zone. Formatted on the server; views have no
//! clock.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use chrono_tz::Tz;
use leptos::prelude::*;

/// The moment a page is made for, and the zone its times are told in. Context of every page.
#[derive(Clone, Copy, Debug)]
pub struct Clockface {
    pub now: DateTime<Utc>,
    pub zone: Tz,
}

impl Clockface {
    /// `23 Nov 2026, 15:04:05 GMT`.
    pub fn exact(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%-d %b %Y, %H:%M:%S %Z").to_string()
    }
    /// `just now`, `3 min ago`, `yesterday 15:04`, `12 Nov`, `12 Nov 2025`.
    pub fn relative(&self, at: DateTime<Utc>) -> String {
        let age = self.now - at;
        let (local, today) = (at.with_timezone(&self.zone), self.now.with_timezone(&self.zone));
        let days = (today.date_naive() - local.date_naive()).num_days();
        if age < Duration::zero() {
            if age > -Duration::minutes(1) { "just now".into() } else { format!("in {}", span(-age)) }
        } else if age < Duration::minutes(1) {
            "just now".into()
        } else if age < Duration::hours(12) {
            format!("{} ago", span(age))
        } else if days == 0 {
            local.format("today %H:%M").to_string()
        } else if days == 1 {
            local.format("yesterday %H:%M").to_string()
        } else if days < 7 {
            local.format("%a %H:%M").to_string()
        } else if local.format("%Y").to_string() == today.format("%Y").to_string() {
            local.format("%-d %b").to_string()
        } else {
            local.format("%-d %b %Y").to_string()
        }
    }
    /// `15:04:05`, for the lines of a timeline; with the day where it is not today's.
    pub fn clock(&self, at: DateTime<Utc>) -> String {
        let (local, today) = (at.with_timezone(&self.zone), self.now.with_timezone(&self.zone));
        let form = if local.date_naive() == today.date_naive() { "%H:%M:%S" } else { "%-d %b %H:%M:%S" };
        local.format(form).to_string()
    }
}

/// A length of time in its largest unit: `40 s`, `3 min`, `2 h`, `5 days`.
pub fn span(length: Duration) -> String {
    let seconds = length.num_seconds();
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A time as people say it.
#[component]
pub fn When(at: DateTime<Utc>) -> impl IntoView {
    told(at, Clockface::relative)
}

/// A time to the second, for timelines.
#[component]
pub fn Moment(at: DateTime<Utc>) -> impl IntoView {
    told(at, Clockface::clock)
}

fn told(at: DateTime<Utc>, tell: fn(&Clockface, DateTime<Utc>) -> String) -> impl IntoView {
    let face = use_context::<Clockface>().unwrap_or(Clockface { now: at, zone: Tz::UTC });
    view! {
        <time datetime=at.to_rfc3339_opts(SecondsFormat::Secs, true) title=face.exact(at)>{tell(&face, at)}</time>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_told_as_people_say_them() {
        let face = Clockface { now: at("2026-11-23T15:00:00Z"), zone: Tz::Europe__Berlin };
        for (then, expected) in [
            ("2026-11-23T14:59:30Z", "just now"),
            ("2026-11-23T14:57:00Z", "3 min ago"),
            ("2026-11-23T10:00:00Z", "5 h ago"),
            ("2026-11-22T23:30:00Z", "today 00:30"),
            ("2026-11-22T20:00:00Z", "yesterday 21:00"),
            ("2026-11-20T09:00:00Z", "Fri 10:00"),
            ("2026-10-01T09:00:00Z", "1 Oct"),
            ("2025-10-01T09:00:00Z", "1 Oct 2025"),
            ("2026-11-23T15:00:20Z", "just now"),
            ("2026-11-23T15:30:00Z", "in 30 min"),
        ] {
            assert_eq!(face.relative(at(then)), expected, "{then}");
        }
    }

    #[test]
    fn the_exact_time_is_in_the_tenants_zone() {
        let face = Clockface { now: at("2026-11-23T15:00:00Z"), zone: Tz::America__New_York };
        assert_eq!(face.exact(at("2026-11-23T15:04:05Z")), "23 Nov 2026, 10:04:05 EST");
    }
}
