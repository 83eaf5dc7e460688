//! `conditions`, `orderBy`, `fields` and paging of lists, as far as our adapter uses them.

use super::refusal::Refusal;
use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::HashMap;

/// The query of a list request.
#[derive(Default)]
pub(super) struct ListQuery {
    values: HashMap<String, String>,
}

impl ListQuery {
    pub fn parse(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self { values: pairs.into_owned().collect() }
    }

    fn number(&self, name: &str, otherwise: usize) -> Result<usize, Refusal> {
        let Some(text) = self.values.get(name) else { return Ok(otherwise) };
        let message = format!("{name} is invalid");
        text.parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| Refusal::bad("InvalidParameter", &message))
    }

    /// The page asked for, and its `Link` header. `address` is the request's own, without the query.
    pub fn apply(
        &self,
        rows: Vec<Value>,
        known: &[&str],
        address: &str,
    ) -> Result<(HeaderMap, Value), Refusal> {
        let mut rows = match self.values.get("conditions") {
            Some(text) => filter(rows, text, known)?,
            None => rows,
        };
        if let Some(order) = self.values.get("orderBy") {
            let (field, direction) = order.trim().split_once(' ').unwrap_or((order, "asc"));
            rows.sort_by(|left, right| {
                compare(&at(left, field), &at(right, field)).unwrap_or(Ordering::Equal)
            });
            if direction.trim().eq_ignore_ascii_case("desc") {
                rows.reverse();
            }
        }
        let (page, size) = (self.number("page", 1)?, self.number("pageSize", 25)?.min(1000));
        let last = rows.len().div_ceil(size).max(1);
        let headers = self.links(address, page, size, last);
        let rows = rows.into_iter().skip((page - 1) * size).take(size).map(|row| self.project(row)).collect();
        Ok((headers, rows))
    }

    /// Keeps only `fields`; `status/name` reaches into a reference.
    pub fn project(&self, row: Value) -> Value {
        let Some(fields) = self.values.get("fields") else { return row };
        let mut out = Map::new();
        for field in fields.split(',').map(str::trim) {
            let value = at(&row, field);
            if value.is_null() {
                continue;
            }
            match field.split_once('/') {
                None => out.insert(field.into(), value),
                Some((outer, inner)) => {
                    let parent = out.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                    parent.as_object_mut().and_then(|parent| parent.insert(inner.into(), value))
                }
            };
        }
        Value::Object(out)
    }

    fn links(&self, address: &str, page: usize, size: usize, last: usize) -> HeaderMap {
        let to = |number: usize, name: &str| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let others = self.values.iter().filter(|(key, _)| *key != "page" && *key != "pageSize");
            query
                .extend_pairs(others)
                .append_pair("pageSize", &size.to_string())
                .append_pair("page", &number.to_string());
            format!("<{address}?{}>; rel=\"{name}\"", query.finish())
        };
        let mut links = Vec::new();
        if page > 1 {
            links.push(to(page - 1, "prev"));
        }
        if page < last {
            links.push(to(page + 1, "next"));
        }
        links.extend([to(1, "first"), to(last, "last")]);
        let value = HeaderValue::from_str(&links.join(", ")).ok();
        value.into_iter().map(|value| (header::LINK, value)).collect()
    }
}

fn at(row: &Value, path: &str) -> Value {
    let pointer = format!("/{path}");
    row.pointer(&pointer).or_else(|| row["_info"].get(path)).cloned().unwrap_or_default()
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.to_lowercase().cmp(&right.to_lowercase())),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Terms joined by `and`; anything else is refused as the product refuses what it does not understand.
fn filter(rows: Vec<Value>, text: &str, known: &[&str]) -> Result<Vec<Value>, Refusal> {
    let terms: Vec<Term> =
        split_and(text).into_iter().map(|term| Term::parse(term, known)).collect::<Result<_, _>>()?;
    Ok(rows.into_iter().filter(|row| terms.iter().all(|term| term.holds(row))).collect())
}

/// Splits at ` and ` outside quotes.
fn split_and(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, ' ') if text[at..].to_lowercase().starts_with(" and ") && at >= start => {
                parts.push(&text[start..at]);
                start = at + 5;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

struct Term {
    field: String,
    operator: &'static str,
    value: Value,
}

impl Term {
    fn parse(text: &str, known: &[&str]) -> Result<Self, Refusal> {
        let text = text.trim();
        let end = text.find(|character: char| !character.is_alphanumeric() && !"/_".contains(character));
        let (field, rest) = text.split_at(end.unwrap_or(text.len()));
        let name = field.split('/').next().unwrap_or_default();
        if !known.contains(&name) {
            return Err(Refusal::bad("ApiFindCondition", &format!("{name} is not a recognized name.")));
        }
        let rest = rest.trim_start();
        let operators = ["!=", "<=", ">=", "=", "<", ">", "contains ", "like "];
        let unclear =
            || Refusal::bad("ApiFindCondition", &format!("The condition on {name} cannot be understood."));
        let operator =
            operators.into_iter().find(|operator| rest.starts_with(operator)).ok_or_else(unclear)?;
        let text = rest[operator.len()..].trim();
        if text.starts_with('[') && !is_time(text) {
            return Err(Refusal::bad("UnsupportedFormat", &format!("Unsupported format applied to {name}")));
        }
        let value = literal(text).ok_or_else(unclear)?;
        Ok(Self { field: field.to_owned(), operator, value })
    }

    fn holds(&self, row: &Value) -> bool {
        let found = at(row, &self.field);
        if self.value.is_null() || found.is_null() {
            let is_same = found.is_null() == self.value.is_null();
            return (self.operator == "=" && is_same) || (self.operator == "!=" && !is_same);
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
        match (self.operator, compare(&found, &self.value)) {
            ("contains " | "like ", _) => text(&found).contains(text(&self.value).trim_matches('%')),
            ("=", order) => order == Some(Ordering::Equal),
            ("!=", order) => order != Some(Ordering::Equal),
            ("<", order) => order == Some(Ordering::Less),
            (">", order) => order == Some(Ordering::Greater),
            ("<=", order) => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            (_, order) => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// `[2026-01-01T00:00:00Z]`: UTC without an offset, in whole seconds.
fn is_time(text: &str) -> bool {
    chrono::NaiveDateTime::parse_from_str(text, "[%Y-%m-%dT%H:%M:%SZ]").is_ok()
}

/// `"text"`, `'text'`, `True`, `7`, `[2026-01-01T00:00:00Z]`, `null`.
fn literal(text: &str) -> Option<Value> {
    let inside = |open: char, close: char| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    if let Some(quoted) = inside('"', '"').or_else(|| inside('\'', '\'')).or_else(|| inside('[', ']')) {
        return Some(quoted.into());
    }
    match text.to_lowercase().as_str() {
        "true" => Some(true.into()),
        "false" => Some(false.into()),
        "null" => Some(Value::Null),
        number => number.parse::<f64>().ok().map(Value::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ids(query: &str) -> Vec<u64> {
        let rows = vec![
            json!({"id": 1, "name": "Ann and Bob", "inactiveFlag": false, "board": {"id": 3}, "_info": {"lastUpdated": "2026-01-01T00:00:00Z"}}),
            json!({"id": 2, "name": "Cy", "inactiveFlag": true, "board": {"id": 4}}),
            json!({"id": 3, "name": "Di", "inactiveFlag": false}),
        ];
        let known = ["id", "name", "inactiveFlag", "board", "lastUpdated"];
        let (_, page) = ListQuery::parse(Some(query)).apply(rows, &known, "http://x").unwrap();
        page.as_array().unwrap().iter().filter_map(|row| row["id"].as_u64()).collect()
    }

    #[test]
    fn conditions_order_and_paging_choose_rows() {
        for (query, expected) in [
            ("", vec![1, 2, 3]),
            ("conditions=inactiveFlag=False", vec![1, 3]),
            ("conditions=inactiveFlag=false and board/id=3", vec![1]),
            ("conditions=name=\"Ann and Bob\"", vec![1]),
            ("conditions=name contains 'and'", vec![1]),
            ("conditions=board/id=null", vec![3]),
            ("conditions=id>=2 AND id!=3", vec![2]),
            ("conditions=lastUpdated>[2025-12-31T00:00:00Z]", vec![1]),
            ("orderBy=id desc", vec![3, 2, 1]),
            ("pageSize=2&page=2", vec![3]),
            ("pageSize=2&page=9", vec![]),
        ] {
            assert_eq!(ids(query), expected, "{query}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for query in [
            "conditions=nonsense=1",
            "conditions=id ~ 1",
            "conditions=id=",
            "conditions=id>[2026-01-01T00:00:00.5Z]",
            "conditions=id>[2026-01-01T00:00:00%2B01:00]",
            "conditions=id>[2026-01-01]",
            "page=0",
            "pageSize=x",
        ] {
            assert!(ListQuery::parse(Some(query)).apply(Vec::new(), &["id"], "http://x").is_err(), "{query}");
        }
    }

    #[test]
    fn links_lead_to_the_neighbours_and_are_absent_at_the_ends() {
        let rows: Vec<Value> = (1..=5).map(|id| json!({"id": id})).collect();
        for (page, names) in [(1, "next first last"), (2, "prev next first last"), (3, "prev first last")] {
            let query = ListQuery::parse(Some(&format!("pageSize=2&page={page}")));
            let (headers, _) = query.apply(rows.clone(), &["id"], "http://x").unwrap();
            let link = headers[header::LINK].to_str().unwrap().to_owned();
            let found: Vec<&str> =
                link.split("rel=\"").skip(1).filter_map(|part| part.split('"').next()).collect();
            assert_eq!(found.join(" "), names, "{link}");
        }
    }

    #[test]
    fn only_the_fields_asked_for_are_shown() {
        let row = json!({"id": 1, "status": {"id": 5, "name": "New"}, "summary": "s"});
        let query = ListQuery::parse(Some("fields=id,status/name,absent"));
        assert_eq!(query.project(row), json!({"id": 1, "status": {"name": "New"}}));
    }
}
