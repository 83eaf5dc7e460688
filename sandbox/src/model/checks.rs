//! What the real servers refuse, in their words.

use super::{Lack, Model, tokens};
use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// An error answer in OpenAI's shape.
pub(super) struct Refusal {
    status: StatusCode,
    code: String,
    param: String,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &str, param: &str, message: &str) -> Self {
        Self { status, code: code.into(), param: param.into(), message: message.into() }
    }
    fn bad(code: &str, param: &str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: code.into(),
            param: param.into(),
            message: message.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let or_null = |text: String| if text.is_empty() { Value::Null } else { Value::String(text) };
        let error = json!({
            "message": self.message,
            "type": "invalid_request_error",
            "param": or_null(self.param),
            "code": or_null(self.code),
        });
        (self.status, Json(json!({"error": error}))).into_response()
    }
}

/// `Authorization: Bearer KEY`.
pub(super) fn bearer(headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(Model::KEY) => Ok(()),
        Some(_) => Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "invalid_api_key",
            "",
            "Incorrect API key provided: sk-*****. You can find your API key at the sandbox.",
        )),
        None => Err(Refusal::new(StatusCode::UNAUTHORIZED, "", "", "You didn't provide an API key.")),
    }
}

/// Azure's `api-key`; its v1 address takes the key as a bearer too.
pub(super) fn api_key(headers: &HeaderMap, or_bearer: bool) -> Result<(), Refusal> {
    let given = headers.get("api-key").and_then(|value| value.to_str().ok());
    if given == Some(Model::KEY) || (or_bearer && given.is_none() && bearer(headers).is_ok()) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNAUTHORIZED,
        "401",
        "",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.",
    ))
}

/// What one address understands.
pub(super) struct Dialect<'a> {
    /// The model is named in the body (otherwise by the address).
    pub(super) names_model: bool,
    /// Azure's `2024-10-21` and before.
    pub(super) is_old_azure: bool,
    pub(super) lacks: &'a [Lack],
}

/// A request that passed.
#[derive(Debug)]
pub(super) struct Request {
    /// The first message of the user.
    pub(super) question: String,
    pub(super) schema: Option<Value>,
    pub(super) json: bool,
    pub(super) most_tokens: Option<usize>,
    pub(super) tokens_in: usize,
}

const KNOWN: [&str; 21] = [
    "messages",
    "model",
    "max_tokens",
    "max_completion_tokens",
    "response_format",
    "store",
    "temperature",
    "top_p",
    "n",
    "stop",
    "seed",
    "user",
    "stream",
    "metadata",
    "reasoning_effort",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "service_tier",
];

impl Dialect<'_> {
    fn lacks(&self, lack: Lack) -> bool {
        let since = [Lack::Store, Lack::Developer, Lack::MaxCompletionTokens];
        self.lacks.contains(&lack) || (self.is_old_azure && since.contains(&lack))
    }

    pub(super) fn check(&self, body: &[u8]) -> Result<Request, Refusal> {
        let not_json = || Refusal::bad("", "", "We could not parse the JSON body of your request.");
        let body: Value = serde_json::from_slice(body).map_err(|_| not_json())?;
        let body = body.as_object().ok_or_else(not_json)?;
        if self.names_model {
            self.check_model(body)?;
        }
        self.check_arguments(body)?;
        let messages = self.check_messages(body)?;
        let (schema, json) = self.check_format(body, &messages)?;
        let limit = body.get("max_completion_tokens").or_else(|| body.get("max_tokens"));
        let question = messages.iter().find(|(role, _)| *role == "user").map(|(_, text)| (*text).to_owned());
        Ok(Request {
            question: question.unwrap_or_default(),
            schema,
            json,
            most_tokens: limit.and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok()),
            tokens_in: messages.iter().map(|(_, text)| tokens(text) + 4).sum(),
        })
    }

    fn check_model(&self, body: &Map<String, Value>) -> Result<(), Refusal> {
        match body.get("model").and_then(Value::as_str) {
            None => Err(Refusal::bad("", "", "you must provide a model parameter")),
            Some(Model::NAME) => Ok(()),
            Some(other) => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "model_not_found",
                "",
                &format!("The model `{other}` does not exist or you do not have access to it."),
            )),
        }
    }

    fn check_arguments(&self, body: &Map<String, Value>) -> Result<(), Refusal> {
        let unknown = |name: &str| {
            !KNOWN.contains(&name)
                || (name == "store" && self.lacks(Lack::Store))
                || (name == "max_completion_tokens" && self.lacks(Lack::MaxCompletionTokens))
        };
        if let Some(name) = body.keys().find(|name| unknown(name)) {
            return Err(Refusal::bad("", "", format!("Unrecognized request argument supplied: {name}")));
        }
        if body.contains_key("max_tokens") && self.lacks(Lack::MaxTokens) {
            return Err(Refusal::bad(
                "unsupported_parameter",
                "max_tokens",
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            ));
        }
        if body.contains_key("max_tokens") && body.contains_key("max_completion_tokens") {
            return Err(Refusal::bad(
                "invalid_parameter_combination",
                "max_tokens",
                "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            ));
        }
        for name in ["max_tokens", "max_completion_tokens"] {
            if body.get(name).is_some_and(|value| value.as_u64().is_none_or(|limit| limit == 0)) {
                return Err(Refusal::bad(
                    "integer_below_min_value",
                    name,
                    format!("Invalid '{name}': expected a value >= 1."),
                ));
            }
        }
        Ok(())
    }

    fn check_messages<'b>(&self, body: &'b Map<String, Value>) -> Result<Vec<(&'b str, &'b str)>, Refusal> {
        let missing = || {
            Refusal::bad("missing_required_parameter", "messages", "Missing required parameter: 'messages'.")
        };
        let messages = body.get("messages").and_then(Value::as_array).ok_or_else(missing)?;
        if messages.is_empty() {
            return Err(Refusal::bad(
                "empty_array",
                "messages",
                "Invalid 'messages': empty array. Expected an array with minimum length 1.",
            ));
        }
        let mut read = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
            let known = matches!(role, "system" | "user" | "assistant")
                || (role == "developer" && !self.lacks(Lack::Developer));
            if !known {
                return Err(Refusal::bad(
                    "invalid_value",
                    &format!("messages[{at}].role"),
                    format!("Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user'."),
                ));
            }
            let Some(content) = message.get("content").and_then(Value::as_str) else {
                let param = format!("messages[{at}].content");
                return Err(Refusal::bad(
                    "invalid_type",
                    &param,
                    format!("Invalid type for '{param}': expected a string."),
                ));
            };
            read.push((role, content));
        }
        Ok(read)
    }

    /// The schema, if one is asked for, and whether JSON is.
    fn check_format(
        &self,
        body: &Map<String, Value>,
        messages: &[(&str, &str)],
    ) -> Result<(Option<Value>, bool), Refusal> {
        let Some(format) = body.get("response_format") else { return Ok((None, false)) };
        let kind = format.get("type").and_then(Value::as_str).unwrap_or_default();
        let refused = |why: &str| Err(Refusal::bad("", "response_format", why));
        match kind {
            "text" => Ok((None, false)),
            "json_object" if self.lacks(Lack::JsonObject) => refused("'response_format.type' must be 'text'"),
            "json_object" if !messages.iter().any(|(_, text)| text.to_lowercase().contains("json")) => {
                Err(Refusal::bad(
                    "",
                    "messages",
                    "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
                ))
            }
            "json_object" => Ok((None, true)),
            "json_schema" if self.lacks(Lack::JsonSchema) => refused(
                "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
            ),
            "json_schema" => self.check_schema(format).map(|schema| (Some(schema), true)),
            other => refused(&format!(
                "Invalid value: '{other}'. Supported values are: 'json_object', 'json_schema', and 'text'."
            )),
        }
    }

    fn check_schema(&self, format: &Value) -> Result<Value, Refusal> {
        let named = format.get("json_schema").and_then(Value::as_object);
        let Some(named) = named else {
            return Err(Refusal::bad(
                "missing_required_parameter",
                "response_format.json_schema",
                "Missing required parameter: 'response_format.json_schema'.",
            ));
        };
        let name = named.get("name").and_then(Value::as_str).unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return Err(Refusal::bad(
                "",
                "response_format.json_schema.name",
                "Invalid 'response_format.json_schema.name'.",
            ));
        }
        if named.contains_key("strict") && self.lacks(Lack::Strict) {
            return Err(Refusal::bad(
                "unknown_parameter",
                "response_format.json_schema.strict",
                "Unknown parameter: 'response_format.json_schema.strict'.",
            ));
        }
        let schema = named.get("schema").cloned().unwrap_or_default();
        if named.get("strict") == Some(&Value::Bool(true)) {
            check_strict(&schema, "").map_err(|(place, what)| {
                let message =
                    format!("Invalid schema for response_format '{name}': In context=({place}), {what}");
                Refusal::bad("", "response_format", message)
            })?;
        }
        Ok(schema)
    }
}

/// Strict mode: closed objects, every property required, no bounds.
fn check_strict(schema: &Value, place: &str) -> Result<(), (String, String)> {
    let Some(object) = schema.as_object() else {
        return Err((place.into(), "schema must be an object".into()));
    };
    let bounds = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"];
    if let Some(bound) = bounds.iter().find(|bound| object.contains_key(**bound)) {
        return Err((place.into(), format!("'{bound}' is not permitted.")));
    }
    let Some(properties) = object.get("properties").and_then(Value::as_object) else { return Ok(()) };
    if object.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err((
            place.into(),
            "'additionalProperties' is required to be supplied and to be false.".into(),
        ));
    }
    let required: Vec<&str> = object
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if let Some(name) = properties.keys().find(|name| !required.contains(&name.as_str())) {
        return Err((
            place.into(),
            format!(
                "'required' is required to be supplied and to be an array including every key in properties. Missing '{name}'."
            ),
        ));
    }
    properties
        .iter()
        .try_for_each(|(name, part)| check_strict(part, &format!("{place}'properties', '{name}'")))
}

/// `scores` in the shape of `schema`: what it does not ask for is left out, what it asks for beyond is filled in.
pub(super) fn shaped(schema: &Value, scores: &Value) -> Value {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let fill = |(name, part): (&String, &Value)| {
            (name.clone(), shaped(part, scores.get(name).unwrap_or(&Value::Null)))
        };
        return Value::Object(properties.iter().map(fill).collect());
    }
    if !scores.is_null() {
        return scores.clone();
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer" | "number") => json!(0),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        _ => json!(""),
    }
}
