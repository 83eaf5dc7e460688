//! Examples made from schemas, so that each body has one and none can go stale.

use serde_json::{Map, Value, json};

/// Schemas refer to each other, never deeper than this in our own.
const DEEPEST: usize = 30;

/// Gives each JSON body without an example one that follows its schema.
pub(super) fn fill(holder: &mut Value, schemas: &Value) {
    for (kind, content) in holder.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
        let given = content.get("example").is_some() || content.get("examples").is_some();
        if kind.contains("json") && !given && content.get("schema").is_some() {
            content["example"] = of(&content["schema"], schemas, "", DEEPEST);
        }
    }
}

/// A value that the schema allows; `name` is the property it is for.
fn of(schema: &Value, schemas: &Value, name: &str, left: usize) -> Value {
    if left == 0 {
        return Value::Null;
    }
    let deeper = |schema: &Value| of(schema, schemas, name, left - 1);
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap_or_default();
        return schemas.get(name).map_or(Value::Null, deeper);
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(fields) = deeper(part) {
                whole.extend(fields);
            }
        }
        return Value::Object(whole);
    }
    for either in ["oneOf", "anyOf"] {
        if let Some(kinds) = schema[either].as_array() {
            let kind = kinds.iter().find(|kind| kind["type"] != "null");
            return kind.map_or(Value::Null, deeper);
        }
    }
    by_type(schema, schemas, name, left)
}

fn by_type(schema: &Value, schemas: &Value, name: &str, left: usize) -> Value {
    match main_type(schema) {
        "object" => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let mut fields: Map<String, Value> =
                properties.map(|(name, part)| (name.clone(), of(part, schemas, name, left - 1))).collect();
            if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
                fields.insert(key(name).into(), of(values, schemas, "", left - 1));
            }
            Value::Object(fields)
        }
        "array" => json!([of(&schema["items"], schemas, name, left - 1)]),
        "integer" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "number" => json!(0.5),
        "boolean" => json!(true),
        "string" => text(schema["format"].as_str().unwrap_or_default(), name).into(),
        _ => json!({}),
    }
}

/// The type, or the first that is not null.
fn main_type(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default()
        }
        _ => "",
    }
}

fn key(name: &str) -> &'static str {
    match name {
        "values" => "4",
        _ => "priority",
    }
}

fn text(format: &str, name: &str) -> &'static str {
    match (format, name) {
        ("date-time", _) => "2026-03-05T09:20:00Z",
        ("date", _) => "2026-03-05",
        ("uuid", _) => "0195d6c0-5a3e-7b4c-9c7e-2f1d0a9b8c7d",
        (_, "client" | "name") => "Harbour Dental Group",
        (_, "board") => "Service Desk",
        (_, "title") => "Invoices still cannot be printed",
        (_, "text" | "body") => "This is the fourth time I write. Nobody can print invoices.",
        (_, "quote") => "the fourth time I write",
        (_, "id" | "client_id" | "external_ticket") => "250",
        (_, "label") => "High",
        (_, "url" | "site") => "https://psa.example",
        (_, "reason") => "They write for the fourth time about the same fault.",
        (_, "saved_by" | "actor" | "author") => "Dana Whitfield",
        (_, "email" | "contact_email") => "dana@harbour-dental.example",
        (_, "template") => "{{ client }} pays for answers within an hour.",
        (_, "because") => "urgency 4 ≥ 4",
        (_, "key") => "note:update",
        (_, "detail") => "Undertone updated this ticket: priority from Medium to High (urgency 4 ≥ 4).",
        (_, "sentence" | "sentences") => "Priority: Medium → High, because urgency 4 ≥ 4.",
        (_, "prompt") => {
            "[system]\nYou score one support ticket …\n\n[user]\nBEGIN TICKET 5d41402abc4b2a76 …"
        }
        (_, "answer") => "{\"sentiment\":{\"reason\":\"…\",\"quote\":\"…\",\"score\":4}, …}",
        (_, "field") => "Sentiment score",
        (_, "message" | "steps") => "The connection works.",
        (_, "company_id") => "acme",
        (_, "public_key") => "Kx3vQ8tYb2",
        (_, "private_key" | "secret") => "…a4f7",
        (_, "left_alone") => "a person set it after we had read the ticket",
        (_, "receipt" | "number" | "external_id") => "48211",
        (_, "reference") => "UT-3F9K2",
        (_, "degraded") => "gpt-4.1-mini at api.openai.com did not answer several times in a row",
        (_, "text_remarks") => "signature cut",
        (_, "set_aside") => "it was merged into another ticket",
        (_, "verified_by") => "X-Hook-Signature, by the secret",
        (_, "skipped") => "an automatic reply",
        (_, "missing") => "teams",
        (_, "model") => "gpt-4.1-mini",
        (_, "next") => "AAZMkpq3gAABlZLGwFo-e0yafi8dCpuM",
        _ => "text",
    }
}
