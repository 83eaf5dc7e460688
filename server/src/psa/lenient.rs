//! Reads what PSAs really send: ids as numbers or text, times with and without a zone, flags as numbers.
//!
//! Each function is for `#[serde(default, deserialize_with = …)]`; what cannot be read is `None`, never a failure, because
//! one odd field of a ticket must not hide the rest of it.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// `7`, `7.0`, `"7"` → 7; null, text that is no number → `None`.
pub fn int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(int_of(&Value::deserialize(deserializer)?))
}

/// See [`int`].
pub fn int_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then(|| format!("{number:.0}").parse().ok()).flatten()
}

/// Text as it is; numbers and flags as their text; empty text and null → `None`.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text_of(&Value::deserialize(deserializer)?))
}

/// See [`text`].
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// `true`, `1`, `"true"`, `"1"`, `"Y"` → true.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(flag) => Some(flag),
        Value::Number(number) => number.as_i64().map(|number| number != 0),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "y" | "yes" => Some(true),
            "false" | "0" | "n" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    })
}

/// See [`time_of`].
pub fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_str().and_then(time_of))
}

/// ISO 8601 with or without zone and fraction; no zone means UTC. Years before 1901 are how Halo says "not set".
pub fn time_of(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let time = DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc()))
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").map(|time| time.and_utc()))
        .ok()?;
    (time.year() > 1900).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_read_from_numbers_and_text() {
        let cases = [
            (json!(7), Some(7)),
            (json!(7.0), Some(7)),
            (json!(7.5), None),
            (json!("7"), Some(7)),
            (json!(" 7 "), Some(7)),
            (json!("seven"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([7]), None),
        ];
        for (value, expected) in cases {
            assert_eq!(int_of(&value), expected, "{value}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_zone_and_the_unset_marks_are_none() {
        let cases = [
            ("2025-09-15T14:57:50Z", Some("2025-09-15T14:57:50+00:00")),
            ("2025-09-15T14:57:50", Some("2025-09-15T14:57:50+00:00")),
            ("2025-09-15T14:57:50.1234567", Some("2025-09-15T14:57:50.123456700+00:00")),
            ("2025-09-15T16:57:50+02:00", Some("2025-09-15T14:57:50+00:00")),
            ("2025-09-15 14:57:50", Some("2025-09-15T14:57:50+00:00")),
            ("1900-01-01T00:00:00", None),
            ("1899-12-30T00:00:00", None),
            ("", None),
            ("yesterday", None),
        ];
        for (text, expected) in cases {
            assert_eq!(time_of(text).map(|time| time.to_rfc3339()).as_deref(), expected, "{text}");
        }
    }
}
