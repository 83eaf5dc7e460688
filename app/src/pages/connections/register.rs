//! The act that makes the PSA call us: by its own API, instead of by hand.

use super::back_to;
use crate::AppError;
use crate::form::{Button, Entry, Form, Hidden, typed_or};
use crate::ops::OpsError;
use crate::viewer::viewer;
use domain::{Permission, PsaKind, Registration};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// Where what was done waits for the page that shows it.
const RESULT: &str = "registration";

/// The button, and what the last press of it came to.
#[component]
pub fn Register(page: &'static str, psa: PsaKind) -> impl IntoView {
    let result: Option<Registration> = serde_json::from_str(&typed_or(HookRegister::url(), RESULT, "")).ok();
    view! {
        <div class="register" id="register">
            {result.map(|result| view! { <Registered result/> })}
            <Form to=HookRegister::url() prefix="register-">
                <Hidden name="page" value=page/>
                <p class="buttons">
                    <Button>{format!("Register the webhook in {}", psa.name())}</Button>
                    <span class="quiet">{about(psa)}</span>
                </p>
            </Form>
        </div>
    }
}

#[component]
fn Registered(result: Registration) -> impl IntoView {
    let steps = result.steps.into_iter().map(|step| view! { <li>{step}</li> }).collect_view();
    view! {
        <div class="notice notice-done" role="status">
            <p><strong>{result.outcome.words()}</strong></p>
            <ul>{steps}</ul>
        </div>
    }
}

/// What pressing it does, and what it needs.
fn about(psa: PsaKind) -> &'static str {
    match psa {
        PsaKind::ConnectWise => "Makes the callback, or repairs ours. Pressing it again does no harm.",
        PsaKind::Autotask => {
            "Makes the webhook, or repairs ours, if the API user may create webhooks. Pressing it again does no harm."
        }
        PsaKind::HaloPsa => {
            "Makes the webhook, or repairs ours, if the application’s agent is an administrator. Pressing it again does no harm."
        }
    }
}

/// Makes the PSA call this workspace's address.
#[server(prefix = "/do", endpoint = "hook-register")]
pub async fn hook_register(#[server(default)] page: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let page = back_to(&page).to_owned();
    let mut entry = Entry::new(HookRegister::url(), page);
    match viewer.ops.hook_register(&viewer.store, &viewer.actor).await {
        Ok(done) => entry = entry.keep(RESULT, &serde_json::to_string(&done).map_err(AppError::broken)?),
        Err(OpsError::NotSetUp(message) | OpsError::Outside(message) | OpsError::Invalid { message, .. }) => {
            entry.wrong("", message)
        }
        Err(broken @ OpsError::Broken(_)) => return Err(broken.into()),
    }
    entry.send_back().await
}
