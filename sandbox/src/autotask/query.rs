//! Queries: `{"maxRecords":…,"filter":[{"op":…,"field":…,"value":…}]}`, keys in any case.

use super::Item;
use super::data::text;
use serde_json::{Value, json};
use std::cmp::Ordering;

const MOST: usize = 500;

/// The page of `items` (in order of id) that a query asks for, or the words of the refusal.
pub fn run(mut items: Vec<Item>, body: &Value, after: Option<i64>, next: &str) -> Result<Value, String> {
    let most =
        key(body, "maxrecords").and_then(Value::as_u64).map_or(Ok(MOST), usize::try_from).unwrap_or(MOST);
    if most == 0 || most > MOST {
        return Err(format!("MaxRecords must be between 1 and {MOST}."));
    }
    let filter = key(body, "filter").and_then(Value::as_array).filter(|list| !list.is_empty());
    let filter = filter.ok_or("Filter is a required property of a query.")?;
    items.sort_by_key(id);
    let mut found = Vec::new();
    for item in items {
        let is_later = after.is_none_or(|after| id(&item) > after);
        if is_later && all(&item, filter)? {
            found.push(item);
        }
    }
    let has_more = found.len() > most;
    found.truncate(most);
    if let Some(fields) = key(body, "includefields").and_then(Value::as_array) {
        let named: Vec<String> = fields.iter().map(|field| text(field).to_lowercase()).collect();
        if named.iter().any(|field| field == "userdefinedfields") {
            return Err("userDefinedFields cannot be used in IncludeFields.".into());
        }
        let is_asked = |name: &str| name == "id" || named.contains(&name.to_lowercase());
        found.iter_mut().for_each(|item| item.retain(|name, _| is_asked(name)));
    }
    let next = has_more.then(|| found.last().map(|item| format!("{next}?paging={}", id(item)))).flatten();
    Ok(json!({
        "pageDetails": {"count": found.len(), "requestCount": most, "prevPageUrl": null, "nextPageUrl": next},
        "items": found,
    }))
}

pub fn id(item: &Item) -> i64 {
    item.get("id").and_then(Value::as_i64).unwrap_or_default()
}

/// The number that a condition on the top level demands of a field.
pub fn equals(body: &Value, wanted: &str) -> Option<i64> {
    let conditions = key(body, "filter")?.as_array()?;
    conditions.iter().find_map(|condition| {
        let is_it = key(condition, "op").map(text)?.eq_ignore_ascii_case("eq")
            && key(condition, "field").map(text)?.eq_ignore_ascii_case(wanted);
        key(condition, "value").filter(|_| is_it)?.as_i64()
    })
}

fn key<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    object.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn all(item: &Item, conditions: &[Value]) -> Result<bool, String> {
    for condition in conditions {
        if !holds(item, condition)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds(item: &Item, condition: &Value) -> Result<bool, String> {
    let op = key(condition, "op").map(text).unwrap_or_default().to_lowercase();
    let inner = key(condition, "items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if op == "and" {
        return all(item, inner);
    }
    if op == "or" {
        for condition in inner {
            if holds(item, condition)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let field = key(condition, "field").map(text).unwrap_or_default();
    let is_custom = key(condition, "udf").and_then(Value::as_bool).unwrap_or_default();
    let found = if is_custom { custom(item, &field) } else { plain(item, &field)? };
    let wanted = key(condition, "value").cloned().unwrap_or_default();
    let among = || {
        wanted
            .as_array()
            .is_some_and(|list| list.iter().any(|one| compare(&found, one) == Some(Ordering::Equal)))
    };
    let (have, want) = (text(&found).to_lowercase(), text(&wanted).to_lowercase());
    let order = compare(&found, &wanted);
    Ok(match op.as_str() {
        "eq" => order == Some(Ordering::Equal),
        "noteq" => order != Some(Ordering::Equal),
        "gt" => order == Some(Ordering::Greater),
        "gte" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        "lt" => order == Some(Ordering::Less),
        "lte" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        "beginswith" => have.starts_with(&want),
        "endswith" => have.ends_with(&want),
        "contains" => have.contains(&want),
        "exist" => !found.is_null(),
        "notexist" => found.is_null(),
        "in" => among(),
        "notin" => !among(),
        // As the real one: a misspelt operator is dropped, and everything comes back.
        _ => true,
    })
}

fn plain(item: &Item, field: &str) -> Result<Value, String> {
    if field.is_empty() {
        return Err("A filter needs a field.".into());
    }
    Ok(item
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(field))
        .map(|(_, value)| value.clone())
        .unwrap_or_default())
}

fn custom(item: &Item, name: &str) -> Value {
    let fields = item.get("userDefinedFields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    fields.iter().find(|field| field["name"] == name).map(|field| field["value"].clone()).unwrap_or_default()
}

fn compare(found: &Value, wanted: &Value) -> Option<Ordering> {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let time = |value: &Value| chrono::DateTime::parse_from_rfc3339(value.as_str()?).ok();
    if let (Some(found), Some(wanted)) = (time(found), time(wanted)) {
        return Some(found.cmp(&wanted));
    }
    match (found, wanted) {
        (Value::Bool(found), Value::Bool(wanted)) => Some(found.cmp(wanted)),
        (Value::Null, _) | (_, Value::Null) => (found == wanted).then_some(Ordering::Equal),
        _ => match (number(found), number(wanted)) {
            (Some(found), Some(wanted)) => found.partial_cmp(&wanted),
            _ => Some(text(found).to_lowercase().cmp(&text(wanted).to_lowercase())),
        },
    }
}
