//! Thresholds, mapping, escalation and scope: what happens to a ticket once it is scored.

mod acts;
mod catalogue;
pub mod form;
mod history;
mod live;
pub mod past;
mod sections;
pub mod words;

pub use acts::{
    PolicyLook, PolicyPast, PolicyPlaces, PolicyPropose, PolicyRefresh, PolicyRestore, PolicySave,
    PolicySuggest, PolicyTry, policy_look, policy_past, policy_places, policy_propose, policy_refresh,
    policy_restore, policy_save, policy_suggest, policy_try, suggestion,
};
pub use live::{PolicyMode, policy_mode};
pub use sections::thresholds as threshold_sentences;

use crate::AppError;
use crate::form::{Button, Form, Hidden, Weight, typed};
use crate::live::LiveRegion;
use crate::ops::OpsError;
use crate::pages::fields::Fields;
use crate::pages::parts::ReadOnlyLine;
use crate::screen::{Nav, Screen, screen};
use crate::ui::{PageHeader, When};
use crate::viewer::Viewer;
use crate::what_if::WhatIfPanel;
use catalogue::Catalogue;
use chrono::{DateTime, Utc};
use domain::{Lookups, Permission, Policy, PsaKind};
use form::{fields_of, parse};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use past::{Past, Reach, Scored, scored};
use std::time::Duration;
use store::policies::Version;

/// A page does not wait longer for the PSA's lists; older ones are shown instead.
const LISTS_TIMEOUT: Duration = Duration::from_secs(4);
const HISTORY: u32 = 10;

#[component]
pub fn PolicyPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        if asked.query("mode").as_deref() == Some("live") && viewer.can(Permission::Configure) {
            return live::page(&viewer).await;
        }
        let loaded = load(&viewer).await?;
        let past = scored(&viewer).await?;
        let versions = viewer.store.policy_versions(HISTORY).await?;
        let may_change = viewer.can(Permission::Configure);
        let body = view! {
            <PageHeader title="Policy" about="What happens to a ticket once it is scored."/>
            <live::ModeCard mode=loaded.saved.body.mode may_change past=Past::of(&loaded.saved.body, &past)/>
            {if may_change { editor(&loaded, &past, viewer.now).into_any() } else { reading(&loaded, &past).into_any() }}
            <history::History versions psa=loaded.psa may_change/>
        };
        Ok(Screen::new(Nav::Policy, "Policy", body))
    })
}

/// What the page is made from.
#[derive(Clone)]
pub struct Loaded {
    pub saved: Version<Policy>,
    pub psa: Option<PsaKind>,
    pub lists: Lists,
}

/// The PSA's lists, as far as they can be had.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    pub lookups: Option<Lookups>,
    /// Set where these are older ones, because the PSA did not answer.
    pub fetched_at: Option<DateTime<Utc>>,
    /// Why there are none, or none that are fresh.
    pub trouble: Option<String>,
}

impl Loaded {
    pub fn catalogue(&self) -> Catalogue<'_> {
        Catalogue { lookups: self.lists.lookups.as_ref(), saved: &self.saved.body }
    }
    /// The form as it stands: what was typed last, or what is saved.
    fn fields(&self) -> Fields {
        typed(PolicySave::url()).unwrap_or_else(|| fields_of(&self.saved.body, &self.catalogue()))
    }
}

pub async fn load(viewer: &Viewer) -> Result<Loaded, AppError> {
    let saved = viewer.store.policy().await?;
    let psa = viewer.store.psa_connection().await?.map(|connection| connection.settings.kind());
    let lists = if psa.is_some() { lists(viewer, false).await? } else { Lists::default() };
    Ok(Loaded { saved, psa, lists })
}

/// Asks for the lists, and falls back on older ones rather than keep a person waiting.
async fn lists(viewer: &Viewer, refresh: bool) -> Result<Lists, AppError> {
    let asked = tokio::time::timeout(LISTS_TIMEOUT, viewer.ops.lookups(&viewer.store, refresh)).await;
    let trouble = match asked {
        Ok(Ok(lookups)) => return Ok(Lists { lookups: Some(lookups), ..Lists::default() }),
        Ok(Err(broken @ OpsError::Broken(_))) => return Err(broken.into()),
        Ok(Err(
            OpsError::NotSetUp(message) | OpsError::Outside(message) | OpsError::Invalid { message, .. },
        )) => message,
        Err(_) => "Your PSA did not answer in time.".to_owned(),
    };
    let cached = viewer.store.lookups_get().await?;
    let older =
        cached.and_then(|cached| Some((serde_json::from_value(cached.value).ok()?, cached.fetched_at)));
    let (lookups, fetched_at) = older.unzip();
    Ok(Lists { lookups, fetched_at, trouble: Some(trouble) })
}

fn editor(loaded: &Loaded, past: &[Scored], now: DateTime<Utc>) -> impl IntoView + use<> {
    let fields = loaded.fields();
    let is_draft = typed(PolicySave::url()).is_some();
    let summary = summary_of(&fields, loaded, past);
    let what_if = what_if(&fields, loaded, past, now);
    let reach = Reach::of(past, now);
    let for_sections = loaded.clone();
    let can_suggest = loaded.lists.lookups.is_some();
    let version = loaded.saved.version.to_string();
    view! {
        <ListsLine lists=loaded.lists.clone() psa=loaded.psa/>
        <Form to=PolicySave::url() class="policy">
            <Hidden name="version" value=version/>
            // Drawn here inside: the fields ask the form around them what was typed and what is wrong.
            <div class="policy-form">{sections::all(&fields, &for_sections.catalogue(), for_sections.psa, reach.as_ref(), what_if)}</div>
            <aside class="policy-summary" aria-label="What this policy does">
                {is_draft.then(|| view! { <p class="draft-line">"Not saved yet."</p> })}
                <LiveRegion to=PolicyLook::url().to_owned() only=String::new() announced=true>{summary}</LiveRegion>
                <p class="buttons">
                    <Button>"Save the policy"</Button>
                    {can_suggest.then(|| view! {
                        <Button weight=Weight::Quiet to=PolicySuggest::url()>"Fill with our suggestion"</Button>
                    })}
                    <noscript><Button weight=Weight::Quiet to=PolicyTry::url()>"Show what it does"</Button></noscript>
                </p>
            </aside>
        </Form>
    }
}

/// What the policy of a form would have done a day, against the saved one.
fn what_if(fields: &Fields, loaded: &Loaded, past: &[Scored], now: DateTime<Utc>) -> AnyView {
    let saved = &loaded.saved.body;
    let policy = parse(fields, &loaded.catalogue()).unwrap_or_else(|_| saved.clone());
    let shown = past::shown(saved, &policy, past, now);
    let wanted = fields.get(form::WANTED).cloned().unwrap_or_else(|| "3".into());
    let (facts, propose) = (PolicyPast::url().to_owned(), PolicyPropose::url().to_owned());
    let aim = form::aim(fields);
    view! { <WhatIfPanel facts propose shown wanted aim/> }.into_any()
}

fn reading(loaded: &Loaded, past: &[Scored]) -> impl IntoView + use<> {
    let fields = fields_of(&loaded.saved.body, &loaded.catalogue());
    view! {
        <ReadOnlyLine/>
        <div class="card">{summary_of(&fields, loaded, past)}</div>
    }
}

/// The policy of a form in words, with what is wrong in it and what it would have done.
fn summary_of(fields: &Fields, loaded: &Loaded, past: &[Scored]) -> impl IntoView + use<> {
    match parse(fields, &loaded.catalogue()) {
        Ok(policy) => {
            let words::Summary { sentences, warnings } = words::summary(&policy, loaded.psa);
            let past = Past::of(&policy, past);
            view! {
                <h2>"In words"</h2>
                <ul class="sentences">{sentences.into_iter().map(|sentence| view! { <li>{sentence}</li> }).collect_view()}</ul>
                {warnings.into_iter().map(|warning| view! { <p class="notice notice-warning">{warning}</p> }).collect_view()}
                <PastLine past/>
            }
            .into_any()
        }
        Err(problems) => view! {
            <h2>"Not complete yet"</h2>
            <ul class="sentences">{problems.into_iter().map(|problem| view! { <li>{problem.message}</li> }).collect_view()}</ul>
        }
        .into_any(),
    }
}

/// What a policy would have done to past tickets, in numbers.
#[component]
fn PastLine(past: Past) -> impl IntoView {
    let titles = past.titles.iter().map(|title| view! { <li>{title.clone()}</li> }).collect_view();
    let share = past.percent();
    view! {
        <div class="past">
            <h3>"On your last tickets"</h3>
            <p>{past.sentence()}</p>
            {(past.looked_at > 0).then(|| view! {
                <svg class="past-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="past-all" width="100" height="4"/><rect class="past-touched" width=share height="4"/>
                </svg>
            })}
            {(!past.titles.is_empty()).then(|| view! { <details><summary>"Which ones"</summary><ul>{titles}</ul></details> })}
        </div>
    }
}

/// Where the lists come from, and what is missing of them.
#[component]
fn ListsLine(lists: Lists, psa: Option<PsaKind>) -> impl IntoView {
    let Some(psa) = psa else {
        return view! {
            <p class="notice">
                "Thresholds can be set now. What to change and whom to hand tickets to is chosen from your PSA’s own lists: "
                <a href="/connections">"connect your PSA"</a>" first."
            </p>
        }
        .into_any();
    };
    let missing = lists.lookups.map(|lookups| lookups.missing).unwrap_or_default();
    let missing = missing.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
    let has_missing = !missing.is_empty();
    view! {
        {lists.trouble.map(|trouble| view! {
            <div class="notice notice-failed" role="status">
                <p>{trouble}</p>
                {match lists.fetched_at {
                    Some(at) => view! { <p>"The lists below are from "<When at/>"."</p> }.into_any(),
                    None => view! { <p>"Until the lists can be read, saved values stay as they are. "<a href="/connections">"Look at the connection"</a></p> }.into_any(),
                }}
            </div>
        })}
        {has_missing.then(|| view! {
            <div class="notice notice-warning"><p>"Some lists could not be read; the rest works."</p><ul>{missing}</ul></div>
        })}
        <Form to=PolicyRefresh::url() class="refresh-form">
            <p class="quiet">"The choices below are the lists of your "{psa.name()}"."</p>
            <Button weight=Weight::Quiet>"Refresh the lists"</Button>
        </Form>
    }
    .into_any()
}
