//! Parts of a page that the server draws again while a person works on it.
//!
//! The server answers with finished HTML of its own making, so the rules and the words live in one place. Without
//! scripts each such part stands as first drawn, and the page offers a button that does the same by a round trip.

use leptos::html::Div;
use leptos::prelude::*;

/// Redrawn by `to` (a server function that returns HTML) whenever the form around it changes, or only one field of it:
/// a region with inputs in it must not be redrawn by these, or they would lose the focus.
#[island]
pub fn LiveRegion(
    /// The server function's address; it gets the whole form.
    to: String,
    /// The one field to listen to; empty for all.
    only: String,
    /// Read out when it changes. For text, not for inputs.
    announced: bool,
    children: Children,
) -> impl IntoView {
    let region = NodeRef::<Div>::new();
    #[cfg(feature = "hydrate")]
    browser::follow_form(region, to, only);
    #[cfg(not(feature = "hydrate"))]
    let _ = (to, only);
    view! { <div class="live" node_ref=region aria-live=announced.then_some("polite")>{children()}</div> }
}

/// Redrawn by `to` every few seconds until what it returns contains no `data-waiting`.
#[island]
pub fn WaitingRegion(to: String, every_seconds: u32, children: Children) -> impl IntoView {
    let region = NodeRef::<Div>::new();
    #[cfg(feature = "hydrate")]
    browser::poll(region, to, every_seconds);
    #[cfg(not(feature = "hydrate"))]
    let _ = (to, every_seconds);
    view! { <div class="live" node_ref=region aria-live="polite">{children()}</div> }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::html::Div;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;
    use wasm_bindgen::prelude::*;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{
        Element, Event, FormData, Headers, HtmlElement, HtmlFormElement, RequestInit, Response,
        UrlSearchParams,
    };

    /// Long enough to swallow a quick series of key presses, short enough to feel immediate.
    const QUIET: Duration = Duration::from_millis(200);

    pub fn follow_form(region: NodeRef<Div>, to: String, only: String) {
        region.on_load(move |div| {
            let Ok(Some(form)) = div.closest("form") else { return };
            let form: HtmlFormElement = form.unchecked_into();
            let turn = Rc::new(Cell::new(0_u32));
            let watched = form.clone();
            let changed = Closure::<dyn Fn(Event)>::new(move |event: Event| {
                let field = event
                    .target()
                    .and_then(|target| target.dyn_into::<Element>().ok()?.get_attribute("name"));
                if !only.is_empty() && field.as_deref() != Some(only.as_str()) {
                    return;
                }
                turn.set(turn.get().wrapping_add(1));
                let mine = turn.get();
                let (turn, to, div, form) = (turn.clone(), to.clone(), div.clone(), form.clone());
                set_timeout(
                    move || {
                        if turn.get() == mine {
                            spawn_local(async move {
                                let html = ask(&to, Some(&form)).await;
                                // A newer change asked meanwhile: its answer is the right one.
                                if turn.get() == mine {
                                    put(&div, html);
                                }
                            });
                        }
                    },
                    QUIET,
                );
            });
            for event in ["input", "change"] {
                let _ = watched.add_event_listener_with_callback(event, changed.as_ref().unchecked_ref());
            }
            // Lives as long as the page.
            changed.forget();
        });
    }

    pub fn poll(region: NodeRef<Div>, to: String, every_seconds: u32) {
        region.on_load(move |div| again(div, to, Duration::from_secs(every_seconds.max(1).into())));
    }

    fn again(div: web_sys::HtmlDivElement, to: String, every: Duration) {
        if !matches!(div.query_selector("[data-waiting]"), Ok(Some(_))) {
            return;
        }
        set_timeout(
            move || {
                spawn_local(async move {
                    put(&div, ask(&to, None).await);
                    again(div, to, every);
                });
            },
            every,
        );
    }

    /// What cannot be asked leaves the page as it stands.
    async fn ask(to: &str, form: Option<&HtmlFormElement>) -> Option<String> {
        let init = RequestInit::new();
        init.set_method("POST");
        let values = match form {
            Some(form) => {
                let filled: JsValue = FormData::new_with_form(form).ok()?.into();
                UrlSearchParams::new_with_str_sequence_sequence(&filled).ok()?
            }
            None => UrlSearchParams::new().ok()?,
        };
        init.set_body(&values);
        let headers = Headers::new().ok()?;
        headers.set("accept", "application/json").ok()?;
        init.set_headers(&headers);
        let response: Response =
            JsFuture::from(window().fetch_with_str_and_init(to, &init)).await.ok()?.unchecked_into();
        if !response.ok() {
            return None;
        }
        JsFuture::from(response.json().ok()?).await.ok()?.as_string()
    }

    /// Touches the page only where something differs, so that focus and selection stay.
    fn put(region: &HtmlElement, html: Option<String>) {
        let Some(html) = html else { return };
        let fresh = document().create_element("div");
        if let Ok(fresh) = fresh {
            fresh.set_inner_html(&html);
            if fresh.inner_html() == region.inner_html() {
                return;
            }
        }
        region.set_inner_html(&html);
    }
}
