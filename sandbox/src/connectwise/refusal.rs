//! The documented ways to say no.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// A JSON string is sent as plain text: the gateway in front of the API does that.
    body: Value,
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body, retry_after: None }
    }
    /// Validation of one field.
    pub fn field(code: &str, message: &str, resource: &str, field: &str) -> Self {
        let errors = json!([{"code": code, "message": message, "resource": resource, "field": field}]);
        let message = format!("{resource} object is invalid");
        Self::new(
            StatusCode::BAD_REQUEST,
            json!({"code": "InvalidObject", "message": message, "errors": errors}),
        )
    }
    pub fn bad(code: &str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, json!({"code": code, "message": message, "errors": null}))
    }
    pub fn no_route() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Cannot route. Codebase/company is invalid".into())
    }
    pub fn unauthorised(code: &str, message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, json!({"code": code, "message": message}))
    }
    pub fn forbidden() -> Self {
        let message = "You do not have security permission to perform this action.";
        Self::new(StatusCode::FORBIDDEN, json!({"code": "Security", "message": message}))
    }
    pub fn no_record(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, json!({"code": "NotFound", "message": format!("{what} not found")}))
    }
    pub fn no_endpoint() -> Self {
        let body = json!({"code": "ConnectWiseApi", "message": "The endpoint does not exist."});
        Self::new(StatusCode::NOT_FOUND, body)
    }
    /// The field is called `error` here, not `code`.
    pub fn throttled(seconds: u64) -> Self {
        let message = format!("Too many requests. Please try again in {seconds} seconds.");
        let body = json!({"error": "ConnectWiseAPI", "message": message});
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, body) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = match &self.body {
            Value::String(text) => (self.status, text.clone()).into_response(),
            body => (self.status, axum::Json(body)).into_response(),
        };
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
