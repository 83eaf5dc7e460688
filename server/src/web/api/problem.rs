//! What can go wrong in a call, as RFC 9457 problems with stable ids.

use app::ops::OpsError;
use axum::response::{IntoResponse, Response};
use domain::{InvalidPolicy, InvalidSettings};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use store::StoreError;
use utoipa::ToSchema;

/// Every problem the API answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApiProblem {
    Unauthenticated,
    /// The token's maker might not do this.
    Denied,
    TooFast {
        seconds: u64,
    },
    NoSuchAddress,
    WrongMethod,
    /// Nothing of this tenant has that id; `0` is the kind of thing.
    NotFound(&'static str),
    /// The request cannot be read.
    Malformed {
        field: Option<String>,
        message: String,
    },
    /// The request can be read, but must not be.
    Invalid {
        field: String,
        message: String,
    },
    TooLarge,
    NotJson,
    Conflict(String),
    NotSetUp(String),
    Outside(String),
    Unavailable,
    TimedOut,
    Broken {
        reference: String,
    },
}

/// One kind of problem, for the document.
pub(super) struct Kind {
    pub(super) id: &'static str,
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
}

const fn kind(id: &'static str, status: StatusCode, title: &'static str) -> Kind {
    Kind { id, status, title }
}

/// All kinds, in the order of their statuses.
pub(super) const KINDS: [Kind; 16] = [
    kind("malformed", StatusCode::BAD_REQUEST, "The request cannot be read"),
    kind("unauthenticated", StatusCode::UNAUTHORIZED, "A valid API token is needed"),
    kind("denied", StatusCode::FORBIDDEN, "The token may not do this"),
    kind("not_found", StatusCode::NOT_FOUND, "There is no such thing"),
    kind("no_such_address", StatusCode::NOT_FOUND, "There is nothing at this address"),
    kind("wrong_method", StatusCode::METHOD_NOT_ALLOWED, "This address does not take that method"),
    kind("conflict", StatusCode::CONFLICT, "It exists already"),
    kind("not_set_up", StatusCode::CONFLICT, "Something must be set up first"),
    kind("too_large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
    kind("not_json", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON"),
    kind("invalid", StatusCode::UNPROCESSABLE_ENTITY, "A value is not acceptable"),
    kind("too_fast", StatusCode::TOO_MANY_REQUESTS, "Too many calls"),
    kind("broken", StatusCode::INTERNAL_SERVER_ERROR, "Something broke on our side"),
    kind("outside", StatusCode::BAD_GATEWAY, "The other system refused or could not be reached"),
    kind("unavailable", StatusCode::SERVICE_UNAVAILABLE, "The database is busy"),
    kind("timeout", StatusCode::GATEWAY_TIMEOUT, "The answer took too long"),
];

/// A problem as RFC 9457 writes it. `type` ends in a stable id; `detail` is for people and may change.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// The kind of problem: `/api/docs#invalid` and so on.
    #[serde(rename = "type")]
    #[schema(example = "/api/docs#invalid")]
    kind: String,
    #[schema(example = "A value is not acceptable")]
    title: String,
    #[schema(example = 422)]
    status: u16,
    /// What was wrong and what to do, in a sentence.
    #[schema(example = "“updates.priority.values” has a value that is not in the ranking.")]
    detail: String,
    /// The field of the body or the query that it is about, as a dotted path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "updates.priority.values")]
    field: Option<String>,
}

impl ApiProblem {
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::Malformed { field: None, message: message.into() }
    }
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }

    fn id(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Denied => "denied",
            Self::TooFast { .. } => "too_fast",
            Self::NoSuchAddress => "no_such_address",
            Self::WrongMethod => "wrong_method",
            Self::NotFound(_) => "not_found",
            Self::Malformed { .. } => "malformed",
            Self::Invalid { .. } => "invalid",
            Self::TooLarge => "too_large",
            Self::NotJson => "not_json",
            Self::Conflict(_) => "conflict",
            Self::NotSetUp(_) => "not_set_up",
            Self::Outside(_) => "outside",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timeout",
            Self::Broken { .. } => "broken",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Unauthenticated => {
                "Send “Authorization: Bearer ut_…” with a token made under API tokens that has not been revoked.".into()
            }
            Self::Denied => "Its maker was not an owner, and only owners add and remove people.".into(),
            Self::TooFast { seconds } => format!("This token has made too many calls. Try again in {seconds} seconds."),
            Self::NoSuchAddress => "There is nothing at this address. /api/docs lists what there is.".into(),
            Self::WrongMethod => "This address does not take that method. /api/docs lists what there is.".into(),
            Self::NotFound(what) => format!("There is no {what} with this id."),
            Self::TooLarge => format!("A body may have {} bytes.", super::MAX_BODY),
            Self::NotJson => "Send JSON with “Content-Type: application/json”.".into(),
            Self::Malformed { message, .. } | Self::Invalid { message, .. } => message.clone(),
            Self::Conflict(detail) | Self::NotSetUp(detail) | Self::Outside(detail) => detail.clone(),
            Self::TimedOut => "The other system took too long. Whether something was changed is not known.".into(),
            Self::Unavailable => "Nothing was changed. Try again in a moment.".into(),
            Self::Broken { reference } => format!("It is noted in our log under {reference}."),
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Malformed { field, .. } => field.clone(),
            Self::Invalid { field, .. } => Some(field.clone()),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooFast { seconds } => Some(*seconds),
            Self::Unavailable => Some(1),
            _ => None,
        }
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let id = self.id();
        let kind =
            KINDS.iter().find(|kind| kind.id == id).expect("every id stands in the table; a test says so");
        let body = ProblemBody {
            kind: format!("/api/docs#{id}"),
            title: kind.title.into(),
            status: kind.status.as_u16(),
            detail: self.detail(),
            field: self.field(),
        };
        let mut response = (kind.status, json!(body).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::Unauthenticated) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for ApiProblem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Unavailable,
            StoreError::Conflict { what } => Self::Conflict(format!("There is {what} already.")),
            StoreError::NotConnected => Self::NotSetUp(
                "This ticket is in a ticketing system that the workspace was connected to before. Connect that one again first.".into(),
            ),
            StoreError::AnotherSystem(there) => Self::Invalid {
                field: "same_as".into(),
                message: format!(
                    "At this address is {there} of this workspace, which has tickets of its own: the two stay apart. Leave “same_as” out to connect that one."
                ),
            },
            StoreError::BadCursor => Self::Malformed {
                field: Some("cursor".into()),
                message: "“cursor” is not one of ours. Pass back “next” as it was given.".into(),
            },
            other => {
                let reference = uuid::Uuid::now_v7().to_string();
                tracing::error!(%reference, error = &other as &dyn std::error::Error, "an API call could not use the store");
                Self::Broken { reference }
            }
        }
    }
}

impl From<OpsError> for ApiProblem {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::NotSetUp(message) => Self::NotSetUp(message),
            OpsError::Invalid { field, message } => Self::Invalid { field, message },
            OpsError::Outside(message) => Self::Outside(message),
            OpsError::Broken(reference) => Self::Broken { reference },
        }
    }
}

impl From<InvalidSettings> for ApiProblem {
    fn from(error: InvalidSettings) -> Self {
        Self::Invalid { field: error.field.into(), message: sentence(error.field, &error.message) }
    }
}

impl From<InvalidPolicy> for ApiProblem {
    fn from(error: InvalidPolicy) -> Self {
        Self::Invalid { message: sentence(&error.field, &error.message), field: error.field }
    }
}

/// `site` and `must begin with …` as “site” must begin with ….
fn sentence(field: &str, message: &str) -> String {
    format!("“{field}” {message}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_kind() {
        let text = String::new;
        let all = [
            ApiProblem::Unauthenticated,
            ApiProblem::Denied,
            ApiProblem::TooFast { seconds: 3 },
            ApiProblem::NoSuchAddress,
            ApiProblem::WrongMethod,
            ApiProblem::NotFound("ticket"),
            ApiProblem::malformed("no"),
            ApiProblem::invalid("field", "no"),
            ApiProblem::TooLarge,
            ApiProblem::NotJson,
            ApiProblem::Conflict(text()),
            ApiProblem::NotSetUp(text()),
            ApiProblem::Outside(text()),
            ApiProblem::Unavailable,
            ApiProblem::TimedOut,
            ApiProblem::Broken { reference: text() },
        ];
        for problem in &all {
            assert!(KINDS.iter().any(|kind| kind.id == problem.id()), "{problem:?}");
        }
        assert_eq!(all.len(), KINDS.len());
        assert!(KINDS.is_sorted_by_key(|kind| kind.status));
    }
}
