//! The parts of the screens that react in place. Everything here is compiled for the browser too, so it stays small and
//! knows neither the router nor any server context.

use leptos::prelude::*;

/// Copies `text`; without scripts there is no button, and the text beside it can be selected.
#[island]
pub fn CopyButton(
    text: String,
    /// What is copied, for screen readers: "the webhook address".
    what: String,
) -> impl IntoView {
    let (copied, set_copied) = signal(false);
    #[cfg(feature = "hydrate")]
    let copy = {
        let text = text.clone();
        move |_| {
            let clipboard = window().navigator().clipboard();
            let _ = clipboard.write_text(&text);
            set_copied.set(true);
            set_timeout(move || set_copied.set(false), std::time::Duration::from_secs(2));
        }
    };
    #[cfg(not(feature = "hydrate"))]
    let copy = {
        let _ = (&text, set_copied);
        move |_| {}
    };
    view! {
        <button type="button" class="copy needs-scripts" on:click=copy aria-label=format!("Copy {what}")>
            <span aria-live="polite">{move || if copied.get() { "Copied" } else { "Copy" }}</span>
        </button>
    }
}
