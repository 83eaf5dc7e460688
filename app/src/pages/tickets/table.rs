//! The rows of the list, and which columns it has.

use super::filters::Filters;
use crate::ui::{Badge, Bars, LabelBadge, Mood, StateBadge, Table, Tone, When};
use domain::{Dimension, Label, Mode};
use leptos::prelude::*;
use store::tickets::{TicketRow, TicketState};

/// A column beside the title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Number,
    Client,
    Board,
    Sentiment,
    Urgency,
    Impact,
    Outcome,
    Arrived,
}

impl Column {
    pub const ALL: [Self; 8] = [
        Self::Number,
        Self::Client,
        Self::Board,
        Self::Sentiment,
        Self::Urgency,
        Self::Impact,
        Self::Outcome,
        Self::Arrived,
    ];
    pub const USUAL: [Self; 7] = [
        Self::Number,
        Self::Client,
        Self::Sentiment,
        Self::Urgency,
        Self::Impact,
        Self::Outcome,
        Self::Arrived,
    ];

    /// In the address.
    pub fn word(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Client => "client",
            Self::Board => "board",
            Self::Sentiment => "sentiment",
            Self::Urgency => "urgency",
            Self::Impact => "impact",
            Self::Outcome => "outcome",
            Self::Arrived => "arrived",
        }
    }
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.word() == word)
    }
    /// In the order of the table; `None`: the usual ones, or none.
    pub fn chosen(mut columns: Vec<Self>) -> Option<Vec<Self>> {
        columns.sort_unstable();
        columns.dedup();
        (!columns.is_empty() && columns != Self::USUAL).then_some(columns)
    }
    /// For people; a leading `#` means aligned right.
    pub fn head(self) -> &'static str {
        match self {
            Self::Number => "Number",
            Self::Client => "Client",
            Self::Board => "Board or queue",
            Self::Sentiment => "Sentiment",
            Self::Urgency => "Urgency",
            Self::Impact => "Impact",
            Self::Outcome => "Outcome",
            Self::Arrived => "#Arrived",
        }
    }
    /// Which order its head leads to; `Some(None)`: the newest first.
    fn sorts(self) -> Option<Option<Dimension>> {
        match self {
            Self::Sentiment => Some(Some(Dimension::Sentiment)),
            Self::Urgency => Some(Some(Dimension::Urgency)),
            Self::Impact => Some(Some(Dimension::Impact)),
            Self::Arrived => Some(None),
            _ => None,
        }
    }
}

#[component]
pub fn Tickets(filters: Filters, rows: Vec<TicketRow>) -> impl IntoView {
    let columns = filters.columns.clone().unwrap_or_else(|| Column::USUAL.to_vec());
    let heads = std::iter::once("Ticket").chain(columns.iter().map(|column| column.head())).collect();
    let sorts = columns.iter().filter_map(|column| {
        let sort = column.sorts()?;
        let to = Filters { sort, cursor: None, ..filters.clone() }.address(None);
        Some((column.head(), to, filters.sort == sort))
    });
    let caption = match filters.sort {
        None => "Tickets, newest first".to_owned(),
        Some(by) => format!("Tickets, highest {} first, then newest", by.word()),
    };
    let sorts = sorts.collect();
    let rows = rows.into_iter().map(|row| ticket_row(row, &columns).into_any()).collect::<Vec<_>>();
    view! { <Table caption heads sorts class="table-cards tickets">{rows}</Table> }
}

fn ticket_row(row: TicketRow, columns: &[Column]) -> impl IntoView + use<> {
    let title = match row.title.trim().is_empty() {
        false => row.title.clone(),
        true if row.text_removed => "(text removed)".to_owned(),
        true => "(without a title)".to_owned(),
    };
    // A hundred thousand characters of title are no list entry.
    let title: String = title.chars().take(300).collect();
    let cells = columns.iter().map(|column| cell(&row, *column)).collect_view();
    view! {
        <tr>
            <td class="lead"><a class="row-link" href=format!("/tickets/{}", row.id)><span class="cell-title" dir="auto">{title}</span></a></td>
            {cells}
        </tr>
    }
}

fn cell(row: &TicketRow, column: Column) -> AnyView {
    match column {
        Column::Number => view! { <td class="fit cell-sub num cell-number">{row.number.clone()}</td> }.into_any(),
        Column::Client => {
            view! { <td class="cell-client"><span class="cell-title" dir="auto">{row.client.clone()}</span></td> }.into_any()
        }
        Column::Board => {
            view! { <td class="cell-client cell-sub"><span class="cell-title" dir="auto">{row.board.clone()}</span></td> }.into_any()
        }
        Column::Sentiment => view! { <td class="fit">{row.sentiment.map(|score| view! { <Mood score/> })}</td> }.into_any(),
        Column::Urgency => {
            view! { <td class="fit">{row.urgency.map(|score| view! { <Bars dimension=Dimension::Urgency score/> })}</td> }.into_any()
        }
        Column::Impact => {
            view! { <td class="fit">{row.impact.map(|score| view! { <Bars dimension=Dimension::Impact score/> })}</td> }.into_any()
        }
        Column::Outcome => {
            view! { <td class="fit"><span class="badges"><Outcome state=row.state escalated=row.escalated degraded=row.degraded mode=row.mode label=row.label reason=row.reason.clone()/></span></td> }.into_any()
        }
        Column::Arrived => view! { <td class="n cell-sub"><When at=row.created_at/></td> }.into_any(),
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
