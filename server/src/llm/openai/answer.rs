//! Every reply a server can give, and what it means for us.
//!
//! | reply | outcome |
//! |---|---|
//! | 200 with text | the text |
//! | 200 with a refusal, or `content_filter`; 400 of a content filter (both of Azure's spellings) | declined: no score |
//! | 200 with `length` | cut off: one repair |
//! | 200 that is a page, or JSON of another kind | malformed |
//! | 400, 422 that names a field we can do without | asked again without it |
//! | 400, 413 and 429 for a question that is too large, other 4xx | rejected: this ticket fails, with the server's words |
//! | 401, 402, 403, 404, 405, redirects, 429 without money | denied: the connection waits for a person |
//! | 408, 409, 5xx | failed: later again |
//! | 429 | throttled: later again, after the time it names |
//!
//! Error bodies are read leniently: `error.code` is text at OpenAI, a number in text at Azure, a number at llama.cpp;
//! some servers leave `error` out, some send a page.

use super::Door;
use super::dialect::Field;
use crate::llm::{Completion, Usage};
use crate::outside::{Answer, CallError};
use domain::{Report, Secret};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// A server may name its wait in days (Azure's trial quota); none is believed beyond this.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// How much of a server's own words is passed on.
const MOST_WORDS: usize = 240;

/// What one reply means.
pub(super) enum Outcome {
    Completion(Completion),
    /// These fields of the request are not taken; the failure stands if none of them was sent.
    NotTaken(Vec<Field>, Failure),
    Failure(Failure),
}

/// What a failure is about, for the connection test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Address,
    Key,
    Permission,
    Model,
    Quota,
    Pace,
    Server,
    Request,
}

#[derive(Debug)]
pub(super) struct Failure {
    pub(super) about: About,
    pub(super) error: CallError,
}

impl Failure {
    pub(super) fn of_transport(error: CallError) -> Self {
        let about = match error {
            CallError::Unreachable { .. } | CallError::Forbidden { .. } => About::Address,
            _ => About::Server,
        };
        Self { about, error }
    }

    fn denied(about: About, message: String) -> Outcome {
        Outcome::Failure(Self { about, error: CallError::Denied { message } })
    }

    /// Names, for the person who set the connection up, which of its parts is wrong.
    pub(super) fn report(&self, report: &mut Report, door: &Door) {
        let (name, advice) = match self.about {
            About::Address if door.is_azure() => ("Address", "Check the endpoint and the API version."),
            About::Address => ("Address", "Check the base address."),
            About::Key => ("API key", ""),
            About::Permission => ("Permission", ""),
            About::Model if door.is_azure() => ("Deployment", ""),
            About::Model => ("Model", ""),
            About::Quota => ("Quota", ""),
            About::Pace => ("Rate limit", "The key and the model are accepted; try again in a while."),
            About::Server => {
                ("Server", "Nothing is wrong with the settings as far as we can tell; try again in a while.")
            }
            About::Request => ("Question", ""),
        };
        let said = self.error.to_string();
        let stop = if said.ends_with('.') { "" } else { "." };
        report.fail(name, format!("{said}{stop} {advice}").trim_end());
    }
}

pub(super) fn read(answer: &Answer, door: &Door, key: &Secret) -> Outcome {
    if answer.status.is_success() {
        return read_success(answer, door, key);
    }
    let complaint = Complaint::read(answer, key);
    judge(answer, &complaint, door)
}

// ---- answers -------------------------------------------------------------------------------------------------------

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    model: Option<String>,
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Message>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    content_filter_results: Option<Value>,
}

#[derive(Deserialize, Default)]
struct Message {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    refusal: Option<String>,
}

/// Text, or (some compatible servers) a list of parts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize, Default)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: i64,
    #[serde(default)]
    completion_tokens: i64,
}

fn read_success(answer: &Answer, door: &Door, key: &Secret) -> Outcome {
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return malformed(answer, "a page or text, not JSON; is the address that of the API?");
    };
    if body.get("error").is_some_and(|error| !error.is_null()) && body.get("choices").is_none() {
        // Some gateways wrap the failure of the server behind them in a 200.
        let complaint = Complaint::read(answer, key);
        let status = complaint
            .code
            .parse()
            .ok()
            .and_then(|code| StatusCode::from_u16(code).ok())
            .filter(|status| !status.is_success());
        let relabelled = Answer { status: status.unwrap_or(StatusCode::BAD_GATEWAY), ..answer.clone() };
        return judge(&relabelled, &complaint, door);
    }
    let Ok(wire) = serde_json::from_value::<Wire>(body) else {
        return malformed(
            answer,
            "JSON, but not a chat completion; is the address that of Chat Completions?",
        );
    };
    let tokens = wire.usage.unwrap_or_default();
    let usage = Usage {
        tokens_in: tokens.prompt_tokens,
        tokens_out: tokens.completion_tokens,
        model: wire.model.unwrap_or_default(),
    };
    let Some(choice) = wire.choices.into_iter().next() else {
        return malformed(answer, "a completion without an answer in it");
    };
    let message = choice.message.unwrap_or_default();
    if let Some(refusal) = message.refusal.filter(|refusal| !refusal.trim().is_empty()) {
        return Outcome::Completion(Completion::Declined {
            why: format!("the model refused: {}", words(&refusal, key)),
            usage,
        });
    }
    let text = match message.content {
        None => String::new(),
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => parts.into_iter().map(|part| part.text).collect(),
    };
    Outcome::Completion(match choice.finish_reason.as_deref() {
        Some("content_filter") => {
            let results = choice.content_filter_results.unwrap_or_default();
            Completion::Declined { why: filtered("the answer", &results), usage }
        }
        Some("length") => Completion::Truncated { text, usage },
        _ => Completion::Text { text, usage },
    })
}

fn malformed(answer: &Answer, what: &str) -> Outcome {
    let error = CallError::Malformed { host: answer.host.clone(), what: what.to_owned() };
    Outcome::Failure(Failure { about: About::Address, error })
}

/// A content filter's verdict in words; `results` maps a category to `{"filtered": bool, …}`.
fn filtered(what: &str, results: &Value) -> String {
    let categories: Vec<String> = results
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, verdict)| verdict.get("filtered").and_then(Value::as_bool) == Some(true))
        .map(|(category, _)| category.replace('_', " "))
        .collect();
    if categories.is_empty() {
        format!("a content filter stopped {what}")
    } else {
        format!("a content filter stopped {what} ({})", categories.join(", "))
    }
}

// ---- complaints ----------------------------------------------------------------------------------------------------

/// An error body in whatever shape, lower case where it is compared.
#[derive(Debug, Default, PartialEq)]
struct Complaint {
    code: String,
    kind: String,
    param: String,
    /// For people, shortened, without the key.
    words: String,
    /// The whole message in lower case, for telling what it is about.
    lower: String,
    /// Azure: what its content filter found.
    inner: Value,
}

impl Complaint {
    fn read(answer: &Answer, key: &Secret) -> Self {
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

    fn says(&self, any: &[&str]) -> bool {
        any.iter().any(|needle| self.lower.contains(needle))
    }

    fn is_coded(&self, any: &[&str]) -> bool {
        any.iter().any(|word| self.code == *word || self.kind == *word)
    }

    /// Azure's filter of prompts, in the spellings of its documents and of its servers.
    fn filter(&self) -> Option<String> {
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
    fn quoted(&self) -> String {
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
fn words(message: &str, key: &Secret) -> String {
    let message = if key.is_empty() { message.to_owned() } else { message.replace(key.expose(), "…") };
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST_WORDS {
        line
    } else {
        line.chars().take(MOST_WORDS).chain(['…']).collect()
    }
}

fn judge(answer: &Answer, complaint: &Complaint, door: &Door) -> Outcome {
    let host = &answer.host;
    let quoted = complaint.quoted();
    match answer.status.as_u16() {
        400 | 422 => judge_bad_request(answer, complaint, door),
        401 => Failure::denied(
            About::Key,
            format!(
                "{host} does not accept the API key. Copy the key again, and check that it belongs to this address."
            ),
        ),
        402 => Failure::denied(
            About::Quota,
            format!("{host} asks for payment{quoted}. Check the plan and billing of the account."),
        ),
        403 => Failure::denied(
            About::Permission,
            format!(
                "{host} does not let this key use the {}{quoted}. Grant it, or use another key.",
                door.wanted()
            ),
        ),
        404 | 405 => missing(answer, complaint, door),
        408 | 409 => failed(answer),
        429 => judge_too_many(answer, complaint),
        300..=399 => Failure::denied(
            About::Address,
            format!(
                "{host} sends us on to another address. Set the final address of the API in the connection."
            ),
        ),
        500.. => failed(answer),
        status => rejected(status, format!("{host} refused the question ({status}){quoted}.")),
    }
}

fn judge_bad_request(answer: &Answer, complaint: &Complaint, door: &Door) -> Outcome {
    let (host, status, quoted) = (&answer.host, answer.status.as_u16(), complaint.quoted());
    if let Some(why) = complaint.filter() {
        return Outcome::Completion(Completion::Declined { why, usage: Usage::default() });
    }
    if complaint.is_coded(&["context_length_exceeded", "string_above_max_length"])
        || complaint.says(&["maximum context length"])
    {
        return rejected(
            status,
            format!(
                "The ticket and the prompt are longer than the {} can read{quoted}. Shorten the prompt or choose another model.",
                door.wanted()
            ),
        );
    }
    if complaint.is_coded(&["invalid_api_key"]) {
        return Failure::denied(
            About::Key,
            format!("{host} does not accept the API key. Copy the key again."),
        );
    }
    if complaint.is_coded(&["billing_hard_limit_reached", "insufficient_quota"]) {
        return out_of_money(host, &quoted);
    }
    if complaint.is_coded(&["model_not_found", "deploymentnotfound", "invalid_model"])
        || complaint.param == "model"
    {
        return missing(answer, complaint, door);
    }
    let message = format!("{host} refused the question ({status}){quoted}.");
    let failure = Failure { about: About::Request, error: CallError::Rejected { status, message } };
    let fields = refused_fields(complaint);
    if fields.is_empty() { Outcome::Failure(failure) } else { Outcome::NotTaken(fields, failure) }
}

/// Which of the fields that we can do without a complaint is about: by `param` where it names one, by its words otherwise.
fn refused_fields(complaint: &Complaint) -> Vec<Field> {
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

fn judge_too_many(answer: &Answer, complaint: &Complaint) -> Outcome {
    let (host, quoted) = (&answer.host, complaint.quoted());
    if complaint.is_coded(&["insufficient_quota", "billing_hard_limit_reached"])
        || complaint.says(&["exceeded your current quota"])
    {
        return out_of_money(host, &quoted);
    }
    if complaint.says(&["request too large"]) {
        return rejected(
            429,
            format!(
                "The ticket and the prompt are larger than the account's limit allows in one question{quoted}. Shorten the prompt or raise the limit."
            ),
        );
    }
    let error = CallError::Throttled { host: host.clone(), after: wait(answer, &complaint.lower) };
    Outcome::Failure(Failure { about: About::Pace, error })
}

fn out_of_money(host: &str, quoted: &str) -> Outcome {
    Failure::denied(
        About::Quota,
        format!("The account at {host} has used up its quota{quoted}. Check its plan and billing."),
    )
}

fn missing(answer: &Answer, complaint: &Complaint, door: &Door) -> Outcome {
    let (host, quoted, wanted) = (&answer.host, complaint.quoted(), door.wanted());
    let named = complaint.is_coded(&["model_not_found", "deploymentnotfound", "invalid_model"])
        || complaint.param == "model"
        || complaint.says(&["model", "deployment"]);
    if named {
        return Failure::denied(
            About::Model,
            format!("{host} has no {wanted} for this key{quoted}. Check its name."),
        );
    }
    Failure::denied(
        About::Address,
        format!("{host} has no chat completions at this address{quoted}. Check the address."),
    )
}

fn rejected(status: u16, message: String) -> Outcome {
    Outcome::Failure(Failure { about: About::Request, error: CallError::Rejected { status, message } })
}

fn failed(answer: &Answer) -> Outcome {
    let error = CallError::Failed {
        host: answer.host.clone(),
        status: answer.status.as_u16(),
        after: wait(answer, ""),
    };
    Outcome::Failure(Failure { about: About::Server, error })
}

// ---- waits ---------------------------------------------------------------------------------------------------------

/// How long the server asks us to wait: `retry-after-ms`, `Retry-After`, the reset of whichever limit is used up, and at
/// last its words ("Please retry after 20 seconds", "try again in 1.5s"). Zero and negative values (Azure) mean nothing.
fn wait(answer: &Answer, message: &str) -> Option<Duration> {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let milliseconds = || {
        header("retry-after-ms").and_then(|text| text.parse().ok()).and_then(|ms: f64| seconds(ms / 1000.0))
    };
    let given = || answer.retry_after().filter(|wait| !wait.is_zero());
    let reset = || {
        [
            "x-ratelimit-reset-requests",
            "x-ratelimit-reset-tokens",
            "x-rate-limit-reset-requests",
            "x-rate-limit-reset-tokens",
        ]
        .into_iter()
        .filter(|name| {
            let remaining = header(&name.replace("reset", "remaining"));
            remaining.and_then(|text| text.parse::<i64>().ok()).is_none_or(|left| left <= 0)
        })
        .filter_map(|name| header(name).and_then(span))
        .max()
    };
    milliseconds()
        .or_else(given)
        .or_else(reset)
        .or_else(|| spoken(message))
        .map(|wait| wait.min(LONGEST_WAIT))
}

fn spoken(message: &str) -> Option<Duration> {
    let rest = ["retry after ", "try again in "]
        .into_iter()
        .find_map(|lead| message.split_once(lead).map(|(_, rest)| rest))?;
    span(rest.split_whitespace().next()?.trim_end_matches(['.', ',']))
}

/// `20`, `1.5`, `2ms`, `6m0s`, `1h2m3s` as a span; a number alone is in seconds.
fn span(text: &str) -> Option<Duration> {
    if let Ok(number) = text.parse() {
        return seconds(number);
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let factor = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    seconds(total)
}

fn seconds(number: f64) -> Option<Duration> {
    (number > 0.0).then(|| Duration::try_from_secs_f64(number).unwrap_or(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let status = StatusCode::from_u16(status).unwrap();
        Answer { host: "model.example".into(), status, headers: map, body: Bytes::from(body.to_owned()) }
    }

    fn complaint(body: &str) -> Complaint {
        Complaint::read(&reply(400, &[], body), &Secret::new("sk-very-secret-key"))
    }

    #[test]
    fn a_wait_is_read_wherever_a_server_puts_it() {
        let cases: [(&[(&'static str, &'static str)], &str, Option<u64>); 13] = [
            (&[], "", None),
            (&[("retry-after-ms", "1500"), ("retry-after", "9")], "", Some(1_500)),
            (&[("retry-after", "7")], "", Some(7_000)),
            (&[("retry-after", "0")], "", None),
            (&[("retry-after", "-1"), ("x-ratelimit-reset-tokens", "12")], "", Some(12_000)),
            (&[("x-ratelimit-reset-requests", "2ms"), ("x-ratelimit-remaining-requests", "0")], "", Some(2)),
            (
                &[
                    ("x-ratelimit-reset-requests", "1s"),
                    ("x-ratelimit-remaining-requests", "5"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                    ("x-ratelimit-remaining-tokens", "0"),
                ],
                "",
                Some(360_000),
            ),
            (&[("x-rate-limit-reset-tokens", "34")], "", Some(34_000)),
            (
                &[],
                "requests have exceeded the limit. please retry after 20 seconds. contact support",
                Some(20_000),
            ),
            (&[], "rate limit reached. please try again in 1.5s. visit the page", Some(1_500)),
            (&[], "please retry after 864000 seconds.", Some(86_400_000)),
            (&[("retry-after-ms", "soon")], "please retry after lunch", None),
            (&[("x-ratelimit-reset-tokens", "1h2m3s")], "", Some(3_723_000)),
        ];
        for (headers, message, expected) in cases {
            assert_eq!(
                wait(&reply(429, headers, ""), message),
                expected.map(Duration::from_millis),
                "{headers:?} {message}"
            );
        }
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
