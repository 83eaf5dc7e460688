//! One client: its mood against its own norm, the words behind it, who writes, and what is to be remembered.

mod report;

pub use report::ReportPage;

use super::clients::{NORM_DAYS, client_path};
use super::period::{Period, Periods};
use crate::AppError;
use crate::form::{Button, Form, Hidden, TextArea, done};
use crate::screen::{Asked, Nav, Screen, screen};
use crate::ui::words::thousands;
use crate::ui::{Badge, Card, Column, Empty, Figure, Mood, PageHeader, Table, Tone, TrendChart, When};
use crate::viewer::{Viewer, viewer};
use chrono::Days;
use domain::trend::{Shift, Tally};
use domain::{ClientKey, Mode, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::clients::{ClientContact, ClientNote, ClientQuote};
use store::tickets::{TicketFilter, TicketRow};

/// Quotations on the page, and tickets.
const QUOTES: u32 = 6;
const TICKETS: u32 = 8;
/// Longest note, in characters.
const LONGEST: u32 = 4_000;

/// What the page and the report tell of a client in a period.
pub struct ClientView {
    pub key: ClientKey,
    pub name: String,
    pub period: Period,
    pub columns: Vec<Column>,
    pub tally: Tally,
    pub norm: Tally,
    pub quotes: Vec<ClientQuote>,
    pub contacts: Vec<ClientContact>,
    pub note: Option<ClientNote>,
    pub tickets: Vec<TicketRow>,
}

impl ClientView {
    pub async fn load(viewer: &Viewer, asked: &Asked) -> Result<Self, AppError> {
        let store = &viewer.store;
        let key = ClientKey { psa: asked.param("psa")?, id: asked.param("id")? };
        let text = key.to_string();
        let name = store.client_name(&key).await?.ok_or(AppError::NotFound)?;
        let period = Period::of(asked, store.today(viewer.now).await?);
        let points = store.trend(period.from, period.to, period.bucket().0, Some(&text)).await?;
        let norm = store.client_sums(period.from - Days::new(NORM_DAYS), period.from, &[&text]).await?;
        let now = store.client_sums(period.from, period.to, &[&text]).await?;
        let (from, to) = period.moments(viewer.time_zone);
        let of_client = TicketFilter {
            client: Some(text.clone()),
            from: Some(from),
            to: Some(to),
            ..TicketFilter::default()
        };
        Ok(Self {
            name: if name.is_empty() { "Without a name".to_owned() } else { name },
            period,
            columns: points
                .into_iter()
                .map(|point| Column { start: point.start, tally: point.tally })
                .collect(),
            tally: now.get(&text).copied().unwrap_or_default(),
            norm: norm.get(&text).copied().unwrap_or_default(),
            quotes: store.client_quotes(&key, from, to, QUOTES).await?,
            contacts: store.client_contacts(&key, from, to).await?,
            note: store.client_note(&key).await?,
            tickets: store.ticket_list(&of_client, TICKETS, None).await?.rows,
            key,
        })
    }

    pub fn path(&self) -> String {
        client_path(&self.key.to_string())
    }

    /// People who wrote again within a week, and how often.
    pub fn repeats(&self) -> i64 {
        self.contacts.iter().map(|contact| contact.repeats).sum()
    }

    /// The sentence over the chart.
    pub fn finding(&self) -> String {
        let Self { name, period, tally, norm, .. } = self;
        let days = period.words();
        match (tally.mean_sentiment(), norm.mean_sentiment(), Shift::of(*tally, *norm)) {
            (Some(now), Some(usual), Some(shift)) if shift.is_notable && shift.by > 0.0 => {
                format!("{name} is unhappier than usual: {now:.1} instead of {usual:.1}, {days}")
            }
            (Some(now), Some(usual), Some(shift)) if shift.is_notable => {
                format!("{name} is happier than usual: {now:.1} instead of {usual:.1}, {days}")
            }
            (Some(now), _, Some(_)) => format!("{name} is as usual, at {now:.1}, {days}"),
            (Some(now), ..) => format!("{name} is at {now:.1}, {days}; there is too little to compare"),
            (None, ..) => format!("{name} had no tickets, {days}"),
        }
    }
}

#[component]
pub fn ClientPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let client = Box::pin(ClientView::load(&viewer, &asked)).await?;
        let title = client.name.clone();
        Ok(Screen::new(Nav::Clients, title, page(client, viewer.can(Permission::Operate))))
    })
}

fn page(client: ClientView, may_note: bool) -> AnyView {
    let (path, period, finding) = (client.path(), client.period, client.finding());
    let report = format!("{path}/report?{}", period.query());
    let figures = figures(&client);
    let ClientView { key, name, columns, quotes, contacts, note, tickets, .. } = client;
    let all = serde_urlencoded::to_string([("client", key.to_string())]).unwrap_or_default();
    let span = format!("{}&{all}", period.span());
    let (all, csv) = (format!("/tickets?{span}"), format!("/tickets.csv?{span}"));
    view! {
        <p class="crumb"><a href=format!("/clients?{}", period.query())>"Clients"</a></p>
        <PageHeader title=name about=format!("Its mood, against its own norm of the {NORM_DAYS} days before.")>
            <Periods period path=path.clone()/>
            <a class="button" href=report>"Report"</a>
            <a class="button" href=csv download="">"CSV"</a>
        </PageHeader>
        {figures}
        <div class="card"><TrendChart finding columns unit=period.bucket().1/></div>
        <div class="halves">
            <Quotes quotes/>
            <Contacts contacts/>
        </div>
        <div class="halves">
            <Latest tickets all/>
            <Remembered key note may_note/>
        </div>
    }
    .into_any()
}

/// Five numbers, each against the norm where there is one.
pub fn figures(client: &ClientView) -> AnyView {
    let ClientView { tally, norm, .. } = client;
    let mean = tally.mean_sentiment().map_or_else(|| "–".to_owned(), |mean| format!("{mean:.1}"));
    let share = |tally: Tally| {
        tally.negative_share().map_or_else(|| "–".to_owned(), |share| format!("{:.0}\u{a0}%", share * 100.0))
    };
    let verdict = match Shift::of(*tally, *norm) {
        Some(shift) if shift.is_notable && shift.by > 0.0 => "worse",
        Some(shift) if shift.is_notable => "better",
        _ => "",
    };
    let usual =
        norm.mean_sentiment().map_or_else(|| "no norm yet".to_owned(), |mean| format!("usually {mean:.1}"));
    let repeats = client.repeats();
    view! {
        <div class="figures">
            <Figure label="Mean sentiment" value=mean change=usual verdict/>
            <Figure label="Negative" value=share(*tally) change=format!("usually {}", share(*norm))/>
            <Figure label="Tickets" value=thousands(tally.analysed) change="analysed"/>
            <Figure label="Escalated" value=thousands(tally.escalated) change=format!("{} updated", thousands(tally.updated))/>
            <Figure label="Repeat contacts" value=thousands(repeats) change="written again within a week"/>
        </div>
    }
    .into_any()
}

/// The words that mattered, each leading to its ticket.
#[component]
pub fn Quotes(quotes: Vec<ClientQuote>) -> impl IntoView {
    if quotes.is_empty() {
        return view! {
            <Card title="The words that mattered">
                <Empty title="Nothing negative was said" text="When a ticket of this client is negative, its words are quoted here."/>
            </Card>
        }
        .into_any();
    }
    let items = quotes
        .into_iter()
        .map(|quote| {
            let words = if quote.reading.quote.trim().is_empty() { quote.title.clone() } else { quote.reading.quote };
            view! {
                <li class="said">
                    <Mood score=quote.sentiment/>
                    <div>
                        <q dir="auto">{words}</q>
                        <p class="quiet">{quote.reading.reason}</p>
                        <p class="quiet">
                            <a href=format!("/tickets/{}", quote.ticket)><span dir="auto">{quote.title}</span></a>
                            ", "<span class="num">{quote.number}</span>", "<When at=quote.created_at/>
                        </p>
                    </div>
                </li>
            }
        })
        .collect_view();
    view! { <Card title="The words that mattered" about="The worst first."><ul class="sayings">{items}</ul></Card> }
        .into_any()
}

/// Who wrote, and who had to write again.
#[component]
pub fn Contacts(contacts: Vec<ClientContact>) -> impl IntoView {
    if contacts.is_empty() {
        return view! {
            <Card title="Who writes"><Empty title="Nobody wrote" text="People appear here with their tickets."/></Card>
        }
        .into_any();
    }
    let more = contacts.len().saturating_sub(10);
    let rows = contacts
        .into_iter()
        .take(10)
        .map(|contact| {
            view! {
                <tr>
                    <td class="lead"><span class="cell-title" dir="auto">{contact.name}</span></td>
                    <td class="n" data-label="tickets">{contact.tickets}</td>
                    <td class="n" data-label="again in a week">{contact.repeats}</td>
                    <td class="n" data-label="negative">{contact.negative}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Card title="Who writes" class="card-table">
            <Table caption="Who writes" heads=vec!["Person", "#Tickets", "#Again in a week", "#Negative"] class="table-cards clients">{rows}</Table>
            {(more > 0).then(|| view! { <p class="card-more quiet">{format!("and {more} more")}</p> })}
        </Card>
    }
    .into_any()
}

#[component]
fn Latest(tickets: Vec<TicketRow>, all: String) -> impl IntoView {
    if tickets.is_empty() {
        return view! { <Card title="Tickets"><Empty title="No tickets in this period" text="Choose a longer period."/></Card> }.into_any();
    }
    let rows = tickets
        .into_iter()
        .map(|row| {
            let word = if row.mode == Some(Mode::Shadow) { "would escalate" } else { "escalated" };
            view! {
                <tr>
                    <td class="lead"><a class="row-link" href=format!("/tickets/{}", row.id)><span class="cell-title" dir="auto">{row.title}</span></a></td>
                    <td class="fit">{row.sentiment.map(|score| view! { <Mood score/> })}</td>
                    <td class="n cell-sub">{row.escalated.then(|| view! { <Badge tone=Tone::Strong text=word/>" " })}<When at=row.created_at/></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Card title="Tickets" class="card-table">
            <Table caption="Tickets, newest first" heads=vec!["Ticket", "Mood", "#When"] class="table-cards">{rows}</Table>
            <p class="card-more"><a href=all>"All tickets of this period"</a></p>
        </Card>
    }
    .into_any()
}

#[component]
fn Remembered(key: ClientKey, note: Option<ClientNote>, may_note: bool) -> impl IntoView {
    let about =
        "For the next business review. Everybody in this workspace sees it, and it stands in the report.";
    let by = note.as_ref().map(|note| {
        view! { <p class="quiet">"Written by "{note.updated_by.clone()}", "<When at=note.updated_at/>"."</p> }
    });
    let text = note.map(|note| note.text).unwrap_or_default();
    if !may_note {
        let text = if text.is_empty() { "Nothing yet.".to_owned() } else { text };
        return view! { <Card title="To remember" about><p class="remembered" dir="auto">{text}</p>{by}</Card> }.into_any();
    }
    view! {
        <Card title="To remember" about>
            <Form to=ClientNotePut::url()>
                <Hidden name="client" value=key.to_string()/>
                <TextArea label="Notes" name="text" value=text rows=7 max_chars=LONGEST/>
                <p class="buttons"><Button>"Save"</Button></p>
            </Form>
            {by}
        </Card>
    }
    .into_any()
}

/// Keeps what is to be remembered of a client.
#[server(prefix = "/do", endpoint = "client-note")]
pub async fn client_note_put(client: String, #[server(default)] text: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Operate).await?;
    let key: ClientKey = client.parse().map_err(|_| AppError::NotFound)?;
    viewer.store.client_name(&key).await?.ok_or(AppError::NotFound)?;
    let most = usize::try_from(LONGEST).unwrap_or(usize::MAX);
    let text: String = text.replace("\r\n", "\n").chars().take(most).collect();
    viewer.store.client_note_put(&key, &text, &viewer.actor, viewer.now).await?;
    done(&client_path(&key.to_string()), "Saved.").await
}
