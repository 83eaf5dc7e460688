//! Webhooks: registration, and the thin signed events.

use super::data::text;
use super::{Autotask, State, now};
use crate::deliver::{Parcel, Post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use std::fmt::Write;
use std::sync::Arc;

/// Fields that a webhook may carry: their ids exist nowhere else in the API.
pub const WEBHOOK_FIELDS: [(i64, &str, &str); 6] = [
    (2, "TicketNumber", "ticketNumber"),
    (3, "Title", "title"),
    (5, "Status", "status"),
    (6, "Priority", "priority"),
    (7, "QueueID", "queueID"),
    (9, "CompanyID", "companyID"),
];

pub struct Webhook {
    pub item: Value,
    pub fields: Vec<Value>,
    pub excluded: Vec<Value>,
    sequence: i64,
    post: Post,
}

impl Webhook {
    /// As the API shows it; the secret stays inside.
    pub fn shown(&self) -> Value {
        let mut item = self.item.clone();
        item["secretKey"] = Value::Null;
        item["isReady"] = json!(self.is_ready());
        item
    }
    fn is_ready(&self) -> bool {
        self.fields.iter().any(|field| field["isSubscribedField"] == true)
    }
    fn takes(&self, action: &str, changed: &[String], who: i64) -> bool {
        let wants = |key: &str| self.item[key] == true;
        let subscribed = |name: &str| self.fields_of("isSubscribedField").any(|field| field == name);
        let of_interest = match action {
            "Create" => wants("isSubscribedToCreateEvents"),
            "Update" => wants("isSubscribedToUpdateEvents") && changed.iter().any(|name| subscribed(name)),
            _ => wants("isSubscribedToDeleteEvents"),
        };
        let is_excluded = self.excluded.iter().any(|one| one["resourceID"] == who);
        of_interest && wants("isActive") && self.is_ready() && !is_excluded
    }
    /// The ticket's names of the fields that are marked so.
    fn fields_of(&self, mark: &'static str) -> impl Iterator<Item = &'static str> {
        self.fields.iter().filter(move |field| field[mark] == true).filter_map(|field| {
            WEBHOOK_FIELDS.iter().find(|(id, ..)| field["fieldID"] == *id).map(|(_, _, name)| *name)
        })
    }
}

impl Autotask {
    /// Registers a webhook for new tickets in one step, as the calls of the API would; returns its id.
    pub fn subscribe(&self, url: &str, secret: &str) -> Result<i64, String> {
        let body = json!({
            "isActive": true, "deactivationUrl": url, "isSubscribedToCreateEvents": true,
            "isSubscribedToUpdateEvents": false, "isSubscribedToDeleteEvents": false, "name": "Undertone",
            "secretKey": secret, "sendThresholdExceededNotification": true, "webhookUrl": url,
        });
        let id = create(self, &body)?;
        for (field, ..) in WEBHOOK_FIELDS.iter().take(3) {
            let field = json!({"webhookID": id, "fieldID": field, "isDisplayAlwaysField": true, "isSubscribedField": true});
            add_field(&mut self.state(), id, &field)?;
        }
        Ok(id)
    }

    /// A webhook as somebody's own program made it, without fields.
    pub fn make_webhook(&self, body: &Value) -> Result<i64, String> {
        create(self, body)
    }

    /// The vendor switches a webhook off, as after too many failures.
    pub fn deactivate_webhook(&self, id: i64) {
        if let Some(hook) = self.state().webhooks.get_mut(&id) {
            hook.item["isActive"] = json!(false);
        }
    }

    /// Each webhook as the API shows it, with its fields and excluded resources under their names.
    pub fn webhooks(&self) -> Vec<Value> {
        let state = self.state();
        let whole = |hook: &Webhook| {
            let mut shown = hook.shown();
            shown["fields"] = json!(hook.fields);
            shown["excludedResources"] = json!(hook.excluded);
            shown
        };
        state.webhooks.values().map(whole).collect()
    }

    /// Whether the vendor still calls this webhook.
    pub fn webhook_active(&self, id: i64) -> bool {
        self.state().webhooks.get(&id).is_some_and(|hook| hook.item["isActive"] == true)
    }
}

/// Texts that a webhook needs, and the longest each may be.
const TEXTS: [(&str, usize); 4] =
    [("name", 50), ("webhookUrl", 500), ("deactivationUrl", 500), ("secretKey", 64)];

fn checked(state: &State, id: Option<i64>, item: &Value) -> Result<(), String> {
    for (field, most) in TEXTS {
        let length = text(&item[field]).chars().count();
        if length == 0 {
            return Err(format!("Missing Required Field: {field}"));
        }
        if length > most {
            return Err(format!("The value of {field} exceeds the maximum length of {most}."));
        }
    }
    for field in ["isActive", "sendThresholdExceededNotification"] {
        if !item[field].is_boolean() {
            return Err(format!("Missing Required Field: {field}"));
        }
    }
    // Even where the other one is switched off, or somebody else's.
    let mut others = state.webhooks.iter().filter(|(other, _)| Some(**other) != id);
    if others.any(|(_, hook)| hook.item["webhookUrl"] == item["webhookUrl"]) {
        return Err("A webhook with the same entity, URL and callout type exists already.".into());
    }
    Ok(())
}

/// `PATCH /V1.0/TicketWebhooks`: read-only and unknown keys are ignored without a word.
pub fn patch(autotask: &Autotask, body: &Value) -> Result<i64, String> {
    const WRITABLE: [&str; 10] = [
        "deactivationUrl",
        "isActive",
        "isSubscribedToCreateEvents",
        "isSubscribedToDeleteEvents",
        "isSubscribedToUpdateEvents",
        "name",
        "notificationEmailAddress",
        "secretKey",
        "sendThresholdExceededNotification",
        "webhookUrl",
    ];
    let mut state = autotask.state();
    let id = body["id"].as_i64().unwrap_or_default();
    let mut item = state.webhooks.get(&id).ok_or("No matching records found")?.item.clone();
    for (key, value) in
        body.as_object().into_iter().flatten().filter(|(key, _)| WRITABLE.contains(&key.as_str()))
    {
        item[key] = value.clone();
    }
    checked(&state, Some(id), &item)?;
    let post = post_of(autotask, id, text(&item["deactivationUrl"]), text(&item["webhookGUID"]));
    if let Some(hook) = state.webhooks.get_mut(&id) {
        // A queue that the vendor gave up begins anew.
        if hook.item["isActive"] != true && item["isActive"] == true {
            hook.post = post;
        }
        hook.item = item;
    }
    Ok(id)
}

pub fn create(autotask: &Autotask, body: &Value) -> Result<i64, String> {
    let mut state = autotask.state();
    checked(&state, None, body)?;
    let id = state.next_id();
    let mut item = body.clone();
    item["id"] = json!(id);
    item["ownerResourceID"] =
        json!(state.lists.resources.iter().find(|one| one["licenseType"] == 7).map(|one| &one["id"]));
    item["webhookGUID"] = json!(uuid::Uuid::new_v4().to_string());
    let post = post_of(autotask, id, text(&body["deactivationUrl"]), text(&item["webhookGUID"]));
    state.webhooks.insert(id, Webhook { item, fields: Vec::new(), excluded: Vec::new(), sequence: 0, post });
    Ok(id)
}

/// The queue of one webhook; when the vendor gives up on it, it is switched off and its deactivation address is told.
fn post_of(autotask: &Autotask, id: i64, deactivation: String, guid: String) -> Post {
    let (shared, retry) = (Arc::downgrade(&autotask.shared), autotask.shared.retry);
    let log = autotask.deliveries.clone();
    let told = log.clone();
    Post::new(retry, log, move || {
        let Some(shared) = shared.upgrade() else { return };
        let mut state = shared.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(hook) = state.webhooks.get_mut(&id) {
            hook.item["isActive"] = json!(false);
        }
        let body = json!({"Action": "Deactivated", "Guid": guid}).to_string().into_bytes();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Post::new(retry, told, || {}).send(Parcel { url: deactivation, headers, body });
    })
}

pub fn add_field(state: &mut State, id: i64, body: &Value) -> Result<i64, String> {
    let field = state.next_id();
    let hook = state.webhooks.get_mut(&id).ok_or("No matching records found")?;
    if !WEBHOOK_FIELDS.iter().any(|(id, ..)| body["fieldID"] == *id) {
        return Err(format!("Picklist value [{}] does not exist for fieldID.", text(&body["fieldID"])));
    }
    let mut item = body.clone();
    item["id"] = json!(field);
    hook.fields.push(item);
    Ok(field)
}

pub fn exclude(state: &mut State, id: i64, body: &Value) -> Result<i64, String> {
    let entry = state.next_id();
    let hook = state.webhooks.get_mut(&id).ok_or("No matching records found")?;
    let mut item = body.clone();
    item["id"] = json!(entry);
    hook.excluded.push(item);
    Ok(entry)
}

/// Queues an event for each webhook that asked for it. `changed`: the ticket's names of the fields that changed.
pub fn raise(state: &mut State, action: &str, ticket: i64, changed: &[String], who: i64) {
    let Some(item) = state.tickets.get(&ticket).cloned() else { return };
    for hook in state.webhooks.values_mut().filter(|hook| hook.takes(action, changed, who)) {
        hook.sequence += 1;
        let always: Vec<&str> = hook.fields_of("isDisplayAlwaysField").collect();
        let subscribed: Vec<&str> = hook.fields_of("isSubscribedField").collect();
        let told = |name: &str| {
            let is_news = action == "Create" || changed.iter().any(|field| field == name);
            always.contains(&name) || (is_news && subscribed.contains(&name))
        };
        let fields = WEBHOOK_FIELDS.iter().filter(|(_, _, name)| told(name)).filter_map(|(_, key, name)| {
            let value = item.get(*name).filter(|value| !value.is_null())?;
            Some(format!("{}:{}", json_text(key), json_text(&text(value))))
        });
        let body = format!(
            "{{\"Action\":{},\"Guid\":{},\"EntityType\":\"Ticket\",\"Id\":{ticket},\"Fields\":{{{}}},\"EventTime\":\"{}\",\
             \"SequenceNumber\":{},\"PersonID\":{who}}}",
            json_text(action),
            json_text(&text(&hook.item["webhookGUID"])),
            fields.collect::<Vec<_>>().join(","),
            now().format("%Y-%m-%dT%H:%M:%SZ"),
            hook.sequence,
        );
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-hook-signature".to_owned(), signature(&text(&hook.item["secretKey"]), body.as_bytes())),
        ];
        hook.post.send(Parcel { url: text(&hook.item["webhookUrl"]), headers, body: body.into_bytes() });
    }
}

/// `sha1=<base64 of HMAC-SHA1 over the body>`.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha1={}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// A JSON string as .NET's default encoder writes it: `& < > ' " + backtick` and everything outside ASCII escaped.
fn json_text(text: &str) -> String {
    let mut written = String::from("\"");
    for unit in text.encode_utf16() {
        match unit {
            0x5c => written.push_str("\\\\"),
            0x0a => written.push_str("\\n"),
            0x0d => written.push_str("\\r"),
            0x09 => written.push_str("\\t"),
            0x26 | 0x3c | 0x3e | 0x27 | 0x22 | 0x2b | 0x60 | 0..0x20 | 0x7f.. => {
                _ = write!(written, "\\u{unit:04X}")
            }
            _ => written.extend(char::from_u32(u32::from(unit))),
        }
    }
    written.push('"');
    written
}
