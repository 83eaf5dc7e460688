//! Autotask's two kinds of calls.
//!
//! The webhook: JSON with `Action`, `EntityType`, `Id`, signed with `X-Hook-Signature: sha1=<base64 of HMAC-SHA1 over the
//! raw body>`. It is a thin event; nothing of it but the id is trusted to describe the ticket. `Guid` names the webhook, not
//! the event. The call that says a webhook was switched off comes unsigned from some tenants: it is only acknowledged.
//!
//! The older Extension Callout of a workflow rule: a form (or JSON, or XML) whose keys the tenant's admin chose, with no
//! signature at all: the unguessable address is its secret.

use crate::psa::lenient::{int_of, text_of};
use crate::psa::{HookContext, HookError, HookEvent, HookMeaning, Hooked};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha1::{Digest, Sha1};
use std::fmt::Write;

const SIGNATURE: &str = "x-hook-signature";

/// Verifies a call and tells what it means.
pub fn read_hook(context: &HookContext<'_>) -> Result<Hooked, HookError> {
    let signed = match context.headers.get(SIGNATURE) {
        Some(value) => {
            let given = value.to_str().map_err(|_| HookError::Unauthorised(WRONG))?;
            verify(given, context.secret, context.body)?;
            true
        }
        None => false,
    };
    let parts = parse(context.body)?;
    let event = if parts.is_envelope() { envelope(&parts, signed, context.body)? } else { callout(&parts)? };
    Ok(Hooked { events: vec![event], verified: true })
}

const WRONG: &str = "X-Hook-Signature does not match the body and this webhook's secret";

fn verify(given: &str, secret: &str, body: &[u8]) -> Result<(), HookError> {
    let wrong = || HookError::Unauthorised(WRONG);
    if secret.is_empty() {
        return Err(wrong());
    }
    let (method, value) = given.trim().split_once('=').ok_or_else(wrong)?;
    let value = STANDARD.decode(value.trim()).map_err(|_| wrong())?;
    if !method.eq_ignore_ascii_case("sha1") {
        return Err(wrong());
    }
    if matches(secret, body, &value) {
        tracing::debug!(form = "raw", "webhook signature matched");
        return Ok(());
    }
    // Should something on the way have rewritten the JSON: Autotask signs what .NET writes, with its own escaping.
    let escaped = std::str::from_utf8(body).ok().and_then(as_dotnet_writes).ok_or_else(wrong)?;
    if matches(secret, escaped.as_bytes(), &value) {
        tracing::info!(
            form = "escaped",
            "webhook signature matched only after restoring the sender's escaping"
        );
        return Ok(());
    }
    Err(wrong())
}

/// Compares in constant time.
fn matches(secret: &str, body: &[u8], value: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(body);
    mac.verify_slice(value).is_ok()
}

/// The JSON text as .NET's default encoder would have written it: no white space, and within strings `& < > ' " + backtick`
/// and everything outside ASCII as `\uXXXX`. Order and numbers stay as they are. `None`: not JSON.
fn as_dotnet_writes(json: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(json).ok()?;
    let mut written = String::with_capacity(json.len() * 2);
    let mut rest = json;
    while let Some(at) = rest.find('"') {
        written.extend(rest[..at].chars().filter(|c| !c.is_ascii_whitespace()));
        let end = closing_quote(&rest[at..])? + at;
        escape(&serde_json::from_str::<String>(&rest[at..=end]).ok()?, &mut written);
        rest = &rest[end + 1..];
    }
    written.extend(rest.chars().filter(|c| !c.is_ascii_whitespace()));
    Some(written)
}

/// Where the string that begins at the start of `text` ends.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().enumerate().skip(1).find_map(|(at, byte)| match byte {
        _ if escaped => {
            escaped = false;
            None
        }
        b'\\' => {
            escaped = true;
            None
        }
        b'"' => Some(at),
        _ => None,
    })
}

fn escape(text: &str, written: &mut String) {
    written.push('"');
    for unit in text.encode_utf16() {
        let plain = char::from_u32(u32::from(unit)).filter(|c| matches!(c, ' '..='~'));
        match plain {
            Some('\\') => written.push_str(r"\\"),
            Some(c) if !matches!(c, '&' | '<' | '>' | '\'' | '"' | '`' | '+') => written.push(c),
            _ => match unit {
                0x08 => written.push_str(r"\b"),
                0x09 => written.push_str(r"\t"),
                0x0a => written.push_str(r"\n"),
                0x0c => written.push_str(r"\f"),
                0x0d => written.push_str(r"\r"),
                _ => _ = write!(written, "\\u{unit:04X}"),
            },
        }
    }
    written.push('"');
}

/// The top-level values of a body, whatever its format; keys in lower case.
struct Parts(Map<String, Value>);

impl Parts {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }
    fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(text_of).map(|text| text.trim().to_owned())
    }
    /// A webhook event, as opposed to a callout whose keys an admin chose.
    fn is_envelope(&self) -> bool {
        ["action", "entitytype", "guid"].iter().any(|key| self.0.contains_key(*key))
    }
}

fn parse(body: &[u8]) -> Result<Parts, HookError> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8 text"))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let parts: Vec<(String, Value)> = match text.as_bytes().first() {
        None => return Err(malformed("the body is empty")),
        Some(b'{' | b'[') => match serde_json::from_str(text) {
            Ok(Value::Object(object)) => object.into_iter().collect(),
            Ok(_) => return Err(malformed("the body is a JSON array; Autotask sends one object per call")),
            Err(error) => return Err(malformed(format!("the body is not JSON: {error}"))),
        },
        Some(b'<') => xml(text)?,
        Some(_) if text.contains('=') => url::form_urlencoded::parse(text.as_bytes())
            .map(|(key, value)| (key.into_owned(), Value::from(value.into_owned())))
            .collect(),
        Some(_) => return Err(malformed("the body is neither JSON nor a form")),
    };
    Ok(Parts(parts.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect()))
}

/// Elements and attributes by name; the first of a name wins, since the ticket's own come before nested ones.
fn xml(text: &str) -> Result<Vec<(String, Value)>, HookError> {
    let document = roxmltree::Document::parse(text)
        .map_err(|error| malformed(format!("the body is not XML: {error}")))?;
    let mut found = Vec::new();
    for element in document.descendants().filter(roxmltree::Node::is_element) {
        found.extend(element.attributes().map(|item| (item.name().to_owned(), Value::from(item.value()))));
        if let Some(text) = element.text().filter(|text| !text.trim().is_empty()) {
            found.push((element.tag_name().name().to_owned(), Value::from(text)));
        }
    }
    found.reverse();
    Ok(found)
}

fn malformed(what: impl Into<String>) -> HookError {
    HookError::Malformed(what.into())
}

fn envelope(parts: &Parts, signed: bool, body: &[u8]) -> Result<HookEvent, HookError> {
    let action = parts.text("action").unwrap_or_default().to_lowercase();
    if action == "deactivated" {
        return Ok(HookEvent { dedupe_key: format!("deactivated:{}", digest(body)), meaning: deactivated() });
    }
    if !signed {
        return Err(HookError::Unauthorised("X-Hook-Signature is missing"));
    }
    if action.is_empty() {
        return Err(malformed("there is no Action in the body"));
    }
    let entity = parts.text("entitytype").unwrap_or_default();
    let kind = entity.to_lowercase();
    let is_ticket = matches!(kind.as_str(), "ticket" | "tickets");
    let id = parts.get("id").and_then(int_of).filter(|id| *id > 0);
    if kind.is_empty() {
        return Err(malformed("there is no EntityType in the body"));
    }
    if is_ticket && id.is_none() {
        return Err(malformed("there is no ticket id (Id) in the body"));
    }
    let ticket = id.filter(|_| is_ticket).map(|id| id.to_string());
    if let (Some(ticket), "create") = (&ticket, action.as_str()) {
        return Ok(created(ticket.clone()));
    }
    let when = [parts.text("sequencenumber"), parts.text("eventtime")];
    let when = if when.iter().all(Option::is_none) {
        digest(body)
    } else {
        when.map(Option::unwrap_or_default).join(":")
    };
    let reason = match (is_ticket, action.as_str()) {
        (true, "update") => "update of a ticket".to_owned(),
        (true, "delete") => "deletion of a ticket".to_owned(),
        (true, _) => format!("event “{}” of a ticket", short(&action)),
        (false, _) => format!("event about {}, not a ticket", short(&entity)),
    };
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    Ok(HookEvent {
        dedupe_key: format!("{}:{id}:{}:{when}", short(&kind), short(&action)),
        meaning: HookMeaning::Other { ticket, reason },
    })
}

/// One key for every way in which Autotask may tell of the same new ticket: a repeat, a second webhook, a callout beside it.
/// A callout that gives the number alone has another one; reading the ticket finds out whose it is
/// ([`store::Store::job_identify`]).
fn created(ticket: String) -> HookEvent {
    HookEvent { dedupe_key: format!("ticket:{ticket}:create"), meaning: HookMeaning::Created { ticket } }
}

fn deactivated() -> HookMeaning {
    HookMeaning::Other {
        ticket: None,
        reason: "Autotask says it switched this webhook off. Check that its owner, the API user, is active, and register the \
                 webhook on the Connections page, which switches it on again. New tickets do not arrive until then."
            .into(),
    }
}

fn callout(parts: &Parts) -> Result<HookEvent, HookError> {
    let id = ["id", "ticketid", "ticket_id"]
        .iter()
        .find_map(|key| parts.get(key).and_then(int_of))
        .filter(|id| *id > 0);
    let number =
        || ["number", "ticketnumber"].iter().find_map(|key| parts.text(key)).filter(|text| is_number(text));
    let ticket = id.map(|id| id.to_string()).or_else(number).ok_or_else(|| {
        malformed(
            "there is no ticket in the body: expected one of id, ticketid, ticket_id, number, ticketnumber",
        )
    })?;
    Ok(created(ticket))
}

/// `T20191029.0002`, of a recurring ticket `T20120604.0002.005`.
fn is_number(text: &str) -> bool {
    (1..=50).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
}

fn digest(body: &[u8]) -> String {
    hex::encode(Sha1::digest(body))
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_brought_back_to_what_dotnet_writes() {
        let cases = [
            (r#"{ "a" : 1 , "b" : [ true, null ] }"#, r#"{"a":1,"b":[true,null]}"#),
            (
                r#"{"Title":"O'Brien & <b> \"x\" `+`"}"#,
                r#"{"Title":"O\u0027Brien \u0026 \u003Cb\u003E \u0022x\u0022 \u0060\u002B\u0060"}"#,
            ),
            (r#"{"t":"café – 🙂"}"#, r#"{"t":"caf\u00E9 \u2013 \uD83D\uDE42"}"#),
            (r#"{"t":"caf\u00e9"}"#, r#"{"t":"caf\u00E9"}"#),
            ("{\"t\":\"a\\nb\\\\c\\/d\\u0001\"}", "{\"t\":\"a\\nb\\\\c/d\\u0001\"}"),
        ];
        for (given, expected) in cases {
            assert_eq!(as_dotnet_writes(given).as_deref(), Some(expected), "{given}");
        }
        for broken in ["", "{", r#"{"a":"#, r#"{"a":"b}"#, "id=5"] {
            assert_eq!(as_dotnet_writes(broken), None, "{broken}");
        }
    }
}
