//! How it stands: what was analysed, how the moods move, who is worst off, and whether everything is running.

use crate::AppError;
use crate::pages::arrivals::{self, Coming};
use crate::pages::parts::NextTry;
use crate::screen::{Asked, Nav, Screen, screen};
use crate::ui::words::{count, thousands};
use crate::ui::{
    Badge, Card, Column, Empty, Figure, MeanMood, Mood, PageHeader, ShareBar, Table, Tone, TrendChart, When,
    span,
};
use crate::viewer::Viewer;
use chrono::{Days, Duration, NaiveDate};
use domain::trend::Tally;
use domain::{Mode, ModelSettings, Permission};
use leptos::prelude::*;
use store::connections::ConnectionState;
use store::door::PipelineHealth;
use store::tickets::{TicketFilter, TicketRow};
use store::trends::{Bucket, ClientTally, Overview};

/// How far back the page looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: NaiveDate,
    /// Exclusive.
    pub to: NaiveDate,
    pub days: u16,
}

impl Period {
    const CHOICES: [u16; 3] = [7, 30, 90];

    /// The last 7, 30 or 90 days, today included; 30 where the address says nothing sensible.
    pub(super) fn of(asked: &Asked, today: NaiveDate) -> Self {
        let days = asked
            .query("days")
            .and_then(|days| days.parse().ok())
            .filter(|days| Self::CHOICES.contains(days))
            .unwrap_or(30);
        Self { from: today - Days::new(u64::from(days) - 1), to: today + Days::new(1), days }
    }
    /// For the ticket list: the same span.
    pub(super) fn query(self) -> String {
        format!("from={}&to={}", self.from, self.to - Days::new(1))
    }
}

/// The choice of the period, as links.
#[component]
pub fn Periods(period: Period, path: &'static str) -> impl IntoView {
    let links = Period::CHOICES
        .map(|days| {
            let here = (days == period.days).then_some("true");
            view! { <a href=format!("{path}?days={days}") aria-current=here>{format!("{days} days")}</a> }
        })
        .collect_view();
    view! { <nav class="switch" aria-label="Period">{links}</nav> }
}

struct Loaded {
    period: Period,
    overview: Overview,
    columns: Vec<Column>,
    clients: Vec<ClientTally>,
    escalated: Vec<TicketRow>,
    health: Health,
}

/// Whether tickets reach us and we reach the PSA and the model.
struct Health {
    pipeline: PipelineHealth,
    coming: Coming,
    psa: Option<(&'static str, ConnectionState)>,
    model: (String, ConnectionState),
    is_builtin: bool,
    mode: Mode,
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
    let bucket = if period.days > 31 { Bucket::Week } else { Bucket::Day };
    let points = store.trend(period.from, period.to, bucket, None).await?;
    let only_escalated = TicketFilter { escalated: Some(true), ..TicketFilter::default() };
    let model = store.model_connection().await?;
    Ok(Loaded {
        period,
        overview: store.overview(period.from, period.to).await?,
        columns: points.into_iter().map(|point| Column { start: point.start, tally: point.tally }).collect(),
        clients: store.client_tallies(period.from, period.to, 8).await?,
        escalated: store.ticket_list(&only_escalated, 6, None).await?.rows,
        health: Health {
            pipeline: store.pipeline_health(viewer.now).await?,
            coming: arrivals::load(viewer).await?,
            psa: store.psa_connection().await?.map(|psa| (psa.settings.kind().name(), psa.state)),
            is_builtin: matches!(model.settings, ModelSettings::Builtin {}),
            model: (model.settings.shown(), model.state),
            mode: store.policy().await?.body.mode,
        },
    })
}

fn overview(loaded: Loaded) -> AnyView {
    let Loaded { period, overview, columns, clients, escalated, health } = loaded;
    let nothing_yet = overview.tally.analysed == 0 && overview.before.analysed == 0;
    let unit = if period.days > 31 { "week" } else { "day" };
    view! {
        <PageHeader title="Overview" about=format!("The last {} days, against the {0} days before.", period.days)>
            <Periods period path="/"/>
        </PageHeader>
        {if nothing_yet {
            view! { <FirstSteps connected=health.psa.is_some() heard=health.pipeline.last_delivery_at.is_some()/> }.into_any()
        } else {
            view! {
                <Figures overview=overview.clone() period/>
                <div class="card"><TrendChart finding=finding(&overview, period) columns unit/></div>
                <div class="halves">
                    <WorstClients clients period/>
                    <Escalations rows=escalated/>
                </div>
            }.into_any()
        }}
        <HealthCard health/>
    }
    .into_any()
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
    view! { <div class="card"><Empty title text action/></div> }
}

#[component]
fn Figures(overview: Overview, period: Period) -> impl IntoView {
    let (now, before) = (overview.tally, overview.before);
    let (share_change, share_verdict) = share_change(now, before);
    let (escalated_change, escalated_verdict) = count_change(now.escalated, before.escalated, true);
    let (analysed_change, _) = count_change(now.analysed, before.analysed, false);
    let median = overview.median_seconds.map_or_else(|| "–".to_owned(), duration);
    let span = period.query();
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
    let days = period.days;
    match (overview.tally.mean_sentiment(), overview.before.mean_sentiment()) {
        (Some(now), Some(before)) if now - before >= 0.15 => {
            format!("Your clients are getting unhappier: {before:.1} → {now:.1} in {days} days")
        }
        (Some(now), Some(before)) if before - now >= 0.15 => {
            format!("Your clients are getting happier: {before:.1} → {now:.1} in {days} days")
        }
        (Some(now), Some(_)) => format!("The mood is steady at {now:.1} over {days} days"),
        (Some(now), None) => format!("The mood is {now:.1} over the last {days} days"),
        (None, _) => format!("No tickets in the last {days} days"),
    }
}

#[component]
fn WorstClients(clients: Vec<ClientTally>, period: Period) -> impl IntoView {
    let rows = clients.into_iter().map(|client| client_row(client, period)).collect_view();
    view! {
        <Card title="Clients, worst first" class="card-table">
            <Table caption="Clients, worst first" heads=vec!["Client", "Mood", "Before", "Negative", "#Tickets"] class="table-cards clients">{rows}</Table>
            <p class="card-more"><a href=format!("/clients?days={}", period.days)>"All clients"</a></p>
        </Card>
    }
}

/// One client's mood, against its own past; the row leads to its tickets.
pub(super) fn client_row(client: ClientTally, period: Period) -> impl IntoView {
    let query = serde_urlencoded::to_string([("client", client.client_id.as_str())]).unwrap_or_default();
    let href = format!("/tickets?{}&{query}", period.query());
    let before = client.before.mean_sentiment().map_or_else(|| "new".to_owned(), |mean| format!("{mean:.1}"));
    let name = if client.name.is_empty() { "Without a client".to_owned() } else { client.name };
    view! {
        <tr>
            <td class="lead"><a class="row-link" href=href><span class="cell-title" dir="auto">{name}</span></a></td>
            <td class="fit"><MeanMood mean=client.tally.mean_sentiment()/></td>
            <td class="fit num cell-sub" data-label="before">{before}</td>
            <td class="fit" data-label="negative"><ShareBar share=client.tally.negative_share()/></td>
            <td class="n" data-label="tickets">{thousands(client.tally.analysed)}</td>
        </tr>
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
                        <span class="cell-title cell-sub" dir="auto">{row.client.unwrap_or_default()}</span>
                    </td>
                    <td class="fit">{row.sentiment.map(|score| view! { <Mood score/> })}</td>
                    <td class="fit">{would.then(|| view! { <Badge text="would have"/> })}</td>
                    <td class="n cell-sub"><When at=row.created_at/></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Card title="Latest escalations" class="card-table">
            <Table caption="Latest escalations" heads=vec!["Ticket", "Mood", "Mode", "#When"] class="table-two table-cards">{rows}</Table>
            <p class="card-more"><a href="/tickets?escalated=yes">"All escalated tickets"</a></p>
        </Card>
    }
    .into_any()
}

#[component]
fn HealthCard(health: Health) -> impl IntoView {
    let Health { pipeline, coming, psa, model, is_builtin, mode } = health;
    let psa = match psa {
        Some((name, state)) => connection_line(name.to_owned(), state),
        None => view! { <li><Badge tone=Tone::Failed text="not connected"/><span>"No PSA is connected. "<a href="/setup">"Start set-up"</a></span></li> }.into_any(),
    };
    let model = match (is_builtin, model.1) {
        // It needs nobody's leave and no network: there is nothing to test.
        (true, ConnectionState::Untested) => view! {
            <li><Badge tone=Tone::Good text="working"/><span>"The built-in analyser reads the tickets, in this program."</span></li>
        }
        .into_any(),
        (_, state) => connection_line(model.0, state),
    };
    let mode = match mode {
        Mode::Shadow => "Shadow mode: nothing is written into the PSA.",
        Mode::Live => "Live: where a threshold is reached, the ticket is changed.",
    };
    view! {
        <Card title="Is everything running?">
            <ul class="health">
                {delivery_line(&pipeline)}
                {arrivals::health_line(&coming)}
                {queue_line(&pipeline)}
                {psa}
                {model}
                <li><Badge text="mode"/><span>{mode}</span></li>
            </ul>
        </Card>
    }
}

fn delivery_line(pipeline: &PipelineHealth) -> AnyView {
    match pipeline.last_delivery_at {
        Some(at) => view! { <li><Badge tone=Tone::Good text="heard"/><span>"The last webhook arrived "<When at/>"."</span></li> }.into_any(),
        None => view! { <li><Badge tone=Tone::Waiting text="silent"/><span>"No webhook has arrived yet."</span></li> }.into_any(),
    }
}

fn queue_line(pipeline: &PipelineHealth) -> AnyView {
    let waiting = match (pipeline.waiting, pipeline.oldest_waiting_at) {
        (0, _) | (_, None) => view! { <li><Badge tone=Tone::Good text="clear"/><span>"Nothing waits."</span></li> }.into_any(),
        (waiting, Some(at)) => view! {
            <li><Badge tone=Tone::Waiting text="working"/><span>{count(waiting, "ticket waits", "tickets wait")}", the oldest since "<When at/>"."</span></li>
        }
        .into_any(),
    };
    let dead = (pipeline.dead > 0).then(|| {
        view! {
            <li>
                <Badge tone=Tone::Failed text="failed"/>
                <span>{count(pipeline.dead, "webhook was", "webhooks were")}" given up. "<a href="/activity?state=failed">"See why, and replay"</a></span>
            </li>
        }
    });
    view! { {waiting}{dead} }.into_any()
}

fn connection_line(name: String, state: ConnectionState) -> AnyView {
    match state {
        ConnectionState::Untested => view! {
            <li><Badge tone=Tone::Waiting text="not tested"/><span>{name}" is saved and was not tested. "<a href="/connections">"Test it"</a></span></li>
        }
        .into_any(),
        ConnectionState::Working { since } => view! { <li><Badge tone=Tone::Good text="working"/><span>{name}" works, since "<When at=since/>"."</span></li> }.into_any(),
        ConnectionState::Paused { since, reason, next_try } => view! {
            <li>
                <Badge tone=Tone::Failed text="paused"/>
                <span>{name}" was paused "<When at=since/>": "{reason}" It is tried again by itself "<NextTry at=next_try/>". "<a href="/connections">"To connections"</a></span>
            </li>
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(analysed: i64, negative: i64, sentiment_sum: i64) -> Tally {
        Tally { analysed, negative, sentiment_sum, ..Tally::default() }
    }

    #[test]
    fn the_chart_says_what_it_shows() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let period = Period { from: today, to: today, days: 30 };
        let cases = [
            (tally(10, 0, 34), tally(10, 0, 21), "Your clients are getting unhappier: 2.1 → 3.4 in 30 days"),
            (tally(10, 0, 21), tally(10, 0, 34), "Your clients are getting happier: 3.4 → 2.1 in 30 days"),
            (tally(10, 0, 25), tally(10, 0, 26), "The mood is steady at 2.5 over 30 days"),
            (tally(10, 0, 25), tally(0, 0, 0), "The mood is 2.5 over the last 30 days"),
            (tally(0, 0, 0), tally(4, 0, 12), "No tickets in the last 30 days"),
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
