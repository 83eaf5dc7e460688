//! Every webhook and its fate; failed ones with the cause and Replay.

use crate::AppError;
use crate::form::{Button, Form, Hidden, Weight, done, failed};
use crate::pages::arrivals::{self, ArrivalsLine};
use crate::screen::{Nav, Screen, screen};
use crate::ui::words::{count, delivery_state};
use crate::ui::{Badge, Card, Empty, Older, PageHeader, Table, Tone, When};
use crate::viewer::viewer;
use domain::{DeliveryId, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use serde_json::Value;
use store::door::{Delivery, DeliveryDetail, DeliveryFilter, DeliveryState, LOOKED_THROUGH};

const PAGE: u32 = 50;
/// Longer bodies are cut on the screen; they are whole in the store.
const SHOWN_BYTES: usize = 200_000;

/// Of a ticket that no webhook told of.
const FOUND: &str = "no webhook told us of it; our own look-up found it";

/// Address word, state, what people read.
const TABS: [(&str, DeliveryState, &str); 4] = [
    ("failed", DeliveryState::Dead, "Failed"),
    ("waiting", DeliveryState::Queued, "Waiting"),
    ("analysed", DeliveryState::Done, "Analysed"),
    ("ignored", DeliveryState::Ignored, "Left alone"),
];

#[component]
pub fn ActivityPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let wanted = asked.query("state");
        let tab = TABS.into_iter().find(|(slug, ..)| wanted.as_deref() == Some(slug));
        let cursor = asked.query("cursor");
        let filter = DeliveryFilter { state: tab.map(|(_, state, _)| state) };
        let page = viewer.store.delivery_list(&filter, PAGE, cursor.as_deref()).await?;
        let slug = tab.map(|(slug, ..)| slug);
        let next = page.next.as_deref().map(|cursor| address(slug, Some(cursor)));
        let first = cursor.map(|_| address(slug, None));
        let list = if page.rows.is_empty() && next.is_some() {
            let text = format!(
                "None of the {LOOKED_THROUGH} calls looked through here is among them; “Older” looks further."
            );
            view! { <div class="card"><Empty title="Nothing found so far" text/></div> }.into_any()
        } else if page.rows.is_empty() {
            nothing(slug)
        } else {
            view! { <Deliveries rows=page.rows/> }.into_any()
        };
        let coming = arrivals::load(&viewer).await?;
        let body = view! {
            <PageHeader title="Activity" about="Every webhook your PSA has sent, and every ticket we found ourselves, with what became of it."/>
            <ArrivalsLine coming/>
            <Tabs slug/>
            {list}
            <Older next first/>
        };
        Ok(Screen::new(Nav::Activity, "Activity", body))
    })
}

fn address(slug: Option<&str>, cursor: Option<&str>) -> String {
    let pairs: Vec<_> = [("state", slug), ("cursor", cursor)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    match serde_urlencoded::to_string(pairs) {
        Ok(query) if !query.is_empty() => format!("/activity?{query}"),
        _ => "/activity".into(),
    }
}

#[component]
fn Tabs(slug: Option<&'static str>) -> impl IntoView {
    let tabs = TABS
        .map(|(own, _, words)| view! { <a href=address(Some(own), None) aria-current=(slug == Some(own)).then_some("true")>{words}</a> })
        .collect_view();
    view! {
        <nav class="switch" aria-label="Fate">
            <a href="/activity" aria-current=slug.is_none().then_some("true")>"All"</a>
            {tabs}
        </nav>
    }
}

fn nothing(slug: Option<&str>) -> AnyView {
    let (title, text) = match slug {
        None => (
            "Nothing has arrived yet",
            "Give your PSA the webhook address; each call appears here, with what became of it.",
        ),
        Some("failed") => (
            "Nothing failed",
            "Webhooks that were given up appear here, with the cause and a way to try again.",
        ),
        Some("waiting") => ("Nothing waits", "What has arrived has been worked through."),
        Some(_) => ("Nothing here", "No webhook has had this fate."),
    };
    let action = slug.is_none().then_some(("/setup", "To set-up"));
    match action {
        Some(action) => view! { <div class="card"><Empty title text action/></div> }.into_any(),
        None => view! { <div class="card"><Empty title text/></div> }.into_any(),
    }
}

#[component]
pub(super) fn Fate(state: DeliveryState) -> impl IntoView {
    let tone = match state {
        DeliveryState::Queued => Tone::Waiting,
        DeliveryState::Ignored => Tone::Plain,
        DeliveryState::Done => Tone::Good,
        DeliveryState::Dead => Tone::Failed,
    };
    view! { <Badge tone text=delivery_state(state)/> }
}

#[component]
fn Deliveries(rows: Vec<Delivery>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|row| {
            let subject = row.external_ticket.clone().map_or_else(|| "no ticket named".to_owned(), |id| format!("Ticket {id}"));
            let repeats = (row.repeats > 0).then(|| count(row.repeats, "repeat", "repeats"));
            view! {
                <tr>
                    <td class="fit lead"><a class="row-link" href=format!("/activity/{}", row.id)>{subject}</a></td>
                    <td class="fit"><Fate state=row.state/></td>
                    <td class="cell-reason"><span class="cell-title">{row.reason.or_else(|| row.by_sweep.then(|| FOUND.to_owned()))}</span></td>
                    <td class="fit cell-sub">{row.psa.name()}{row.by_sweep.then_some(", by our look-up")}</td>
                    <td class="fit cell-sub num">{repeats}</td>
                    <td class="n cell-sub"><When at=row.received_at/></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Table caption="Webhooks, newest first" heads=vec!["About", "Fate", "Why", "From", "Repeats", "#Arrived"] class="table-cards activity">{rows}</Table>
    }
}

#[component]
pub fn DeliveryPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let id: DeliveryId = asked.param("id")?;
        let detail = viewer.store.delivery_fetch(id).await?.ok_or(AppError::NotFound)?;
        let may_replay = viewer.can(Permission::Operate) && can_replay(&detail.delivery);
        Ok(Screen::new(Nav::Activity, "Webhook", delivery(detail, may_replay)))
    })
}

fn can_replay(delivery: &Delivery) -> bool {
    delivery.external_ticket.is_some()
        && matches!(delivery.state, DeliveryState::Dead | DeliveryState::Ignored)
}

fn delivery(detail: DeliveryDetail, may_replay: bool) -> AnyView {
    let DeliveryDetail { delivery, headers, body, verified } = detail;
    let title = delivery
        .external_ticket
        .clone()
        .map_or_else(|| "Webhook without a ticket".to_owned(), |id| format!("Webhook about ticket {id}"));
    let proof = if delivery.by_sweep {
        "No webhook: our own look-up found the ticket in the PSA’s list."
    } else if verified {
        "Signature or credentials were checked."
    } else {
        "The signature could not be checked on arrival; the reader checks it."
    };
    view! {
        <PageHeader title=title about=format!("From {}", delivery.psa.name())>
            {delivery.ticket.map(|ticket| view! { <a class="button" href=format!("/tickets/{ticket}")>"Open the ticket"</a> })}
            {may_replay.then(|| view! {
                <Form to=DeliveryReplay::url()>
                    <Hidden name="id" value=delivery.id.to_string()/>
                    <Button weight=Weight::Primary>"Replay"</Button>
                </Form>
            })}
        </PageHeader>
        <Card title="What became of it">
            <p class="line"><Fate state=delivery.state/><span>{delivery.reason.clone()}</span></p>
            <dl class="facts">
                <dt>"Arrived"</dt><dd><When at=delivery.received_at/></dd>
                <dt>"Attempts"</dt><dd>{delivery.attempts}</dd>
                <dt>"Repeats of the same call"</dt><dd>{delivery.repeats}</dd>
                <dt>"Proof"</dt><dd>{proof}</dd>
                <dt>"Delivery id"</dt><dd class="mono">{delivery.id.to_string()}</dd>
                <dt>"Trace, in the log"</dt><dd class="mono">{delivery.id.trace()}</dd>
            </dl>
        </Card>
        <Card title="Headers" about="As they arrived, credentials removed."><Headers headers/></Card>
        <Card title="Body" about="As it arrived."><pre class="code" tabindex="0">{readable(&body)}</pre></Card>
    }
    .into_any()
}

#[component]
fn Headers(headers: Value) -> impl IntoView {
    let rows = headers
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            view! { <dt class="mono">{name.clone()}</dt><dd class="mono">{value}</dd> }
        })
        .collect_view();
    view! { <dl class="facts">{rows}</dl> }
}

/// JSON with line breaks; anything else as text.
fn readable(body: &[u8]) -> String {
    let shown = body.get(..SHOWN_BYTES).unwrap_or(body);
    let pretty = serde_json::from_slice::<Value>(body).ok().filter(|_| body.len() <= SHOWN_BYTES);
    match pretty.and_then(|value| serde_json::to_string_pretty(&value).ok()) {
        Some(pretty) => pretty,
        None if shown.len() < body.len() => {
            format!("{}\n… ({} bytes in all)", String::from_utf8_lossy(shown), body.len())
        }
        None => String::from_utf8_lossy(shown).into_owned(),
    }
}

/// Works on a webhook again that was given up, or left alone by mistake.
#[server(prefix = "/do", endpoint = "delivery-replay")]
pub async fn delivery_replay(id: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Operate).await?;
    let id: DeliveryId = id.parse().map_err(|_| AppError::NotFound)?;
    let page = format!("/activity/{id}");
    if viewer.store.delivery_replay(id, &viewer.actor, viewer.now).await? {
        done(&page, "Queued again. What becomes of it shows here.").await
    } else {
        failed(&page, "This webhook cannot be replayed: it names no ticket, or it is being worked on.").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_readable_whatever_they_are() {
        assert_eq!(readable(br#"{"ID":7}"#), "{\n  \"ID\": 7\n}");
        assert_eq!(readable(b"ticket=7"), "ticket=7");
        assert_eq!(readable(&[0xff, b'a']), "\u{fffd}a");
        assert!(readable(&vec![b'x'; SHOWN_BYTES + 1]).ends_with("(200001 bytes in all)"));
    }
}
