//! Bodies, queries and ids, read strictly: what is unknown or wrong is named.

mod strict;

use super::problem::ApiProblem;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use std::str::FromStr;
use strict::Strict;

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
        let value = serde_path_to_error::deserialize(&mut reader).map_err(unreadable)?;
        reader.end().map_err(|error| ApiProblem::malformed(format!("The body cannot be read: {error}.")))?;
        let shape = serde_json::from_slice(&bytes).unwrap_or_default();
        serde_path_to_error::deserialize::<_, T>(Strict(&shape)).map_err(unreadable)?;
        Ok(Self(value))
    }
}

fn unreadable(error: serde_path_to_error::Error<serde_json::Error>) -> ApiProblem {
    let path = error.path().to_string();
    let field = (path != ".").then_some(path);
    ApiProblem::Malformed { field, message: format!("The body cannot be read: {}.", error.into_inner()) }
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

/// A whole number; `89.0` is one too, as JSON has no other numbers than numbers.
pub(super) fn whole<'de, D: Deserializer<'de>>(given: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(given)?;
    let rounded =
        || number.as_f64().filter(|number| number.fract() == 0.0).map(|number| format!("{number:.0}"));
    let whole = number.as_i64().or_else(|| rounded()?.parse().ok());
    whole.ok_or_else(|| D::Error::custom(format!("{number} is no whole number")))
}

/// As [`whole`]; null is none.
pub(super) fn whole_or_none<'de, D: Deserializer<'de>>(given: D) -> Result<Option<i64>, D::Error> {
    let number = Option::<serde_json::Number>::deserialize(given)?;
    number.map(|number| whole(number).map_err(D::Error::custom)).transpose()
}

/// How many rows a list gives: 50 unless told, 1 to 200.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, ApiProblem> {
    match asked.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit),
        _ => Err(ApiProblem::invalid("limit", "“limit” must be from 1 to 200.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::api::tickets::TicketsQuery;
    use axum::body::Body as Bytes;
    use futures::FutureExt;
    use proptest::prelude::*;

    fn read(query: &str) -> Option<Result<(), ApiProblem>> {
        let request = http::Request::get(format!("/api/v1/tickets?{query}")).body(Bytes::empty()).ok()?;
        let (mut parts, _) = request.into_parts();
        let read = Query::<TicketsQuery>::from_request_parts(&mut parts, &()).now_or_never();
        Some(read.expect("nothing is waited for").map(drop))
    }

    proptest! {
        #[test]
        fn any_query_is_read_or_refused_with_its_field(query in prop_oneof![
            "[ -~]{0,60}",
            "((limit|cursor|from|to|label|client|state|min_sentiment|escalated|degraded|q|nope)=[-+0-9a-z%:.TZ]{0,25}&?){0,4}",
            "(from|to)=[-+]?[0-9]{1,8}-[0-9]{1,3}-[0-9]{1,3}(T[0-9:.]{0,12}Z?)?",
        ]) {
            // What is no address does not get as far as this.
            if let Some(Err(problem)) = read(&query) {
                prop_assert!(matches!(problem, ApiProblem::Malformed { .. }), "{problem:?}");
            }
        }
    }

    #[test]
    fn an_object_is_not_read_from_a_list_of_its_fields() {
        let policy = serde_json::json!({
            "mode": "live", "thresholds": {"sentiment": 4, "urgency": 4, "impact": null}, "updates": {}, "scope": {},
        });
        let read =
            |value: &serde_json::Value| serde_path_to_error::deserialize::<_, domain::Policy>(Strict(value));
        assert!(read(&policy).is_ok());
        let mut mapped = policy.clone();
        mapped["updates"]["priority"] = serde_json::json!({
            "driver": "highest", "ranking": [{"id": "9", "label": "Low"}, {"id": "8"}], "values": {"4": {"id": "9"}},
        });
        assert_eq!(
            read(&mapped).ok(),
            serde_json::from_value(mapped.clone()).ok(),
            "all that can be read is read"
        );
        assert!(read(&mapped).is_ok());
        for (field, path) in [("updates", "updates"), ("scope", "scope")] {
            let mut wrong = policy.clone();
            wrong[field] = serde_json::json!([null, null]);
            assert_eq!(read(&wrong).unwrap_err().path().to_string(), path);
        }
        mapped["updates"]["priority"]["ranking"][1] = serde_json::json!(["8", "High"]);
        assert_eq!(read(&mapped).unwrap_err().path().to_string(), "updates.priority.ranking[1]");
    }

    #[test]
    fn a_query_is_read_with_its_gaps() {
        assert_eq!(read("limit=5&q=&from=2026-03-01&label=negative"), Some(Ok(())));
        for wrong in [
            "limit=x",
            "limit=-1",
            "label=angry",
            "nope=1",
            "limit=1&limit=2",
            "from=2026-13-01",
            "min_sentiment=6",
        ] {
            assert!(matches!(read(wrong), Some(Err(ApiProblem::Malformed { field: _, .. }))), "{wrong}");
        }
    }
}
