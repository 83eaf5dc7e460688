//! The page's view of the stand-in.

use super::data::text;
use super::tickets::shown;
use super::{Halo, Item, NewTicket, State};
use crate::mail::in_plain_words;
use crate::page::{
    NewTicketForm, PageChange, PageClient, PageContact, PageModel, PageNote, PageSource, TicketPage,
    TicketRow,
};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

const COLUMNS: [(&str, &str); 6] = [
    ("Priority", "priority_id"),
    ("Urgency", "urgency"),
    ("Impact", "impact"),
    ("Status", "status_id"),
    ("Team", "team_id"),
    ("Agent", "agent_id"),
];

impl PageSource for Halo {
    fn model(&self) -> PageModel {
        let state = self.state();
        PageModel {
            product: "HaloPSA (sandbox)".into(),
            colour: "#0b5a6e",
            clients: clients(&state),
            columns: COLUMNS.iter().map(|(name, _)| *name).collect(),
            rows: state.tickets.iter().rev().map(|(id, ticket)| row(&state, *id, ticket)).collect(),
        }
    }

    fn ticket(&self, id: &str) -> Option<TicketPage> {
        let state = self.state();
        let id: i64 = id.parse().ok()?;
        let ticket = state.tickets.get(&id)?;
        let note = |action: &Item| PageNote {
            author: field(action, "who"),
            at: time(&field(action, "datetime")),
            text: plain(action),
            internal: action.get("hiddenfromuser") == Some(&Value::Bool(true)),
        };
        let change = |change: &super::Change| PageChange {
            at: change.at,
            who: change.who.clone(),
            what: change.what.to_owned(),
            from: change.from.clone(),
            to: change.to.clone(),
        };
        Some(TicketPage {
            row: row(&state, id, ticket),
            contact: field(ticket, "user_name"),
            notes: state.actions.get(&id).into_iter().flatten().map(note).collect(),
            history: state.history.iter().filter(|change| change.ticket == id).map(change).collect(),
        })
    }

    async fn create(&self, form: NewTicketForm) -> Result<String, String> {
        let client = form.client.parse().map_err(|_| "Choose a client.".to_owned())?;
        let new = NewTicket {
            client,
            user: form.contact.parse().ok(),
            summary: form.title,
            details: form.note,
            ..NewTicket::default()
        };
        Ok(self.create_ticket(new).to_string())
    }
}

fn field(item: &Item, key: &str) -> String {
    item.get(key).map(text).unwrap_or_default()
}

fn clients(state: &State) -> Vec<PageClient> {
    let contacts = |client: &Value| {
        let users = state.lists.users.iter().filter(|user| user["client_id"] == client["id"]);
        users.map(|user| PageContact { id: text(&user["id"]), name: text(&user["name"]) }).collect()
    };
    let clients = state.lists.clients.iter();
    clients
        .map(|client| PageClient {
            id: text(&client["id"]),
            name: text(&client["name"]),
            contacts: contacts(client),
        })
        .collect()
}

fn row(state: &State, id: i64, ticket: &Item) -> TicketRow {
    let cell = |(_, key): &(&str, &str)| {
        ticket.get(*key).map(|value| shown(state, ticket, key, value)).unwrap_or_default()
    };
    TicketRow {
        id: id.to_string(),
        number: id.to_string(),
        title: field(ticket, "summary"),
        client: field(ticket, "client_name"),
        created_at: time(&field(ticket, "dateoccurred")),
        cells: COLUMNS.iter().map(cell).collect(),
        // The first action is the request itself.
        notes: state.actions.get(&id).map_or(0, |actions| actions.len().saturating_sub(1)),
    }
}

/// An action's text: the page shows no markup.
fn plain(action: &Item) -> String {
    let html = field(action, "note_html");
    if html.is_empty() { field(action, "note") } else { in_plain_words(&html) }
}

fn time(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc()).unwrap_or_default()
}
