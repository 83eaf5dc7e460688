//! The webhook's card: the address, where to paste it, how to see that it works, and a new one.

use super::guide::{self, HookValues, Way};
use super::{Register, back_to};
use crate::AppError;
use crate::form::{Button, Check, Entry, Form, Hidden, Weight, done};
use crate::pages::arrivals::{self, SwitchedOff};
use crate::pages::parts::{Copyable, Guide};
use crate::ui::{Badge, Tone, When};
use crate::viewer::{Viewer, viewer};
use chrono::{DateTime, Utc};
use domain::{Permission, PsaKind};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// What the card shows.
pub struct HookView {
    page: &'static str,
    psa: Option<PsaKind>,
    /// `None` for those who may not see it.
    address: Option<String>,
    ways: Vec<Way>,
    made_at: DateTime<Utc>,
    last_delivery_at: Option<DateTime<Utc>>,
    /// Since when the PSA has it switched off.
    off: Option<(PsaKind, DateTime<Utc>)>,
}

pub async fn load(viewer: &Viewer, page: &'static str) -> Result<HookView, AppError> {
    let saved = viewer.store.psa_connection().await?;
    let hook = viewer.store.hook().await?;
    let last_delivery_at = viewer.store.pipeline_health(viewer.now).await?.last_delivery_at;
    let psa = saved.as_ref().map(|saved| saved.settings.kind());
    let (mut address, mut ways) = (None, Vec::new());
    if let (Some(psa), true) = (psa, viewer.can(Permission::Configure)) {
        let shown = viewer.ops.hook_address(psa, &hook.key);
        let connection = saved.as_ref().map(|saved| &saved.settings);
        ways = guide::hook(psa, &HookValues { address: &shown, secret: hook.secret.expose(), connection });
        address = Some(shown);
    }
    let off = arrivals::load(viewer).await?.off();
    Ok(HookView { page, psa, address, ways, made_at: hook.rotated_at, last_delivery_at, off })
}

#[component]
pub fn HookCard(card: HookView) -> impl IntoView {
    let HookView { page, psa, address, ways, made_at, last_delivery_at, off } = card;
    let Some(psa) = psa else {
        return view! { <p>"The address depends on your PSA. Save the connection above first."</p> }
            .into_any();
    };
    let Some(address) = address else {
        return view! { <SwitchedOff off/><LastDelivery at=last_delivery_at/><p class="quiet">"The address is a secret: an owner or admin can see it."</p> }.into_any();
    };
    view! {
        <SwitchedOff off/>
        <LastDelivery at=last_delivery_at/>
        <Copyable label="Webhook address" value=address/>
        <p class="quiet">{guide::proof(psa)}" Made "<When at=made_at/>"."</p>
        <Register page psa/>
        <HookGuide psa ways open=false/>
        <Rotate page psa/>
    }
    .into_any()
}

/// How to make the PSA call the address.
#[component]
pub fn HookGuide(psa: PsaKind, ways: Vec<Way>, open: bool) -> impl IntoView {
    let ways = ways
        .into_iter()
        .enumerate()
        .map(|(index, way)| {
            view! {
                <details class="guide-box" open=open && index == 0>
                    <summary>{way.title}" in "{psa.name()}</summary>
                    {(!way.when.is_empty()).then(|| view! { <p class="quiet">{way.when}</p> })}
                    <Guide steps=way.steps/>
                </details>
            }
        })
        .collect_view();
    view! {
        {ways}
        <h3>"How to see that it works"</h3>
        <p>{guide::verify(psa)}</p>
    }
}

#[component]
fn LastDelivery(at: Option<DateTime<Utc>>) -> impl IntoView {
    match at {
        Some(at) => view! {
            <p class="state-line"><Badge tone=Tone::Good text="receiving"/>" The last call arrived "<When at/>". "<a href="/activity">"All calls"</a></p>
        }
        .into_any(),
        None => view! { <p class="state-line"><Badge tone=Tone::Waiting text="no call yet"/>" Paste the address into your PSA, then create a ticket."</p> }.into_any(),
    }
}

#[component]
fn Rotate(page: &'static str, psa: PsaKind) -> impl IntoView {
    let failed = crate::form::came_back(HookRotate::url());
    view! {
        <details class="danger-box" open=failed>
            <summary>"Make a new address"</summary>
            <p>
                "Do this when the address may have become known to others. The present address and its secret stop working at once: \
                 tickets created in "{psa.name()}" from then on are not seen until you have pasted the new address there."
            </p>
            <Form to=HookRotate::url() prefix="rotate-">
                <Hidden name="page" value=page/>
                <Check name="sure" label="I can change it in the PSA right now"/>
                <p class="buttons"><Button weight=Weight::Danger>"Make a new address"</Button></p>
            </Form>
        </details>
    }
}

/// A new address; the old one stops at once.
#[server(prefix = "/do", endpoint = "hook-rotate")]
pub async fn hook_rotate(
    #[server(default)] page: String,
    #[server(default)] sure: Option<String>,
) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let page = back_to(&page).to_owned();
    if sure.is_none() {
        let mut entry = Entry::new(HookRotate::url(), page);
        entry.wrong("sure", "Tick this first: from that moment on the old address is dead.");
        return entry.send_back().await;
    }
    viewer.store.hook_rotate(&viewer.actor, viewer.now).await?;
    done(&page, "This is the new address. Paste it into your PSA now: the old one no longer works.").await
}
