//! Pieces that several settings pages draw.

use crate::islands::CopyButton;
use crate::pages::connections::guide::{Pasted, Step};
use crate::ui::{Badge, Clockface, Tone, When};
use chrono::{DateTime, Utc};
use domain::Report;
use leptos::prelude::*;
use store::connections::ConnectionState;

/// A value to copy: shown whole, selectable, with a button where scripts run.
#[component]
pub fn Copyable(
    #[prop(into)] label: String,
    value: String,
    #[prop(optional)] is_script: bool,
) -> impl IntoView {
    let what = format!("the {}", label.to_lowercase());
    let shown = if is_script {
        view! { <pre class="paste-value" tabindex="0"><code>{value.clone()}</code></pre> }.into_any()
    } else {
        view! { <code class="paste-value">{value.clone()}</code> }.into_any()
    };
    view! {
        <div class="paste" class:paste-script=is_script>
            <span class="paste-label">{label}</span>
            {shown}
            <CopyButton text=value what/>
        </div>
    }
}

/// Where to click and what to paste, in order.
#[component]
pub fn Guide(steps: Vec<Step>) -> impl IntoView {
    let steps = steps
        .into_iter()
        .map(|step| {
            let path = (!step.path.is_empty()).then(|| view! { <p class="click-path">{step.path}</p> });
            let paste = step
                .paste
                .map(|Pasted { label, value, is_script }| view! { <Copyable label value is_script/> });
            view! { <li>{path}<p>{step.text.into_owned()}</p>{paste}</li> }
        })
        .collect_view();
    view! { <ol class="guide">{steps}</ol> }
}

/// What a connection test looked at, one line each.
#[component]
pub fn ReportList(report: Report) -> impl IntoView {
    let lines = report
        .checks
        .into_iter()
        .map(|check| {
            let word = if check.ok { "passed" } else { "failed" };
            view! {
                <li class=if check.ok { "check check-ok" } else { "check check-failed" }>
                    <svg class="check-mark" viewBox="0 0 16 16" role="img" aria-label=word>
                        <path d=if check.ok { "M3 8.5L6.5 12L13 4.5" } else { "M4 4L12 12M12 4L4 12" }/>
                    </svg>
                    <strong>{check.name}</strong>
                    <span>{check.message}</span>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="checks">{lines}</ul> }
}

/// Whether a connection works, in a badge and a few words.
#[component]
pub fn StateLine(state: ConnectionState) -> impl IntoView {
    match state {
        ConnectionState::Untested => view! {
            <p class="state-line"><Badge text="not tested yet"/>" Press Test to see whether everything needed is allowed."</p>
        }
        .into_any(),
        ConnectionState::Working { since } => view! {
            <p class="state-line"><Badge tone=Tone::Good text="working"/>" since "<When at=since/></p>
        }
        .into_any(),
        ConnectionState::Paused { since, reason, next_try } => view! {
            <div class="notice notice-failed" role="status">
                <p><strong>"Paused "</strong><When at=since/>". Tickets wait and nothing is lost."</p>
                <p>{reason}</p>
                <p>"It is tried again by itself "<NextTry at=next_try/>"; once it works, everything that waits goes on."</p>
            </div>
        }
        .into_any(),
    }
}

/// When a paused connection is tried again: a moment that has come is about to.
#[component]
pub fn NextTry(at: DateTime<Utc>) -> impl IntoView {
    let is_due = use_context::<Clockface>().is_some_and(|face| at <= face.now);
    if is_due { "now".into_any() } else { view! { <When at/> }.into_any() }
}

/// Why a person sees values here but no forms.
#[component]
pub fn ReadOnlyLine() -> impl IntoView {
    view! { <p class="quiet read-only">"You can look at these settings. An owner or admin can change them."</p> }
}
