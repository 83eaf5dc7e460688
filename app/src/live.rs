//! Parts of a page that the server draws again while a person works on it.
//!
//! The server answers with finished HTML of its own making, so the rules and the words live in one place. Without
//! scripts each such part stands as first drawn, and the page offers a button that does the same by a round trip.

use leptos::html::{Div, Span};
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
pub fn WaitingRegion(
    to: String,
    every_seconds: u32,
    /// Read out when it changes. Not for what changes all the time.
    announced: bool,
    children: Children,
) -> impl IntoView {
    let region = NodeRef::<Div>::new();
    #[cfg(feature = "hydrate")]
    browser::poll(region, to, every_seconds);
    #[cfg(not(feature = "hydrate"))]
    let _ = (to, every_seconds);
    view! { <div class="live" node_ref=region aria-live=announced.then_some("polite")>{children()}</div> }
}

/// Says how many tickets of the list came in since the page was made, and leads to the list with them; what is being read
/// stays where it is. `/live/tickets` tells by server-sent events named `news`; after a break it is asked again and tells
/// all of them. A list that is filtered in place has news of its own.
#[island]
pub fn LiveNews(
    /// Filters, order and columns as in the address.
    query: String,
    /// Microseconds since 1970.
    since: i64,
) -> impl IntoView {
    let (news, set_news) = signal(String::new());
    let (query, set_query) = signal(query);
    #[cfg(feature = "hydrate")]
    browser::hear(query, set_query, since, set_news);
    #[cfg(not(feature = "hydrate"))]
    let _ = (since, set_news, set_query);
    let words = move || match news.get().as_str() {
        "" | "0" => None,
        "1" => Some("One ticket is new or newly scored: show it".to_owned()),
        count => Some(format!("{count} tickets are new or newly scored: show them")),
    };
    let to = move || match query.get() {
        query if query.is_empty() => "/tickets".to_owned(),
        query => format!("/tickets?{query}"),
    };
    view! {
        <div class="news" role="status">
            {move || words().map(|words| view! { <a class="button" href=to()>{words}</a> })}
        </div>
    }
}

/// Answers the form around it at once: whatever is chosen or typed, the parts of the page that are marked `data-part` are
/// drawn anew from the page that the form leads to, and the address is that page's. Boxes wait for their button.
#[island]
pub fn InstantFilters() -> impl IntoView {
    let mark = NodeRef::<Span>::new();
    let (told, set_told) = signal(String::new());
    #[cfg(feature = "hydrate")]
    browser::filter(mark, set_told);
    #[cfg(not(feature = "hydrate"))]
    let _ = set_told;
    view! { <span class="hidden" role="status" node_ref=mark>{move || told.get()}</span> }
}

#[cfg(feature = "hydrate")]
pub(crate) mod browser {
    use leptos::html::{Div, Span};
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use std::time::Duration;
    use wasm_bindgen::prelude::*;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{
        CustomEvent, CustomEventInit, Element, Event, EventSource, EventTarget, FormData, Headers,
        HtmlElement, HtmlFormElement, HtmlInputElement, HtmlTemplateElement, MessageEvent, RequestInit,
        Response, UrlSearchParams,
    };

    /// Long enough to swallow a quick series of key presses, short enough to feel immediate.
    pub const QUIET: Duration = Duration::from_millis(200);

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

    /// What tells other parts of the page that the list is another one; its detail is the query.
    const FILTERED: &str = "undertone-filtered";

    pub fn hear(
        query: ReadSignal<String>,
        set_query: WriteSignal<String>,
        since: i64,
        news: WriteSignal<String>,
    ) {
        let listen = move |query: &str, since: i64| {
            let parts = if query.is_empty() { String::new() } else { format!("{query}&") };
            let source = EventSource::new(&format!("/live/tickets?{parts}since={since}")).ok()?;
            let told = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
                news.set(event.data().as_string().unwrap_or_default());
            });
            let _ = source.add_event_listener_with_callback("news", told.as_ref().unchecked_ref());
            told.forget();
            Some(source)
        };
        let source = Rc::new(RefCell::new(listen(&query.get_untracked(), since)));
        // As far as this page's clock has gone since it was made.
        let clock = || window().performance().map_or(0.0, |clock| clock.now());
        let made = clock();
        let filtered = Closure::<dyn Fn(CustomEvent)>::new(move |event: CustomEvent| {
            let query = event.detail().as_string().unwrap_or_default();
            if let Some(before) = source.borrow_mut().take() {
                before.close();
            }
            news.set(String::new());
            #[expect(clippy::cast_possible_truncation, reason = "microseconds since the page was made")]
            let since = since + ((clock() - made) * 1_000.0) as i64;
            *source.borrow_mut() = listen(&query, since);
            set_query.set(query);
        });
        let _ = document().add_event_listener_with_callback(FILTERED, filtered.as_ref().unchecked_ref());
        // Lives as long as the page.
        filtered.forget();
    }

    pub fn filter(mark: NodeRef<Span>, told: WriteSignal<String>) {
        mark.on_load(move |span| {
            let Ok(Some(form)) = span.closest("form") else { return };
            let form: HtmlFormElement = form.unchecked_into();
            let (turn, of) = (Rc::new(Cell::new(0_u32)), form.clone());
            let changed = Closure::<dyn Fn(Event)>::new(move |event: Event| {
                let input = event.target().and_then(|it| it.dyn_into::<HtmlInputElement>().ok());
                if input.is_some_and(|input| input.type_() == "checkbox") {
                    return;
                }
                turn.set(turn.get().wrapping_add(1));
                let mine = turn.get();
                let (turn, form) = (turn.clone(), of.clone());
                set_timeout(
                    move || {
                        if turn.get() == mine {
                            spawn_local(async move {
                                let page = look(&form).await;
                                // What was chosen meanwhile has its own answer.
                                if turn.get() == mine {
                                    draw(page, told);
                                }
                            });
                        }
                    },
                    QUIET,
                );
            });
            let _ = form.add_event_listener_with_callback("input", changed.as_ref().unchecked_ref());
            changed.forget();
        });
    }

    /// The page that the form leads to: its address and its HTML. `None`: the page stays as it stands, and the form's
    /// button is there.
    async fn look(form: &HtmlFormElement) -> Option<(String, String)> {
        let filled: JsValue = FormData::new_with_form(form).ok()?.into();
        let query = UrlSearchParams::new_with_str_sequence_sequence(&filled).ok()?;
        let to = format!("{}?{}", form.get_attribute("action")?, String::from(query.to_string()));
        let response: Response = JsFuture::from(window().fetch_with_str(&to)).await.ok()?.unchecked_into();
        if !response.ok() {
            return None;
        }
        let html = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
        Some((response.url(), html))
    }

    fn draw(page: Option<(String, String)>, told: WriteSignal<String>) {
        let Some((address, html)) = page else { return };
        let Ok(fresh) = document().create_element("template") else { return };
        let fresh: HtmlTemplateElement = fresh.unchecked_into();
        fresh.set_inner_html(&html);
        let Ok(parts) = document().query_selector_all("[data-part]") else { return };
        for index in 0..parts.length() {
            let Some(part) = parts.item(index).and_then(|node| node.dyn_into::<Element>().ok()) else {
                continue;
            };
            let name = part.get_attribute("data-part").unwrap_or_default();
            let selector = format!("[data-part={name}]");
            let Ok(Some(new)) = fresh.content().query_selector(&selector) else { continue };
            part.set_inner_html(&new.inner_html());
            if let Some(words) = new.get_attribute("data-told") {
                told.set(words);
            }
        }
        let query = address.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
        let to = if query.is_empty() { "/tickets".to_owned() } else { format!("/tickets?{query}") };
        if let Ok(history) = window().history() {
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&to));
        }
        let init = CustomEventInit::new();
        init.set_detail(&JsValue::from_str(&query));
        if let Ok(event) = CustomEvent::new_with_event_init_dict(FILTERED, &init) {
            let _ = document().dispatch_event(&event);
        }
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

    /// HTML for a part of the page. What cannot be asked leaves the page as it stands.
    async fn ask(to: &str, form: Option<&HtmlFormElement>) -> Option<String> {
        serde_json::from_str(&send(to, form).await?).ok()
    }

    /// What a server function answers to the form, as JSON.
    pub async fn send(to: &str, form: Option<&HtmlFormElement>) -> Option<String> {
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
        JsFuture::from(response.text().ok()?).await.ok()?.as_string()
    }

    /// Calls `act` for each such event, as long as the page lives.
    pub fn on(to: &EventTarget, event: &str, act: impl Fn(Event) + 'static) {
        let heard = Closure::<dyn Fn(Event)>::new(act);
        let _ = to.add_event_listener_with_callback(event, heard.as_ref().unchecked_ref());
        heard.forget();
    }

    /// Where it happened.
    pub fn element(event: &Event) -> Option<Element> {
        event.target().and_then(|target| target.dyn_into().ok())
    }

    /// What stands in a field of the form.
    pub fn form_text(form: &HtmlFormElement, name: &str) -> Option<String> {
        FormData::new_with_form(form).ok()?.get(name).as_string()
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
