//! Tickets and actions: creation, and the rules of changing them.

use super::data::{OWN_AGENT, UNASSIGNED, name_of, number, text};
use super::hooks::{self, NEW_TICKET, STATUS_CHANGED};
use super::{Change, Halo, Item, State, now, stamp};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Fields that a write may set, with the name people know them by.
const FIELDS: [(&str, &str); 7] = [
    ("priority_id", "Priority"),
    ("impact", "Impact"),
    ("urgency", "Urgency"),
    ("status_id", "Status"),
    ("team_id", "Team"),
    ("agent_id", "Agent"),
    ("summary", "Summary"),
];

/// A ticket to create.
#[derive(Clone, Debug, Default)]
pub struct NewTicket {
    pub client: i64,
    pub user: Option<i64>,
    pub summary: String,
    /// The mail's text; empty where it had none. How Halo then shows `details` is not known for sure; integrators fall
    /// back to the first action where it is empty.
    pub details: String,
    /// The mail's HTML; `None`: it had none.
    pub details_html: Option<String>,
    /// When it was logged; `None`: now.
    pub at: Option<DateTime<Utc>>,
    /// The SLA; 0 for the standard one.
    pub sla: i64,
    /// Made by monitoring rather than by a person.
    pub by_monitoring: bool,
    /// No webhook is sent.
    pub is_silent: bool,
}

impl Halo {
    /// Logs a ticket as a mail from the user would, and sends the webhooks.
    pub fn create_ticket(&self, new: NewTicket) -> i64 {
        let mut state = self.state();
        state.last_id += 1;
        let (id, at) = (state.last_id, new.at.unwrap_or_else(now));
        let user = state
            .lists
            .users
            .iter()
            .find(|user| Some(&user["id"]) == new.user.map(Value::from).as_ref())
            .cloned();
        let user = user.unwrap_or_default();
        let sla = if new.sla == 0 { 1 } else { new.sla };
        let least =
            state.lists.priorities.iter().filter(|one| one["slaid"] == sla && one["ishidden"] == false);
        let priority = least.filter_map(|one| one["priorityid"].as_i64()).max().unwrap_or(4);
        let html = new.details_html.clone().unwrap_or_else(|| format!("<p>{}</p>", escaped(&new.details)));
        let ticket = json!({
            "id": id, "dateoccurred": stamp(at), "datecreated": "", "last_update": stamp(at),
            "deadlinedate": "1900-01-01T00:00:00", "summary": new.summary, "details": new.details,
            "details_html": html, "status_id": 1,
            "tickettype_id": if new.by_monitoring { 21 } else { 1 }, "sla_id": sla, "priority_id": priority,
            "impact": 3, "urgency": 3, "client_id": new.client,
            "client_name": name_of(&state.lists.clients, &json!(new.client)), "site_id": 18, "site_name": "Main",
            "user_id": user["id"], "user_name": user["name"], "user_email": user["emailaddress"], "team_id": 1,
            "agent_id": UNASSIGNED, "hasbeenclosed": false, "merged_into_id": 0, "deleted": false, "customfields": [],
        });
        if let Value::Object(ticket) = ticket {
            state.tickets.insert(id, ticket);
        }
        let opening = json!({
            "outcome": "First User Email", "note": new.details_html.clone().unwrap_or(new.details), "note_html": new.details_html, "who": user["name"], "who_type": 0, "who_agentid": 0,
            "actionby_user_id": user["id"], "actionby_agent_id": 0, "hiddenfromuser": false, "emaildirection": "I",
        });
        push_action(&mut state, id, opening, at);
        if !new.is_silent {
            hooks::raise(&mut state, NEW_TICKET, id);
        }
        id
    }

    /// The webhooks about a new ticket, sent late.
    pub fn tell_of(&self, ticket: i64) {
        hooks::raise(&mut self.state(), NEW_TICKET, ticket);
    }

    /// An action as the product's own screens write it: `fields` over those of a plain note by an agent.
    pub fn add_action(&self, ticket: i64, fields: Value) -> i64 {
        push_action(&mut self.state(), ticket, fields, now())
    }
}

pub fn push_action(state: &mut State, ticket: i64, fields: Value, at: DateTime<Utc>) -> i64 {
    let actions = state.actions.entry(ticket).or_default();
    let id = i64::try_from(actions.len()).unwrap_or_default() + 1;
    let mut action = json!({
        "id": id, "ticket_id": ticket, "outcome": "Note", "outcome_id": 0, "note": "", "who": "", "who_type": 1,
        "who_agentid": 0, "actionby_agent_id": 0, "actionby_user_id": 0, "actionby_application_id": "",
        "hiddenfromuser": false, "important": false, "emaildirection": "", "datetime": stamp(at),
        "actiondatecreated": stamp(at),
    });
    for (key, value) in fields.as_object().into_iter().flatten() {
        action[key] = value.clone();
    }
    if let Value::Object(action) = action {
        actions.push(action);
    }
    id
}

/// `POST /api/Tickets`: one object; the last of several is answered.
pub fn post(state: &mut State, body: &Value) -> Result<i64, String> {
    let list = body.as_array().filter(|list| !list.is_empty()).ok_or("The request body must be an array.")?;
    let mut last = 0;
    for object in list {
        last = match object.get("id").and_then(number).filter(|id| *id > 0) {
            Some(id) => change(state, id, object)?,
            None => create(state, object),
        };
    }
    Ok(last)
}

/// What a client that forgets the id gets.
fn create(state: &mut State, object: &Value) -> i64 {
    state.last_id += 1;
    let id = state.last_id;
    let mut ticket = object.as_object().cloned().unwrap_or_default();
    ticket.insert("id".into(), json!(id));
    ticket.insert("dateoccurred".into(), stamp(now()));
    state.tickets.insert(id, ticket);
    hooks::raise(state, NEW_TICKET, id);
    id
}

fn change(state: &mut State, id: i64, object: &Value) -> Result<i64, String> {
    let before = state.tickets.get(&id).cloned().ok_or("NOT FOUND")?;
    let mut wanted = Vec::new();
    for (field, _) in FIELDS {
        if let Some(value) = object.get(field).filter(|value| !value.is_null()) {
            wanted.push((field, checked(state, &before, field, value)?));
        }
    }
    // The name decides where a version knows no id; both together must agree.
    if let Some(name) = object.get("team").and_then(Value::as_str) {
        let team = state.lists.teams.iter().find(|team| team["name"] == name).map(|team| team["id"].clone());
        let team = team.ok_or("The team does not exist.")?;
        wanted.retain(|(field, _)| *field != "team_id");
        wanted.push(("team_id", team));
    }
    if state.has_matrix && wanted.iter().any(|(field, _)| matches!(*field, "impact" | "urgency")) {
        let of = |field: &str| {
            let sent = wanted.iter().find(|(name, _)| *name == field).map(|(_, value)| value.clone());
            sent.or_else(|| before.get(field).cloned()).and_then(|value| number(&value)).unwrap_or(3)
        };
        let level = ((of("impact") + of("urgency")) / 2).max(1);
        wanted.retain(|(field, _)| *field != "priority_id");
        wanted.push(("priority_id", json!(level)));
    }
    let is_status =
        wanted.iter().any(|(field, value)| *field == "status_id" && before.get("status_id") != Some(value));
    for (field, value) in wanted {
        set(state, id, field, value, "Undertone API");
    }
    if let Some((field, value)) = state.rule.clone() {
        set(state, id, &field, value, "Ticket rule");
    }
    if is_status {
        hooks::raise(state, STATUS_CHANGED, id);
    }
    Ok(id)
}

/// The value as Halo will keep it, or the words of its refusal.
fn checked(state: &State, ticket: &Item, field: &str, value: &Value) -> Result<Value, String> {
    let Some(id) = number(value) else { return Ok(value.clone()) };
    let known = |list: &[Value]| list.iter().any(|item| item["id"] == id);
    match field {
        "priority_id" => {
            let sla = ticket.get("sla_id").cloned().unwrap_or_default();
            let of_sla = || state.lists.priorities.iter().filter(|one| one["slaid"] == sla);
            let is_there = of_sla().any(|one| one["priorityid"] == id);
            // Replaced by the SLA's default without a word.
            let default = of_sla().filter_map(|one| one["priorityid"].as_i64()).max().unwrap_or(id);
            Ok(json!(if is_there { id } else { default }))
        }
        "agent_id" if !known(&state.lists.agents) => {
            Err("You do not have access to this Agent. Please contact the administrator.".into())
        }
        "status_id" if !known(&state.lists.statuses) => {
            Err("A database error occurred (547) - The UPDATE statement conflicted with a constraint.".into())
        }
        "team_id" if !known(&state.lists.teams) => Err("The team does not exist.".into()),
        _ => Ok(json!(id)),
    }
}

fn set(state: &mut State, id: i64, field: &str, value: Value, who: &str) {
    let Some(ticket) = state.tickets.get_mut(&id) else { return };
    let before = ticket.insert(field.to_owned(), value.clone()).unwrap_or_default();
    ticket.insert("last_update".into(), stamp(now()));
    if field == "status_id" {
        let closes =
            state.lists.statuses.iter().any(|status| status["id"] == value && status["closes"] == true);
        ticket.insert("hasbeenclosed".into(), json!(closes));
    }
    let ticket = ticket.clone();
    let Some((_, what)) = FIELDS.iter().find(|(name, _)| *name == field).filter(|_| before != value) else {
        return;
    };
    let (from, to) = (shown(state, &ticket, field, &before), shown(state, &ticket, field, &value));
    state.history.push(Change { ticket: id, at: now(), who: who.to_owned(), what, from, to });
}

/// A field's value in words.
pub fn shown(state: &State, ticket: &Item, field: &str, value: &Value) -> String {
    let lists = &state.lists;
    match field {
        "priority_id" => {
            let of =
                |one: &&Value| Some(&one["slaid"]) == ticket.get("sla_id") && one["priorityid"] == *value;
            lists.priorities.iter().find(of).map(|one| text(&one["name"])).unwrap_or_default()
        }
        "impact" => name_of(&lists.impacts, value),
        "urgency" => name_of(&lists.urgencies, value),
        "status_id" => name_of(&lists.statuses, value),
        "team_id" => name_of(&lists.teams, value),
        "agent_id" => name_of(&lists.agents, value),
        _ => text(value),
    }
}

/// `POST /api/Actions`: returns the created action.
pub fn post_action(state: &mut State, body: &Value) -> Result<Item, String> {
    let list = body.as_array().ok_or("The request body must be an array.")?;
    let object =
        list.last().filter(|object| object.is_object()).ok_or("The request body must be an array.")?;
    let ticket = object.get("ticket_id").and_then(number).unwrap_or_default();
    if !state.tickets.contains_key(&ticket) {
        return Err("NOT FOUND".into());
    }
    let mut outcome = text(&object["outcome"]);
    if let Some(id) = object.get("outcome_id").and_then(number) {
        let known = state.lists.outcomes.iter().find(|one| one["id"] == id);
        let known = known.ok_or("You do not have access to this Action")?;
        outcome = text(&known["outcome"]);
        if known["sendemail"] == true && object["sendemail"] != false {
            state.mails += 1;
        }
    }
    if outcome.trim().is_empty() {
        return Err("An Outcome must be entered for this Action".into());
    }
    if object["sendemail"] == true {
        state.mails += 1;
    }
    let agent = name_of(&state.lists.agents, &json!(OWN_AGENT));
    let fields = json!({
        "outcome": outcome, "outcome_id": object.get("outcome_id").and_then(number).unwrap_or_default(),
        "note": object["note"], "note_html": object["note_html"], "who": agent, "who_type": 1,
        "who_agentid": OWN_AGENT, "actionby_agent_id": OWN_AGENT, "actionby_application_id": "Undertone",
        "hiddenfromuser": object["hiddenfromuser"] == true,
    });
    push_action(state, ticket, fields, now());
    let created = state.actions.get(&ticket).and_then(|actions| actions.last()).cloned();
    created.ok_or_else(|| "NOT FOUND".into())
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', "<br>")
}
