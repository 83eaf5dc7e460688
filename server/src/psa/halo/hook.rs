//! Halo's webhook calls.
//!
//! Halo signs nothing. A standard webhook can send Basic credentials; runbooks and proxies can send a Bearer token or
//! nothing, and then the unguessable address is the secret. The body is a doorbell: of it we take the ticket's id and whether
//! it is about a new ticket. The top-level `id` is the GUID of the delivery, never the ticket.
//!
//! Halo documents no expectation about answers, so a body in which a ticket must be and is not gets 400, naming the keys
//! looked for; an event that is not about a new ticket is acknowledged even without one.

use crate::psa::lenient::{int_of, text_of};
use crate::psa::{HookContext, HookError, HookEvent, HookMeaning, Hooked};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const WRONG: &str = "the credentials in the Authorization header are not this webhook's";
/// Elements of one batch; Halo's own limit is set by the tenant and is far lower.
const BATCH_MAX: usize = 1_000;

/// Verifies a call and tells what it means.
pub fn read_hook(context: &HookContext<'_>) -> Result<Hooked, HookError> {
    if let Some(value) = context.headers.get(header::AUTHORIZATION) {
        let given = value.to_str().map_err(|_| HookError::Unauthorised(WRONG))?;
        if !authorised(given, context.secret) {
            return Err(HookError::Unauthorised(WRONG));
        }
    }
    let body: Value = serde_json::from_slice(context.body)
        .map_err(|error| HookError::Malformed(format!("the body is not JSON: {error}")))?;
    let events = match &body {
        Value::Object(object) => vec![read(object)?],
        Value::Array(list) => batch(list)?,
        _ => {
            return Err(HookError::Malformed(
                "the body is neither a JSON object nor an array of them".into(),
            ));
        }
    };
    Ok(Hooked { events, verified: true })
}

/// Basic with any user and the secret as password, or the secret as Bearer token; compared in constant time.
fn authorised(given: &str, secret: &str) -> bool {
    let Some((scheme, value)) = given.trim().split_once(' ') else { return false };
    let password = if scheme.eq_ignore_ascii_case("basic") {
        let Ok(pair) = STANDARD.decode(value.trim()) else { return false };
        match pair.iter().position(|byte| *byte == b':') {
            Some(at) => pair.get(at + 1..).unwrap_or_default().to_vec(),
            None => return false,
        }
    } else if scheme.eq_ignore_ascii_case("bearer") {
        value.trim().as_bytes().to_vec()
    } else {
        return false;
    };
    !secret.is_empty() && bool::from(Sha256::digest(&password).ct_eq(&Sha256::digest(secret.as_bytes())))
}

/// A batch is several events; one that cannot be read does not take the others along.
fn batch(list: &[Value]) -> Result<Vec<HookEvent>, HookError> {
    if list.is_empty() {
        return Err(HookError::Malformed("the body is an empty array".into()));
    }
    if list.len() > BATCH_MAX {
        return Err(HookError::Malformed(format!("more than {BATCH_MAX} events in one call")));
    }
    let read: Vec<_> =
        list.iter().map(|entry| (entry, entry.as_object().map_or_else(|| Err(no_id()), read))).collect();
    if let (Some((_, Err(error))), true) = (read.first(), read.iter().all(|(_, result)| result.is_err())) {
        return Err(error.clone());
    }
    let event = |(entry, result): (&Value, Result<HookEvent, HookError>)| {
        result.unwrap_or_else(|error| HookEvent {
            dedupe_key: digest(entry),
            meaning: HookMeaning::Other { ticket: None, reason: format!("an entry of a batch: {error}") },
        })
    };
    Ok(read.into_iter().map(event).collect())
}

fn read(object: &Map<String, Value>) -> Result<HookEvent, HookError> {
    let ticket = ticket_of(object).map(|id| id.to_string());
    let event = value(object, "event").and_then(text_of);
    let is_new = match &event {
        Some(event) => is_new_ticket(event),
        // A custom payload or a runbook step: the tenant chose to call us, so it is about a new ticket.
        None => true,
    };
    match (is_new, ticket) {
        (true, None) => Err(no_id()),
        // One key for every way in which Halo may tell of the same new ticket: a repeat, a second webhook, a runbook beside it.
        (true, Some(ticket)) => Ok(HookEvent {
            dedupe_key: format!("ticket:{ticket}:create"),
            meaning: HookMeaning::Created { ticket },
        }),
        (false, ticket) => {
            let name: String = event.unwrap_or_default().chars().take(60).collect();
            let reason = format!("event “{name}”, not a new ticket");
            Ok(HookEvent { dedupe_key: delivery_key(object), meaning: HookMeaning::Other { ticket, reason } })
        }
    }
}

fn no_id() -> HookError {
    HookError::Malformed(
        "there is no ticket id in the body: expected a number in object_id, ticket.id or ticket_id (the top-level id of a \
         Halo call is the delivery's own)"
            .into(),
    )
}

/// `new ticket logged`; its number in Halo's catalogue is 3. Other words for the same are allowed for, since the exact text
/// depends on the version.
fn is_new_ticket(event: &str) -> bool {
    let event = event.trim().to_lowercase();
    let words: Vec<&str> = event.split(|c: char| !c.is_alphanumeric()).collect();
    let has = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let is_change = has(&[
        "status",
        "updated",
        "changed",
        "reassigned",
        "assigned",
        "closed",
        "deleted",
        "merged",
        "action",
        "note",
    ]);
    event == "3"
        || (has(&["ticket", "request", "incident"])
            && has(&["new", "logged", "created", "opened"])
            && !is_change)
}

/// The ticket's id by the documented order of places; keys in any case; never a GUID.
fn ticket_of(object: &Map<String, Value>) -> Option<i64> {
    let number =
        |object: &Map<String, Value>, key: &str| value(object, key).and_then(int_of).filter(|id| *id > 0);
    let nested = |key: &str| value(object, key).and_then(Value::as_object);
    number(object, "object_id")
        .or_else(|| number(nested("ticket")?, "id"))
        .or_else(|| ["ticket_id", "ticketid", "objectid"].iter().find_map(|key| number(object, key)))
        .or_else(|| ["data", "object"].iter().find_map(|key| ticket_of(nested(key)?)))
        .or_else(|| number(object, "id"))
}

fn value<'o>(object: &'o Map<String, Value>, wanted: &str) -> Option<&'o Value> {
    object
        .get(wanted)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted)).map(|(_, value)| value))
}

/// The queued message's id names a delivery; without it, its content must.
fn delivery_key(object: &Map<String, Value>) -> String {
    let part = |key: &str| {
        value(object, key).and_then(text_of).map(|text| text.chars().take(64).collect::<String>())
    };
    match (part("webhook_id"), part("escmsg_id")) {
        (webhook, Some(message)) => format!("{}:{message}", webhook.unwrap_or_default()),
        _ => digest(&Value::Object(object.clone())),
    }
}

fn digest(value: &Value) -> String {
    hex::encode(Sha256::digest(value.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_for_a_new_ticket_mean_one() {
        for event in [
            "new ticket logged",
            "New Ticket Logged",
            "3",
            "ticket created",
            "New request logged",
            "ticket opened",
        ] {
            assert!(is_new_ticket(event), "{event}");
        }
        let others = [
            "ticket status changed",
            "ticket updated by user",
            "ticket reassigned",
            "closed",
            "ticket deleted",
            "new action on ticket",
            "new note on ticket",
            "new asset logged",
            "ticket assigned to new agent",
            "76",
            "...",
            "",
        ];
        for event in others {
            assert!(!is_new_ticket(event), "{event}");
        }
    }
}
