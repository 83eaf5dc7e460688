//! Which fields a server takes. Each door begins with what its documents promise and gives way, field by field, where a
//! server says that it does not know one; what worked is kept for the lifetime of the connection.

use super::Door;
use crate::llm::Prompt;
use serde_json::{Value, json};

/// Three short readings take some 300 tokens; the rest is headroom for models that think before they answer, whose
/// thoughts count.
const MOST_TOKENS: u32 = 2_000;
/// A repair may follow an answer that was cut off, so it gets more room.
const MOST_TOKENS_FOR_REPAIR: u32 = 8_000;
/// How much of an unusable answer is quoted back.
const MOST_QUOTED: usize = 4_000;

/// How the shape of the answer is asked for, from the strictest to none. The system text asks for it in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Schema { strict: bool },
    JsonObject,
    Words,
}

/// The name of the token limit. `max_tokens` is refused by OpenAI's newer models, `max_completion_tokens` is unknown to
/// many compatible servers (Ollama ignores it silently).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Completion,
    Legacy,
    None,
}

/// The name of the instructing role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Developer,
    System,
}

/// A field that a server refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Shape,
    Strict,
    Limit,
    Role,
    Store,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    shape: Shape,
    limit: Limit,
    /// The other spelling of the limit was tried and refused.
    limit_swapped: bool,
    role: Role,
    /// `store: false`: ticket text is customer data.
    store: bool,
}

impl Dialect {
    /// What the documents of this door promise.
    pub(super) fn first(door: &Door, host: &str) -> Self {
        let modern = Self {
            shape: Shape::Schema { strict: true },
            limit: Limit::Completion,
            limit_swapped: false,
            role: Role::Developer,
            store: true,
        };
        let classic = Self { limit: Limit::Legacy, role: Role::System, ..modern };
        match door {
            Door::AzureV1 { .. } => modern,
            // `store`, `developer` and `max_completion_tokens` came with the previews after 2024-10-21.
            Door::AzureDated { api_version, .. } if api_version.as_str() < "2024-12-01" => {
                Self { store: false, ..classic }
            }
            Door::AzureDated { .. } => modern,
            Door::OpenAi { .. } if host == "api.openai.com" || host.ends_with(".api.openai.com") => modern,
            Door::OpenAi { .. } => classic,
        }
    }

    /// The next thing to try after `fields` were refused; `None` when none of them is sent any more.
    pub(super) fn without(self, fields: &[Field]) -> Option<Self> {
        fields.iter().find_map(|&field| self.without_one(field))
    }

    fn without_one(self, field: Field) -> Option<Self> {
        match field {
            Field::Shape => match self.shape {
                Shape::Schema { .. } => Some(Self { shape: Shape::JsonObject, ..self }),
                Shape::JsonObject => Some(Self { shape: Shape::Words, ..self }),
                Shape::Words => None,
            },
            Field::Strict => (self.shape == Shape::Schema { strict: true })
                .then_some(Self { shape: Shape::Schema { strict: false }, ..self }),
            Field::Limit => match (self.limit, self.limit_swapped) {
                (Limit::None, _) => None,
                (_, true) => Some(Self { limit: Limit::None, ..self }),
                (Limit::Completion, false) => {
                    Some(Self { limit: Limit::Legacy, limit_swapped: true, ..self })
                }
                (Limit::Legacy, false) => {
                    Some(Self { limit: Limit::Completion, limit_swapped: true, ..self })
                }
            },
            Field::Role => (self.role == Role::Developer).then_some(Self { role: Role::System, ..self }),
            Field::Store => self.store.then_some(Self { store: false, ..self }),
        }
    }

    /// For the connection test.
    pub(super) fn words(self) -> &'static str {
        match self.shape {
            Shape::Schema { strict: true } => "The server keeps answers to our schema.",
            Shape::Schema { strict: false } => {
                "The server knows our schema but does not enforce it; each answer is checked here."
            }
            Shape::JsonObject => "The server promises JSON but not our schema; each answer is checked here.",
            Shape::Words => {
                "The server promises no format; each answer is checked here and asked for once more where it is unusable."
            }
        }
    }

    /// The body of one request. No temperature: newer models refuse any but their own.
    pub(super) fn body(self, model: Option<&str>, prompt: &Prompt, repair: Option<(&str, &str)>) -> Value {
        let role = match self.role {
            Role::Developer => "developer",
            Role::System => "system",
        };
        let mut messages = vec![
            json!({"role": role, "content": prompt.system}),
            json!({"role": "user", "content": prompt.user}),
        ];
        if let Some((answer, wrong)) = repair {
            let answer: String = answer.chars().take(MOST_QUOTED).collect();
            let answer = if answer.trim().is_empty() { "(no answer)".to_owned() } else { answer };
            messages.push(json!({"role": "assistant", "content": answer}));
            messages.push(json!({"role": "user", "content": format!(
                "This answer cannot be used: {wrong}. Score the same ticket again and answer with the one JSON object, nothing else."
            )}));
        }
        let mut body = json!({"messages": messages});
        if let Some(model) = model {
            body["model"] = model.into();
        }
        let most = if repair.is_some() { MOST_TOKENS_FOR_REPAIR } else { MOST_TOKENS };
        match self.limit {
            Limit::Completion => body["max_completion_tokens"] = most.into(),
            Limit::Legacy => body["max_tokens"] = most.into(),
            Limit::None => {}
        }
        match self.shape {
            Shape::Schema { strict } => body["response_format"] = schema(strict),
            Shape::JsonObject => body["response_format"] = json!({"type": "json_object"}),
            Shape::Words => {}
        }
        if self.store {
            body["store"] = false.into();
        }
        body
    }
}

/// The answer's shape. An `enum` rather than `minimum` and `maximum`, which some servers refuse in a strict schema; reason
/// and quote come before the score, so that the score follows from them.
fn schema(strict: bool) -> Value {
    let reading = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["reason", "quote", "score"],
        "properties": {
            "reason": {"type": "string"},
            "quote": {"type": "string"},
            "score": {"type": "integer", "enum": [1, 2, 3, 4, 5]},
        },
    });
    let mut schema = json!({
        "name": "ticket_scores",
        "schema": {
            "type": "object",
            "additionalProperties": false,
            "required": ["sentiment", "urgency", "impact"],
            "properties": {"sentiment": reading, "urgency": reading, "impact": reading},
        },
    });
    if strict {
        schema["strict"] = true.into();
    }
    json!({"type": "json_schema", "json_schema": schema})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt() -> Prompt {
        Prompt { system: "rules".into(), user: "ticket".into(), title: String::new(), text: String::new() }
    }

    fn dated(version: &str) -> Door {
        Door::AzureDated { deployment: "d".into(), api_version: version.into() }
    }

    #[test]
    fn each_door_begins_with_what_its_documents_promise() {
        let openai = Door::OpenAi { model: "m".into() };
        let v1 = Door::AzureV1 { deployment: "d".into() };
        let cases = [
            (&openai, "api.openai.com", "developer", "max_completion_tokens", true),
            (&openai, "eu.api.openai.com", "developer", "max_completion_tokens", true),
            (&openai, "api.openai.com.example.org", "system", "max_tokens", true),
            (&openai, "127.0.0.1", "system", "max_tokens", true),
            (&v1, "r.openai.azure.com", "developer", "max_completion_tokens", true),
            (&dated("2024-10-21"), "r.openai.azure.com", "system", "max_tokens", false),
            (&dated("2025-03-01-preview"), "r.openai.azure.com", "developer", "max_completion_tokens", true),
        ];
        for (door, host, role, limit, store) in cases {
            let body = Dialect::first(door, host).body(door.model(), &prompt(), None);
            assert_eq!(body["messages"][0]["role"], role, "{host}");
            assert_eq!(body[limit], MOST_TOKENS, "{host}");
            assert_eq!(body["response_format"]["json_schema"]["strict"], true);
            assert_eq!(body.get("store"), store.then_some(&Value::Bool(false)), "{host}");
            assert_eq!(body.get("model").is_some(), door.model().is_some());
            assert!(body.get("temperature").is_none());
        }
    }

    #[test]
    fn every_field_gives_way_and_none_twice() {
        let mut dialect = Dialect::first(&Door::AzureV1 { deployment: "d".into() }, "");
        let all = [Field::Strict, Field::Shape, Field::Limit, Field::Role, Field::Store];
        let mut turns = 0;
        while let Some(next) = dialect.without(&all) {
            assert_ne!(next, dialect);
            dialect = next;
            turns += 1;
        }
        // strict, schema, object; the other limit, no limit; role; store
        assert_eq!(turns, 7);
        let body = dialect.body(Some("m"), &prompt(), None);
        let keys: Vec<_> = body.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["messages", "model"]);
        assert_eq!(body["messages"][0]["role"], "system");
    }

    #[test]
    fn a_repair_quotes_the_answer_and_what_was_wrong_with_it() {
        let dialect = Dialect::first(&Door::OpenAi { model: "m".into() }, "localhost");
        let body = dialect.body(Some("m"), &prompt(), Some(("{}", "urgency is missing")));
        assert_eq!(body["messages"][2], json!({"role": "assistant", "content": "{}"}));
        assert!(
            body["messages"][3]["content"].as_str().is_some_and(|text| text.contains("urgency is missing"))
        );
        assert_eq!(body["max_tokens"], MOST_TOKENS_FOR_REPAIR);
        let empty = dialect.body(Some("m"), &prompt(), Some(("  ", "it is empty")));
        assert_eq!(empty["messages"][2]["content"], "(no answer)");
    }
}
