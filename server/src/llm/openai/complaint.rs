//! Error bodies, read leniently: `error.code` is text at OpenAI, a number in text at Azure, a number at llama.cpp; some
//! servers leave `error` out, some send a page.

use super::answer::filtered;
use super::dialect::Field;
use crate::outside::Answer;
use domain::Secret;
use serde_json::Value;

/// How much of a server's own words is passed on.
const MOST_WORDS: usize = 240;

/// An error body in whatever shape, lower case where it is compared.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Complaint {
    pub(super) code: String,
    pub(super) kind: String,
    pub(super) param: String,
    /// For people, shortened, without the key.
    pub(super) words: String,
    /// The whole message in lower case, for telling what it is about.
    pub(super) lower: String,
    /// Azure: what its content filter found.
    pub(super) inner: Value,
}

impl Complaint {
    pub(super) fn read(answer: &Answer, key: &Secret) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
            // A page: its markup tells a person nothing.
            return Self::default();
        };
        // `{"error": {…}}`, `{"error": "…"}`, `{"object": "error", …}`, `{"statusCode": 401, …}`, `{"detail": …}`, `[{…}]`
        let outer = body.get(0).unwrap_or(&body);
        let error = outer.get("error").filter(|error| !error.is_null()).unwrap_or(outer);
        let field = |name: &str| error.get(name).map(plain).unwrap_or_default();
        let message = [error.get("message"), error.get("detail"), Some(error)]
            .into_iter()
            .flatten()
            .find(|value| !value.is_null() && !value.is_object())
            .map(plain)
            .unwrap_or_default();
        let inner = ["innererror", "inner_error"]
            .into_iter()
            .find_map(|name| error.get(name))
            .cloned()
            .unwrap_or_default();
        let code = if field("code").is_empty() { field("statusCode") } else { field("code") };
        Self {
            code: code.to_lowercase(),
            kind: field("type").to_lowercase(),
            param: field("param").to_lowercase(),
            words: words(&message, key),
            lower: message.to_lowercase(),
            inner,
        }
    }

    pub(super) fn says(&self, any: &[&str]) -> bool {
        any.iter().any(|needle| self.lower.contains(needle))
    }

    pub(super) fn is_coded(&self, any: &[&str]) -> bool {
        any.iter().any(|word| self.code == *word || self.kind == *word)
    }

    /// Azure's filter of prompts, in the spellings of its documents and of its servers.
    pub(super) fn filter(&self) -> Option<String> {
        let inner_code = self.inner.get("code").and_then(Value::as_str).unwrap_or_default();
        if !self.is_coded(&["content_filter"]) && inner_code != "ResponsibleAIPolicyViolation" {
            return None;
        }
        let results = ["content_filter_result", "content_filter_results"]
            .into_iter()
            .find_map(|name| self.inner.get(name));
        Some(filtered("the ticket's text", results.unwrap_or(&Value::Null)))
    }

    /// `: “the server's words”`, or nothing.
    pub(super) fn quoted(&self) -> String {
        if self.words.is_empty() { String::new() } else { format!(": “{}”", self.words) }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A server's words, short, on one line, without our key should it be repeated in them.
pub(super) fn words(message: &str, key: &Secret) -> String {
    let message = if key.is_empty() { message.to_owned() } else { message.replace(key.expose(), "…") };
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST_WORDS {
        line
    } else {
        line.chars().take(MOST_WORDS).chain(['…']).collect()
    }
}

/// Which of the fields that we can do without a complaint is about: by `param` where it names one, by its words otherwise.
pub(super) fn refused_fields(complaint: &Complaint) -> Vec<Field> {
    let subject = if complaint.param.is_empty() { &complaint.lower } else { &complaint.param };
    let mut fields = Vec::new();
    let names = |any: &[&str]| any.iter().any(|name| subject.contains(name));
    if names(&["strict"]) {
        fields.push(Field::Strict);
    }
    if names(&["response_format", "json_schema", "json_object", "structured output"]) {
        fields.push(Field::Shape);
    }
    if names(&["max_completion_tokens", "max_tokens"]) {
        fields.push(Field::Limit);
    }
    if names(&["role"]) || complaint.says(&["developer"]) {
        fields.push(Field::Role);
    }
    if names(&["store"]) {
        fields.push(Field::Store);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    fn complaint(body: &str) -> Complaint {
        let answer = Answer {
            host: "model.example".into(),
            status: StatusCode::BAD_REQUEST,
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_owned()),
        };
        Complaint::read(&answer, &Secret::new("sk-very-secret-key"))
    }

    #[test]
    fn error_bodies_of_every_shape_are_read() {
        let cases = [
            (r#"{"error":{"message":"no","type":"t","param":null,"code":"c"}}"#, "c", "no"),
            (r#"{"error":{"message":"no","code":429}}"#, "429", "no"),
            (r#"{"error":{"code":"429","message":"no"}}"#, "429", "no"),
            (r#"{"error":"model 'x' not found"}"#, "", "model 'x' not found"),
            (r#"{"object":"error","message":"no","code":400}"#, "400", "no"),
            (r#"{"statusCode":401,"message":"no"}"#, "401", "no"),
            (r#"{"detail":"no"}"#, "", "no"),
            (r#"[{"error":{"code":400,"message":"no"}}]"#, "400", "no"),
            ("<html>Bad gateway</html>", "", ""),
            ("", "", ""),
            ("null", "", ""),
            ("{}", "", ""),
        ];
        for (body, code, words) in cases {
            let read = complaint(body);
            assert_eq!((read.code.as_str(), read.words.as_str()), (code, words), "{body}");
        }
    }

    #[test]
    fn a_servers_words_are_short_and_never_hold_our_key() {
        let long =
            format!(r#"{{"error":{{"message":"bad key sk-very-secret-key\n{}"}}}}"#, "x".repeat(2_000));
        let read = complaint(&long);
        assert!(read.words.starts_with("bad key … xxx"), "{}", read.words);
        assert_eq!(read.words.chars().count(), MOST_WORDS + 1);
    }

    #[test]
    fn a_refused_field_is_known_by_its_name_or_by_the_words() {
        let cases: [(&str, &[Field]); 9] = [
            (
                r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens","code":"unsupported_parameter"}}"#,
                &[Field::Limit],
            ),
            (
                r#"{"error":{"message":"Unrecognized request argument supplied: store","param":null}}"#,
                &[Field::Store],
            ),
            (
                r#"{"object":"error","message":"[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens')}]"}"#,
                &[Field::Limit],
            ),
            (
                r#"{"error":{"code":400,"message":"Either \"json_schema\" or \"grammar\" can be specified, but not both"}}"#,
                &[Field::Shape],
            ),
            (
                r#"{"error":{"message":"'response_format.type' must be 'json_schema' or 'text'"}}"#,
                &[Field::Shape],
            ),
            (
                r#"{"error":{"message":"Invalid value: 'developer'.","param":"messages[0].role"}}"#,
                &[Field::Role],
            ),
            (r#"{"detail":"Unexpected message role."}"#, &[Field::Role]),
            (
                r#"{"error":{"message":"unknown field strict","param":"response_format.json_schema.strict"}}"#,
                &[Field::Strict, Field::Shape],
            ),
            (r#"{"error":{"message":"messages must not be empty","param":"messages"}}"#, &[]),
        ];
        for (body, expected) in cases {
            assert_eq!(refused_fields(&complaint(body)), expected, "{body}");
        }
    }
}
