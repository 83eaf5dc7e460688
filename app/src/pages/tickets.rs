//! The ticket list: filters in the address, newest first, page by page.

use super::period::midnight;
use crate::AppError;
use crate::form::{Button, Form, Pick, Weight, done, redirect};
use crate::screen::{Asked, Nav, Screen, screen};
use crate::ui::{Badge, Bars, Empty, LabelBadge, Mood, Older, PageHeader, StateBadge, Table, Tone, When};
use crate::viewer::{Viewer, viewer};
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use domain::{Dimension, Label, Mode, Permission, Score};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::tickets::{LOOKED_THROUGH, TicketFilter, TicketRow, TicketState};

const PAGE: u32 = 50;
/// Clients offered in the filter: those with tickets in the last year.
const CLIENTS: u32 = 200;

/// The filters as the address has them. What is not understood is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Filters {
    q: Option<String>,
    client: Option<String>,
    label: Option<Label>,
    state: Option<TicketState>,
    min_sentiment: Option<Score>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    escalated: bool,
    degraded: bool,
    cursor: Option<String>,
}

impl Filters {
    fn of(asked: &Asked) -> Self {
        Self::read(|name| asked.query(name))
    }
    fn read(query: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            q: query("q").map(|text| text.trim().chars().take(200).collect()),
            client: query("client"),
            label: query("label").and_then(|word| Label::ALL.into_iter().find(|label| label.word() == word)),
            state: query("state")
                .and_then(|word| STATES.into_iter().find(|(slug, ..)| *slug == word))
                .map(|(_, state, _)| state),
            min_sentiment: query("min_sentiment")
                .and_then(|text| text.parse().ok())
                .and_then(|n| Score::new(n).ok()),
            from: query("from").and_then(|text| text.parse().ok()),
            to: query("to").and_then(|text| text.parse().ok()),
            escalated: query("escalated").is_some() || query("state").as_deref() == Some(ESCALATED),
            degraded: query("degraded").is_some() || query("state").as_deref() == Some(DEGRADED),
            cursor: query("cursor"),
        }
    }
    fn is_any(&self) -> bool {
        *self != Self { cursor: self.cursor.clone(), ..Self::default() }
    }
    /// What the store is asked; days begin and end in the tenant's zone.
    fn filter(&self, zone: Tz) -> TicketFilter {
        TicketFilter {
            from: self.from.and_then(|day| midnight(day, zone)),
            to: self
                .to
                .and_then(|day| day.checked_add_days(Days::new(1)))
                .and_then(|day| midnight(day, zone)),
            label: self.label,
            client: self.client.clone(),
            state: self.state,
            min_sentiment: self.min_sentiment,
            escalated: self.escalated.then_some(true),
            degraded: self.degraded,
            q: self.q.clone(),
        }
    }
    /// The address of the same list at another place.
    fn address(&self, cursor: Option<&str>) -> String {
        let state = self
            .state
            .and_then(|state| STATES.into_iter().find(|(_, is, _)| *is == state))
            .map(|(slug, ..)| slug.to_owned());
        let pairs = [
            ("q", self.q.clone()),
            ("client", self.client.clone()),
            ("label", self.label.map(|label| label.word().to_owned())),
            ("state", state),
            ("min_sentiment", self.min_sentiment.map(|score| score.to_string())),
            ("from", self.from.map(|day| day.to_string())),
            ("to", self.to.map(|day| day.to_string())),
            ("escalated", self.escalated.then(|| "yes".to_owned())),
            ("degraded", self.degraded.then(|| "yes".to_owned())),
            ("cursor", cursor.map(str::to_owned)),
        ];
        let pairs: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        match serde_urlencoded::to_string(pairs) {
            Ok(query) if !query.is_empty() => format!("/tickets?{query}"),
            _ => "/tickets".into(),
        }
    }
}

/// What the form's outcome filter says for tickets that were escalated, whatever became of them then.
const ESCALATED: &str = "escalated";
/// And for those read by the built-in analyser while the model was out.
const DEGRADED: &str = "degraded";
/// Tickets read again at one press.
const AGAIN: u32 = 500;

/// Address word, state, what people read.
const STATES: [(&str, TicketState, &str); 7] = [
    ("acted", TicketState::Acted, "acted"),
    ("shadowed", TicketState::Shadowed, "would have acted"),
    ("analysed", TicketState::Analysed, "nothing to do"),
    ("acting", TicketState::Acting, "acting"),
    ("reading", TicketState::Reading, "being read"),
    ("skipped", TicketState::Skipped, "skipped"),
    ("failed", TicketState::Failed, "failed"),
];

#[component]
pub fn TicketsPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let filters = Filters::of(&asked);
        // A form sends its empty fields too; the address should hold what was chosen and no more.
        if asked.search.split('&').any(|pair| pair.ends_with('=')) {
            redirect(&filters.address(filters.cursor.as_deref()));
        }
        let page = viewer
            .store
            .ticket_list(&filters.filter(viewer.time_zone), PAGE, filters.cursor.as_deref())
            .await?;
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
        let list = if page.rows.is_empty() && page.next.is_some() {
            let text = format!(
                "None of the {LOOKED_THROUGH} tickets looked through here fits; “Older” looks further."
            );
            view! { <div class="card"><Empty title="Nothing found so far" text/></div> }.into_any()
        } else if page.rows.is_empty() {
            nothing(&filters)
        } else {
            view! { <Tickets rows=page.rows/> }.into_any()
        };
        let body = view! {
            <PageHeader title="Tickets" about="Every ticket Undertone was told of, newest first."/>
            <FilterBar filters clients/>
            {again}
            {list}
            <Older next first/>
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
fn FilterBar(filters: Filters, clients: Vec<Pick>) -> impl IntoView {
    let any = filters.is_any();
    // On phones the set is folded; it stays open while one of its filters is on.
    let narrowed = Filters { q: None, ..filters.clone() }.is_any();
    let labels = Label::ALL.map(|label| Pick::new(label.word(), label.word())).to_vec();
    let marks = [Pick::new(ESCALATED, ESCALATED), Pick::new(DEGRADED, "read while the model was out")];
    let states = marks.into_iter().chain(STATES.map(|(slug, _, words)| Pick::new(slug, words))).collect();
    let scores = [2, 3, 4, 5]
        .map(|n| Pick::new(n.to_string(), if n == 5 { "5".to_owned() } else { format!("{n} or greater") }))
        .to_vec();
    let state = filters
        .state
        .and_then(|state| STATES.into_iter().find(|(_, is, _)| *is == state))
        .map(|(slug, ..)| slug.to_owned())
        .or_else(|| filters.escalated.then(|| ESCALATED.to_owned()))
        .or_else(|| filters.degraded.then(|| DEGRADED.to_owned()));
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
                </div>
            </details>
            <div class="filter-buttons">
                <button class="button">"Filter"</button>
                {any.then(|| view! { <a class="button button-plain" href="/tickets">"Clear"</a> })}
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

#[component]
fn Tickets(rows: Vec<TicketRow>) -> impl IntoView {
    let heads = vec!["Ticket", "Number", "Client", "Sentiment", "Urgency", "Impact", "Outcome", "#Arrived"];
    view! {
        <Table caption="Tickets, newest first" heads class="table-cards tickets">
            {rows.into_iter().map(ticket_row).collect_view()}
        </Table>
    }
}

fn ticket_row(row: TicketRow) -> impl IntoView {
    let title = match row.title.trim().is_empty() {
        false => row.title,
        true if row.text_removed => "(text removed)".to_owned(),
        true => "(without a title)".to_owned(),
    };
    // A hundred thousand characters of title are no list entry.
    let title: String = title.chars().take(300).collect();
    view! {
        <tr>
            <td class="lead"><a class="row-link" href=format!("/tickets/{}", row.id)><span class="cell-title" dir="auto">{title}</span></a></td>
            <td class="fit cell-sub num cell-number">{row.number}</td>
            <td class="cell-client"><span class="cell-title" dir="auto">{row.client}</span></td>
            <td class="fit">{row.sentiment.map(|score| view! { <Mood score/> })}</td>
            <td class="fit">{row.urgency.map(|score| view! { <Bars dimension=Dimension::Urgency score/> })}</td>
            <td class="fit">{row.impact.map(|score| view! { <Bars dimension=Dimension::Impact score/> })}</td>
            <td class="fit"><span class="badges"><Outcome state=row.state escalated=row.escalated degraded=row.degraded mode=row.mode label=row.label reason=row.reason/></span></td>
            <td class="n cell-sub"><When at=row.created_at/></td>
        </tr>
    }
}

#[component]
fn Outcome(
    state: TicketState,
    escalated: bool,
    degraded: bool,
    mode: Option<Mode>,
    label: Option<Label>,
    reason: Option<String>,
) -> impl IntoView {
    let negative = label == Some(Label::Negative) && !escalated;
    let escalation = match mode {
        Some(Mode::Shadow) => "would escalate",
        _ => "escalated",
    };
    view! {
        {negative.then(|| view! { <LabelBadge label=Label::Negative/> })}
        {if escalated {
            view! { <Badge tone=Tone::Strong text=escalation/> }.into_any()
        } else {
            view! { <span title=reason><StateBadge state/></span> }.into_any()
        }}
        {degraded.then(|| view! { <Badge tone=Tone::Waiting text="degraded"/> })}
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(query: &str) -> Filters {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
        Filters::read(|name| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))
    }

    #[test]
    fn the_address_holds_the_filters_and_gives_them_back() {
        let address = "/tickets?q=printer+%26+fax&client=12&label=negative&state=failed&min_sentiment=4&from=2026-11-01&to=2026-11-23&escalated=yes";
        let read = filters(address.split_once('?').unwrap().1);
        assert_eq!(read.address(None), address);
        assert!(read.is_any());
        assert_eq!(read.address(Some("abc")), format!("{address}&cursor=abc"));
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        let read = filters("label=angry&state=x&min_sentiment=9&from=yesterday&to=");
        assert_eq!(read, Filters::default());
        assert_eq!(read.address(None), "/tickets");
    }

    #[test]
    fn days_begin_and_end_in_the_tenants_zone() {
        let read = filters("from=2026-11-23&to=2026-11-23").filter(Tz::America__New_York);
        assert_eq!(read.from.unwrap().to_rfc3339(), "2026-11-23T05:00:00+00:00");
        assert_eq!(read.to.unwrap().to_rfc3339(), "2026-11-24T05:00:00+00:00");
    }
}
