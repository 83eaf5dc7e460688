//! Importing the past: asked for, estimated, allowed, watched.

mod acts;
mod estimate;

pub use acts::{
    ImportBegin, ImportCancel, ImportLook, ImportPause, ImportStart, import_begin, import_cancel,
    import_look, import_pause, import_start,
};

use crate::AppError;
use crate::form::{Button, Field, Form, Pick, Select, Weight};
use crate::live::WaitingRegion;
use crate::pages::parts::ReadOnlyLine;
use crate::screen::{Nav, Screen, screen};
use crate::ui::words::{count, thousands};
use crate::ui::{Badge, Empty, PageHeader, Table, Tone, When};
use crate::viewer::Viewer;
use domain::{Permission, import};
use estimate::{Estimate, about};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::connections::ConnectionState;
use store::imports::{Import, ImportState};

const PAGE: &str = "/import";
/// How often the page looks how far it is.
const EVERY_SECONDS: u32 = 5;
/// Spans to choose from, and the one that is chosen at first.
const DAYS: [u16; 5] = [30, 60, 90, 180, import::LONGEST];
const USUAL_DAYS: u16 = 90;

#[component]
pub fn ImportPage() -> impl IntoView {
    screen(Permission::Read, |viewer, _asked| async move {
        let may_change = viewer.can(Permission::Configure);
        let body = match viewer.store.psa_connection().await? {
            None => view! {
                <Empty title="Connect your ticketing system first" text="Its past tickets can be read once it is connected." action=("/connections", "To connections")/>
            }
            .into_any(),
            Some(_) => content(&viewer, may_change).await?,
        };
        let body = view! {
            <PageHeader title="Import the past" about="Tickets from before Undertone was connected, so that trends and the policy’s what-if have something to stand on from the first day."/>
            {(!may_change).then(|| view! { <ReadOnlyLine/> })}
            {body}
        };
        Ok(Screen::new(Nav::Connections, "Import the past", body))
    })
}

/// How it stands, and what it waits for that is not its own.
struct Standing {
    import: Import,
    waits: Option<String>,
}

async fn standing(viewer: &Viewer) -> Result<Option<Standing>, AppError> {
    let Some(import) = viewer.store.import().await? else { return Ok(None) };
    let goes_on = matches!(import.state, ImportState::Listing | ImportState::Running);
    let psa = viewer.store.psa_connection().await?.map(|psa| psa.state);
    let model = viewer.store.model_connection().await?.state;
    let waits = match (psa, model) {
        (Some(ConnectionState::Paused { .. }), _) if goes_on => Some(format!(
            "{} refused the key; it goes on by itself once that works again.",
            import.psa.kind.name()
        )),
        (_, ConnectionState::Paused { .. }) if import.state == ImportState::Running => {
            Some("The model refused the key; what is under way waits until that works again.".into())
        }
        _ => None,
    };
    Ok(Some(Standing { import, waits }))
}

async fn content(viewer: &Viewer, may_change: bool) -> Result<AnyView, AppError> {
    let Some(standing) = standing(viewer).await? else {
        return Ok(may_change.then(|| view! { <Begin again=false/> }).into_any());
    };
    let import = &standing.import;
    let over = import.state.is_over();
    let work = match import.state {
        ImportState::Listed => listed(viewer, import, may_change).await?,
        _ => going(viewer, &standing, may_change).await?,
    };
    Ok(view! { {work} {(over && may_change).then(|| view! { <Begin again=true/> })} }.into_any())
}

#[component]
fn Begin(again: bool) -> impl IntoView {
    let options = DAYS.map(|days| Pick::new(days.to_string(), format!("{days} days"))).to_vec();
    view! {
        <section class="card">
            <h2>{if again { "Import again" } else { "How far back?" }}</h2>
            <p>
                "First only the list of tickets is read, and you see how many there are and what scoring them will take. "
                "What is then read is scored in shadow: "<strong>"nothing is ever written to a past ticket."</strong>
            </p>
            {again.then(|| view! { <p class="quiet">"Tickets that are here already are not read a second time."</p> })}
            <Form to=ImportBegin::url() class="row-form">
                <Select label="Tickets created in the last" name="days" options value=USUAL_DAYS.to_string()/>
                <Button>"List them"</Button>
            </Form>
        </section>
    }
}

/// All is known; what it will take, and whether it may.
async fn listed(viewer: &Viewer, import: &Import, may_change: bool) -> Result<AnyView, AppError> {
    let counts = import.counts;
    if counts.waiting == 0 {
        let text = match counts.known {
            0 => "As far as your PSA shows them to our user, no ticket was created in that time.".to_owned(),
            known => format!("{} of that time are here already.", count(known, "ticket", "tickets")),
        };
        return Ok(view! {
            <Empty title="There is nothing to read" text/>
            {may_change.then(|| view! { <Form to=ImportCancel::url()><p class="buttons"><Button>"Choose another time"</Button></p></Form> })}
        }
        .into_any());
    }
    let model = viewer.store.model_connection().await?.settings;
    let usual = viewer.store.usual_reading().await?;
    let estimate = Estimate::of(counts.waiting.unsigned_abs(), usual, &model, import.psa.kind);
    let priced = estimate.cost.is_some();
    let days = (import.until - import.since).num_days();
    let rows = estimate.lines(counts.known, days).into_iter().map(|(name, value, hint)| {
        view! { <div><dt>{name}</dt><dd><span class="num">{value}</span>{(!hint.is_empty()).then(|| view! { <span class="quiet">" "{hint}</span> })}</dd></div> }
    });
    let limit = estimate.cost_with_room();
    let allow = may_change.then(|| {
        view! {
            <Form to=ImportStart::url()>
                <div class="row-form">
                    <Field kind="number" label="At most so many tickets" name="tickets" value=counts.waiting.to_string() hint="The newest come first."/>
                    {priced.then(|| view! { <Field label="Spend at most, in US dollars" name="cost" value=limit hint="It stops by itself once that is reached."/> })}
                </div>
                <p class="buttons"><Button>"Read and score them"</Button><Button weight=Weight::Quiet to=ImportCancel::url() unchecked=true>"Cancel"</Button></p>
            </Form>
        }
    });
    Ok(view! {
        <section class="card">
            <h2>"What it will take"</h2>
            <dl class="values">{rows.collect_view()}</dl>
            {allow}
        </section>
    }
    .into_any())
}

async fn going(viewer: &Viewer, standing: &Standing, may_change: bool) -> Result<AnyView, AppError> {
    let import = &standing.import;
    let shown = progress(standing, false);
    let is_priced = viewer.store.model_connection().await?.settings.price().is_some();
    let buttons = may_change.then(|| match import.state {
        ImportState::Listing => view! { <Form to=ImportCancel::url()><p class="buttons"><Button weight=Weight::Quiet>"Cancel"</Button></p></Form> }.into_any(),
        ImportState::Running => view! {
            <Form to=ImportPause::url()>
                <p class="buttons"><Button>"Pause"</Button><Button weight=Weight::Quiet to=ImportCancel::url()>"Cancel"</Button></p>
            </Form>
        }
        .into_any(),
        ImportState::Paused => resume(import, is_priced).into_any(),
        _ => ().into_any(),
    });
    Ok(view! {
        <section class="card import">
            <WaitingRegion to=ImportLook::url().to_owned() every_seconds=EVERY_SECONDS announced=false>{shown}</WaitingRegion>
            <noscript><p><a class="button" href=PAGE>"Look again"</a></p></noscript>
            {buttons}
        </section>
    }
    .into_any())
}

fn resume(import: &Import, is_priced: bool) -> impl IntoView + use<> {
    let (limits, counts) = (import.limits, import.counts);
    // A limit that was reached is no proposal.
    let tickets = limits.tickets.filter(|most| i64::from(*most) > counts.used());
    let tickets = tickets.map_or(counts.used() + counts.waiting, i64::from).to_string();
    let cost = (is_priced || limits.cost.is_some())
        .then(|| limits.cost.map(|most| most.to_string()).unwrap_or_default());
    view! {
        <Form to=ImportStart::url()>
            <div class="row-form">
                <Field kind="number" label="At most so many tickets" name="tickets" value=tickets hint="In all, with those that were read."/>
                {cost.map(|cost| view! { <Field label="Spend at most, in US dollars" name="cost" value=cost hint="In all, with what was spent."/> })}
            </div>
            <p class="buttons"><Button>"Go on"</Button><Button weight=Weight::Quiet to=ImportCancel::url() unchecked=true>"Cancel"</Button></p>
        </Form>
    }
}

/// How far it is. `data-waiting` stands in it while that changes by itself. `since`: the page was made before, and its
/// buttons may be those of an earlier state.
fn progress(standing: &Standing, since: bool) -> impl IntoView + use<> {
    let import = &standing.import;
    let counts = import.counts;
    let changes = matches!(import.state, ImportState::Listing | ImportState::Running);
    let (tone, word, sentence) = told(import);
    let most = import.limits.tickets.map_or(i64::MAX, i64::from);
    let all = (counts.used() + counts.waiting).min(most).max(counts.used());
    let bar = (!matches!(import.state, ImportState::Listing | ImportState::Listed) && all > 0).then(|| {
        let percent = counts.through() * 100 / all;
        let label = format!("{} of {} tickets are through", thousands(counts.through()), thousands(all));
        view! {
            <progress class="import-bar" max=all value=counts.through() aria-label=label.clone()>{format!("{percent} %")}</progress>
            <p class="num">{label}</p>
        }
    });
    let reason = import.reason.clone().or_else(|| standing.waits.clone());
    let rest = u64::try_from(all - counts.through()).unwrap_or(0);
    let left = (import.state == ImportState::Running && rest > 0).then(|| {
        let time = import::time_left(import.psa.kind, rest, counts.through().unsigned_abs(), import.ran);
        view! { <p>{format!("{} left.", about(time))}</p> }
    });
    let failures = (!import.failures.is_empty()).then(|| {
        let lines = import.failures.iter().map(|(ticket, why)| view! { <li>{format!("Ticket {ticket}: {why}")}</li> });
        view! { <details><summary>{count(counts.failed, "ticket could not be read", "tickets could not be read")}</summary><ul>{lines.collect_view()}</ul></details> }
    });
    let onward = if import.state == ImportState::Listed {
        "See what it will take"
    } else {
        "Show the page as it is now"
    };
    let table = (!matches!(import.state, ImportState::Listing | ImportState::Listed)).then(|| fates(import));
    view! {
        <div class="import-state" class:import-over=since && !changes data-waiting=changes.then_some("")>
            <p class="state-line"><Badge tone text=word/>" "{sentence}{import.ended_at.map(|at| view! { " Ended "<When at/>"." })}</p>
            {reason.map(|reason| view! { <p class="quiet">{reason}</p> })}
            {bar}
            {left}
            {table}
            {failures}
            {(since && !changes).then(|| view! { <p><a class="button button-primary" href=PAGE>{onward}</a></p> })}
        </div>
    }
}

fn told(import: &Import) -> (Tone, &'static str, String) {
    let counts = import.counts;
    match import.state {
        ImportState::Listing => (
            Tone::Waiting,
            "listing",
            format!("Reading the list: {} so far.", count(counts.listed(), "ticket", "tickets")),
        ),
        ImportState::Listed => (Tone::Good, "listed", "The list is complete.".into()),
        ImportState::Running => {
            (Tone::Waiting, "running", "Past tickets are read and scored, the newest first.".into())
        }
        ImportState::Paused => (Tone::Plain, "paused", "No more tickets are taken in.".into()),
        ImportState::Done => (
            Tone::Good,
            "done",
            format!("{} of the past are scored.", count(counts.scored, "ticket", "tickets")),
        ),
        ImportState::Cancelled => (
            Tone::Plain,
            "cancelled",
            format!("{} were scored before and stay.", count(counts.scored, "ticket", "tickets")),
        ),
    }
}

/// Every ticket of the list, and what became of it.
fn fates(import: &Import) -> impl IntoView + use<> {
    let counts = import.counts;
    let rows = [
        ("Scored", counts.scored, "in shadow; they are in Tickets and in every trend"),
        ("Left out", counts.left, "by your policy’s scope, as machine text, or without scores"),
        ("Failed", counts.failed, "given up after several tries"),
        ("Under way", counts.taken, ""),
        ("Waiting", counts.waiting, ""),
        ("Here already", counts.known, "not read again"),
    ]
    .into_iter()
    .filter(|(name, number, _)| *number > 0 || *name == "Scored")
    .map(|(name, number, what)| {
        view! { <tr><th scope="row" class="fit">{name}</th><td class="n num">{thousands(number)}</td><td class="quiet">{what}</td></tr> }
    })
    .collect_view();
    let tokens = counts.tokens_in + counts.tokens_out;
    let spent = (tokens > 0).then(|| {
        let cost = (counts.costed > 0).then(|| format!(", ${}", counts.spent()));
        view! { <p>{format!("Spent so far: {} tokens{}.", thousands(tokens), cost.unwrap_or_default())}</p> }
    });
    view! {
        <Table caption="What became of the tickets of the list" heads=vec!["Tickets", "#Number", "What that means"]>{rows}</Table>
        {spent}
    }
}
