//! The page's view of the stand-in.

use super::data::{label, text};
use super::tickets::person;
use super::{Autotask, Item, NewTicket, State, query};
use crate::page::{
    NewTicketForm, PageChange, PageClient, PageContact, PageModel, PageNote, PageSource, TicketPage,
    TicketRow,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

const CUSTOM: [&str; 3] = ["AI Sentiment", "AI Urgency", "AI Impact"];

impl PageSource for Autotask {
    fn model(&self) -> PageModel {
        let state = self.state();
        let mut columns = vec!["Priority", "Status", "Queue", "Owner"];
        columns.extend(CUSTOM);
        PageModel {
            product: "Autotask PSA (sandbox)".into(),
            colour: "#8a3b12",
            clients: clients(&state),
            columns,
            rows: state.tickets.values().rev().map(|ticket| row(&state, ticket)).collect(),
        }
    }

    fn ticket(&self, id: &str) -> Option<TicketPage> {
        let state = self.state();
        let id: i64 = id.parse().ok()?;
        let ticket = state.tickets.get(&id)?;
        let opening = PageNote {
            author: contact(&state, ticket),
            at: time(&ticket["createDate"]),
            text: text(&ticket["description"]),
            internal: false,
        };
        let notes = state.notes_of(id).map(|note| PageNote {
            author: person(
                &state,
                note["createdByContactID"].as_i64().or(note["creatorResourceID"].as_i64()).unwrap_or(0),
            ),
            at: time(&note["createDateTime"]),
            text: format!("{}\n{}", text(&note["title"]), text(&note["description"])).trim().to_owned(),
            internal: note["publish"] != 1,
        });
        let history = state.history.iter().filter(|change| change.ticket == id).map(|change| PageChange {
            at: change.at,
            who: change.who.clone(),
            what: change.what.clone(),
            from: change.from.clone(),
            to: change.to.clone(),
        });
        Some(TicketPage {
            row: row(&state, ticket),
            contact: contact(&state, ticket),
            notes: std::iter::once(opening).chain(notes).collect(),
            history: history.collect(),
        })
    }

    async fn create(&self, form: NewTicketForm) -> Result<String, String> {
        let company = form.client.parse().map_err(|_| "Choose a client.".to_owned())?;
        let new = NewTicket {
            company,
            contact: form.contact.parse().ok(),
            title: form.title,
            description: form.note,
            ..NewTicket::default()
        };
        Ok(self.create_ticket(new).to_string())
    }
}

fn clients(state: &State) -> Vec<PageClient> {
    let own_company = |company: &&Value| company["id"] != 0;
    let contacts = |company: &Value| {
        let of_company = state.lists.contacts.iter().filter(|contact| contact["companyID"] == company["id"]);
        let full =
            |contact: &Value| format!("{} {}", text(&contact["firstName"]), text(&contact["lastName"]));
        of_company.map(|contact| PageContact { id: text(&contact["id"]), name: full(contact) }).collect()
    };
    let companies = state.lists.companies.iter().filter(own_company);
    companies
        .map(|company| PageClient {
            id: text(&company["id"]),
            name: text(&company["companyName"]),
            contacts: contacts(company),
        })
        .collect()
}

fn contact(state: &State, ticket: &Item) -> String {
    ticket["contactID"].as_i64().map(|id| person(state, id)).unwrap_or_default()
}

fn row(state: &State, ticket: &Item) -> TicketRow {
    let of = |field: &str| label(&state.lists.ticket_fields, field, &ticket[field]);
    let owner = ticket["assignedResourceID"].as_i64().map(|id| person(state, id)).unwrap_or_default();
    let customs = ticket.get("userDefinedFields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let custom = |name: &str| {
        let found = customs.iter().find(|field| field["name"] == name);
        found.map(|field| text(&field["value"])).unwrap_or_default()
    };
    let mut cells = vec![of("priority"), of("status"), of("queueID"), owner];
    cells.extend(CUSTOM.map(custom));
    let company = state.lists.companies.iter().find(|company| company["id"] == ticket["companyID"]);
    TicketRow {
        id: text(&ticket["id"]),
        number: text(&ticket["ticketNumber"]),
        title: text(&ticket["title"]),
        client: company.map(|company| text(&company["companyName"])).unwrap_or_default(),
        created_at: time(&ticket["createDate"]),
        cells,
        notes: state.notes_of(query::id(ticket)).count(),
    }
}

fn time(value: &Value) -> DateTime<Utc> {
    let parsed = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    parsed.map(|time| time.to_utc()).unwrap_or_default()
}
