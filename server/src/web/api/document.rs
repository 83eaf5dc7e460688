//! The OpenAPI 3.1 document: what the handlers say of themselves, and what holds for all of them (the token, the
//! problems, an example for every body).

mod example;

use super::problem::{KINDS, ProblemBody};
use axum::response::IntoResponse;
use bytes::Bytes;
use domain::Score;
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Tag};
use utoipa::{PartialSchema, ToSchema};

const ABOUT: &str = "\
Everything a screen of Undertone can do. Make a token under *API tokens* and send it as `Authorization: Bearer ut_…`; it \
stands for its workspace, and another workspace's things do not exist for it (404).

Problems are `application/problem+json` (RFC 9457); `type` ends in a stable id. Secrets are written, never read: what is \
shown of them is their last four characters. Times are RFC 3339 in UTC; days are days of the workspace's time zone.

A token may make 20 calls a second, and 100 at once after a rest; beyond that the answer is 429 with `Retry-After`.";

const TAGS: [(&str, &str); 8] = [
    ("Connections", "The ticketing system and the model."),
    ("Webhook", "Where the ticketing system reports new tickets."),
    ("Policy", "When to act and what to do."),
    ("Prompt", "What the model is told."),
    ("Analysis", "Try a text."),
    ("Tickets", "What was analysed."),
    ("Activity", "Webhook calls and their fate."),
    ("Trends", "What the tickets add up to."),
];

/// The document without its calls.
pub(super) fn head() -> OpenApi {
    let license =
        LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Undertone")
        .version("1")
        .description(Some(ABOUT))
        .license(Some(license))
        .build();
    let mut tags: Vec<Tag> = TAGS.iter().map(|(name, about)| tag(name, about)).collect();
    tags.push(tag("People", "Who may do what, and who did."));
    OpenApiBuilder::new().info(info).tags(Some(tags)).build()
}

fn tag(name: &str, about: &str) -> Tag {
    let mut tag = Tag::new(name);
    tag.description = Some(about.to_owned());
    tag
}

/// The document with everything that holds for all calls.
pub(super) fn completed(document: OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["components"]["schemas"][&*ProblemBody::name()] =
        serde_json::to_value(ProblemBody::schema()).unwrap_or_default();
    document["components"]["securitySchemes"] = json!({"token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "ut_…",
        "description": "An API token; made under API tokens, shown once.",
    }});
    document["components"]["responses"] = problems();
    document["security"] = json!([{"token": []}]);
    document["servers"] = json!([{"url": "/", "description": "This instance"}]);
    let schemas = document["components"]["schemas"].clone();
    // A map by score, in JSON: the names are text, and not any text.
    for name in ["LeverRule", "ScoreField"] {
        document["components"]["schemas"][name]["properties"]["values"]["propertyNames"] =
            json!({"enum": Score::ALL.map(|score| score.to_string())});
    }
    // Read with `deny_unknown_fields`, which the derived schema of a tagged enum leaves out.
    for name in ["PsaSettings", "ModelSettings"] {
        for variant in document["components"]["schemas"][name]["oneOf"].as_array_mut().into_iter().flatten() {
            variant["additionalProperties"] = false.into();
        }
    }
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(path, method, operation, &schemas);
        }
    }
    document
}

/// One answer for each status that a problem can have, with an example of each kind.
fn problems() -> Value {
    let mut answers: Map<String, Value> = Map::new();
    for kind in &KINDS {
        let status = kind.status.as_u16();
        let example = json!({
            "type": format!("/api/docs#{}", kind.id), "title": kind.title, "status": status,
            "detail": "A sentence that says what was wrong and what to do.",
        });
        let answer = answers.entry(status.to_string()).or_insert_with(|| {
            json!({
                "description": kind.title,
                "content": {"application/problem+json": {
                    "schema": {"$ref": format!("#/components/schemas/{}", ProblemBody::name())}, "examples": {},
                }},
            })
        });
        if matches!(status, 429 | 503) {
            answer["headers"] = json!({"Retry-After": {
                "description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}, "example": 1,
            }});
        }
        answer["content"]["application/problem+json"]["examples"][kind.id] = json!({"value": example});
    }
    Value::Object(answers)
}

fn complete(path: &str, method: &str, operation: &mut Value, schemas: &Value) {
    operation["operationId"] = operation_id(path, method).into();
    let has_body = operation.get("requestBody").is_some();
    let has_query =
        operation["parameters"].as_array().is_some_and(|list| list.iter().any(|one| one["in"] == "query"));
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["in"] == "query" {
            // As a form sends it: not given.
            parameter["allowEmptyValue"] = true.into();
            if parameter["name"] == "cursor" {
                parameter["schema"]["pattern"] = "^[A-Za-z0-9_-]{32}$".into();
            }
        }
    }
    if let Some(body) = operation.get_mut("requestBody") {
        body["required"] = true.into();
        example::fill(body, schemas);
    }
    for (status, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
        if status.starts_with('2') {
            example::fill(answer, schemas);
        } else {
            // The words of this call, the shape of all.
            answer["content"] = problems()[status]["content"].clone();
        }
    }
    let mut also = vec!["401", "429", "500", "503", "504"];
    if has_query || has_body {
        also.extend(["400", "422"]);
    }
    if has_body {
        also.extend(["413", "415"]);
    }
    for status in also {
        if operation["responses"].get(status).is_none() {
            operation["responses"][status] = json!({"$ref": format!("#/components/responses/{status}")});
        }
    }
}

/// `get` and `/api/v1/tickets/{id}` as `get_tickets_id`.
fn operation_id(path: &str, method: &str) -> String {
    let path = path.trim_start_matches("/api/v1/").replace(['{', '}'], "").replace('/', "_");
    format!("{method}_{path}")
}

pub(super) fn text(document: &Value) -> Bytes {
    Bytes::from(format!("{document:#}\n"))
}

pub(super) async fn answer(text: Bytes) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    (headers, text)
}
