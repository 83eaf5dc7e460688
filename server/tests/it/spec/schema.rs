//! Turns a schema of an OpenAPI 3 or Swagger 2 document into plain JSON Schema that refuses unknown properties.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Follows a `$ref` at the top of a node.
pub fn resolve<'d>(document: &'d Value, node: &'d Value) -> &'d Value {
    match node["$ref"].as_str() {
        Some(reference) => target(document, reference),
        None => node,
    }
}

fn target<'d>(document: &'d Value, reference: &str) -> &'d Value {
    let pointer =
        reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} points out of the document"));
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} points nowhere"))
}

/// The schema with everything it refers to, as one draft 2020-12 document.
pub fn closed(document: &Value, schema: &Value) -> Value {
    let mut closing = Closing { document, names: BTreeMap::new(), waiting: Vec::new() };
    let root = closing.convert(schema, false);
    let mut definitions = Map::new();
    while let Some((reference, is_part)) = closing.waiting.pop() {
        let name = closing.names[&(reference.clone(), is_part)].clone();
        let converted = closing.convert(target(document, &reference), is_part);
        definitions.insert(name, converted);
    }
    json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [root], "$defs": definitions})
}

struct Closing<'d> {
    document: &'d Value,
    /// A schema may be used whole and as a part of another one; these are two definitions.
    names: BTreeMap<(String, bool), String>,
    waiting: Vec<(String, bool)>,
}

impl Closing<'_> {
    /// `is_part`: combined with others in an `allOf` or beside `properties`; then the whole closes, not the part.
    fn convert(&mut self, schema: &Value, is_part: bool) -> Value {
        let Some(node) = schema.as_object() else { return schema.clone() };
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            let reference = json!({"$ref": self.refer(reference, is_part)});
            return if node.get("nullable") == Some(&Value::Bool(true)) {
                or_null(reference)
            } else {
                reference
            };
        }
        let has_properties = node
            .get("properties")
            .and_then(Value::as_object)
            .is_some_and(|properties| !properties.is_empty());
        let is_object = has_properties || node.contains_key("allOf");
        let mut out = Map::new();
        for (key, value) in node {
            match key.as_str() {
                "properties" => out.insert(key.clone(), self.convert_values(value)),
                "items" | "not" => out.insert(key.clone(), self.convert(value, false)),
                "additionalProperties" if value.is_object() => {
                    out.insert(key.clone(), self.convert(value, false))
                }
                "allOf" => out.insert(key.clone(), self.convert_list(value, true)),
                "anyOf" | "oneOf" => out.insert(key.clone(), self.convert_list(value, is_object || is_part)),
                // A generator's way to say "anything": a bare object without a word on what is in it.
                "type" if value == "object" && !is_object && !node.contains_key("additionalProperties") => {
                    None
                }
                "type" => out.insert(key.clone(), plain_type(value)),
                "required" => required(value, node).and_then(|value| out.insert(key.clone(), value)),
                "additionalProperties"
                | "enum"
                | "const"
                | "minimum"
                | "maximum"
                | "minLength"
                | "maxLength"
                | "pattern"
                | "minItems"
                | "maxItems"
                | "uniqueItems"
                | "multipleOf" => out.insert(key.clone(), value.clone()),
                // Annotations, examples and vendor extensions say nothing about validity.
                _ => None,
            };
        }
        if is_object && !is_part && !node.contains_key("additionalProperties") {
            out.insert("unevaluatedProperties".into(), Value::Bool(false));
        }
        if node.get("nullable") == Some(&Value::Bool(true)) {
            or_null(Value::Object(out))
        } else {
            Value::Object(out)
        }
    }

    fn refer(&mut self, reference: &str, is_part: bool) -> String {
        let next = format!("d{}", self.names.len());
        let key = (reference.to_owned(), is_part);
        if !self.names.contains_key(&key) {
            target(self.document, reference);
            self.waiting.push(key.clone());
            self.names.insert(key.clone(), next);
        }
        format!("#/$defs/{}", self.names[&key])
    }

    fn convert_values(&mut self, value: &Value) -> Value {
        let properties = value.as_object().into_iter().flatten();
        Value::Object(properties.map(|(name, schema)| (name.clone(), self.convert(schema, false))).collect())
    }

    fn convert_list(&mut self, value: &Value, is_part: bool) -> Value {
        value.as_array().into_iter().flatten().map(|schema| self.convert(schema, is_part)).collect()
    }
}

fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

/// Some documents write `int` and `bool`, which are not types of JSON Schema.
fn plain_type(value: &Value) -> Value {
    match value.as_str() {
        Some("int") => "integer".into(),
        Some("bool") => "boolean".into(),
        _ => value.clone(),
    }
}

/// What must be in a request: not what the server alone fills in. Swagger 2 parameters carry a boolean of the same name.
fn required(value: &Value, node: &Map<String, Value>) -> Option<Value> {
    let names = value.as_array()?.iter().filter(|name| {
        let property =
            node.get("properties").and_then(|properties| properties.get(name.as_str().unwrap_or_default()));
        property.is_none_or(|property| property["readOnly"] != true)
    });
    Some(names.cloned().collect())
}
