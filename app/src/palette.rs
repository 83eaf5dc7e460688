//! Finding and going by the keyboard: a palette for tickets, clients and pages, and the keys that work everywhere.
//!
//! Woken by `start.js` when somebody first asks for it, so that a page that is only read loads no module for it.

use leptos::html::Dialog;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What can be gone to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub word: String,
    /// What it is, or where it belongs.
    pub detail: String,
    pub href: String,
    /// After `g`, this key goes there; empty: none.
    pub key: String,
}

/// The dialogs. `places`: the pages, in their order; `find`: the server function that finds the rest.
#[island]
pub fn Palette(places: Vec<Place>, find: String) -> impl IntoView {
    let (palette, keys) = (NodeRef::<Dialog>::new(), NodeRef::<Dialog>::new());
    let (found, set_found) = signal(places.clone());
    let (active, set_active) = signal(0_usize);
    let (told, set_told) = signal(String::new());
    let going: Vec<Place> = places.iter().filter(|place| !place.key.is_empty()).cloned().collect();
    #[cfg(feature = "hydrate")]
    browser::listen(browser::Desk {
        palette,
        keys,
        places,
        find,
        found: (found, set_found),
        active: (active, set_active),
        told: set_told,
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (places, find, set_found, set_active, set_told);
    let options = move || {
        let active = active.get();
        let option = move |(index, place): (usize, Place)| {
            view! {
                <li role="option" id=format!("palette-{index}") aria-selected=if index == active { "true" } else { "false" } data-href=place.href>
                    <span class="palette-word" dir="auto">{place.word}</span>
                    <span class="quiet" dir="auto">{place.detail}</span>
                </li>
            }
        };
        found.get().into_iter().enumerate().map(option).collect_view()
    };
    let lines = going
        .into_iter()
        .map(|place| (format!("g {}", place.key), format!("Go to {}", place.word)))
        .chain([
            ("j, k".to_owned(), "Next or previous row of a list; Enter opens it".to_owned()),
            ("/".to_owned(), "Find a ticket, a client or a page".to_owned()),
            ("?".to_owned(), "Show these keys".to_owned()),
        ])
        .map(|(key, what)| view! { <tr><th scope="row"><kbd>{key}</kbd></th><td>{what}</td></tr> })
        .collect_view();
    view! {
        <dialog class="palette" node_ref=palette aria-label="Find or go to">
            <form method="get" action="/tickets">
                <input
                    type="search" name="q" autocomplete="off" spellcheck="false" role="combobox" aria-expanded="true"
                    aria-autocomplete="list" aria-controls="palette-found" aria-label="Find a ticket, a client or a page"
                    placeholder="Find a ticket, a client or a page"
                    aria-activedescendant=move || format!("palette-{}", active.get())
                />
            </form>
            <ul id="palette-found" role="listbox" aria-label="What was found">{options}</ul>
            <p class="hint" role="status">{move || told.get()}</p>
        </dialog>
        <dialog class="palette palette-keys" node_ref=keys aria-labelledby="palette-keys-title">
            <h2 id="palette-keys-title">"Keys"</h2>
            <table>
                <tbody>
                    <tr><th scope="row"><kbd>"Ctrl K"</kbd></th><td>"Find a ticket, a client or a page (⌘ K on a Mac)"</td></tr>
                    {lines}
                </tbody>
            </table>
            <label class="palette-switch"><input type="checkbox" id="single-keys"/>"Keys without Ctrl work, in this browser"</label>
            <form method="dialog"><button class="button">"Close"</button></form>
        </dialog>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use super::Place;
    use crate::live::browser::{QUIET, element, on, send};
    use leptos::html::Dialog;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;
    use wasm_bindgen::prelude::*;
    use web_sys::{Event, HtmlDialogElement, HtmlElement, HtmlFormElement, HtmlInputElement, KeyboardEvent};

    pub struct Desk {
        pub palette: NodeRef<Dialog>,
        pub keys: NodeRef<Dialog>,
        pub places: Vec<Place>,
        pub find: String,
        pub found: (ReadSignal<Vec<Place>>, WriteSignal<Vec<Place>>),
        pub active: (ReadSignal<usize>, WriteSignal<usize>),
        pub told: WriteSignal<String>,
    }

    /// Where a browser remembers that keys without Ctrl are not wanted.
    const SINGLE_KEYS: &str = "undertone-single-keys";
    /// How long `g` waits for the key that says where.
    const PATIENCE: Duration = Duration::from_millis(1_500);

    pub fn listen(desk: Desk) {
        let desk = Rc::new(desk);
        let keys = desk.clone();
        // The second dialog is there when the first is, and the last one of the two.
        desk.keys.on_load(move |dialog| {
            let desk = keys.clone();
            if let Some(switch) = switch(&dialog) {
                switch.set_checked(single_keys());
                on(&switch.clone(), "change", move |_| remember(switch.checked()));
            }
            let waits = Rc::new(Cell::new(false));
            on(&document(), "keydown", move |event| desk.pressed(&event, &waits));
        });
        let finds = desk.clone();
        desk.palette.on_load(move |dialog| finds.clone().prepare(&dialog));
    }

    fn switch(dialog: &HtmlDialogElement) -> Option<HtmlInputElement> {
        dialog.query_selector("#single-keys").ok()??.dyn_into().ok()
    }

    fn single_keys() -> bool {
        let kept =
            window().local_storage().ok().flatten().and_then(|kept| kept.get_item(SINGLE_KEYS).ok()?);
        kept.as_deref() != Some("off")
    }

    fn remember(wanted: bool) {
        if let Ok(Some(kept)) = window().local_storage() {
            let _ = kept.set_item(SINGLE_KEYS, if wanted { "on" } else { "off" });
        }
    }

    fn go(href: &str) {
        let _ = window().location().set_href(href);
    }

    /// Whoever types there means what is typed.
    fn is_typing(event: &Event) -> bool {
        element(event).is_some_and(|it| {
            it.closest("input, textarea, select, [contenteditable], dialog").ok().flatten().is_some()
        })
    }

    impl Desk {
        fn pressed(&self, event: &Event, waits: &Rc<Cell<bool>>) {
            let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
            let with_ctrl = key.ctrl_key() || key.meta_key();
            if with_ctrl && key.key() == "k" {
                event.prevent_default();
                self.open();
                return;
            }
            if with_ctrl || key.alt_key() || is_typing(event) || !single_keys() {
                return;
            }
            let pressed = key.key();
            if waits.replace(false) {
                if let Some(place) =
                    self.places.iter().find(|place| !place.key.is_empty() && place.key == pressed)
                {
                    go(&place.href);
                }
                return;
            }
            match pressed.as_str() {
                "/" => self.open(),
                "?" => show(self.keys),
                "j" => step(1),
                "k" => step(-1),
                "g" => {
                    waits.set(true);
                    let waits = waits.clone();
                    set_timeout(move || waits.set(false), PATIENCE);
                }
                _ => return,
            }
            event.prevent_default();
        }

        fn open(&self) {
            show(self.palette);
            if let Some(input) = self.input() {
                input.select();
            }
        }

        fn input(&self) -> Option<HtmlInputElement> {
            self.palette.get_untracked()?.query_selector("input").ok()??.dyn_into().ok()
        }

        fn prepare(self: Rc<Self>, dialog: &HtmlDialogElement) {
            let Some(form) = dialog.query_selector("form").ok().flatten() else { return };
            let form: HtmlFormElement = form.unchecked_into();
            let (turn, desk, asked) = (Rc::new(Cell::new(0_u32)), self.clone(), form.clone());
            on(&form, "input", move |_| desk.clone().look(&asked, &turn));
            let desk = self.clone();
            on(&form, "keydown", move |event| desk.choose(&event));
            let desk = self.clone();
            on(&form, "submit", move |event| {
                event.prevent_default();
                if let Some(place) = desk.found.0.get_untracked().get(desk.active.0.get_untracked()) {
                    go(&place.href);
                }
            });
            on(dialog, "click", move |event| {
                let Some(at) = element(&event) else { return };
                if let Ok(Some(option)) = at.closest("[role=option]") {
                    go(&option.get_attribute("data-href").unwrap_or_default());
                } else if at.tag_name() == "DIALOG"
                    && let Some(dialog) = at.dyn_ref::<HtmlDialogElement>()
                {
                    // Beside it.
                    dialog.close();
                }
            });
        }

        fn choose(&self, event: &Event) {
            let count = self.found.0.with_untracked(Vec::len);
            let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
            if key.key() == "Escape" {
                // Not only what was typed goes away, as in other fields of a search.
                event.prevent_default();
                if let Some(dialog) = self.palette.get_untracked() {
                    dialog.close();
                }
                return;
            }
            let now = self.active.0.get_untracked();
            let next = match key.key().as_str() {
                "ArrowDown" if count > 0 => (now + 1) % count,
                "ArrowUp" if count > 0 => (now + count - 1) % count,
                _ => return,
            };
            event.prevent_default();
            self.active.1.set(next);
            let option = document().get_element_by_id(&format!("palette-{next}"));
            if let Some(option) = option {
                option.scroll_into_view_with_bool(false);
            }
        }

        /// Pages at once, tickets and clients when the server has found them.
        fn look(self: Rc<Self>, form: &HtmlFormElement, turn: &Rc<Cell<u32>>) {
            turn.set(turn.get().wrapping_add(1));
            let (mine, turn, form) = (turn.get(), turn.clone(), form.clone());
            let words = self.input().map(|input| input.value()).unwrap_or_default();
            let words = words.trim().to_ascii_lowercase();
            let fits = |place: &&Place| place.word.to_ascii_lowercase().contains(&words);
            let pages: Vec<Place> = self.places.iter().filter(fits).cloned().collect();
            self.show(pages.clone());
            if words.is_empty() {
                return;
            }
            set_timeout(
                move || {
                    if turn.get() != mine {
                        return;
                    }
                    spawn_local(async move {
                        let answer = send(&self.find, Some(&form)).await;
                        let found: Option<Vec<Place>> =
                            answer.and_then(|text| serde_json::from_str(&text).ok());
                        // What was typed meanwhile has its own answer.
                        if let (Some(found), true) = (found, turn.get() == mine) {
                            self.show(pages.into_iter().chain(found).collect());
                        }
                    });
                },
                QUIET,
            );
        }

        fn show(&self, found: Vec<Place>) {
            self.told.set(match found.len() {
                0 => "Nothing fits yet.".to_owned(),
                1 => "One fits.".to_owned(),
                count => format!("{count} fit."),
            });
            self.active.1.set(0);
            self.found.1.set(found);
        }
    }

    fn show(dialog: NodeRef<Dialog>) {
        if let Some(dialog) = dialog.get_untracked()
            && !dialog.open()
        {
            let _ = dialog.show_modal();
        }
    }

    /// The focus, on to the next or the previous row of a list.
    fn step(by: i32) {
        let Ok(rows) = document().query_selector_all("main a.row-link") else { return };
        let count = i32::try_from(rows.length()).unwrap_or(0);
        let here = document().active_element();
        let at = (0..count).find(|&index| {
            let row = u32::try_from(index).ok().and_then(|index| rows.item(index));
            here.as_ref().is_some_and(|here| row.is_some_and(|row| here.is_same_node(Some(&row))))
        });
        let next = at.map_or(if by > 0 { 0 } else { count - 1 }, |at| at + by);
        let row = u32::try_from(next).ok().and_then(|index| rows.item(index));
        if let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
            let _ = row.focus();
        }
    }
}
