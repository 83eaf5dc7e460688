//! Webhooks: registration, payloads, batches.

use super::data::{name_of, number, text};
use super::tickets::shown;
use super::{Halo, State, now};
use crate::deliver::{Parcel, Post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

/// Numbers of events in Halo's catalogue.
pub const NEW_TICKET: i64 = 3;
pub const STATUS_CHANGED: i64 = 76;

/// What a call carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The envelope with the whole ticket.
    Full,
    /// The envelope with the ticket's key fields.
    Small,
    /// The envelope alone.
    EventOnly,
    /// Only what the tenant maps, here the ticket's id under a name of its own.
    Custom,
}

pub struct Webhook {
    id: String,
    name: String,
    url: String,
    user: String,
    password: Option<String>,
    payload: Payload,
    /// Calls are gathered until there are so many; 1: sent at once.
    batch: usize,
    gathered: Vec<Value>,
    events: Vec<i64>,
    is_active: bool,
    post: Post,
}

impl Webhook {
    pub fn shown(&self) -> Value {
        json!({"id": self.id, "name": self.name, "url": self.url, "type": 0, "method": 0, "active": self.is_active,
               "authentication_type": i64::from(self.password.is_some()), "basic_username": self.user,
               "content_type": "application/json"})
    }
}

impl Halo {
    /// Halo switches a webhook off, as after too many failures.
    pub fn deactivate_webhook(&self, id: &str) {
        self.state().webhooks.iter_mut().filter(|hook| hook.id == id).for_each(|hook| hook.is_active = false);
    }

    /// Each webhook as the API shows it, with the numbers of its events.
    pub fn webhooks(&self) -> Vec<Value> {
        let whole = |hook: &Webhook| {
            let mut shown = hook.shown();
            shown["eventnos"] = json!(hook.events);
            shown
        };
        self.state().webhooks.iter().map(whole).collect()
    }

    /// A webhook for new tickets, as the screens make it; `password`: Basic credentials. Returns its id.
    pub fn subscribe(&self, url: &str, password: Option<&str>, payload: Payload, batch: usize) -> String {
        let id = create(self, url, "undertone", password, payload, batch);
        self.state()
            .webhooks
            .iter_mut()
            .filter(|hook| hook.id == id)
            .for_each(|hook| hook.events.push(NEW_TICKET));
        id
    }
}

fn create(
    halo: &Halo,
    url: &str,
    user: &str,
    password: Option<&str>,
    payload: Payload,
    batch: usize,
) -> String {
    let id = Uuid::new_v4().to_string();
    let post = Post::new(halo.shared.retry, halo.deliveries.clone(), || {});
    halo.state().webhooks.push(Webhook {
        id: id.clone(),
        name: String::new(),
        url: url.to_owned(),
        user: user.to_owned(),
        password: password.map(str::to_owned),
        payload,
        batch: batch.max(1),
        gathered: Vec::new(),
        events: Vec::new(),
        is_active: true,
        post,
    });
    id
}

/// `POST /api/Webhook`: with `id` a change of what is sent, without it a new one.
pub fn register(halo: &Halo, body: &Value) -> Result<Value, String> {
    let object = body.as_array().and_then(|list| list.first()).ok_or("The request body must be an array.")?;
    let id = match object["id"].as_str() {
        Some(id) => id.to_owned(),
        None => {
            let url = object["url"]
                .as_str()
                .filter(|url| !url.is_empty())
                .ok_or("A Payload URL must be entered")?;
            create(halo, url, "", None, Payload::Full, 1)
        }
    };
    let mut state = halo.state();
    let hook = state.webhooks.iter_mut().find(|hook| hook.id == id).ok_or("The webhook does not exist")?;
    let set = |key: &str, field: &mut String| {
        if let Some(value) = object[key].as_str() {
            value.clone_into(field);
        }
    };
    set("name", &mut hook.name);
    set("url", &mut hook.url);
    set("basic_username", &mut hook.user);
    hook.is_active = object["active"].as_bool().unwrap_or(hook.is_active);
    match number(&object["authentication_type"]) {
        Some(1) => hook.password = Some(text(&object["basic_password"])),
        Some(_) => hook.password = None,
        None => {}
    }
    Ok(hook.shown())
}

/// `POST /api/Notification`: without one a webhook never fires.
pub fn notify(state: &mut State, body: &Value) -> Result<Value, String> {
    let object = body.as_array().and_then(|list| list.first()).ok_or("The request body must be an array.")?;
    let event = number(&object["eventno"]).ok_or("An event must be selected")?;
    let hook = state.webhooks.iter_mut().find(|hook| object["webhook_id"] == hook.id.as_str());
    hook.ok_or("The webhook does not exist")?.events.push(event);
    Ok(json!({"id": event, "webhook_id": object["webhook_id"], "eventno": event}))
}

/// `GET /api/Notification`.
pub fn notifications(state: &State, webhook: Option<&str>) -> Value {
    let of = |hook: &Webhook| {
        let id = hook.id.clone();
        let shown = move |event: &i64| json!({"id": event, "webhook_id": id, "eventno": event, "type": -2});
        hook.events.iter().map(shown).collect::<Vec<_>>()
    };
    let wanted = state.webhooks.iter().filter(|hook| webhook.is_none_or(|id| id == hook.id));
    wanted.flat_map(of).collect()
}

/// `DELETE /api/Webhook/{id}`.
pub fn remove(state: &mut State, id: &str) -> bool {
    let before = state.webhooks.len();
    state.webhooks.retain(|hook| hook.id != id);
    state.webhooks.len() < before
}

/// Queues an event for each webhook that has a notification for it.
pub fn raise(state: &mut State, event: i64, ticket: i64) {
    let Some(full) = full_ticket(state, ticket) else { return };
    let has_doubles = state.has_doubles;
    for hook in state.webhooks.iter_mut().filter(|hook| hook.is_active && hook.events.contains(&event)) {
        hook.gathered.push(payload(hook, event, ticket, &full));
        if hook.gathered.len() < hook.batch {
            continue;
        }
        let mut gathered = std::mem::take(&mut hook.gathered);
        let body = if hook.batch > 1 { Value::Array(gathered) } else { gathered.pop().unwrap_or_default() };
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        if let Some(password) = &hook.password {
            let pair = STANDARD.encode(format!("{}:{password}", hook.user));
            headers.push(("authorization".to_owned(), format!("Basic {pair}")));
        }
        let parcel = Parcel { url: hook.url.clone(), headers, body: body.to_string().into_bytes() };
        if has_doubles {
            hook.post.send(parcel.clone());
        }
        hook.post.send(parcel);
    }
}

fn payload(hook: &Webhook, event: i64, ticket: i64, full: &Value) -> Value {
    if hook.payload == Payload::Custom {
        return json!({"ticketId": ticket.to_string(), "ticketSummary": full["summary"]});
    }
    let (name, message) = match event {
        NEW_TICKET => ("new ticket logged", format!("A new ticket has been logged. Ticket ID: {ticket:07}.")),
        _ => ("ticket status changed", format!("The status has been changed for Ticket ID: {ticket:07}.")),
    };
    let mut body = json!({
        "id": Uuid::new_v4().to_string(), "webhook_id": hook.id, "notification_id": 40 + event,
        "escmsg_id": Uuid::new_v4().to_string(), "event": name, "object_id": ticket,
        "timestamp": now().format("%Y-%m-%dT%H:%M:%S%.6f0Z").to_string(),
    });
    if hook.payload != Payload::EventOnly {
        body["message"] = json!(message);
        body["agent_id"] = full["agent_id"].clone();
    }
    match hook.payload {
        Payload::Full => body["ticket"] = full.clone(),
        Payload::Small => {
            let keys = [
                "id",
                "summary",
                "status_id",
                "tickettype_id",
                "client_id",
                "team_id",
                "agent_id",
                "customfields",
                "hasbeenclosed",
            ];
            for key in keys {
                body["ticket"][key] = full[key].clone();
            }
        }
        Payload::EventOnly | Payload::Custom => {}
    }
    body
}

/// The ticket with linked names, as single reads and full payloads have it.
pub fn full_ticket(state: &State, id: i64) -> Option<Value> {
    let ticket = state.tickets.get(&id)?;
    let mut full = Value::Object(ticket.clone());
    full["team"] = json!(name_of(&state.lists.teams, &full["team_id"]));
    full["priority"] = json!({"slaid": full["sla_id"], "priorityid": full["priority_id"],
                              "name": shown(state, ticket, "priority_id", &full["priority_id"])});
    Some(full)
}
