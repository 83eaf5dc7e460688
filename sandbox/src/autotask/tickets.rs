//! Tickets and notes: creation, and the rules of changing them.

use super::data::{label, picks, text};
use super::{Autotask, Change, Item, State, hooks, iso, now};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The system itself, which acts for mails and workflow rules.
const SYSTEM: i64 = 4;
const READ_ONLY: [&str; 8] = [
    "ticketNumber",
    "createDate",
    "lastActivityDate",
    "completedDate",
    "creatorResourceID",
    "createdByContactID",
    "soapParentPropertyId",
    "id",
];
const PICKLISTS: [&str; 5] = ["priority", "status", "queueID", "ticketType", "source"];

/// A ticket to create.
#[derive(Clone, Debug, Default)]
pub struct NewTicket {
    pub company: i64,
    pub contact: Option<i64>,
    pub title: String,
    pub description: String,
    /// When it was created; `None`: now.
    pub at: Option<DateTime<Utc>>,
    /// Made by monitoring rather than by a person.
    pub by_monitoring: bool,
    /// No webhook is sent.
    pub is_silent: bool,
}

impl Autotask {
    /// Creates a ticket as a mail from the contact would, and sends the webhooks.
    pub fn create_ticket(&self, new: NewTicket) -> i64 {
        let mut state = self.state();
        let (id, at) = (state.next_id(), new.at.unwrap_or_else(now));
        let number = format!("T{}.{:04}", at.format("%Y%m%d"), id % 10_000);
        let (source, queue, kind) = if new.by_monitoring { (8, 8, 5) } else { (4, 29_682_833, 2) };
        let ticket = json!({
            "id": id, "ticketNumber": number, "title": new.title, "description": new.description,
            "companyID": new.company, "contactID": new.contact, "status": 1, "priority": 3, "queueID": queue,
            "assignedResourceID": null, "assignedResourceRoleID": null, "ticketType": kind, "source": source,
            "createDate": iso(at), "lastActivityDate": iso(at), "completedDate": null,
            "creatorResourceID": SYSTEM, "creatorType": 1, "createdByContactID": new.contact,
            "rmmAlertID": if new.by_monitoring { json!(format!("ALERT-{id}")) } else { Value::Null },
        });
        if let Value::Object(ticket) = ticket {
            state.tickets.insert(id, ticket);
        }
        if state.lag_for_new > 0 {
            let reads = state.lag_for_new;
            state.lag.insert(id, reads);
        }
        if !new.is_silent {
            hooks::raise(&mut state, "Create", id, &[], new.contact.unwrap_or(SYSTEM));
        }
        id
    }

    /// The webhooks about a new ticket, sent late.
    pub fn tell_of(&self, ticket: i64) {
        hooks::raise(&mut self.state(), "Create", ticket, &[], SYSTEM);
    }

    /// A note by the contact (`Some`) or by a colleague, as the product's own screens write it.
    pub fn add_note(
        &self,
        ticket: i64,
        contact: Option<i64>,
        resource: i64,
        publish: i64,
        text: &str,
    ) -> i64 {
        let mut state = self.state();
        let id = state.next_id();
        let note = json!({
            "id": id, "ticketID": ticket, "title": "", "description": text, "noteType": 3, "publish": publish,
            "createdByContactID": contact, "creatorResourceID": resource, "createDateTime": iso(now()),
            "lastActivityDate": iso(now()),
        });
        state.add_note(ticket, id, note);
        id
    }
}

/// `PATCH /V1.0/Tickets`, as the API user `who`.
pub fn patch(state: &mut State, body: &Value, who: i64) -> Result<i64, String> {
    let id = body["id"].as_i64().unwrap_or_default();
    let before = state.tickets.get(&id).cloned().ok_or("No matching records found")?;
    let changes = checked(state, body, &before)?;
    let mut changed = Vec::new();
    for (field, value) in changes {
        changed.extend(set(state, id, &field, value, who));
    }
    if let Some((field, value)) = state.rule.clone()
        && !changed.is_empty()
    {
        changed.extend(set(state, id, &field, value, SYSTEM));
    }
    if !changed.is_empty() {
        hooks::raise(state, "Update", id, &changed, who);
    }
    Ok(id)
}

/// What the body changes, in the ticket's own spelling; refused as the product refuses.
fn checked(state: &State, body: &Value, before: &Item) -> Result<Vec<(String, Value)>, String> {
    let sent = body.as_object().ok_or("The body must be an object.")?;
    let mut changes = Vec::new();
    for (key, value) in sent {
        if key == "userDefinedFields" {
            changes.push((key.clone(), customs(state, before, value)?));
        } else if let Some(field) = before.keys().find(|field| field.eq_ignore_ascii_case(key)) {
            // Unknown keys and read-only fields are ignored without a word.
            if !READ_ONLY.contains(&field.as_str()) {
                changes.push((field.clone(), value.clone()));
            }
        }
    }
    for (field, value) in &changes {
        if PICKLISTS.contains(&field.as_str()) && !value.is_null() {
            allowed(&state.lists.ticket_fields, field, value)?;
        }
    }
    if sent.get("title").is_some_and(|title| text(title).trim().is_empty()) {
        return Err("Missing Required Field: title".into());
    }
    owner(state, sent)?;
    Ok(changes)
}

fn allowed(fields: &[Value], field: &str, value: &Value) -> Result<(), String> {
    let wanted = text(value);
    let known =
        picks(fields, field).iter().any(|pick| text(&pick["value"]) == wanted && pick["isActive"] == true);
    if known { Ok(()) } else { Err(format!("Picklist value [{wanted}] does not exist for {field}.")) }
}

/// Resource and role come together; the resource is a person and active, the role active for them.
fn owner(state: &State, sent: &Item) -> Result<(), String> {
    let (resource, role) = (sent.get("assignedResourceID"), sent.get("assignedResourceRoleID"));
    let (resource, role) = match (resource, role) {
        (None, None) => return Ok(()),
        (Some(Value::Null), Some(Value::Null)) => return Ok(()),
        (Some(resource), Some(role)) if resource.is_i64() && role.is_i64() => (resource, role),
        _ => return Err("you must assign both a assignedResourceID and assignedResourceRoleID".into()),
    };
    let person = state.lists.resources.iter().find(|person| person["id"] == *resource);
    let may_own = person.is_some_and(|person| person["isActive"] == true && person["licenseType"] != 7);
    if !may_own {
        return Err("assignedResourceID is not an active Resource that can be assigned to a Ticket".into());
    }
    let has_role =
        state.lists.desk_roles.iter().any(|desk| {
            desk["resourceID"] == *resource && desk["roleID"] == *role && desk["isActive"] == true
        });
    if has_role {
        Ok(())
    } else {
        Err("assignedResourceRoleID is not a valid Role for the assignedResourceID".into())
    }
}

/// The user-defined fields after the change: those named are set, the others stay.
fn customs(state: &State, before: &Item, sent: &Value) -> Result<Value, String> {
    let mut fields = before.get("userDefinedFields").and_then(Value::as_array).cloned().unwrap_or_default();
    for field in sent.as_array().ok_or("userDefinedFields must be an array")? {
        let name = field["name"].as_str().unwrap_or_default();
        let known = state.lists.custom_fields.iter().find(|known| known["name"] == name);
        let known = known.ok_or("Unable to find userDefinedFields in the Ticket Entity")?;
        if known["isPickList"] == true && !field["value"].is_null() {
            allowed(&state.lists.custom_fields, name, &field["value"])?;
        }
        let value = json!({"name": name, "value": field["value"]});
        match fields.iter_mut().find(|one| one["name"] == name) {
            Some(one) => *one = value,
            None => fields.push(value),
        }
    }
    Ok(Value::Array(fields))
}

/// Sets one field, keeps the history, and returns the field's name if it really changed.
fn set(state: &mut State, id: i64, field: &str, value: Value, who: i64) -> Option<String> {
    let ticket = state.tickets.get_mut(&id)?;
    let before = ticket.insert(field.to_owned(), value.clone()).unwrap_or_default();
    ticket.insert("lastActivityDate".into(), iso(now()));
    if field == "status" {
        let completed = if value == 5 { iso(now()) } else { Value::Null };
        ticket.insert("completedDate".into(), completed);
    }
    if before == value {
        return None;
    }
    let who = person(state, who);
    for (what, from, to) in shown(state, field, &before, &value) {
        state.history.push(Change { ticket: id, at: now(), who: who.clone(), what, from, to });
    }
    Some(field.to_owned())
}

fn shown(state: &State, field: &str, before: &Value, after: &Value) -> Vec<(String, String, String)> {
    if field != "userDefinedFields" {
        let words = |value: &Value| match field {
            "assignedResourceID" => value.as_i64().map(|id| person(state, id)).unwrap_or_default(),
            _ => Some(label(&state.lists.ticket_fields, field, value))
                .filter(|label| !label.is_empty())
                .unwrap_or_else(|| text(value)),
        };
        return vec![(field.to_owned(), words(before), words(after))];
    }
    let value = |list: &Value, name: &str| {
        let found = list.as_array().and_then(|list| list.iter().find(|one| one["name"] == name));
        found.map(|one| text(&one["value"])).unwrap_or_default()
    };
    let names = after.as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(|one| one["name"].as_str());
    names
        .map(|name| (name.to_owned(), value(before, name), value(after, name)))
        .filter(|(_, from, to)| from != to)
        .collect()
}

pub fn person(state: &State, id: i64) -> String {
    let of = |list: &[Value]| {
        let found = list.iter().find(|one| one["id"] == id)?;
        Some(format!("{} {}", text(&found["firstName"]), text(&found["lastName"])))
    };
    of(&state.lists.resources).or_else(|| of(&state.lists.contacts)).unwrap_or_default()
}

/// `POST /V1.0/Tickets/{id}/Notes`, as the API user `who`.
pub fn post_note(state: &mut State, ticket: i64, body: &Value, who: i64) -> Result<i64, String> {
    if !state.tickets.contains_key(&ticket) {
        return Err("No matching records found".into());
    }
    for field in ["title", "description", "noteType", "publish"] {
        if text(&body[field]).trim().is_empty() {
            return Err(format!("Missing Required Field: {field}"));
        }
    }
    for (field, most) in [("title", 250), ("description", 32_000)] {
        if text(&body[field]).encode_utf16().count() > most {
            return Err(format!("The value of {field} exceeds the maximum length of {most}."));
        }
    }
    for field in ["noteType", "publish"] {
        allowed(&state.lists.note_fields, field, &body[field])?;
    }
    let id = state.next_id();
    let note = json!({
        "id": id, "ticketID": ticket, "title": body["title"], "description": body["description"],
        "noteType": body["noteType"], "publish": body["publish"], "creatorResourceID": who,
        "createdByContactID": null, "createDateTime": iso(now()), "lastActivityDate": iso(now()),
    });
    state.add_note(ticket, id, note);
    if let Some(ticket) = state.tickets.get_mut(&ticket) {
        ticket.insert("lastActivityDate".into(), iso(now()));
    }
    Ok(id)
}
