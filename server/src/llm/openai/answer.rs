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

use super::Door;
use super::complaint::{Complaint, refused_fields, words};
use super::dialect::Field;
use super::wait::wait;
use crate::llm::{Completion, Usage};
use crate::outside::{Answer, CallError};
use domain::{Report, Secret};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

/// No answer takes more; a server that counts so is not believed, since counts are added up.
const MOST_COUNTED: i64 = 1_000_000_000;

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
        tokens_in: tokens.prompt_tokens.clamp(0, MOST_COUNTED),
        tokens_out: tokens.completion_tokens.clamp(0, MOST_COUNTED),
        model: words(&wire.model.unwrap_or_default(), key),
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
pub(super) fn filtered(what: &str, results: &Value) -> String {
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

#[cfg(test)]
mod tests;
