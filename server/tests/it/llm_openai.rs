//! OpenAI, Azure OpenAI and compatible servers against the stand-in: every reply has a defined outcome, and every request
//! is one that the published documents allow.

mod doors;
mod replies;
mod scoring;

use crate::spec::{self, Published, Spec};
use domain::{ModelSettings, Price, Secret};
use sandbox::model::{Lack, Model as StandIn};
use sandbox::{Fault, Recorded, Running};
use serde_json::{Value, json};
use server::llm::openai::OpenAi;
use server::llm::{Completion, Model, Prompt};
use server::outside::{CallError, Limits, Outside};
use server::scoring::prompt;
use server::scoring::score::{Verdict, score};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::tickets::ReadTicket;

const ANGRY: &str =
    "This is the fourth time I write. Nobody can print invoices and the whole company waits. Unacceptable!";

struct World {
    stand_in: StandIn,
    running: Running,
}

impl World {
    async fn new() -> Self {
        Self::of(StandIn::default()).await
    }
    async fn lacking(lacks: &[Lack]) -> Self {
        Self::of(StandIn::lacking(lacks)).await
    }
    async fn of(stand_in: StandIn) -> Self {
        let running = sandbox::serve(([127, 0, 0, 1], 0).into(), stand_in.router()).await.unwrap();
        Self { stand_in, running }
    }
    fn openai(&self) -> ModelSettings {
        ModelSettings::OpenAi {
            api_key: Secret::new(StandIn::KEY),
            model: StandIn::NAME.into(),
            base_url: format!("{}/v1", self.running.url()),
            price: Some(Price { input: "0.40".parse().unwrap(), output: "1.60".parse().unwrap() }),
        }
    }
    fn azure(&self, api_version: Option<&str>) -> ModelSettings {
        ModelSettings::Azure {
            endpoint: self.running.url(),
            deployment: StandIn::NAME.into(),
            api_version: api_version.map(str::to_owned),
            api_key: Secret::new(StandIn::KEY),
            price: None,
        }
    }
    fn recorded(&self) -> Vec<Recorded> {
        self.stand_in.watch.recorder.all()
    }
    fn next(&self, fault: Fault) {
        self.stand_in.watch.faults.add(None, "completions", 1, fault);
    }
    fn next_answer(&self, status: u16, body: impl Into<String>) {
        self.next(Fault::Answer {
            status,
            content_type: "application/json",
            body: body.into(),
            retry_after: None,
        });
    }
    fn next_says(&self, content: &str) {
        self.next_answer(200, said(&json!({"content": content, "refusal": null}), "stop"));
    }
}

/// An open connection to these settings.
fn open(settings: &ModelSettings) -> OpenAi {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let limits = Limits { parallel: 8, requests: 10_000, per: Duration::from_secs(1) };
    OpenAi::new(settings, Outside::new(true).caller("tests/model", limits))
}

fn ticket(text: &str) -> ReadTicket {
    ReadTicket { text: text.into(), ..prompt::example() }
}

fn question() -> Prompt {
    prompt::render(None, &ticket(ANGRY)).unwrap()
}

/// A completion as OpenAI sends it.
fn said(message: &Value, finish_reason: &str) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "gpt-x-2026",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    })
    .to_string()
}

fn scores(sentiment: &Value, urgency: &Value, impact: &Value) -> String {
    json!({"sentiment": sentiment, "urgency": urgency, "impact": impact}).to_string()
}

fn plain() -> Value {
    json!({"reason": "Nothing stands out.", "quote": "", "score": 3})
}

fn good() -> String {
    scores(&json!({"reason": "Fed up.", "quote": "UNACCEPTABLE!", "score": 5}), &plain(), &plain())
}

/// An outcome in a line, for tables.
fn line(outcome: &Result<Completion, CallError>) -> String {
    match outcome {
        Ok(Completion::Text { text, .. }) => format!("text {text}"),
        Ok(Completion::Declined { why, .. }) => format!("declined: {why}"),
        Ok(Completion::Truncated { text, .. }) => format!("truncated {text}"),
        Err(CallError::Throttled { after, .. }) => format!("throttled {after:?}"),
        Err(CallError::Failed { status, after, .. }) => format!("failed {status} {after:?}"),
        Err(CallError::Denied { message }) => format!("denied: {message}"),
        Err(CallError::Rejected { status, message }) => format!("rejected {status}: {message}"),
        Err(CallError::Malformed { what, .. }) => format!("malformed: {what}"),
        Err(CallError::Unreachable { .. }) => "unreachable".into(),
        Err(CallError::Unknown { .. }) => "unknown".into(),
        Err(CallError::Forbidden { message }) => format!("forbidden: {message}"),
    }
}

fn openai_spec() -> Option<Spec> {
    Published::OpenAi.spec()
}

fn azure_spec() -> Option<Spec> {
    const NAME: &str = "llm/specs/azure-openai.json";
    let mut document = Spec::document(NAME)?;
    name_the_kinds(&mut document);
    Some(Spec::new(document))
}

/// Azure's v1 document tells the kinds of a message or a format by a discriminator alone, which is no rule of JSON Schema:
/// wherever such a thing is referred to, one of its kinds must fit.
fn name_the_kinds(document: &mut Value) {
    const SCHEMAS: &str = "/components/schemas";
    let schemas = document.pointer(SCHEMAS).and_then(Value::as_object).unwrap().clone();
    let kinds = |schema: &Value| -> Vec<String> {
        let mapping = schema["discriminator"]["mapping"].as_object();
        mapping.into_iter().flatten().map(|(_, kind)| kind.as_str().unwrap().to_owned()).collect()
    };
    let bases: HashMap<String, Vec<String>> = schemas
        .iter()
        .map(|(name, schema)| (format!("#{SCHEMAS}/{name}"), kinds(schema)))
        .filter(|(_, kinds)| !kinds.is_empty())
        .collect();
    for (name, schema) in document.pointer_mut(SCHEMAS).and_then(Value::as_object_mut).unwrap() {
        let own = format!("#{SCHEMAS}/{name}");
        refer_to_kinds(schema, &|base| bases.get(base).filter(|kinds| !kinds.contains(&own)));
    }
}

fn refer_to_kinds<'k>(node: &mut Value, kinds_of: &impl Fn(&str) -> Option<&'k Vec<String>>) {
    if let Some(kinds) = node["$ref"].as_str().and_then(kinds_of) {
        *node = json!({"anyOf": kinds.iter().map(|kind| json!({"$ref": kind})).collect::<Vec<_>>()});
        return;
    }
    match node {
        Value::Object(fields) => fields.values_mut().for_each(|value| refer_to_kinds(value, kinds_of)),
        Value::Array(items) => items.iter_mut().for_each(|value| refer_to_kinds(value, kinds_of)),
        _ => {}
    }
}

/// The scores of an angry ticket, through this connection.
async fn scored(settings: &ModelSettings) -> (u8, u8, u8) {
    scored_by(&open(settings)).await
}

async fn scored_by(model: &OpenAi) -> (u8, u8, u8) {
    let (verdict, provenance) = score(model, None, &ticket(ANGRY)).await.unwrap();
    let Verdict::Scored(found) = verdict else { panic!("no scores: {verdict:?}") };
    assert!(ANGRY.contains(&found.sentiment.quote) && !found.sentiment.quote.is_empty());
    assert!(provenance.tokens_in > 100 && provenance.tokens_out > 10);
    (found.sentiment.score.get(), found.urgency.score.get(), found.impact.score.get())
}
