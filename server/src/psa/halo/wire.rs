//! Halo's transport: addresses as people copy them, the token, what a status means.

use super::super::kept::Kept;
use super::super::lenient;
use crate::outside::{Answer, Call, CallError, Caller};
use domain::Secret;
use http::{HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const DOOR_HOLDS: Duration = Duration::from_secs(12 * 3600);
/// What clients assume where the answer does not say.
const TOKEN_HOLDS: Duration = Duration::from_secs(3600);
/// A token is not used in its last minute: it could end on the way. One that lasts under two is used half its time.
const TOKEN_MARGIN: Duration = Duration::from_secs(60);
/// `Retry-After` is not promised; integrators start with this.
const THROTTLE: Duration = Duration::from_secs(5);

/// Where one tenant signs in.
#[derive(Debug)]
pub struct Door {
    /// `https://acme.halopsa.com/auth/token?tenant=acme`.
    pub token: Url,
    /// `authinfo` answered; otherwise the usual address is taken.
    pub is_told: bool,
}

/// What the application may do, in the token's own words.
#[derive(Debug)]
pub struct Token {
    header: HeaderValue,
    /// Space-separated; empty where the answer does not say.
    pub scope: String,
}

/// One API application's way into Halo.
pub struct Session {
    caller: Caller,
    /// `https://acme.halopsa.com/`, or why the given text is no address.
    base: Result<Url, String>,
    client_id: String,
    client_secret: Secret,
    tenant: Option<String>,
    auth: Option<String>,
    door: Kept<Door>,
    token: Kept<Token>,
}

#[derive(Default, Deserialize)]
struct AuthInfo {
    #[serde(default, deserialize_with = "lenient::text")]
    auth_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    tenant_id: Option<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default, deserialize_with = "lenient::int")]
    expires_in: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    scope: Option<String>,
}

impl Session {
    pub fn new(
        caller: Caller,
        url: &str,
        client_id: String,
        client_secret: Secret,
        tenant: Option<String>,
        auth: Option<String>,
    ) -> Self {
        let given =
            |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Self {
            caller,
            base: address(url, &["/api"]),
            client_id,
            client_secret,
            tenant: given(tenant),
            auth: given(auth),
            door: Kept::default(),
            token: Kept::default(),
        }
    }

    /// Where people open Halo; ends with a slash.
    pub fn base(&self) -> Result<&Url, CallError> {
        self.base.as_ref().map_err(|message| CallError::Forbidden { message: message.clone() })
    }

    /// Where to get a token: as the tenant says, otherwise as Halo says, otherwise where hosted ones have it.
    pub async fn door(&self) -> Result<Arc<Door>, CallError> {
        self.door.get(async { Ok((self.find_door().await?, DOOR_HOLDS)) }).await
    }

    async fn find_door(&self) -> Result<Door, CallError> {
        let base = self.base()?;
        let told = match (&self.auth, &self.tenant) {
            (Some(_), Some(_)) => None,
            _ => self.ask_door(base).await?,
        };
        let is_told = told.is_some();
        let told = told.unwrap_or_default();
        let auth = match self.auth.as_deref().or(told.auth_url.as_deref()) {
            Some(text) => address(text, &["/auth", "/auth/token"])
                .map_err(|message| CallError::Forbidden { message })?,
            None => base.clone(),
        };
        if base.scheme() == "https" && auth.scheme() != "https" {
            return Err(CallError::Forbidden {
                message: format!("Halo names {auth} to sign in at, which is not https."),
            });
        }
        let mut token = join(&auth, "auth/token")?;
        if let Some(tenant) = self.tenant.as_ref().or(told.tenant_id.as_ref()) {
            token.query_pairs_mut().append_pair("tenant", tenant);
        }
        Ok(Door { token, is_told })
    }

    /// Asks Halo itself; one that does not say is no failure.
    async fn ask_door(&self, base: &Url) -> Result<Option<AuthInfo>, CallError> {
        let answer = self.caller.call(Call::get(join(base, "api/authinfo")?)).await?;
        Ok(answer.status.is_success().then(|| answer.json().ok()).flatten())
    }

    /// The token in use, fetched when there is none or it is about to end.
    pub async fn token(&self) -> Result<Arc<Token>, CallError> {
        self.token.get(self.fetch_token()).await
    }

    async fn fetch_token(&self) -> Result<(Token, Duration), CallError> {
        let door = self.door().await?;
        let call = Call::new(Method::POST, door.token.clone()).form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose()),
            ("scope", "all"),
        ]);
        let answer = self.caller.call(call.repeatable()).await?;
        if matches!(answer.status.as_u16(), 400 | 401 | 403) {
            return Err(CallError::Denied { message: sign_in_refused(&answer) });
        }
        if answer.status == StatusCode::NOT_FOUND {
            // Not a refusal with status 404: that is how a missing ticket looks.
            return Err(CallError::Denied {
                message: format!(
                    "There is no sign-in at {}. Copy the Authorisation Server from Configuration → Integrations → Halo API.",
                    door.token
                ),
            });
        }
        let token: TokenAnswer = judge(&answer)?.json()?;
        let mut header = HeaderValue::from_str(&format!("Bearer {}", token.access_token)).map_err(|_| {
            CallError::Malformed { host: answer.host.clone(), what: "a token that cannot be sent".into() }
        })?;
        header.set_sensitive(true);
        let lasts = token.expires_in.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        let lasts = lasts.unwrap_or(TOKEN_HOLDS);
        let holds = lasts.saturating_sub(TOKEN_MARGIN).max(lasts / 2);
        Ok((Token { header, scope: token.scope.unwrap_or_default() }, holds))
    }

    /// Sends one request below `/api/` and judges the answer. A 401 or 403 gets one more try with a new token: rights live
    /// in the token, and an administrator may just have granted one.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, CallError> {
        let mut url = join(self.base()?, &format!("api/{path}"))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut call = Call::new(method, url);
        if let Some(body) = body {
            call = call
                .json(body)
                .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        } else {
            call = call.repeatable();
        }
        let token = self.token().await?;
        let mut answer =
            self.caller.call(call.clone().header(header::AUTHORIZATION, token.header.clone())).await?;
        if matches!(answer.status.as_u16(), 401 | 403) {
            self.token.forget_this(&token).await;
            let token = self.token().await?;
            answer = self.caller.call(call.header(header::AUTHORIZATION, token.header.clone())).await?;
        }
        judge(&answer)?;
        Ok(answer)
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, CallError> {
        self.send(Method::GET, path, query, None).await?.json()
    }

    /// A list, whether bare or wrapped under `key`; entries that cannot be read are left out.
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        key: &str,
    ) -> Result<Vec<T>, CallError> {
        let answer = self.send(Method::GET, path, query, None).await?;
        let body: Value = answer.json()?;
        let entries = body.as_array().or_else(|| body.get(key).and_then(Value::as_array));
        let entries = entries.ok_or_else(|| CallError::Malformed {
            host: answer.host.clone(),
            what: format!("no list of {key} in it"),
        })?;
        Ok(entries.iter().filter_map(|entry| serde_json::from_value(entry.clone()).ok()).collect())
    }
}

/// An address as people copy it: without scheme, with one of `ends`, with a slash or none. The result ends with a slash.
fn address(text: &str, ends: &[&str]) -> Result<Url, String> {
    let text = text.trim();
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let mut url = Url::parse(&full).map_err(|error| format!("“{text}” is not an address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("“{text}” is not a web address"));
    }
    url.set_query(None);
    url.set_fragment(None);
    let mut path = url.path().trim_end_matches('/').to_owned();
    if let Some(end) = ends.iter().find(|end| path.to_ascii_lowercase().ends_with(*end)) {
        path.truncate(path.len() - end.len());
    }
    url.set_path(&format!("{path}/"));
    Ok(url)
}

fn join(base: &Url, path: &str) -> Result<Url, CallError> {
    base.join(path).map_err(|error| CallError::Forbidden { message: format!("{base}{path}: {error}") })
}

/// OAuth's words for a refused sign-in, and what to do about them.
fn sign_in_refused(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let advice = match body.get("error").and_then(Value::as_str) {
        Some("invalid_scope") => "allow the scope “all” in the application's permissions",
        Some("unauthorized_client" | "unsupported_grant_type") => {
            "set the application's authentication method to “Client ID and Secret (Services)”"
        }
        Some("invalid_tenant") => "check the tenant name",
        _ => "check client id, client secret and tenant, and that the application is active",
    };
    format!(
        "Halo refused the sign-in; {advice} (Configuration → Integrations → Halo API → View Applications)."
    )
}

/// The words of an error, in whichever of the shapes Halo has for it.
fn words_of(answer: &Answer) -> String {
    let text = match serde_json::from_slice::<Value>(&answer.body) {
        Ok(Value::Object(object)) => {
            let keys = ["message", "errormessage", "error_description", "error"];
            let find = |wanted: &str| {
                object.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
            };
            keys.iter().find_map(|key| find(key)?.as_str().map(str::to_owned)).unwrap_or_default()
        }
        Ok(Value::String(text)) => text,
        Ok(_) => String::new(),
        Err(_) if answer.body.trim_ascii_start().starts_with(b"<") => String::new(),
        Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

/// What an answer means. 400 is Halo's word for everything it does not want to do, missing rights included.
fn judge(answer: &Answer) -> Result<&Answer, CallError> {
    let (host, status) = (answer.host.clone(), answer.status.as_u16());
    let said = words_of(answer);
    match status {
        200..=299 => complete(answer),
        400 if said.to_lowercase().contains("deadlock") => Err(CallError::Failed { host, status, after: None }),
        401 => Err(CallError::Denied {
            message: "Halo refused a new token. Check that the application and its agent are active.".into(),
        }),
        403 => Err(CallError::Denied {
            message: "Halo says no: the application lacks a scope (recommended: “all”), or its agent lacks a permission \
                      (Configuration → Teams & Agents)."
                .into(),
        }),
        429 => Err(CallError::Throttled { host, after: Some(answer.retry_after().unwrap_or(THROTTLE)) }),
        500..=599 => Err(CallError::Failed { host, status, after: answer.retry_after() }),
        404 if said.is_empty() => Err(CallError::Rejected { status, message: "Halo has no such thing (404).".into() }),
        _ if said.is_empty() => Err(CallError::Rejected { status, message: format!("Halo answered {status}.") }),
        _ => Err(CallError::Rejected { status, message: said }),
    }
}

/// A success must be whole JSON: a body that breaks off is an answer lost on the way, another kind of page is not Halo.
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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderMap;

    #[test]
    fn addresses_are_taken_as_people_copy_them() {
        let cases = [
            ("https://acme.halopsa.com/api", Some("https://acme.halopsa.com/")),
            ("acme.halopsa.com", Some("https://acme.halopsa.com/")),
            ("https://acme.halopsa.com/API/", Some("https://acme.halopsa.com/")),
            ("https://msp.example/halo/api/", Some("https://msp.example/halo/")),
            (" http://127.0.0.1:8080 ", Some("http://127.0.0.1:8080/")),
            ("ftp://acme.halopsa.com", None),
            ("", None),
            ("two words", None),
        ];
        for (text, expected) in cases {
            assert_eq!(address(text, &["/api"]).ok().as_ref().map(Url::as_str), expected, "{text}");
        }
        for text in ["https://a.example/auth", "a.example/auth/token", "https://a.example/"] {
            assert_eq!(
                address(text, &["/auth", "/auth/token"]).unwrap().as_str(),
                "https://a.example/",
                "{text}"
            );
        }
    }

    #[test]
    fn the_words_of_an_error_are_found_in_all_its_shapes() {
        let cases = [
            (
                r#"{"ClassName":"System.Exception","Message":"An Outcome must be entered","Data":null}"#,
                "An Outcome must be entered",
            ),
            (r#"{"message":"no"}"#, "no"),
            (r#"{"resultCode":3,"errorMessage":"bad"}"#, "bad"),
            (r#"{"error":"invalid"}"#, "invalid"),
            (r#""just a text""#, "just a text"),
            ("plain\r\n text", "plain text"),
            ("<html><body>x</body></html>", ""),
            ("", ""),
        ];
        for (body, expected) in cases {
            let body = Bytes::copy_from_slice(body.as_bytes());
            let answer =
                Answer { host: "h".into(), status: StatusCode::BAD_REQUEST, headers: HeaderMap::new(), body };
            assert_eq!(words_of(&answer), expected);
        }
    }
}
