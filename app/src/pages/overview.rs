//! How it stands: what was analysed, how the moods move, who is worst off, and whether everything is running.

mod health;

use super::clients::{ClientLine, ClientRows};
use super::period::{Period, Periods};
use crate::AppError;
use crate::screen::{Asked, Nav, Screen, screen};
use crate::ui::words::thousands;
use crate::ui::{
    Badge, Card, Column, Empty, Figure, HeatMap, Mood, PageHeader, Table, TrendChart, When, span,
};
use crate::viewer::Viewer;
use chrono::Duration;
use domain::trend::Tally;
use domain::{Mode, Permission};
use health::{Health, HealthCard};
use leptos::prelude::*;
use store::tickets::{TicketFilter, TicketRow};
use store::trends::{Hours, Overview};

/// Clients that need attention, on this page.
const CLIENTS: u32 = 8;

struct Loaded {
    period: Period,
    overview: Overview,
    columns: Vec<Column>,
    hours: Box<Hours>,
    clients: Vec<ClientLine>,
    escalated: Vec<TicketRow>,
    health: Health,
}

#[component]
pub fn OverviewPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let loaded = load(&viewer, &asked).await?;
        Ok(Screen::new(Nav::Overview, "Overview", overview(loaded)))
    })
}

async fn load(viewer: &Viewer, asked: &Asked) -> Result<Loaded, AppError> {
    let store = &viewer.store;
    let period = Period::of(asked, store.today(viewer.now).await?);
    let points = store.trend(period.from, period.to, period.bucket().0, None).await?;
    let only_escalated = TicketFilter { escalated: Some(true), ..TicketFilter::default() };
    Ok(Loaded {
        period,
        overview: store.overview(period.from, period.to).await?,
        columns: points.into_iter().map(|point| Column { start: point.start, tally: point.tally }).collect(),
        hours: store.hours(period.from, period.to).await?,
        clients: ClientLine::worst(viewer, period, CLIENTS).await?,
        escalated: store.ticket_list(&only_escalated, 6, None).await?.rows,
        health: Health::load(viewer).await?,
    })
}

fn overview(loaded: Loaded) -> AnyView {
    let Loaded { period, overview, columns, hours, clients, escalated, health } = loaded;
    let nothing_yet = overview.tally.analysed == 0 && overview.before.analysed == 0;
    let about = match period.days() {
        1 => format!("{}, against the day before.", capital(&period.words())),
        days => format!("{}, against the {days} days before.", capital(&period.words())),
    };
    view! {
        <PageHeader title="Overview" about>
            <Periods period path="/".to_owned()/>
        </PageHeader>
        {if nothing_yet {
            view! { <FirstSteps connected=health.is_connected() heard=health.is_heard()/><HealthCard health/> }.into_any()
        } else {
            view! {
                <Figures overview=overview.clone() period/>
                <div class="card"><TrendChart finding=finding(&overview, period) columns unit=period.bucket().1/></div>
                <WorstClients clients period/>
                <div class="halves">
                    <Escalations rows=escalated/>
                    <HealthCard health/>
                </div>
                <div class="card"><HeatMap hours/></div>
            }.into_any()
        }}
    }
    .into_any()
}

/// Of the first letter.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What to do before there is anything to show.
#[component]
fn FirstSteps(connected: bool, heard: bool) -> impl IntoView {
    let (title, text, action) = match (connected, heard) {
        (false, _) => (
            "Connect your PSA, and tickets begin to speak",
            "Set-up takes about ten minutes. Undertone starts in shadow mode: it reads and scores, and writes nothing until you say so.",
            ("/setup", "Start set-up"),
        ),
        (true, false) => (
            "Connected, and listening",
            "No webhook has arrived yet. Send a test ticket from set-up to see the first one come through.",
            ("/setup", "Send a test ticket"),
        ),
        (true, true) => (
            "Nothing was analysed in this period",
            "Webhooks arrive. Activity tells what became of each of them.",
            ("/activity", "See activity"),
        ),
    };
    let past = connected.then(|| view! { <p class="after-empty">"Or begin with what was there before: "<a href="/import">"import past tickets"</a>"."</p> });
    view! { <div class="card"><Empty title text action/>{past}</div> }
}

#[component]
fn Figures(overview: Overview, period: Period) -> impl IntoView {
    let (now, before) = (overview.tally, overview.before);
    let (share_change, share_verdict) = share_change(now, before);
    let (escalated_change, escalated_verdict) = count_change(now.escalated, before.escalated, true);
    let (analysed_change, _) = count_change(now.analysed, before.analysed, false);
    let median = overview.median_seconds.map_or_else(|| "–".to_owned(), duration);
    let span = period.span();
    view! {
        <div class="figures">
            <Figure label="Analysed" value=thousands(now.analysed) change=analysed_change href=format!("/tickets?{span}")/>
            <Figure label="Negative" value=percent(now.negative_share()) change=share_change verdict=share_verdict
                href=format!("/tickets?{span}&label=negative")/>
            <Figure label="Escalated" value=thousands(now.escalated) change=escalated_change verdict=escalated_verdict
                href=format!("/tickets?{span}&escalated=yes")/>
            <Figure label="From ticket to note" value=median change="half of them are faster"/>
        </div>
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.0}\u{a0}%", share * 100.0))
}

/// `0.8 s`, `42 s`, `3 min 20 s`.
fn duration(seconds: f64) -> String {
    if seconds < 0.05 {
        return "< 0.1 s".into();
    }
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, reason = "a median of some seconds to days")]
    let whole = seconds.round() as i64;
    match whole {
        ..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => span(Duration::seconds(whole)),
    }
}

fn share_change(now: Tally, before: Tally) -> (String, &'static str) {
    let (Some(now), Some(before)) = (now.negative_share(), before.negative_share()) else {
        return ("nothing to compare with".into(), "");
    };
    let points = ((now - before) * 100.0).round();
    if points == 0.0 {
        ("as before".into(), "")
    } else if points > 0.0 {
        (format!("▲ {}, from {}", of_points(points), percent(Some(before))), "worse")
    } else {
        (format!("▼ {}, from {}", of_points(-points), percent(Some(before))), "better")
    }
}

fn of_points(points: f64) -> String {
    if points < 1.5 { "1 point".into() } else { format!("{points:.0} points") }
}

fn count_change(now: i64, before: i64, more_is_worse: bool) -> (String, &'static str) {
    let verdict = match now.cmp(&before) {
        std::cmp::Ordering::Greater if more_is_worse => "worse",
        std::cmp::Ordering::Less if more_is_worse => "better",
        _ => "",
    };
    let text = match now - before {
        0 => "as before".into(),
        more @ 1.. => format!("▲ {} more, from {}", thousands(more), thousands(before)),
        fewer => format!("▼ {} fewer, from {}", thousands(-fewer), thousands(before)),
    };
    (text, verdict)
}

/// The sentence over the chart.
fn finding(overview: &Overview, period: Period) -> String {
    let days = period.words();
    match (overview.tally.mean_sentiment(), overview.before.mean_sentiment()) {
        (Some(now), Some(before)) if now - before >= 0.15 => {
            format!("Your clients are getting unhappier: {before:.1} → {now:.1}, {days} against those before")
        }
        (Some(now), Some(before)) if before - now >= 0.15 => {
            format!("Your clients are getting happier: {before:.1} → {now:.1}, {days} against those before")
        }
        (Some(now), Some(_)) => format!("The mood is steady at {now:.1}, {days}"),
        (Some(now), None) => format!("The mood is {now:.1}, {days}"),
        (None, _) => format!("No tickets, {days}"),
    }
}

#[component]
fn WorstClients(clients: Vec<ClientLine>, period: Period) -> impl IntoView {
    view! {
        <Card title="Clients that need attention" class="card-table">
            <ClientRows clients period/>
            <p class="card-more"><a href=format!("/clients?{}", period.query())>"All clients"</a></p>
        </Card>
    }
}

#[component]
fn Escalations(rows: Vec<TicketRow>) -> impl IntoView {
    if rows.is_empty() {
        return view! {
            <Card title="Latest escalations">
                <Empty title="Nothing was escalated" text="When a ticket reaches the sentiment threshold, it appears here."/>
            </Card>
        }
        .into_any();
    }
    let rows = rows
        .into_iter()
        .map(|row| {
            let would = row.mode == Some(Mode::Shadow);
            view! {
                <tr>
                    <td class="lead">
                        <a class="row-link" href=format!("/tickets/{}", row.id)><span class="cell-title" dir="auto">{row.title}</span></a>
                        <span class="cell-sub cell-title" dir="auto">{row.client.unwrap_or_default()}</span>
                    </td>
                    <td class="fit">{row.sentiment.map(|score| view! { <Mood score/> })}</td>
                    <td class="n cell-sub">{would.then(|| view! { <Badge text="would have"/>" " })}<When at=row.created_at/></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Card title="Latest escalations" class="card-table">
            <Table caption="Latest escalations" heads=vec!["Ticket", "Mood", "#When"] class="table-two table-cards">{rows}</Table>
            <p class="card-more"><a href="/tickets?escalated=yes">"All escalated tickets"</a></p>
        </Card>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(analysed: i64, negative: i64, sentiment_sum: i64) -> Tally {
        Tally { analysed, negative, sentiment_sum, ..Tally::default() }
    }

    #[test]
    fn the_chart_says_what_it_shows() {
        let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let period = Period::of(&Asked::default(), today);
        let cases = [
            (
                tally(10, 0, 34),
                tally(10, 0, 21),
                "Your clients are getting unhappier: 2.1 → 3.4, the last 30 days against those before",
            ),
            (
                tally(10, 0, 21),
                tally(10, 0, 34),
                "Your clients are getting happier: 3.4 → 2.1, the last 30 days against those before",
            ),
            (tally(10, 0, 25), tally(10, 0, 26), "The mood is steady at 2.5, the last 30 days"),
            (tally(10, 0, 25), tally(0, 0, 0), "The mood is 2.5, the last 30 days"),
            (tally(0, 0, 0), tally(4, 0, 12), "No tickets, the last 30 days"),
        ];
        for (now, before, expected) in cases {
            let overview = Overview { tally: now, before, median_seconds: None };
            assert_eq!(finding(&overview, period), expected);
        }
    }

    #[test]
    fn changes_are_told_with_what_they_are_compared_to() {
        assert_eq!(
            share_change(tally(100, 20, 0), tally(100, 16, 0)),
            ("▲ 4 points, from 16\u{a0}%".into(), "worse")
        );
        assert_eq!(
            share_change(tally(100, 19, 0), tally(100, 20, 0)),
            ("▼ 1 point, from 20\u{a0}%".into(), "better")
        );
        assert_eq!(share_change(tally(100, 20, 0), tally(0, 0, 0)), ("nothing to compare with".into(), ""));
        assert_eq!(count_change(3, 5, true), ("▼ 2 fewer, from 5".into(), "better"));
        assert_eq!(count_change(1_300, 100, false), ("▲ 1,200 more, from 100".into(), ""));
    }

    #[test]
    fn lengths_of_time_are_short() {
        for (seconds, expected) in
            [(0.02, "< 0.1 s"), (0.84, "0.8 s"), (42.2, "42 s"), (200.0, "3 min 20 s"), (7_300.0, "2 h")]
        {
            assert_eq!(duration(seconds), expected);
        }
    }
}
