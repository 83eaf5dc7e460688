//! The webhook's address, and the first ticket arriving through it.

use crate::AppError;
use crate::live::WaitingRegion;
use crate::pages::connections::{HookGuide, Register, guide};
use crate::pages::parts::Copyable;
use crate::ui::{Badge, Mood, Tone, When, words};
use crate::viewer::{Viewer, viewer};
use domain::{Permission, PsaKind};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::door::{Delivery, DeliveryFilter, DeliveryState};
use store::tickets::{TicketFilter, TicketRow};

/// How often the page asks whether the ticket has arrived.
const EVERY_SECONDS: u32 = 2;

pub async fn load(viewer: &Viewer, page: &'static str) -> Result<AnyView, AppError> {
    let Some(saved) = viewer.store.psa_connection().await? else {
        return Ok(view! { <p>"The address depends on your PSA. "<a href="/setup?step=psa">"Connect it first"</a>"."</p> }.into_any());
    };
    let psa = saved.settings.kind();
    let hook = viewer.store.hook().await?;
    let address = viewer.ops.hook_address(psa, &hook.key);
    let values = guide::HookValues {
        address: &address,
        secret: hook.secret.expose(),
        connection: Some(&saved.settings),
    };
    let ways = guide::hook(psa, &values);
    let arrived = arrived(viewer).await?;
    let sandbox = viewer.ops.sandbox(psa).map(|stand_in| stand_in.desk);
    Ok(view! {
        <Copyable label="Webhook address" value=address/>
        <Register page psa/>
        <h3>"Or by hand"</h3>
        <HookGuide psa ways open=false/>
        <h3>"Send a test ticket"</h3>
        <TestTicket psa sandbox/>
        <WaitingRegion to=SetupLook::url().to_owned() every_seconds=EVERY_SECONDS announced=true>{arrived}</WaitingRegion>
        <noscript><p><a class="button" href=page>"Refresh"</a></p></noscript>
    }
    .into_any())
}

#[component]
fn TestTicket(psa: PsaKind, sandbox: Option<String>) -> impl IntoView {
    view! {
        <p>
            "Make a ticket in "{psa.name()}" as a customer would write it: "<span class="click-path">{guide::test_ticket(psa)}</span>". For example: "
            <q>"This is the third time this week that nobody here can print. Please call me today."</q>
        </p>
        {sandbox.map(|address| view! {
            <p class="offer">"This instance runs with a sandbox. "<a class="button" href=address target="_blank" rel="noopener">"Make a ticket in the sandbox"</a></p>
        })}
    }
}

/// What has arrived so far. `data-waiting` stands in it until a ticket has been read.
async fn arrived(viewer: &Viewer) -> Result<AnyView, AppError> {
    let deliveries = viewer.store.delivery_list(&DeliveryFilter::default(), 3, None).await?.rows;
    let newest = viewer.store.ticket_list(&TicketFilter::default(), 1, None).await?.rows.into_iter().next();
    if deliveries.is_empty() {
        return Ok(view! {
            <p class="waiting" data-waiting="">
                <span class="waiting-wave" aria-hidden="true"></span>
                "Waiting for the first call. This line changes by itself as soon as it arrives."
            </p>
        }
        .into_any());
    }
    let is_read = newest.as_ref().is_some_and(|row| row.analysed_at.is_some() || row.reason.is_some())
        || deliveries
            .iter()
            .all(|delivery| matches!(delivery.state, DeliveryState::Ignored | DeliveryState::Dead));
    let lines = deliveries.into_iter().map(|delivery| view! { <DeliveryLine delivery/> }).collect_view();
    Ok(view! {
        <ul class="arrivals" data-waiting=(!is_read).then_some("")>{lines}</ul>
        {newest.map(|row| view! { <FirstTicket row/> })}
    }
    .into_any())
}

#[component]
fn DeliveryLine(delivery: Delivery) -> impl IntoView {
    let tone = match delivery.state {
        DeliveryState::Done => Tone::Good,
        DeliveryState::Queued => Tone::Waiting,
        DeliveryState::Dead => Tone::Failed,
        DeliveryState::Ignored => Tone::Plain,
    };
    let ticket = delivery.external_ticket.map(|ticket| format!(" ticket {ticket}")).unwrap_or_default();
    view! {
        <li>
            <Badge tone text=words::delivery_state(delivery.state)/>" "
            <a href=format!("/activity/{}", delivery.id)>{format!("Call{ticket}")}</a>" "<When at=delivery.received_at/>
            {delivery.reason.map(|reason| view! { <span class="quiet">" "{reason}</span> })}
        </li>
    }
}

#[component]
fn FirstTicket(row: TicketRow) -> impl IntoView {
    let mood = row.sentiment.map(|score| view! { <Mood score/>" " });
    view! {
        <p class="notice notice-done">
            {mood}<a href=format!("/tickets/{}", row.id) dir="auto">{row.title}</a>
            {row.reason.map(|reason| format!(": {reason}"))}
        </p>
    }
}

/// What has arrived, as HTML.
#[server(prefix = "/do", endpoint = "setup-look")]
pub async fn setup_look() -> Result<String, AppError> {
    let viewer = viewer(Permission::Read).await?;
    Ok(arrived(&viewer).await?.to_html())
}
