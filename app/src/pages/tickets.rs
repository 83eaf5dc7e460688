//! The ticket list: filters, order and columns in the address, page by page, kept under names, and told of news.

mod filters;
mod table;
mod views;

pub use filters::Filters;

use crate::AppError;
use crate::form::{Button, Form, Pick, Weight, done, redirect};
use crate::live::{InstantFilters, LiveNews};
use crate::screen::{Nav, Screen, screen};
use crate::ui::{Empty, Older, PageHeader};
use crate::viewer::{Viewer, viewer};
use chrono::Days;
use domain::{Label, Permission};
use filters::{DEGRADED, ESCALATED, STATES};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::tickets::LOOKED_THROUGH;
use table::{Column, Tickets};
use views::Views;

const PAGE: u32 = 50;
/// Clients offered in the filter: those with tickets in the last year.
const CLIENTS: u32 = 200;

/// Tickets read again at one press.
const AGAIN: u32 = 500;

#[component]
pub fn TicketsPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let filters = Filters::of(&asked);
        // A form sends its empty fields too; the address should hold what was chosen and no more.
        let is_of_a_form = asked.search.matches("columns=").count() > 1;
        if is_of_a_form || asked.search.split('&').any(|pair| pair.ends_with('=')) {
            redirect(&filters.address(filters.cursor.as_deref()));
        }
        let (filter, cursor) = (filters.filter(viewer.time_zone), filters.cursor.as_deref());
        let page = match filters.sort {
            None => viewer.store.ticket_list(&filter, PAGE, cursor).await?,
            Some(by) => viewer.store.ticket_ranked(by, &filter, PAGE, cursor).await?,
        };
        let views = viewer.store.view_list(viewer.user).await?;
        let clients = client_picks(&viewer, &filters).await?;
        let next = page.next.as_deref().map(|cursor| filters.address(Some(cursor)));
        let first = filters.cursor.as_ref().map(|_| filters.address(None));
        let again =
            (filters.degraded && !page.rows.is_empty() && viewer.can(Permission::Operate)).then(|| {
                view! {
                    <Form to=TicketsAgain::url() class="row-form">
                        <Button weight=Weight::Quiet>"Read them again with your model"</Button>
                        <p class="quiet">"What was written into your PSA stays, and is not written twice."</p>
                    </Form>
                }
            });
        let told = match (page.rows.len(), page.next.is_some()) {
            (1, false) => "One ticket".to_owned(),
            (count, false) => format!("{count} tickets"),
            (count, true) => format!("{count} tickets, and there are more"),
        };
        let list = if page.rows.is_empty() && page.next.is_some() {
            let text = format!(
                "None of the {LOOKED_THROUGH} tickets looked through here fits; “Older” looks further."
            );
            view! { <div class="card"><Empty title="Nothing found so far" text/></div> }.into_any()
        } else if page.rows.is_empty() {
            nothing(&filters)
        } else {
            view! { <Tickets filters=filters.clone() rows=page.rows/> }.into_any()
        };
        let csv = filters.at("/tickets.csv", None);
        let news = filters.cursor.is_none().then(|| {
            view! { <LiveNews query=filters.query() since=viewer.now.timestamp_micros()/> }
        });
        let may_share = viewer.can(Permission::Operate);
        let body = view! {
            <PageHeader title="Tickets" about="Every ticket Undertone was told of, newest first."/>
            <div data-part="views"><Views filters=filters.clone() views may_share/></div>
            <FilterBar filters clients csv/>
            {news}
            <div class="part" data-part="list" data-told=told>
                {again}
                {list}
                <Older next first/>
            </div>
        };
        Ok(Screen::new(Nav::Tickets, "Tickets", body))
    })
}

async fn client_picks(viewer: &Viewer, filters: &Filters) -> Result<Vec<Pick>, AppError> {
    let today = viewer.store.today(viewer.now).await?;
    let year = viewer.store.client_names(today - Days::new(365), CLIENTS).await?;
    let mut picks: Vec<Pick> = year.into_iter().map(|(id, name)| Pick::new(id, name)).collect();
    picks.sort_by_cached_key(|pick| pick.text.to_lowercase());
    if let Some(chosen) = &filters.client
        && !picks.iter().any(|pick| pick.value == *chosen)
    {
        picks.push(Pick::new(chosen.clone(), format!("client {chosen}")));
    }
    Ok(picks)
}

fn nothing(filters: &Filters) -> AnyView {
    let empty = if filters.is_any() {
        view! { <Empty title="No ticket fits these filters" text="Take one of them away, or look at all tickets." action=("/tickets", "Show all tickets")/> }.into_any()
    } else {
        view! { <Empty title="No tickets yet" text="As soon as your PSA calls the webhook address, tickets appear here." action=("/setup", "To set-up")/> }.into_any()
    };
    view! { <div class="card">{empty}</div> }.into_any()
}

#[component]
fn FilterBar(filters: Filters, clients: Vec<Pick>, csv: String) -> impl IntoView {
    let any = filters.is_any();
    // On phones the set is folded; it stays open while one of its filters is on.
    let narrowed = Filters { q: None, ..filters.clone() }.is_any() || filters.sort.is_some();
    let labels = Label::ALL.map(|label| Pick::new(label.word(), label.word())).to_vec();
    let marks = [Pick::new(ESCALATED, ESCALATED), Pick::new(DEGRADED, "read while the model was out")];
    let states = marks.into_iter().chain(STATES.map(|(slug, _, words)| Pick::new(slug, words))).collect();
    let scores = [2, 3, 4, 5]
        .map(|n| Pick::new(n.to_string(), if n == 5 { "5".to_owned() } else { format!("{n} or greater") }))
        .to_vec();
    let (state, sort) = (filters.outcome(), filters.sort.map(|by| by.word().to_owned()));
    let shown = filters.columns.clone().unwrap_or_else(|| Column::USUAL.to_vec());
    let boxes = Column::ALL.map(|column| {
        let checked = shown.contains(&column);
        view! {
            <label><input type="checkbox" name="columns" value=column.word() checked=checked/>{column.head().trim_start_matches('#')}</label>
        }
    });
    let orders = [
        Pick::new("sentiment", "worst mood first"),
        Pick::new("urgency", "most urgent first"),
        Pick::new("impact", "greatest impact first"),
    ]
    .to_vec();
    view! {
        <form class="filters" method="get" action="/tickets" role="search" aria-label="Filter tickets">
            <label class="filter filter-wide"><span>"Search"</span>
                <input type="search" name="q" value=filters.q placeholder="Title, text, client or number" maxlength="200"/>
            </label>
            <details class="filter-more" open=narrowed>
                <summary class="button">"More filters"</summary>
                <div class="filter-set">
                    <FilterPick name="client" label="Client" any="all" options=clients chosen=filters.client/>
                    <FilterPick name="label" label="Label" any="all" options=labels chosen=filters.label.map(|label| label.word().to_owned())/>
                    <FilterPick name="min_sentiment" label="Sentiment" any="any" options=scores chosen=filters.min_sentiment.map(|score| score.to_string())/>
                    <FilterPick name="state" label="Outcome" any="all" options=states chosen=state/>
                    <label class="filter"><span>"From"</span><input type="date" name="from" value=filters.from.map(|day| day.to_string())/></label>
                    <label class="filter"><span>"To"</span><input type="date" name="to" value=filters.to.map(|day| day.to_string())/></label>
                    <FilterPick name="sort" label="Order" any="newest first" options=orders chosen=sort/>
                </div>
            </details>
            <div class="filter-buttons">
                <InstantFilters/>
                <button class="button">"Filter"</button>
                <span class="filter-buttons" data-part="ways">
                    {any.then(|| view! { <a class="button button-plain" href="/tickets">"Clear"</a> })}
                    <a class="button button-plain" href=csv download="">"CSV"</a>
                </span>
                <details class="period-own filter-columns">
                    <summary class="button button-plain">"Columns"</summary>
                    <fieldset>
                        <legend class="hidden">"Columns of the table"</legend>
                        {boxes.into_iter().collect_view()}
                        <button class="button">"Show these"</button>
                    </fieldset>
                </details>
            </div>
        </form>
    }
}

#[component]
fn FilterPick(
    name: &'static str,
    label: &'static str,
    any: &'static str,
    options: Vec<Pick>,
    chosen: Option<String>,
) -> impl IntoView {
    let options = options
        .into_iter()
        .map(|pick| view! { <option selected=chosen.as_ref() == Some(&pick.value) value=pick.value>{pick.text}</option> })
        .collect_view();
    view! { <label class="filter"><span>{label}</span><select name=name><option value="">{any}</option>{options}</select></label> }
}

/// Reads again what the built-in analyser read while the model was out.
#[server(prefix = "/do", endpoint = "tickets-again")]
pub async fn tickets_again() -> Result<(), AppError> {
    let viewer = viewer(Permission::Operate).await?;
    let count = viewer.store.tickets_replay_degraded(AGAIN, &viewer.actor, viewer.now).await?;
    let told = match count {
        0 => "There is nothing to read again.".to_owned(),
        1 => "One ticket is read again.".to_owned(),
        count => format!("{count} tickets are read again."),
    };
    done("/tickets", &told).await
}
