//! What thresholds would have done to past tickets, told while they are moved: the policy itself runs in the browser.

use domain::Thresholds;
use domain::what_if::{Aim, Counts, PastTicket, Rules, Touch};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Past tickets and the policy that a form describes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    /// How many days the tickets come from, begun ones too; at least one.
    pub days: u32,
    /// Newest first.
    pub past: Vec<PastTicket>,
    /// What the saved policy would have done to each.
    pub was: Vec<Touch>,
    /// What the form says, and its thresholds as the server read them.
    pub rules: Rules,
    pub thresholds: Thresholds,
}

/// What is shown of them, for some thresholds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub looked_at: usize,
    pub days: u32,
    pub saved: Counts,
    pub here: Counts,
    /// Touched here and not by the saved policy, or in more ways.
    pub more: Few,
    /// Touched by the saved policy and not here, or in fewer ways.
    pub less: Few,
    /// Touched by both in the same way.
    pub same: Few,
}

/// The first few of several tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Few {
    pub count: usize,
    pub first: Vec<Named>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub id: String,
    pub title: String,
    /// What happens to it here; for those that are touched less, what the saved policy did.
    pub touch: Touch,
}

const FEW: usize = 6;

impl Few {
    fn add(&mut self, ticket: &PastTicket, touch: Touch) {
        self.count += 1;
        if self.first.len() < FEW {
            self.first.push(Named { id: ticket.id.clone(), title: ticket.title.clone(), touch });
        }
    }
}

impl Shown {
    /// `touches`: what happens to each ticket here.
    pub fn of(facts: &Facts, touches: impl Iterator<Item = Touch>) -> Self {
        let mut shown = Self { looked_at: facts.past.len(), days: facts.days, ..Self::default() };
        for ((ticket, &was), is) in facts.past.iter().zip(&facts.was).zip(touches) {
            shown.saved.add(was);
            shown.here.add(is);
            if was == is {
                if is.any() {
                    shown.same.add(ticket, is);
                }
            } else if (is.raised && !was.raised) || (is.handed_over && !was.handed_over) {
                shown.more.add(ticket, is);
            } else {
                shown.less.add(ticket, was);
            }
        }
        shown
    }
}

/// "4.7", "12" or "under 0.1": so many a day.
pub fn a_day(count: usize, days: u32) -> String {
    let days = usize::try_from(days.max(1)).unwrap_or(1);
    let tenths = (count * 20 + days) / (2 * days);
    match tenths {
        0 if count == 0 => "0".into(),
        0 => "under 0.1".into(),
        100.. => ((tenths + 5) / 10).to_string(),
        _ if tenths.is_multiple_of(10) => (tenths / 10).to_string(),
        _ => format!("{}.{}", tenths / 10, tenths % 10),
    }
}

/// How many of the tickets looked at are so many a day.
pub fn in_all(a_day: u32, days: u32) -> usize {
    usize::try_from(u64::from(a_day) * u64::from(days.max(1))).unwrap_or(usize::MAX)
}

/// What happens, in a word or two.
fn words(touch: Touch) -> &'static str {
    match touch {
        Touch { raised: true, handed_over: true } => "raised and handed over",
        Touch { handed_over: true, .. } => "handed over",
        Touch { raised: true, .. } => "raised",
        Touch { .. } => "left as it is",
    }
}

/// Beside the form of a policy: what it would have done a day, against what is saved, and to which tickets; and thresholds
/// for a wanted number a day. Moving a threshold is answered here; whatever else changes in the form, the server is asked
/// what it says now.
#[island]
pub fn WhatIfPanel(
    /// The server function that returns [`Facts`] for the form around this.
    facts: String,
    /// The server function that fills the form with thresholds, for those without scripts.
    propose: String,
    /// As the page is first drawn.
    shown: Shown,
    /// The number that was asked for last.
    wanted: String,
    aim: Aim,
) -> impl IntoView {
    let (shown, set_shown) = signal(shown);
    let (told, set_told) = signal(String::new());
    let mark = NodeRef::<leptos::html::Div>::new();
    #[cfg(feature = "hydrate")]
    browser::follow(mark, facts, set_shown, set_told);
    #[cfg(not(feature = "hydrate"))]
    let _ = (facts, set_shown, set_told);
    view! {
        <div class="what-if" node_ref=mark>
            <h3>"What if"</h3>
            <div class="what-if-shown">{move || draw(&shown.get())}</div>
            <fieldset class="aim">
                <legend class="hidden">"Thresholds for a number a day"</legend>
                <label for="aim.wanted">"About"</label>
                <input type="number" id="aim.wanted" name="aim.wanted" min="0" max="10000" step="1" value=wanted/>
                <label for="aim.of">"tickets a day"</label>
                <select id="aim.of" name="aim.of">
                    <option value="handed_over" selected=aim == Aim::HandedOver>"handed over"</option>
                    <option value="touched" selected=aim == Aim::Touched>"changed at all"</option>
                </select>
                <button type="submit" class="button" formaction=propose>"Propose thresholds"</button>
                <p class="hint" role="status">{move || told.get()}</p>
            </fieldset>
        </div>
    }
}

fn draw(shown: &Shown) -> impl IntoView + use<> {
    if shown.looked_at == 0 {
        return view! { <p class="quiet">"No ticket has been scored yet. From the first ones on, you see here what would happen to them."</p> }
            .into_any();
    }
    let days = shown.days;
    let line = |name: &'static str, of: fn(&Counts) -> usize| {
        let (saved, here) = (of(&shown.saved), of(&shown.here));
        let change = match here.cmp(&saved) {
            Ordering::Greater => "more",
            Ordering::Less => "less",
            Ordering::Equal => "the same",
        };
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="num">{a_day(saved, days)}</td>
                <td class="num" data-count=here>{a_day(here, days)}</td>
                <td class="quiet">{change}</td>
            </tr>
        }
    };
    let span = match days {
        1 => "one day".to_owned(),
        days => format!("{days} days"),
    };
    view! {
        <table class="what-if-table">
            <caption>{format!("A day, on your last {} scored tickets (from {span})", shown.looked_at)}</caption>
            <thead>
                <tr><td></td><th scope="col">"As saved"</th><th scope="col">"As set here"</th><td></td></tr>
            </thead>
            <tbody>
                {line("Changed at all", |counts| counts.touched)}
                {line("Fields raised", |counts| counts.raised)}
                {line("Handed over", |counts| counts.handed_over)}
            </tbody>
        </table>
        <div class="what-if-which">
            {few("More happens to", &shown.more, true)}
            {few("Less happens to", &shown.less, true)}
            {few("The same happens to", &shown.same, false)}
        </div>
    }
    .into_any()
}

fn few(what: &'static str, few: &Few, open: bool) -> Option<impl IntoView + use<>> {
    let tickets = if few.count == 1 { "ticket" } else { "tickets" };
    let beyond = few.count - few.first.len();
    let rows = few
        .first
        .iter()
        .map(|one| {
            view! {
                <li>
                    <a href=format!("/tickets/{}", one.id) dir="auto">{one.title.clone()}</a>
                    <span class="quiet">" "{words(one.touch)}</span>
                </li>
            }
        })
        .collect_view();
    (few.count > 0).then(|| {
        view! {
            <details open=open>
                <summary>{format!("{what} {} {tickets}", few.count)}</summary>
                <ul>{rows}{(beyond > 0).then(|| view! { <li class="quiet">{format!("and {beyond} more")}</li> })}</ul>
            </details>
        }
    })
}

#[cfg(feature = "hydrate")]
mod browser {
    use super::{Aim, Facts, Shown, a_day, in_all};
    use crate::live::browser::{QUIET, element, form_text, on, send};
    use domain::what_if::WhatIf;
    use domain::{Dimension, Score, Thresholds};
    use leptos::html::Div;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use wasm_bindgen::prelude::*;
    use web_sys::{Event, HtmlElement, HtmlFormElement, KeyboardEvent};

    /// What the panel knows, and where it shows it.
    struct Panel {
        form: HtmlFormElement,
        to: String,
        known: RefCell<Option<(Facts, WhatIf)>>,
        turn: Cell<u32>,
        shown: WriteSignal<Shown>,
        told: WriteSignal<String>,
    }

    pub fn follow(mark: NodeRef<Div>, to: String, shown: WriteSignal<Shown>, told: WriteSignal<String>) {
        mark.on_load(move |div| {
            let Ok(Some(form)) = div.closest("form") else { return };
            let form: HtmlFormElement = form.unchecked_into();
            let known = RefCell::new(None);
            let panel = Rc::new(Panel { form, to, known, turn: Cell::new(0), shown, told });
            panel.clone().ask();
            let of = panel.clone();
            on(&panel.form, "input", move |event| of.clone().changed(&event));
            let of = panel.clone();
            on(&div, "click", move |event| {
                let button = element(&event).and_then(|it| it.closest("button").ok().flatten());
                if button.is_some() && of.propose() {
                    event.prevent_default();
                }
            });
            // Enter would save the policy, which is not what somebody means who typed a number here.
            on(&div, "keydown", move |event| {
                let is_enter = event.dyn_ref::<KeyboardEvent>().is_some_and(|key| key.key() == "Enter");
                let is_number = element(&event).is_some_and(|it| it.tag_name() == "INPUT");
                if is_enter && is_number && panel.propose() {
                    event.prevent_default();
                }
            });
        });
    }

    impl Panel {
        fn changed(self: Rc<Self>, event: &Event) {
            let name = element(event).and_then(|it| it.get_attribute("name")).unwrap_or_default();
            if name.starts_with("aim.") {
                return;
            }
            if name.starts_with("thresholds.") {
                self.draw();
            }
            // Also after a threshold: tickets may have been scored since, and the server counts them already.
            self.ask();
        }

        fn draw(&self) {
            if let Some((facts, what_if)) = &*self.known.borrow() {
                self.shown.set(Shown::of(facts, what_if.touches(self.thresholds())));
            }
        }

        /// What the form says now. Until it is complete again, what was known stays.
        fn ask(self: Rc<Self>) {
            self.turn.set(self.turn.get().wrapping_add(1));
            let mine = self.turn.get();
            set_timeout(
                move || {
                    if self.turn.get() != mine {
                        return;
                    }
                    spawn_local(async move {
                        let answer = send(&self.to, Some(&self.form)).await;
                        let facts =
                            answer.and_then(|text| serde_json::from_str::<Option<Facts>>(&text).ok()?);
                        // A newer change asked meanwhile: its answer is the right one.
                        if let (Some(facts), true) = (facts, self.turn.get() == mine) {
                            let what_if = WhatIf::of(&facts.rules, &facts.past);
                            *self.known.borrow_mut() = Some((facts, what_if));
                            self.draw();
                        }
                    });
                },
                QUIET,
            );
        }

        fn thresholds(&self) -> Thresholds {
            let of = |dimension: Dimension| {
                let value = form_text(&self.form, &format!("thresholds.{}", dimension.word()))?;
                Score::new(value.parse().ok()?).ok()
            };
            Thresholds {
                sentiment: of(Dimension::Sentiment),
                urgency: of(Dimension::Urgency),
                impact: of(Dimension::Impact),
            }
        }

        /// Whether it was answered here; otherwise the button asks the server.
        fn propose(&self) -> bool {
            let known = self.known.borrow();
            let Some((facts, what_if)) = known.as_ref() else { return false };
            let wanted = form_text(&self.form, "aim.wanted").and_then(|text| text.trim().parse::<u32>().ok());
            let Some(wanted) = wanted else {
                self.told.set("Say how many a day, as a whole number.".into());
                return true;
            };
            let aim = match form_text(&self.form, "aim.of").as_deref() {
                Some("touched") => Aim::Touched,
                _ => Aim::HandedOver,
            };
            let found = what_if.nearest(self.thresholds(), aim, in_all(wanted, facts.days));
            let count = what_if.count(found, aim);
            let days = facts.days;
            drop(known);
            for dimension in Dimension::ALL {
                self.choose(dimension, found.of(dimension));
            }
            self.told.set(super::proposed(&a_day(count, days)));
            true
        }

        /// As if a person had chosen it, so that everything that listens hears of it.
        fn choose(&self, dimension: Dimension, threshold: Option<Score>) {
            let value = threshold.map(|score| score.to_string()).unwrap_or_default();
            let selector = format!("[name='thresholds.{}'][value='{value}']", dimension.word());
            if let Ok(Some(radio)) = self.form.query_selector(&selector)
                && let Ok(radio) = radio.dyn_into::<HtmlElement>()
            {
                radio.click();
            }
        }
    }
}

/// What came of a proposal.
pub fn proposed(a_day: &str) -> String {
    format!("The nearest is {a_day} a day. Nothing is saved yet.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_day_is_told_as_exactly_as_people_need_it() {
        for (count, days, expected) in [
            (0, 1, "0"),
            (1, 30, "under 0.1"),
            (1, 20, "0.1"),
            (14, 3, "4.7"),
            (10, 5, "2"),
            (99, 10, "9.9"),
            (999, 100, "10"),
            (124, 10, "12"),
            (125, 10, "13"),
            (300, 1, "300"),
            (3, 0, "3"),
        ] {
            assert_eq!(a_day(count, days), expected, "{count} in {days} days");
        }
        assert_eq!(
            in_all(u32::MAX, u32::MAX),
            usize::try_from(u64::from(u32::MAX) * u64::from(u32::MAX)).unwrap()
        );
    }
}
