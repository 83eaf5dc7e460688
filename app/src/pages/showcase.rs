//! Every component in all its states, to be looked at while one works on them; not in a release build.

use crate::AppError;
use crate::form::{Button, Check, Entry, Field, Form, Pick, Select, Weight};
use crate::islands::CopyButton;
use crate::ui::{
    Badge, Bars, Card, Clockface, Column, Empty, Figure, HeatMap, Icon, LabelBadge, Logo, MeanMood, Moment,
    Mood, Older, PageHeader, Problem, Quoted, Section, ShareBar, Spark, StateBadge, Table, Tone, TrendChart,
    When, mood_word,
};
use chrono::{DateTime, Days, Duration, Utc};
use domain::trend::Tally;
use domain::{Assessment, Dimension, Label, Reading, Score};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use store::tickets::TicketState;

const HERE: &str = "/ui";

#[component]
pub fn ShowcasePage() -> impl IntoView {
    let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap_or_default();
    provide_context(Clockface { now, zone: chrono_tz::Europe::London });
    let mut entry = Entry::new(HERE, HERE).keep("wrong", "not an address");
    entry.wrong("wrong", "Give an address that begins with https://.");
    provide_context(entry);
    let theme =
        if use_query_map().get_untracked().get_str("theme") == Some("dark") { "dark" } else { "light" };
    view! {
        <Title text="Components · Undertone"/>
        <main class="main showcase" id="main" data-theme=theme>
            <PageHeader title="Components" about="What the screens are built of, in all states.">
                <nav class="buttons" aria-label="Colours">
                    <a class="button" href="/ui?theme=light">"Light"</a>
                    <a class="button" href="/ui?theme=dark">"Dark"</a>
                </nav>
            </PageHeader>
            {marks()} {badges()} {numbers(now)} {charts(now)} {forms()} {texts(now)} {states()}
        </main>
    }
}

fn marks() -> AnyView {
    let moods = Score::ALL
        .map(|score| view! { <li><Mood score large=true/>" "{mood_word(score)}" "<Mood score/>" "<Mood score quiet=true/></li> })
        .collect_view();
    let bars = [Dimension::Urgency, Dimension::Impact]
        .map(|dimension| {
            view! { <li>{dimension.word()}" "{Score::ALL.map(|score| view! { <Bars dimension score/>" " }).collect_view()}</li> }
        })
        .collect_view();
    let means = [None, Some(1.2), Some(2.6), Some(3.0), Some(4.4), Some(4.9)];
    let icons = [
        Icon::Overview,
        Icon::Tickets,
        Icon::Clients,
        Icon::Activity,
        Icon::Setup,
        Icon::Policy,
        Icon::Prompt,
        Icon::Accuracy,
        Icon::Connections,
        Icon::Tokens,
        Icon::Settings,
        Icon::More,
        Icon::Search,
        Icon::Outside,
    ];
    view! {
        <Card title="Marks" about="Shape carries the meaning; colour repeats it.">
            <p><Logo/></p>
            <ul class="showcase-row">{moods}</ul>
            <ul class="showcase-row">{bars}</ul>
            <p class="showcase-row">{means.map(|mean| view! { <MeanMood mean/> }).collect_view()}</p>
            <p class="showcase-row">{icons.map(Icon::view).collect_view()}</p>
        </Card>
    }
    .into_any()
}

fn badges() -> AnyView {
    let tones = [
        (Tone::Plain, "plain"),
        (Tone::Good, "good"),
        (Tone::Waiting, "waiting"),
        (Tone::Failed, "failed"),
        (Tone::Strong, "strong"),
        (Tone::Quiet, "quiet"),
    ];
    let states = [
        TicketState::Reading,
        TicketState::Analysed,
        TicketState::Shadowed,
        TicketState::Acting,
        TicketState::Acted,
        TicketState::Skipped,
        TicketState::Failed,
    ];
    let labels = [Label::Negative, Label::Neutral, Label::Positive];
    view! {
        <Card title="Badges">
            <p class="showcase-row">{tones.map(|(tone, text)| view! { <Badge tone text/> }).collect_view()}</p>
            <p class="showcase-row">{states.map(|state| view! { <StateBadge state/> }).collect_view()}</p>
            <p class="showcase-row">{labels.map(|label| view! { <LabelBadge label/> }).collect_view()}</p>
        </Card>
    }
    .into_any()
}

fn numbers(now: DateTime<Utc>) -> AnyView {
    let rising = vec![Some(2.0), Some(2.4), None, Some(3.1), Some(3.9), Some(4.6)];
    let rows = [
        ("Contoso Logistics", 4, Some(0.62), rising.clone()),
        (
            "A client with a name that is longer than any table has room for",
            2,
            Some(0.0),
            vec![Some(2.0); 12],
        ),
        ("عميل جديد 🙂", 3, None, Vec::new()),
    ];
    let rows = rows
        .map(|(name, score, share, means)| {
            let mean = Score::new(score).ok().map(|score| f64::from(score.get()));
            view! {
                <tr>
                    <td class="lead"><a class="row-link" href=HERE><span class="cell-title" dir="auto">{name}</span></a></td>
                    <td class="fit"><MeanMood mean/></td>
                    <td class="fit cell-spark"><Spark means/></td>
                    <td class="fit" data-label="negative"><ShareBar share/></td>
                    <td class="n" data-label="tickets">"1,204"</td>
                </tr>
            }
        })
        .collect_view();
    let heads = vec!["Client", "Mood", "Trend", "Negative", "#Tickets"];
    let sorts = vec![("Mood", HERE.to_owned(), true), ("#Tickets", HERE.to_owned(), false)];
    let times = [
        Duration::seconds(4),
        Duration::minutes(12),
        Duration::hours(30),
        Duration::days(40),
        Duration::days(500),
    ];
    view! {
        <div class="figures">
            <Figure label="Escalated" value="12" change="9 more, from 3" verdict="worse" href=HERE/>
            <Figure label="Negative" value="8 %" change="4 points less" verdict="better"/>
            <Figure label="Tickets" value="1,204" change="as many as before"/>
        </div>
        <Table caption="An example" heads sorts class="table-cards clients">{rows}</Table>
        <Older next=Some(HERE.into()) first=Some(HERE.into())/>
        <Card title="Times">
            <p class="showcase-row">{times.map(|ago| view! { <When at=now - ago/> }).collect_view()}</p>
            <p><Moment at=now/></p>
        </Card>
    }
    .into_any()
}

fn charts(now: DateTime<Utc>) -> AnyView {
    let tally = |analysed: i64, negative: i64, sentiment_sum: i64| Tally {
        analysed,
        negative,
        neutral: analysed - negative,
        sentiment_sum,
        escalated: negative / 2,
        ..Tally::default()
    };
    let shapes = [(4, 1, 11), (0, 0, 0), (6, 2, 19), (5, 3, 19), (0, 0, 0), (8, 6, 33), (3, 0, 5)];
    let columns = (0_u64..).zip(shapes).map(move |(day, (all, negative, sum))| Column {
        start: now.date_naive() + Days::new(day),
        tally: tally(all, negative, sum),
    });
    let mut hours = Box::<[[Tally; 24]; 7]>::default();
    for (day, all) in hours.iter_mut().enumerate() {
        for (hour, one) in all.iter_mut().enumerate().skip(7).take(11) {
            let count = i64::try_from((day * 3 + hour) % 6).unwrap_or(0);
            *one = tally(count, count / 2, count * 3);
        }
    }
    view! {
        <Card><TrendChart finding="Contoso is getting unhappier: 2.8 → 4.1 in 7 days" columns=columns.collect() unit="day"/></Card>
        <Card title="When tickets turn sour"><HeatMap hours/></Card>
    }
    .into_any()
}

fn forms() -> AnyView {
    let picks = || vec![Pick::new("4", "4 or greater"), Pick::new("", "off: never")];
    view! {
        <Card title="Forms">
            <Form to=HERE>
                <Field label="A field" name="plain" value="as it is saved"/>
                <Field label="With a hint, empty" name="hinted" hint="Where this is found, in the other product’s own words." placeholder="https://…" mono=true/>
                <Field label="That is wrong" name="wrong"/>
                <Select label="A choice" name="choice" options=picks() value="4"/>
                <div class="sentence-line">"When it is "<Select inline=true label="In a sentence" name="inline" options=picks()/>", something happens."</div>
                <Check label="Yes or no" name="check" checked=true hint="What it means."/>
                <p class="buttons">
                    <Button>"Save"</Button>
                    <Button weight=Weight::Quiet>"Something quieter"</Button>
                    <Button weight=Weight::Danger>"Something that cannot be undone"</Button>
                    <CopyButton text="an address".to_owned() what="the address".to_owned()/>
                </p>
            </Form>
        </Card>
    }
    .into_any()
}

fn texts(now: DateTime<Utc>) -> AnyView {
    let reading = |score: i64, quote: &str| Reading {
        score: Score::new(score).unwrap_or(Score::NEUTRAL),
        reason: "Because of these words.".into(),
        quote: quote.into(),
    };
    let assessment = Assessment {
        sentiment: reading(5, "another provider"),
        urgency: reading(4, "Nobody can work"),
        impact: reading(5, "Nobody can work"),
    };
    let text = "Nobody can work since this morning.\nIf this goes on we will look for another provider.";
    view! {
        <Section title="A note" about="The words that counted are marked.">
            <blockquote class="note"><Quoted text=text.to_owned() assessment=Some(assessment)/></blockquote>
            <p class="quiet">"Read "<When at=now/>"."</p>
        </Section>
    }
    .into_any()
}

fn states() -> AnyView {
    let problems = [
        AppError::NotFound,
        AppError::Denied,
        AppError::Busy,
        AppError::Outside { message: "Your PSA refused the key.".into() },
        AppError::Broken { reference: "33a6c427".into() },
    ];
    view! {
        <p class="notice">"A notice."</p>
        <p class="notice notice-done">"It is saved."</p>
        <p class="notice notice-warning">"Something will never apply."</p>
        <p class="notice notice-failed">"It did not work, and why."</p>
        <div class="card"><Empty title="No tickets in this period" text="Choose a longer period, or look whether webhooks arrive." action=("/activity", "See activity")/></div>
        {problems.map(|error| view! { <div class="card"><Problem error/></div> }).collect_view()}
    }
    .into_any()
}
