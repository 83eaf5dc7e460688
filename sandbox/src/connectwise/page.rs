//! What the stand-in's page shows.

use super::data::{Shop, Ticket};
use super::{ConnectWise, NewTicket, Sender, locked, patch};
use crate::page::{
    NewTicketForm, PageChange, PageClient, PageContact, PageModel, PageNote, PageSource, TicketPage,
    TicketRow,
};

impl PageSource for ConnectWise {
    fn model(&self) -> PageModel {
        let shop = locked(&self.0.shop);
        let contacts = |company: u64| {
            let contacts = shop.contacts.iter().filter(move |contact| contact.company == company);
            contacts
                .map(|contact| PageContact { id: contact.id.to_string(), name: contact.name.clone() })
                .collect()
        };
        let client = |company: &super::data::Company| PageClient {
            id: company.id.to_string(),
            name: company.name.clone(),
            contacts: contacts(company.id),
        };
        PageModel {
            product: "ConnectWise PSA (sandbox)".into(),
            colour: "#1f3a7a",
            clients: shop.companies.iter().map(client).collect(),
            columns: vec!["Priority", "Severity", "Impact", "Board", "Status", "Team", "Owner"],
            rows: shop.tickets.values().rev().map(|ticket| row(&shop, ticket)).collect(),
        }
    }

    fn ticket(&self, id: &str) -> Option<TicketPage> {
        let shop = locked(&self.0.shop);
        let ticket = shop.tickets.get(&id.parse().ok()?)?;
        let contact_name =
            |id: Option<u64>| id.and_then(|id| shop.contact(id)).map(|contact| contact.name.clone());
        let note = |note: &super::data::Note| PageNote {
            author: contact_name(note.contact)
                .or_else(|| note.member.and_then(|id| shop.member(id)).map(super::data::Member::name))
                .unwrap_or_else(|| note.created_by.clone()),
            at: note.at,
            text: note.text.clone(),
            internal: note.internal && !note.discussion && !note.resolution,
        };
        let change = |change: &super::Changed| PageChange {
            at: change.at,
            who: change.who.clone(),
            what: change.what.into(),
            from: change.from.clone(),
            to: change.to.clone(),
        };
        Some(TicketPage {
            row: row(&shop, ticket),
            contact: contact_name(ticket.contact).unwrap_or_default(),
            notes: ticket.notes.iter().map(note).collect(),
            history: ticket.history.iter().map(change).collect(),
        })
    }

    async fn create(&self, form: NewTicketForm) -> Result<String, String> {
        let company = form.client.parse().map_err(|_| "Choose a client.")?;
        let new = NewTicket {
            title: form.title.trim().to_owned(),
            note: form.note,
            company: Some(company),
            contact: form.contact.parse().map_or(Sender::Unknown, Sender::Contact),
            ..NewTicket::default()
        };
        Ok(self.create_ticket(new).to_string())
    }
}

fn row(shop: &Shop, ticket: &Ticket) -> TicketRow {
    TicketRow {
        id: ticket.id.to_string(),
        number: format!("#{}", ticket.id),
        title: ticket.summary.clone(),
        client: shop.company(ticket.company).map_or(String::new(), |company| company.name.clone()),
        created_at: ticket.entered_at,
        cells: patch::shown(shop, ticket).into_iter().map(|(_, value)| value).collect(),
        notes: ticket.notes.len(),
    }
}
