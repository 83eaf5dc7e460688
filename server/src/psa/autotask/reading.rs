//! From Autotask's ticket to ours: names, levers, conversation.

use super::fields::{NoteItem, TicketItem};
use super::names::SYSTEM_RESOURCE;
use super::wire::{Op, filter};
use super::{Autotask, CLOSED_STATUS, NOTE_PAGES, PUBLIC};
use crate::outside::CallError;
use crate::psa::{Created, Fetched, lenient};
use chrono::{DateTime, Utc};
use domain::{Author, Choice, Lever, Note, Party, PsaKind, Snapshot, Ticket};
use serde::Deserialize;
use std::collections::BTreeSet;
use store::sweeps::SweptTicket;

/// Written by a workflow rule.
const WORKFLOW_NOTE: i64 = 13;

/// A row of the list of new tickets.
#[derive(Deserialize)]
struct NewItem {
    id: i64,
    #[serde(default, rename = "ticketNumber", deserialize_with = "lenient::text")]
    number: Option<String>,
    #[serde(default, rename = "createDate", deserialize_with = "lenient::time")]
    created_at: Option<DateTime<Utc>>,
}

impl Autotask {
    /// The list of new tickets for the sweep. It comes by id and takes no other order, which suits: tickets created
    /// meanwhile are at its end. Times are UTC (integrators' reports).
    pub(super) async fn new_tickets(
        &self,
        since: DateTime<Utc>,
        after: Option<&str>,
    ) -> Result<Created, CallError> {
        let since_then = filter("createDate", Op::Gte, since.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        let later = after.and_then(|after| after.parse::<i64>().ok()).map(|id| filter("id", Op::Gt, id));
        let conditions: Vec<_> = [since_then].into_iter().chain(later).collect();
        let fields = ["id", "ticketNumber", "createDate"];
        let (rows, has_more) = self.session.page::<NewItem>("Tickets", &conditions, &fields).await?;
        let next = rows.last().filter(|_| has_more).map(|last| last.id.to_string());
        let ticket = |row: NewItem| SweptTicket {
            external_ticket: row.id.to_string(),
            // By which an Extension Callout may have told of it.
            number: row.number,
            created_at: row.created_at.unwrap_or(since),
        };
        Ok(Created { tickets: rows.into_iter().map(ticket).collect(), next })
    }

    /// The ticket by our text for it: Autotask's id, or the ticket number that an Extension Callout may give instead.
    pub(super) async fn ticket(&self, ticket: &str) -> Result<Option<TicketItem>, CallError> {
        if let Ok(id) = ticket.trim().parse::<i64>() {
            return self.session.item("Tickets", id).await;
        }
        let number = filter("ticketNumber", Op::Eq, ticket.trim());
        Ok(self.session.query::<TicketItem>("Tickets", &[number], 1).await?.into_iter().next())
    }

    pub(super) async fn notes(&self, ticket: i64) -> Result<Vec<NoteItem>, CallError> {
        self.session.query("TicketNotes", &[filter("ticketID", Op::Eq, ticket)], NOTE_PAGES).await
    }

    pub(super) async fn snapshot(&self, item: &TicketItem) -> Result<Snapshot, CallError> {
        let lists = self.lists.tickets(&self.session).await?;
        let mut levers = Snapshot::new();
        for (lever, field, value) in [
            (Lever::Priority, "priority", item.priority),
            (Lever::Status, "status", item.status),
            (Lever::Team, "queueID", item.queue),
        ] {
            if let Some(value) = value {
                levers.insert(lever.into(), lists.choice(field, value));
            }
        }
        if let Some(owner) = item.owner {
            let names = self.names.people(&self.session, BTreeSet::from([owner])).await?;
            let name = names.get(&owner).cloned().unwrap_or_default();
            levers.insert(Lever::Owner.into(), Choice::new(owner.to_string(), name));
        }
        let filled: Vec<(&str, &str)> = item
            .user_defined_fields
            .iter()
            .filter_map(|field| Some((field.name.as_str(), field.value.as_deref()?)))
            .collect();
        if !filled.is_empty() {
            let custom = self.lists.custom(&self.session).await?;
            for (name, value) in filled {
                let label = custom.label(name, value).to_owned();
                levers.insert(Lever::Custom(name.to_owned()).into(), Choice::new(value, label));
            }
        }
        Ok(levers)
    }

    pub(super) async fn described(&self, item: TicketItem) -> Result<Fetched, CallError> {
        let lists = self.lists.tickets(&self.session).await?;
        let zone = self.session.zone().await?;
        let levers = self.snapshot(&item).await?;
        let party = |field: &str, value: Option<i64>| {
            value.map(|value| Party {
                id: value.to_string(),
                name: lists.label(field, &value.to_string()).to_owned(),
            })
        };
        let client = match item.company {
            Some(id) => {
                Some(Party { id: id.to_string(), name: self.names.company(&self.session, id).await? })
            }
            None => None,
        };
        let contact = match item.contact {
            Some(id) => Some((id, self.names.contact(&self.session, id).await?)),
            None => None,
        };
        let contact_name = contact.as_ref().map(|(_, contact)| contact.name.clone()).unwrap_or_default();
        let notes = self.conversation(&item, contact_name).await?;
        let ticket = Ticket {
            psa: PsaKind::Autotask,
            external_id: item.id.to_string(),
            number: item.ticket_number.clone().unwrap_or_else(|| item.id.to_string()),
            title: item.title.clone().unwrap_or_default(),
            client,
            contact_email: contact.as_ref().and_then(|(_, contact)| contact.email.clone()),
            contact: contact.map(|(id, contact)| Party { id: id.to_string(), name: contact.name }),
            board: party("queueID", item.queue),
            kind: party("ticketType", item.ticket_type),
            source: party("source", item.source),
            closed: item.completed_date.is_some() || item.status == Some(CLOSED_STATUS),
            set_aside: None,
            levers,
            created_at: item.create_date,
            updated_at: item.last_activity_date,
            url: zone.web.as_ref().map(|web| {
                format!(
                    "{web}Autotask/AutotaskExtend/ExecuteCommand.aspx?Code=OpenTicketDetail&TicketID={}",
                    item.id
                )
            }),
        };
        Ok(Fetched { ticket, notes })
    }

    /// The description first, then the notes by id, which is by time.
    async fn conversation(&self, item: &TicketItem, contact: String) -> Result<Vec<Note>, CallError> {
        let own = self.names.own_id(&self.session).await?;
        let notes = self.notes(item.id).await?;
        let by_contact = |note: &NoteItem| note.contact.filter(|id| *id > 0);
        let contacts = notes.iter().filter_map(by_contact).collect();
        let people =
            notes.iter().filter(|note| by_contact(note).is_none()).filter_map(|note| note.creator).collect();
        let contacts = self.names.contacts(&self.session, contacts).await?;
        let people = self.names.people(&self.session, people).await?;
        let opening = item.description.as_ref().map(|text| Note {
            id: String::new(),
            author: opening_author(item, own),
            author_name: contact,
            text: text.clone(),
            html: false,
            internal: false,
            at: item.create_date,
        });
        let rest = notes.iter().map(|note| {
            let author = author(note, own);
            let name = match by_contact(note) {
                Some(id) => contacts.get(&id),
                None => note.creator.and_then(|id| people.get(&id)),
            };
            Note {
                id: note.id.to_string(),
                author,
                author_name: name.cloned().unwrap_or_default(),
                text: note.description.clone().unwrap_or_default(),
                html: false,
                internal: note.publish != Some(PUBLIC),
                at: note.create_date_time,
            }
        });
        Ok(opening.into_iter().chain(rest).collect())
    }
}

/// The opening text is the customer's request, whoever typed it in (mail, portal, a dispatcher on the phone), except where
/// monitoring or we ourselves opened the ticket.
fn opening_author(item: &TicketItem, own: Option<i64>) -> Author {
    if item.creator.is_some() && item.creator == own {
        Author::Us
    } else if item.rmm_alert.is_some() || item.monitor.is_some_and(|id| id > 0) {
        Author::System
    } else {
        Author::Customer
    }
}

fn author(note: &NoteItem, own: Option<i64>) -> Author {
    if note.contact.is_some_and(|id| id > 0) {
        Author::Customer
    } else if note.creator.is_some() && note.creator == own {
        Author::Us
    } else if note.creator.is_none_or(|id| id == SYSTEM_RESOURCE) || note.note_type == Some(WORKFLOW_NOTE) {
        Author::System
    } else {
        Author::Technician
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_author_of_a_note_is_told_by_contact_resource_and_type() {
        let cases = [
            (json!({"createdByContactID": 9}), Author::Customer),
            (json!({"createdByContactID": 9, "creatorResourceID": 4}), Author::Customer),
            (json!({"createdByContactID": 0, "creatorResourceID": 50}), Author::Us),
            (json!({"creatorResourceID": 50}), Author::Us),
            (json!({"creatorResourceID": 4}), Author::System),
            (json!({"creatorResourceID": 51, "noteType": 13}), Author::System),
            (json!({"creatorResourceID": 51, "noteType": 3}), Author::Technician),
            (json!({}), Author::System),
        ];
        for (mut given, expected) in cases {
            given["id"] = json!(1);
            let note: NoteItem = serde_json::from_value(given.clone()).unwrap();
            assert_eq!(author(&note, Some(50)), expected, "{given}");
        }
    }

    #[test]
    fn the_opening_text_is_the_customers_unless_monitoring_or_we_made_the_ticket() {
        let cases: [(Value, Author); 5] = [
            (json!({"creatorResourceID": 4, "createdByContactID": 9}), Author::Customer),
            (json!({"creatorResourceID": 51}), Author::Customer),
            (json!({"creatorResourceID": 50}), Author::Us),
            (json!({"creatorResourceID": 4, "rmmAlertID": "A-1"}), Author::System),
            (json!({"creatorResourceID": 4, "monitorID": 3}), Author::System),
        ];
        for (mut given, expected) in cases {
            given["id"] = json!(1);
            let item: TicketItem = serde_json::from_value(given.clone()).unwrap();
            assert_eq!(opening_author(&item, Some(50)), expected, "{given}");
        }
    }
}
