//! Bodies, queries and ids, read strictly: what is unknown or wrong is named.

use super::problem::ApiProblem;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiProblem> {
        if !is_json(request.headers()) {
            return Err(ApiProblem::NotJson);
        }
        let bytes =
            Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
                http::StatusCode::PAYLOAD_TOO_LARGE => ApiProblem::TooLarge,
                _ => ApiProblem::malformed("The body did not arrive whole."),
            })?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let field = (path != ".").then_some(path);
            ApiProblem::Malformed {
                field,
                message: format!("The body cannot be read: {}.", error.into_inner()),
            }
        })?;
        reader.end().map_err(|error| ApiProblem::malformed(format!("The body cannot be read: {error}.")))?;
        Ok(Self(value))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The query. `name=` counts as not given.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiProblem> {
        let given: Vec<(String, String)> =
            url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .filter(|(_, value)| !value.is_empty())
                .collect();
        let pairs = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
        let reader = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(pairs.as_bytes()));
        let value = serde_path_to_error::deserialize(reader).map_err(|error| {
            let path = error.path().to_string();
            let field = (path != ".").then_some(path);
            ApiProblem::Malformed {
                field,
                message: format!("The query cannot be read: {}.", error.into_inner()),
            }
        })?;
        Ok(Self(value))
    }
}

/// The id in the address. What is no id is the id of nothing.
pub(super) struct Id<T>(pub(super) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiProblem> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| ApiProblem::NoSuchAddress)?;
        text.parse().map(Self).map_err(|_| ApiProblem::NotFound("thing"))
    }
}

/// How many rows a list gives: 50 unless told, 1 to 200.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, ApiProblem> {
    match asked.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit),
        _ => Err(ApiProblem::invalid("limit", "“limit” must be from 1 to 200.")),
    }
}
