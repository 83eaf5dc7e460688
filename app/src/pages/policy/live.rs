//! Shadow and live, and the one switch between them: it says in numbers what will happen before it happens.

use super::load;
use super::past::{Past, scored};
use super::words::{Summary, mode_sentence, summary};
use crate::AppError;
use crate::form::{Button, Form, Hidden, Weight, done};
use crate::screen::{Nav, Screen};
use crate::ui::PageHeader;
use crate::viewer::{Viewer, viewer};
use domain::{Mode, Permission, Policy};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The mode, what it means, and the way to the other one.
#[component]
pub fn ModeCard(mode: Mode, may_change: bool, past: Past) -> impl IntoView {
    let act = may_change.then(|| match mode {
        Mode::Shadow => {
            view! { <a class="button button-primary" href="/policy?mode=live">"Go live…"</a> }.into_any()
        }
        Mode::Live => view! {
            <Form to=PolicyMode::url() prefix="mode-" class="row-form">
                <Hidden name="mode" value="shadow"/>
                <Button weight=Weight::Quiet>"Back to shadow mode"</Button>
            </Form>
        }
        .into_any(),
    });
    let (class, title) = match mode {
        Mode::Shadow => ("card mode-card mode-card-shadow", "Shadow mode"),
        Mode::Live => ("card mode-card mode-card-live", "Live"),
    };
    view! {
        <section class=class>
            <div>
                <h2>{title}</h2>
                <p>{mode_sentence(mode)}</p>
                {(mode == Mode::Shadow).then(|| view! { <p class="quiet">{live_sentence(&past)}</p> })}
            </div>
            {act}
        </section>
    }
}

/// "Live mode: 3 of the last 41 scored tickets would have been changed."
fn live_sentence(past: &Past) -> String {
    if past.looked_at == 0 {
        past.sentence()
    } else {
        format!("In live mode, {}", lower_first(&past.sentence()))
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// The page before going live.
pub async fn page(viewer: &Viewer) -> Result<Screen, AppError> {
    let loaded = load(viewer).await?;
    let past = Past::of(&loaded.saved.body, &scored(viewer).await?);
    let Summary { sentences, warnings } = summary(&loaded.saved.body, loaded.psa);
    let psa = loaded.psa.map_or("your PSA", |psa| psa.name());
    let titles = past.titles.iter().map(|title| view! { <li>{title.clone()}</li> }).collect_view();
    let body = view! {
        <PageHeader title="Go live" about="From then on Undertone writes into your PSA."/>
        <section class="card go-live">
            <h2>{live_sentence(&past)}</h2>
            {(past.touched > 0).then(|| view! { <p>"Among them:"</p><ul>{titles}</ul> })}
            <h3>"What will happen to new tickets"</h3>
            <ul class="sentences">{sentences.into_iter().map(|sentence| view! { <li>{sentence}</li> }).collect_view()}</ul>
            {warnings.into_iter().map(|warning| view! { <p class="notice notice-warning">{warning}</p> }).collect_view()}
            <p class="quiet">
                {format!("Nothing happens to tickets that were read before now. In {psa}, fields are only raised, never lowered, and each \
                          ticket is handed over at most once. You can go back to shadow mode at any time.")}
            </p>
            <Form to=PolicyMode::url() prefix="live-">
                <Hidden name="mode" value="live"/>
                <p class="buttons">
                    <Button weight=Weight::Danger>"Go live now"</Button>
                    <a class="button" href="/policy">"Stay in shadow mode"</a>
                </p>
            </Form>
        </section>
    };
    Ok(Screen::new(Nav::Policy, "Go live", body))
}

/// Switches between shadow and live; everything else of the policy stays.
#[server(prefix = "/do", endpoint = "policy-mode")]
pub async fn policy_mode(mode: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let mode = match mode.as_str() {
        "live" => Mode::Live,
        "shadow" => Mode::Shadow,
        _ => return Err(AppError::invalid("mode", "The mode is either shadow or live.")),
    };
    let policy = Policy { mode, ..viewer.store.policy().await?.body };
    viewer.store.policy_put(&policy, &viewer.actor, viewer.now).await?;
    let text = match mode {
        Mode::Live => "Live. New tickets are changed as the policy says.",
        Mode::Shadow => "Shadow mode. Tickets are still read and scored; nothing is written.",
    };
    done("/policy", text).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_live_is_told_in_numbers() {
        let past = Past { looked_at: 41, touched: 3, raised: 2, handed_over: 1, ..Past::default() };
        assert_eq!(
            live_sentence(&past),
            "In live mode, 3 of the last 41 scored tickets would have been changed: 2 with a field raised, 1 handed over."
        );
        let none = Past { looked_at: 41, ..Past::default() };
        assert_eq!(
            live_sentence(&none),
            "In live mode, none of the last 41 scored tickets would have been changed."
        );
    }
}
