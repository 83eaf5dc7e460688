//! One ticket's story from top to bottom: what was written, how it was read, what was decided, what was done.

mod done;
mod feedback;
mod reading;

pub use feedback::{ScoreFeedback, score_feedback};

use super::clients::client_path;
use crate::AppError;
use crate::form::{Button, Form, Hidden, Weight, done, failed};
use crate::screen::{Nav, Screen, screen};
use crate::ui::words::{count, delivery_state};
use crate::ui::{Badge, Icon, LabelBadge, Moment, Mood, Quoted, Section, StateBadge, Tone, When};
use crate::viewer::{Viewer, viewer};
use domain::{DeliveryId, Mode, Permission, Ticket, TicketId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::analyses::Analysis;
use store::door::Delivery;
use store::feedback::Feedback;
use store::tickets::{Event, TicketFilter, TicketRow, TicketState, TicketStory};

#[component]
pub fn TicketPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let id: TicketId = asked.param("id")?;
        let story = viewer.store.ticket_story(id).await?.ok_or(AppError::NotFound)?;
        let title = format!("{} · {}", story.row.number, cut(&story.row.title, 80));
        let said = match story.analyses.first() {
            Some(analysis) => viewer.store.feedback_of(analysis.id).await?,
            None => Vec::new(),
        };
        let others = others(&viewer, &story.row).await?;
        Ok(Screen::new(Nav::Tickets, title, ticket(story, said, others, viewer.can(Permission::Operate))))
    })
}

/// At most `most` characters, and a sign that there were more.
fn cut(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Other tickets that are shown of the same client.
const OTHERS: u32 = 6;

async fn others(viewer: &Viewer, row: &TicketRow) -> Result<Vec<TicketRow>, AppError> {
    let Some(client) = row.client_id.clone() else { return Ok(Vec::new()) };
    let of_client = TicketFilter { client: Some(client), ..TicketFilter::default() };
    let mut rows = viewer.store.ticket_list(&of_client, OTHERS + 1, None).await?.rows;
    rows.retain(|other| other.id != row.id);
    rows.truncate(OTHERS as usize);
    Ok(rows)
}

fn ticket(story: TicketStory, said: Vec<Feedback>, others: Vec<TicketRow>, may_replay: bool) -> AnyView {
    let trace = story.brought_in_by().map(DeliveryId::trace);
    let TicketStory { row, ticket, text, text_remarks, author_name, analyses, actions, deliveries, events } =
        story;
    let mut analyses = analyses.into_iter();
    let latest = analyses.next();
    let earlier: Vec<Analysis> = analyses.collect();
    let assessment = latest.as_ref().and_then(|analysis| analysis.assessment.clone());
    let settled = !matches!(row.state, TicketState::Reading | TicketState::Acting);
    let words = if row.text_removed { removed(ticket.psa.name()) } else { note(text, assessment.clone()) };
    view! {
        <Head row=row.clone() ticket=ticket.clone() replay=may_replay && settled/>
        {outcome(&row, latest.as_ref())}
        <div class="story">
            <div class="story-main">
                <Section title="The note" about=written(&author_name, &ticket)>
                    {words}
                    {(!text_remarks.is_empty()).then(|| view! {
                        <ul class="remarks">{text_remarks.into_iter().map(|remark| view! { <li>{remark}</li> }).collect_view()}</ul>
                    })}
                </Section>
                {latest.as_ref().map(|analysis| reading::reading(analysis, said, may_replay))}
                {latest.as_ref().and_then(decision)}
                {done::done(actions, ticket.psa)}
                <Timeline events deliveries trace/>
                {latest.map(|analysis| reading::behind(analysis, earlier))}
            </div>
            <div class="story-side">
                <Facts ticket/>
                <Others client=row.client_id others/>
            </div>
        </div>
    }
    .into_any()
}

/// What else this client wrote: whether it is one bad day or another one.
#[component]
fn Others(client: Option<String>, others: Vec<TicketRow>) -> impl IntoView {
    let path = client.filter(|_| !others.is_empty()).map(|key| client_path(&key))?;
    let items = others
        .into_iter()
        .map(|row| {
            view! {
                <li>
                    {row.sentiment.map(|score| view! { <Mood score/> })}
                    <span><a href=format!("/tickets/{}", row.id)><span dir="auto">{cut(&row.title, 80)}</span></a>" "<span class="quiet"><When at=row.created_at/></span></span>
                </li>
            }
        })
        .collect_view();
    Some(view! {
        <aside class="story-aside" aria-label="Other tickets of this client">
            <h2>"Of the same client"</h2>
            <ul class="others">{items}</ul>
            <p><a href=path>"The client’s mood"</a></p>
        </aside>
    })
}

#[component]
fn Head(row: TicketRow, ticket: Ticket, replay: bool) -> impl IntoView {
    let link = ticket.url.filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let psa = ticket.psa.name();
    let title = match row.title.trim().is_empty() {
        false => row.title,
        true if row.text_removed => "(text removed)".to_owned(),
        true => "(without a title)".to_owned(),
    };
    let client = row.client.unwrap_or_else(|| "no client".to_owned());
    view! {
        <header class="page-header">
            <div>
                <p class="crumb"><a href="/tickets">"Tickets"</a><span class="quiet num">{row.number}</span></p>
                <h1 class="ticket-title" dir="auto">{title}</h1>
                <p class="about"><span dir="auto">{client}</span>", arrived "<When at=row.created_at/></p>
            </div>
            <div class="page-actions">
                {link.map(|url| view! {
                    <a class="button" href=url target="_blank" rel="noopener noreferrer">"Open in "{psa}{Icon::Outside.view()}</a>
                })}
                {replay.then(|| view! {
                    <Form to=TicketReplay::url()>
                        <Hidden name="id" value=row.id.to_string()/>
                        <Button weight=Weight::Quiet>"Replay"</Button>
                    </Form>
                })}
            </div>
        </header>
    }
}

/// The upshot in one line, before the story.
fn outcome(row: &TicketRow, latest: Option<&Analysis>) -> impl IntoView + use<> {
    let shadow = row.mode == Some(Mode::Shadow);
    let reason = row.reason.clone().or_else(|| latest.and_then(|analysis| analysis.reason.clone()));
    let told = match row.state {
        TicketState::Reading => "Undertone is reading this ticket now.".to_owned(),
        TicketState::Acting => "The changes are being carried out now.".to_owned(),
        TicketState::Analysed => "No threshold was reached; nothing was changed.".to_owned(),
        TicketState::Shadowed if row.escalated => {
            "In live mode this ticket would have been changed and escalated.".to_owned()
        }
        TicketState::Shadowed => "In live mode this ticket would have been changed.".to_owned(),
        TicketState::Acted if row.escalated => "The ticket was escalated.".to_owned(),
        TicketState::Acted => "The ticket was updated.".to_owned(),
        TicketState::Skipped => format!("Not scored: {}", reason.unwrap_or_else(|| "left out".into())),
        TicketState::Failed => format!("Given up: {}", reason.unwrap_or_else(|| "see the timeline".into())),
    };
    let class = if row.state == TicketState::Failed { "outcome outcome-failed" } else { "outcome" };
    view! {
        <p class=class>
            <StateBadge state=row.state/>
            {row.label.map(|label| view! { <LabelBadge label/> })}
            {shadow.then(|| view! { <Badge text="shadow mode"/> })}
            {(row.escalated && !shadow).then(|| view! { <Badge tone=Tone::Strong text="escalated"/> })}
            {row.degraded.then(|| view! { <Badge tone=Tone::Waiting text="degraded"/> })}
            <span>{told}</span>
        </p>
    }
}

fn written(author: &str, ticket: &Ticket) -> String {
    let author = if author.is_empty() { "The customer" } else { author };
    match &ticket.client {
        Some(client) if !client.name.is_empty() => format!("{author} at {} wrote:", cut(&client.name, 80)),
        _ => format!("{author} wrote:"),
    }
}

/// In place of what was written.
fn removed(psa: &str) -> AnyView {
    view! {
        <p class="quiet">
            {format!("The text of this ticket was removed, as its time was up. The scores and what was done stay; Replay reads the ticket from {psa} again.")}
        </p>
    }
    .into_any()
}

fn note(text: String, assessment: Option<domain::Assessment>) -> AnyView {
    if text.trim().is_empty() {
        return view! { <p class="quiet">"There is no text that a customer wrote."</p> }.into_any();
    }
    view! { <blockquote class="note" dir="auto" tabindex="0" aria-label="The customer's note"><Quoted text assessment/></blockquote> }.into_any()
}

fn decision(analysis: &Analysis) -> Option<AnyView> {
    let plan = analysis.plan.clone()?;
    let mode = match plan.mode {
        Mode::Shadow => "in shadow mode",
        Mode::Live => "live",
    };
    let about = format!("Policy version {}, {mode}.", analysis.policy_version);
    let sentences = plan.sentences.into_iter().map(|sentence| view! { <li>{sentence}</li> }).collect_view();
    Some(
        view! { <Section title="The decision" about><ol class="decision">{sentences}</ol></Section> }
            .into_any(),
    )
}

/// What is known of the ticket in the PSA, beside the story.
#[component]
fn Facts(ticket: Ticket) -> impl IntoView {
    let name = |party: Option<domain::Party>| party.map(|party| party.name).filter(|name| !name.is_empty());
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut fact =
        |label: &str, value: Option<String>| facts.extend(value.map(|value| (label.to_owned(), value)));
    fact("Client", name(ticket.client));
    fact("Contact", name(ticket.contact));
    fact("E-mail", ticket.contact_email);
    fact(ticket.psa.board_word(), name(ticket.board));
    fact("Type", name(ticket.kind));
    fact("Source", name(ticket.source));
    let levers: Vec<(String, String)> = ticket
        .levers
        .iter()
        .map(|(key, choice)| (key.0.word(ticket.psa).to_owned(), choice.shown().to_owned()))
        .collect();
    facts.extend(levers.into_iter().filter(|(label, _)| label != ticket.psa.board_word()));
    let rows = facts
        .into_iter()
        .map(|(label, value)| view! { <dt>{label}</dt><dd dir="auto">{value}</dd> })
        .collect_view();
    view! {
        <aside class="story-aside" aria-label="The ticket when it was read">
            <h2>"When it was read"</h2>
            <dl class="facts">{rows}</dl>
        </aside>
    }
}

#[component]
fn Timeline(events: Vec<Event>, deliveries: Vec<Delivery>, trace: Option<String>) -> impl IntoView {
    let lines = events
        .into_iter()
        .map(|event| {
            let class = format!("event event-{}", event.what);
            view! {
                <li class=class>
                    <Moment at=event.at/>
                    <b>{event.what}</b>
                    <span>{event.detail}</span>
                </li>
            }
        })
        .collect_view();
    let calls = deliveries
        .into_iter()
        .map(|delivery| {
            let repeats = (delivery.repeats > 0).then(|| format!(", {}", count(delivery.repeats, "repeat", "repeats")));
            view! {
                <li>
                    <a href=format!("/activity/{}", delivery.id)>"Webhook, "<When at=delivery.received_at/></a>
                    {format!(": {}", delivery_state(delivery.state))}{repeats}
                </li>
            }
        })
        .collect_view();
    view! {
        <Section title="The timeline" about="Every step, with its time.">
            <ol class="timeline">{lines}</ol>
            <ul class="remarks">
                {calls}
                {trace.map(|trace| view! { <li>"Trace "<span class="mono">{trace}</span>": under it the log tells of every step."</li> })}
            </ul>
        </Section>
    }
}

/// Reads, scores and decides again, with today's model, prompt and policy. What was done in the PSA is not repeated.
#[server(prefix = "/do", endpoint = "ticket-replay")]
pub async fn ticket_replay(id: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Operate).await?;
    let id: TicketId = id.parse().map_err(|_| AppError::NotFound)?;
    let page = format!("/tickets/{id}");
    if viewer.store.ticket_replay(id, &viewer.actor, viewer.now).await? {
        done(&page, "Queued: the ticket is read, scored and decided again. Reload in a moment.").await
    } else {
        failed("/tickets", "This ticket is gone; nothing was replayed.").await
    }
}
