//! The thresholds, and our suggestion for everything else.

use crate::AppError;
use crate::form::{Button, Check, Entry, Form, done};
use crate::pages::fields::Fields;
use crate::pages::policy::{self, words};
use crate::viewer::{Viewer, viewer};
use domain::{Permission, Policy};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

const PAGE: &str = "/setup?step=thresholds";

pub async fn load(viewer: &Viewer) -> Result<AnyView, AppError> {
    let loaded = policy::load(viewer).await?;
    let fields = crate::form::typed(SetupPolicy::url())
        .unwrap_or_else(|| policy::form::fields_of(&loaded.saved.body, &loaded.catalogue()));
    let suggestion = loaded
        .lists
        .lookups
        .as_ref()
        .filter(|_| loaded.saved.body.updates == domain::Updates::default())
        .map(|lookups| {
            let suggested = policy::suggestion(&loaded.saved.body, lookups);
            let said = words::summary(&suggested, loaded.psa).sentences;
            let raising = said
                .into_iter()
                .filter(|sentence| sentence.starts_with("Raise"))
                .map(|sentence| view! { <li>{sentence}</li> })
                .collect_view();
            view! { <ul class="sentences">{raising}</ul> }
        });
    Ok(view! {
        <Form to=SetupPolicy::url()>
            {policy::threshold_sentences(&fields, None)}
            {suggestion.map(|raising| view! {
                <Check name="suggest" label="Also raise fields as we suggest" checked=true hint="Made from your PSA’s own lists. Change it any time under Policy."/>
                {raising}
            })}
            <p class="buttons">
                <Button>"Save"</Button>
                <a class="button" href="/policy">"Set everything on the policy page"</a>
            </p>
        </Form>
    }
    .into_any())
}

/// Saves the thresholds and, if wanted, our mapping.
#[server(prefix = "/do", endpoint = "setup-policy")]
pub async fn setup_policy(#[server(flatten)] fields: Fields) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let loaded = policy::load(&viewer).await?;
    let wants_suggestion = fields.contains_key("suggest");
    match policy::form::parse(&fields, &loaded.catalogue()) {
        Ok(parsed) => {
            let chosen = match &loaded.lists.lookups {
                Some(lookups) if wants_suggestion => policy::suggestion(&parsed, lookups),
                _ => parsed,
            };
            save(&viewer, &loaded.saved.body, &chosen).await
        }
        Err(problems) => {
            let mut entry = fields
                .iter()
                .fold(Entry::new(SetupPolicy::url(), PAGE), |entry, (name, value)| entry.keep(name, value));
            for problem in problems {
                entry.wrong(&problem.field, problem.message);
            }
            entry.send_back().await
        }
    }
}

/// A person who keeps the first thresholds has decided too: the audit trail says so, and set-up goes on.
async fn save(viewer: &Viewer, before: &Policy, chosen: &Policy) -> Result<(), AppError> {
    viewer.store.policy_put(chosen, &viewer.actor, viewer.now).await?;
    let words = if before == chosen { "Kept as they were." } else { "The thresholds are saved." };
    done("/setup?step=webhook", words).await
}
