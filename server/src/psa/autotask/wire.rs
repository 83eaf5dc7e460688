//! Autotask's transport: which zone, which headers, what a status means, how a query is paged.

use super::super::kept::Kept;
use super::zone::{Zone, screens_of, screens_root, zone_address};
use crate::outside::{Answer, Call, CallError, Caller};
use domain::Secret;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Asked which zone a user lives in when the tenant names none. Any zone's host answers for any user.
const DISCOVERY: &str = "https://webservices.autotask.net/ATServicesRest/";
const ZONE_HOLDS: Duration = Duration::from_secs(12 * 3600);
/// Without `Retry-After`: the vendor's limits look back over minutes, so less is of no use.
const THROTTLE: Duration = Duration::from_secs(60);
/// How often one looks at what others leave of the hourly budget.
const BUDGET_HOLDS: Duration = Duration::from_secs(300);
/// The vendor's page size.
const PAGE: usize = 500;

/// A query's comparison. Closed, because Autotask ignores an operator it does not know and returns everything.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Eq,
    Gt,
    Gte,
    In,
}

/// One condition of a query; conditions are joined by "and".
pub fn filter(field: &str, op: Op, value: impl Into<Value>) -> Value {
    let op = match op {
        Op::Eq => "eq",
        Op::Gt => "gt",
        Op::Gte => "gte",
        Op::In => "in",
    };
    json!({ "op": op, "field": field, "value": value.into() })
}

/// One API user's way into Autotask.
pub struct Session {
    caller: Caller,
    username: String,
    secret: Secret,
    integration_code: String,
    given: Option<String>,
    zone: Kept<Zone>,
    /// When the database's budget of requests was last asked for.
    budget_asked: Mutex<Option<Instant>>,
}

/// The database's budget, which every integration of the tenant draws on. Swagger: ThresholdAndUsageInfo.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Threshold {
    external_request_threshold: f64,
    current_timeframe_request_count: f64,
}

#[derive(Deserialize)]
struct ZoneInformation {
    url: Option<String>,
    #[serde(rename = "webUrl")]
    web_url: Option<String>,
}

impl Session {
    pub fn new(
        caller: Caller,
        username: String,
        secret: Secret,
        integration_code: String,
        given: Option<String>,
    ) -> Self {
        let given = given.filter(|text| !text.trim().is_empty());
        Self {
            caller,
            username,
            secret,
            integration_code,
            given,
            zone: Kept::default(),
            budget_asked: Mutex::default(),
        }
    }

    pub fn username(&self) -> &str {
        &self.username
    }

    /// The zone in use: the one the tenant names, otherwise the one Autotask names.
    pub async fn zone(&self) -> Result<Arc<Zone>, CallError> {
        self.zone.get(async { Ok((self.first_zone().await?, ZONE_HOLDS)) }).await
    }

    async fn first_zone(&self) -> Result<Zone, CallError> {
        let Some(given) = &self.given else { return self.discover().await };
        let api = zone_address(given)?;
        // Only the web address is wanted here; it can be guessed, so a zone that will not tell is no failure.
        match self.discover().await {
            Ok(found) => Ok(Zone { web: found.web.or_else(|| screens_of(&api)), api }),
            Err(denied @ CallError::Denied { .. }) => Err(denied),
            Err(_) => Ok(Zone { web: screens_of(&api), api }),
        }
    }

    /// Asks Autotask where this user lives.
    async fn discover(&self) -> Result<Zone, CallError> {
        let mut url = zone_address(self.given.as_deref().unwrap_or(DISCOVERY))?;
        url = join(&url, "V1.0/ZoneInformation")?;
        url.query_pairs_mut().append_pair("user", &self.username);
        let answer = self.caller.call(self.signed(Call::get(url))?).await?;
        if answer.status == StatusCode::INTERNAL_SERVER_ERROR && !errors_of(&answer).is_empty() {
            return Err(CallError::Denied {
                message: format!(
                    "Autotask does not know the user name “{}”. Copy it from Admin → Resources/Users (API user) → \
                     Credentials.",
                    self.username
                ),
            });
        }
        let found: ZoneInformation = judge(&answer)?.json()?;
        let missing =
            || CallError::Malformed { host: answer.host.clone(), what: "no zone address in it".into() };
        let api = zone_address(found.url.as_deref().ok_or_else(missing)?)?;
        let web = found.web_url.as_deref().and_then(|text| zone_address(text).ok()).map(screens_root);
        Ok(Zone { web: web.or_else(|| screens_of(&api)), api })
    }

    /// Sends one request below the zone's address and judges the answer. A 401 asks for the zone once more, because tenants
    /// get moved, and tries again only where the answer is another zone: repeated bad sign-ins lock the user.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, CallError> {
        let mut zone = self.zone().await?;
        let mut answer = self.send_to(&zone, &method, path, body).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let Ok(found) = self.discover().await
            && found.api != zone.api
        {
            zone = self.zone.put(found, ZONE_HOLDS).await;
            answer = self.send_to(&zone, &method, path, body).await?;
        }
        match judge(&answer).map(drop) {
            Ok(()) => self.mind_the_budget(&zone).await,
            Err(error) => {
                if let CallError::Throttled { after, .. } = error {
                    self.caller.slow_down(after);
                }
                return Err(error);
            }
        }
        Ok(answer)
    }

    /// Goes more slowly the less others leave of the hourly budget. Asked for once in a while, one request among hundreds;
    /// a database that does not tell is used at the usual pace.
    async fn mind_the_budget(&self, zone: &Zone) {
        {
            let mut asked = self.budget_asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.is_some_and(|at| at.elapsed() < BUDGET_HOLDS) {
                return;
            }
            *asked = Some(Instant::now());
        }
        let answer = self.send_to(zone, &Method::GET, "V1.0/ThresholdInformation", None).await;
        let Ok(threshold) = answer.and_then(|answer| judge(&answer)?.json::<Threshold>()) else { return };
        if threshold.external_request_threshold >= 1.0 {
            let used = threshold.current_timeframe_request_count / threshold.external_request_threshold;
            tracing::debug!(used, "asked for the hourly budget");
            self.caller.budget_used(used);
        }
    }

    async fn send_to(
        &self,
        zone: &Zone,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, CallError> {
        let mut call = Call::new(method.clone(), join(&zone.api, path)?).about(&object_of(path));
        if let Some(body) = body {
            call = call.json(body);
        }
        if *method == Method::GET || path.ends_with("/query") {
            call = call.repeatable();
        }
        self.caller.call(self.signed(call)?).await
    }

    fn signed(&self, call: Call) -> Result<Call, CallError> {
        let value = |text: &str, what: &str| {
            HeaderValue::from_str(text).map_err(|_| CallError::Denied {
                message: format!(
                    "The {what} holds characters that cannot be sent. Copy it again from Autotask."
                ),
            })
        };
        let mut secret = value(self.secret.expose(), "secret")?;
        secret.set_sensitive(true);
        Ok(call
            .header(
                HeaderName::from_static("apiintegrationcode"),
                value(&self.integration_code, "integration code")?,
            )
            .header(HeaderName::from_static("username"), value(&self.username, "user name")?)
            .header(HeaderName::from_static("secret"), secret))
    }

    /// Reads one entity; `None` where there is none with this id: `{"item":null}`, in some zones 404. An answer that does not
    /// speak of an item says nothing about whether there is one.
    pub async fn item<T: DeserializeOwned>(&self, entity: &str, id: i64) -> Result<Option<T>, CallError> {
        #[derive(Deserialize)]
        struct Item {
            item: Value,
        }
        match self.send(Method::GET, &format!("V1.0/{entity}/{id}"), None).await {
            Ok(answer) => {
                let Item { item } = answer.json()?;
                serde_json::from_value(item).map_err(|error| CallError::Malformed {
                    host: answer.host.clone(),
                    what: format!("an entry of {entity} is not as expected: {error}"),
                })
            }
            Err(CallError::Rejected { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.send(Method::GET, path, None).await?.json()
    }

    /// The first page of what matches, oldest id first, with these fields alone; whether there is more.
    pub async fn page<T: DeserializeOwned>(
        &self,
        entity: &str,
        conditions: &[Value],
        fields: &[&str],
    ) -> Result<(Vec<T>, bool), CallError> {
        #[derive(Deserialize)]
        struct Page<T> {
            items: Vec<T>,
        }
        let body = json!({ "maxRecords": PAGE, "includeFields": fields, "filter": conditions });
        let answer = self.send(Method::POST, &format!("V1.0/{entity}/query"), Some(&body)).await?;
        let Page { items } = answer.json()?;
        let has_more = items.len() >= PAGE;
        Ok((items, has_more))
    }

    /// Everything that matches, oldest id first, at most `pages` pages. Pages by id, since results always come in that order
    /// and the vendor's own page addresses need a POST with the same body again.
    pub async fn query<T: DeserializeOwned>(
        &self,
        entity: &str,
        conditions: &[Value],
        pages: usize,
    ) -> Result<Vec<T>, CallError> {
        #[derive(Deserialize)]
        struct Page {
            items: Vec<Value>,
        }
        let (mut found, mut last) = (Vec::new(), None::<i64>);
        for _ in 0..pages {
            let mut conditions = conditions.to_vec();
            conditions.extend(last.map(|last| filter("id", Op::Gt, last)));
            let body = json!({ "maxRecords": PAGE, "filter": conditions });
            let answer = self.send(Method::POST, &format!("V1.0/{entity}/query"), Some(&body)).await?;
            let page: Page = answer.json()?;
            let (count, before) = (page.items.len(), last);
            for item in page.items {
                last = item.get("id").and_then(super::super::lenient::int_of).or(last);
                found.push(serde_json::from_value(item).map_err(|error| CallError::Malformed {
                    host: answer.host.clone(),
                    what: format!("an entry of {entity} is not as expected: {error}"),
                })?);
            }
            if count < PAGE || last == before {
                break;
            }
        }
        Ok(found)
    }
}

/// The object whose threads a request uses: the entity of `V1.0/Tickets/7/Notes` and its child, which counts as its own.
fn object_of(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let words = path.split('/').skip(1).filter(|word| !word.bytes().any(|byte| byte.is_ascii_digit()));
    words.filter(|word| *word != "query").take(2).collect::<Vec<_>>().join("/")
}

fn join(base: &Url, path: &str) -> Result<Url, CallError> {
    base.join(path).map_err(|error| CallError::Forbidden { message: format!("{base}{path}: {error}") })
}

/// The texts of `{"errors":[…]}`; entries may be texts or objects with a message.
fn errors_of(answer: &Answer) -> Vec<String> {
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { return Vec::new() };
    let Some(errors) = body.get("errors").or_else(|| body.get("Errors")).and_then(Value::as_array) else {
        return Vec::new();
    };
    errors
        .iter()
        .filter_map(|error| match error {
            Value::String(text) => Some(text.clone()),
            Value::Object(object) => ["message", "Message", "detail"]
                .iter()
                .find_map(|key| object.get(*key).and_then(Value::as_str).map(str::to_owned)),
            _ => None,
        })
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|text| !text.is_empty())
        .collect()
}

/// What an answer means. Autotask reports business errors as 500 with texts, so those are told apart by their words.
fn judge(answer: &Answer) -> Result<&Answer, CallError> {
    let (host, status) = (answer.host.clone(), answer.status.as_u16());
    let errors = errors_of(answer);
    let said = errors.join(" ");
    let lower = said.to_lowercase();
    let throttled =
        || CallError::Throttled { host: host.clone(), after: Some(answer.retry_after().unwrap_or(THROTTLE)) };
    if status == 429 || String::from_utf8_lossy(&answer.body).contains("Itgenatr005") {
        return Err(throttled());
    }
    if !errors.is_empty() && lower.contains("threshold") {
        return Err(throttled());
    }
    match status {
        200..=299 if errors.is_empty() => complete(answer),
        200..=299 => Err(CallError::Rejected { status, message: said }),
        401 => Err(CallError::Denied {
            message: "Autotask refused the sign-in. Check user name, secret and integration code, and that the API user \
                      is active and not locked (Admin → Resources/Users)."
                .into(),
        }),
        403 => Err(CallError::Denied { message: lacking(&said) }),
        500 if lower.contains("adequate permission") => Err(CallError::Denied { message: lacking(&said) }),
        500 if !errors.is_empty() => Err(CallError::Rejected { status, message: said }),
        500..=599 => Err(CallError::Failed { host, status, after: answer.retry_after() }),
        _ if said.is_empty() => {
            Err(CallError::Rejected { status, message: format!("Autotask answered {status}: {}", answer.excerpt()) })
        }
        _ => Err(CallError::Rejected { status, message: said }),
    }
}

fn lacking(said: &str) -> String {
    let said = if said.is_empty() { String::new() } else { format!(" (“{said}”)") };
    format!(
        "The security level of the Autotask API user lacks a right{said}. Adjust it in Admin → Security levels."
    )
}

/// A success must be whole JSON: a body that breaks off is an answer lost on the way, another kind of page is not Autotask.
fn complete(answer: &Answer) -> Result<&Answer, CallError> {
    match serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body) {
        Ok(_) => Ok(answer),
        Err(error) if error.is_eof() => {
            Err(CallError::Unknown { host: answer.host.clone(), source: Some(Box::new(error)) })
        }
        Err(error) => Err(CallError::Malformed {
            host: answer.host.clone(),
            what: format!("not the JSON we expect: {error}"),
        }),
    }
}

/// For what is nice to have (names): a refusal counts as "not there", so that a narrow security level still works.
pub fn optional<T>(result: Result<Option<T>, CallError>) -> Result<Option<T>, CallError> {
    match result {
        Err(CallError::Denied { .. } | CallError::Rejected { .. }) => Ok(None),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderMap;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            host: "zone.test".into(),
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn an_answer_is_judged_by_its_status_and_its_words() {
        let cases = [
            (200, r#"{"itemId":5}"#, "fine"),
            (200, r#"{"errors":["Missing Required Field: title"]}"#, "rejected"),
            (200, r#"{"itemId":"#, "unknown"),
            (200, "", "unknown"),
            (200, "<html>sign in</html>", "malformed"),
            (401, "", "denied"),
            (403, "", "denied"),
            (404, "", "rejected"),
            (405, r#"{"Message":"The requested resource does not support http method"}"#, "rejected"),
            (429, "", "throttled"),
            (500, r#"{"errors":["Picklist value [99] does not exist for priority."]}"#, "rejected"),
            (500, r#"{"errors":[{"message":"Missing Required Field: title","field":"title"}]}"#, "rejected"),
            (
                500,
                r#"{"errors":["The logged in Resource does not have the adequate permissions to …"]}"#,
                "denied",
            ),
            (500, r#"{"errors":["Your request exceeded the THRESHOLD of 10000"]}"#, "throttled"),
            (500, "Itgenatr005 too many threads", "throttled"),
            (500, "<html>", "failed"),
            (500, r#"{"errors":[]}"#, "failed"),
            (502, "", "failed"),
            (503, "", "failed"),
        ];
        for (status, body, expected) in cases {
            let found = match judge(&answer(status, body)) {
                Ok(_) => "fine",
                Err(CallError::Unknown { .. }) => "unknown",
                Err(CallError::Throttled { .. }) => "throttled",
                Err(CallError::Denied { .. }) => "denied",
                Err(CallError::Rejected { .. }) => "rejected",
                Err(CallError::Failed { .. }) => "failed",
                Err(CallError::Malformed { .. }) => "malformed",
                Err(_) => "other",
            };
            assert_eq!(found, expected, "{status} {body}");
        }
    }

    #[test]
    fn error_words_are_shown_on_one_line() {
        let found = judge(&answer(500, r#"{"errors":["first\r\nline", "second"]}"#)).unwrap_err();
        assert_eq!(found.to_string(), "first line second");
    }
}
