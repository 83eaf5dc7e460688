//! OpenAI, Azure OpenAI and compatible servers: one wire (Chat Completions), three doors.
//!
//! This module asks and names what happened; what an answer must say is [`crate::scoring`]'s business. [`dialect`] knows
//! which fields a server takes and gives way field by field, [`answer`] turns every reply into a [`Completion`] or a
//! [`CallError`].
//!
//! A call is never repeated here: the queue waits and repeats, so that a slow server holds no slot twice.
//!
//! Facts: OpenAI's OpenAPI document 2.3.0 (2026-08), Azure's `2024-10-21` and `v1` documents, and published exchanges.
//! - A refusal is `200`, `finish_reason: "stop"`, `content: null`, `refusal: "…"`.
//! - `finish_reason: "length"` is a torn answer; with reasoning models it may be empty, hence the headroom in [`dialect`].
//! - Azure answers a filtered prompt with `400`, and a filtered answer with `200`.
//! - `429` is three different things: slow down, no money left, and a request that will never fit.

mod answer;
mod complaint;
mod dialect;
mod wait;

use self::answer::{About, Failure, Outcome};
use self::dialect::Dialect;
use super::{Completion, Model, Prompt};
use crate::outside::{Call, CallError, Caller};
use crate::scoring::{parse, prompt};
use async_trait::async_trait;
use domain::{ModelSettings, Price, Report, Secret};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// A reasoning model, or a small one on a slow machine, may take this long for one answer.
pub const TIMEOUT: Duration = Duration::from_secs(120);
/// A person waits for the connection test.
const PROBE_TIMEOUT: Duration = Duration::from_secs(45);

/// More turns than there are fields to give way on: a server that refuses each in turn is still asked once without any.
const MOST_TURNS: u32 = 10;

/// An open connection to one model. Remembers which fields the server takes for its lifetime.
pub struct OpenAi {
    caller: Caller,
    door: Door,
    /// Or why it is none, in words.
    url: Result<Url, String>,
    key: Secret,
    shown: String,
    price: Option<Price>,
    timeout: Duration,
    dialect: Mutex<Dialect>,
}

/// Where and how a model is addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// OpenAI itself, or a server that speaks like it.
    OpenAi { model: String },
    /// `…/openai/v1`: the deployment travels as `model`.
    AzureV1 { deployment: String },
    /// `…/openai/deployments/{deployment}`: the model is in the address.
    AzureDated { deployment: String, api_version: String },
}

impl Door {
    /// What must exist on the other side, in the words of its product.
    fn wanted(&self) -> String {
        match self {
            Self::OpenAi { model } => format!("model “{model}”"),
            Self::AzureV1 { deployment } | Self::AzureDated { deployment, .. } => {
                format!("deployment “{deployment}”")
            }
        }
    }
    /// The `model` of the body; the dated address of Azure ignores one.
    fn model(&self) -> Option<&str> {
        match self {
            Self::OpenAi { model } => Some(model),
            Self::AzureV1 { deployment } => Some(deployment),
            Self::AzureDated { .. } => None,
        }
    }
    fn is_azure(&self) -> bool {
        !matches!(self, Self::OpenAi { .. })
    }
}

impl OpenAi {
    pub fn new(settings: &ModelSettings, caller: Caller) -> Self {
        let (door, base) = match settings {
            ModelSettings::OpenAi { model, base_url, .. } => {
                (Door::OpenAi { model: model.clone() }, base_url.as_str())
            }
            ModelSettings::Azure { endpoint, deployment, api_version, .. } => {
                (azure_door(deployment, api_version.as_deref()), endpoint.as_str())
            }
            ModelSettings::Builtin {} => (Door::OpenAi { model: String::new() }, ""),
        };
        let url = address(&door, base);
        let dialect = Dialect::first(&door, url.as_ref().ok().and_then(Url::host_str).unwrap_or_default());
        let key = settings.secret().cloned().unwrap_or_default();
        Self {
            caller,
            door,
            url,
            key,
            shown: settings.shown(),
            price: settings.price(),
            timeout: TIMEOUT,
            dialect: Mutex::new(dialect),
        }
    }

    /// Another patience than [`TIMEOUT`] for one answer.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn dialect(&self) -> Dialect {
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, dialect: Dialect) {
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = dialect;
    }

    /// One answer, giving way on the fields that the server does not take.
    async fn ask(
        &self,
        prompt: &Prompt,
        repair: Option<(&str, &str)>,
        timeout: Duration,
    ) -> Result<Completion, Failure> {
        let mut dialect = self.dialect();
        for _ in 0..MOST_TURNS {
            let body = dialect.body(self.door.model(), prompt, repair);
            let answer =
                self.caller.call(self.request(&body, timeout)?).await.map_err(Failure::of_transport)?;
            match answer::read(&answer, &self.door, &self.key) {
                Outcome::Completion(completion) => {
                    self.remember(dialect);
                    return Ok(completion);
                }
                Outcome::NotTaken(fields, failure) => match dialect.without(&fields) {
                    Some(next) => dialect = next,
                    None => return Err(failure),
                },
                Outcome::Failure(failure) => {
                    if let CallError::Throttled { after, .. } = failure.error {
                        self.caller.slow_down(after);
                    }
                    return Err(failure);
                }
            }
        }
        let message =
            format!("{} accepts none of the ways in which a question can be put to it.", self.shown);
        Err(Failure { about: About::Request, error: CallError::Rejected { status: 400, message } })
    }

    fn request(&self, body: &serde_json::Value, timeout: Duration) -> Result<Call, Failure> {
        let url = self
            .url
            .clone()
            .map_err(|message| Failure { about: About::Address, error: CallError::Forbidden { message } })?;
        let call = Call::new(Method::POST, url).timeout(timeout).json(body);
        let tokens = tokens(&call, body);
        let call = call.costs(tokens).away_at_500();
        if self.key.is_empty() {
            // Servers on one's own machine often ask for none.
            return Ok(call);
        }
        let (name, value) = if self.door.is_azure() {
            (HeaderName::from_static("api-key"), self.key.expose().to_owned())
        } else {
            (AUTHORIZATION, format!("Bearer {}", self.key.expose()))
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| Failure {
            about: About::Key,
            error: CallError::Denied {
                message:
                    "The API key holds characters that no key has (a line break, perhaps). Copy it again."
                        .into(),
            },
        })?;
        value.set_sensitive(true);
        Ok(call.header(name, value))
    }
}

#[async_trait]
impl Model for OpenAi {
    fn name(&self) -> String {
        self.shown.clone()
    }

    fn price(&self) -> Option<Price> {
        self.price
    }

    async fn complete(&self, prompt: &Prompt, repair: Option<(&str, &str)>) -> Result<Completion, CallError> {
        self.ask(prompt, repair, self.timeout).await.map_err(|failure| failure.error)
    }

    fn is_out(&self) -> bool {
        self.caller.is_out()
    }

    async fn probe(&self) -> Report {
        let mut report = Report::default();
        let ticket = prompt::example();
        let question = match prompt::render(None, &ticket) {
            Ok(question) => question,
            Err(error) => {
                report.fail("Question", error.to_string());
                return report;
            }
        };
        match self.ask(&question, None, self.timeout.min(PROBE_TIMEOUT)).await {
            Err(failure) => failure.report(&mut report, &self.door),
            Ok(completion) => {
                report.pass("Connection", format!("{} answered.", self.door.wanted()));
                judge(&completion, &ticket.ticket.title, &ticket.text, &mut report);
                report.pass("Answer format", self.dialect().words());
            }
        }
        report
    }
}

/// As providers count before they know: four bytes a token, and the longest answer that is allowed.
fn tokens(call: &Call, body: &serde_json::Value) -> u32 {
    let asked = call.body.as_ref().map_or(0, |body| body.len() / 4);
    let answer = ["max_completion_tokens", "max_tokens"].iter().find_map(|name| body[name].as_u64());
    u32::try_from(asked as u64 + answer.unwrap_or_default()).unwrap_or(u32::MAX)
}

/// Whether the sample ticket was really scored.
fn judge(completion: &Completion, title: &str, text: &str, report: &mut Report) {
    const NAME: &str = "Scores";
    match completion {
        Completion::Text { text: answer, usage } => match parse::parse(answer, title, text) {
            Ok(assessment) => report.pass(
                NAME,
                format!(
                    "A sample ticket got sentiment {}, urgency {}, impact {} ({} tokens in, {} out).",
                    assessment.sentiment.score,
                    assessment.urgency.score,
                    assessment.impact.score,
                    usage.tokens_in,
                    usage.tokens_out
                ),
            ),
            Err(wrong) => report.fail(
                NAME,
                format!("It answered, but not with scores: {wrong}. Choose a more capable model."),
            ),
        },
        Completion::Declined { why, .. } => {
            report.fail(NAME, format!("It declined a harmless sample ticket: {why}"))
        }
        Completion::Truncated { .. } => {
            report.fail(NAME, "Its answer was cut off. Allow it longer answers, or choose another model.")
        }
    }
}

fn azure_door(deployment: &str, api_version: Option<&str>) -> Door {
    match api_version.map(str::trim).filter(|version| !version.is_empty() && *version != "v1") {
        None => Door::AzureV1 { deployment: deployment.trim().to_owned() },
        Some(version) => {
            Door::AzureDated { deployment: deployment.trim().to_owned(), api_version: version.to_owned() }
        }
    }
}

/// The address of Chat Completions behind what a person pasted: a base address, with or without the parts we add.
fn address(door: &Door, base: &str) -> Result<Url, String> {
    let mut url = Url::parse(base.trim())
        .map_err(|error| format!("“{base}” is not an address: {error}. It must begin with https://."))?;
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    let kept = match door {
        Door::OpenAi { .. } => path.strip_suffix("/chat/completions").unwrap_or(&path).to_owned(),
        // A gateway may put a folder in front; what follows `/openai` is ours to say.
        Door::AzureV1 { .. } | Door::AzureDated { .. } => {
            path.split("/openai").next().unwrap_or_default().to_owned()
        }
    };
    url.set_path(&kept);
    {
        let mut parts =
            url.path_segments_mut().map_err(|()| format!("“{base}” cannot be the address of a server."))?;
        parts.pop_if_empty();
        match door {
            Door::OpenAi { .. } => parts.extend(["chat", "completions"]),
            Door::AzureV1 { .. } => parts.extend(["openai", "v1", "chat", "completions"]),
            Door::AzureDated { deployment, .. } => {
                parts.extend(["openai", "deployments", deployment, "chat", "completions"])
            }
        };
    }
    if let Door::AzureDated { api_version, .. } = door {
        url.query_pairs_mut().append_pair("api-version", api_version);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_behind_whatever_was_pasted() {
        let openai = Door::OpenAi { model: "m".into() };
        let v1 = azure_door("scores", Some("v1"));
        let dated = azure_door("my scores", Some("2024-10-21"));
        let cases = [
            (&openai, "https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
            (&openai, " https://api.openai.com/v1/ ", "https://api.openai.com/v1/chat/completions"),
            (
                &openai,
                "http://127.0.0.1:11434/v1/chat/completions",
                "http://127.0.0.1:11434/v1/chat/completions",
            ),
            (&openai, "https://gate.example/a/b?x=1", "https://gate.example/a/b/chat/completions"),
            (&v1, "https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1/chat/completions"),
            (
                &v1,
                "https://r.openai.azure.com/openai/v1/",
                "https://r.openai.azure.com/openai/v1/chat/completions",
            ),
            (&v1, "https://gate.example/team", "https://gate.example/team/openai/v1/chat/completions"),
            (
                &dated,
                "https://r.openai.azure.com/",
                "https://r.openai.azure.com/openai/deployments/my%20scores/chat/completions?api-version=2024-10-21",
            ),
            (
                &dated,
                "https://r.openai.azure.com/openai/deployments/other/chat/completions?api-version=2023-05-15",
                "https://r.openai.azure.com/openai/deployments/my%20scores/chat/completions?api-version=2024-10-21",
            ),
        ];
        for (door, base, expected) in cases {
            assert_eq!(address(door, base).map(String::from), Ok(expected.to_owned()), "{base}");
        }
        assert!(address(&openai, "api.openai.com").is_err());
        assert!(address(&openai, "mailto:a@example.com").is_err());
    }
}
