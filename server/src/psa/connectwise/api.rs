//! Sending to the ConnectWise API: address, sign-in, and what its answers mean.

use super::site::Site;
use crate::outside::{Answer, Call, CallError, Caller};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::PsaSettings;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Works on premise and, by the developer guide's own examples, in the cloud.
const ANY_CODEBASE: &str = "v4_6_release";
/// Pins the model; without it the newest one answers.
const ACCEPT: &str = "application/vnd.connectwise.com+json; version=2025.1";
/// What the vendor asks for when a 429 comes without `Retry-After`.
const THROTTLE_PAUSE: Duration = Duration::from_secs(30);
/// The largest page the API gives.
pub(super) const MAX_PAGE: usize = 1000;

/// A permission of the API member's security role, as its screen names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permission {
    pub module: &'static str,
    /// The level people set: "Inquire: All".
    pub level: &'static str,
}

impl Permission {
    pub const READ_TICKETS: Self = Self { module: "Service Desk > Service Tickets", level: "Inquire: All" };
    pub const EDIT_TICKETS: Self = Self { module: "Service Desk > Service Tickets", level: "Edit: All" };
    pub const TABLE_SETUP: Self = Self { module: "System > Table Setup", level: "Inquire: All" };
    pub const MEMBERS: Self = Self { module: "System > Member Maintenance", level: "Inquire: All" };
    pub const COMPANIES: Self = Self { module: "Companies > Company Maintenance", level: "Inquire: All" };
    /// Which module grants callbacks is not documented; integrators who register them ask for these.
    pub const CALLBACKS: Self = Self {
        module: "System > Table Setup, and System > My Account,",
        level: "Add, Edit, Delete and Inquire: All",
    };
    pub const CONTACTS: Self = Self { module: "Companies > Contacts", level: "Inquire: All" };

    /// What to do about its absence.
    pub fn remedy(self) -> String {
        format!(
            "In ConnectWise open System > Security Roles, choose the role of the API member and set {} to {}.",
            self.module, self.level
        )
    }
}

/// What one request asks for, below `/apis/3.0/`.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    pub method: Method,
    pub path: &'a [&'a str],
    pub query: Vec<(&'static str, String)>,
    pub body: Option<&'a Value>,
    pub needs: Permission,
}

impl<'a> Ask<'a> {
    pub fn get(path: &'a [&'a str], needs: Permission) -> Self {
        Self { method: Method::GET, path, query: Vec::new(), body: None, needs }
    }
    pub fn send(method: Method, path: &'a [&'a str], body: &'a Value, needs: Permission) -> Self {
        Self { method, path, query: Vec::new(), body: Some(body), needs }
    }
    pub fn remove(path: &'a [&'a str], needs: Permission) -> Self {
        Self { method: Method::DELETE, path, query: Vec::new(), body: None, needs }
    }
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }
}

/// What a site tells about itself before signing in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompanyInfo {
    #[serde(default)]
    pub company_name: String,
    #[serde(default)]
    pub codebase: String,
}

/// One site with one API member's keys.
pub(super) struct Api {
    caller: Caller,
    /// The reason where the entered address makes no sense.
    site: Result<Site, String>,
    company: String,
    sign_in: HeaderMap,
    /// Changes with each upgrade of the site; read once, and again when a call is not routed.
    codebase: Mutex<Option<String>>,
    pub timeout: Option<Duration>,
}

impl Api {
    pub fn new(settings: &PsaSettings, caller: Caller) -> Self {
        let PsaSettings::ConnectWise { site, company_id, public_key, private_key, client_id } = settings
        else {
            let site = Err("these are not the settings of a ConnectWise connection".to_owned());
            return Self {
                caller,
                site,
                company: String::new(),
                sign_in: HeaderMap::new(),
                codebase: Mutex::default(),
                timeout: None,
            };
        };
        let sign_in = sign_in(company_id, public_key, private_key.expose(), client_id);
        Self {
            caller,
            site: Site::parse(site).map_err(|error| error.to_string()),
            company: company_id.trim().to_owned(),
            sign_in,
            codebase: Mutex::default(),
            timeout: None,
        }
    }

    pub fn site(&self) -> Result<&Site, CallError> {
        self.site.as_ref().map_err(|message| CallError::Forbidden { message: message.clone() })
    }

    pub fn company(&self) -> &str {
        &self.company
    }

    /// Reads what the site tells about the company id. `Ok(None)`: the site does not know it.
    pub async fn company_info(&self) -> Result<Option<CompanyInfo>, CallError> {
        let url = address(&self.site()?.screens, &["login", "companyinfo", &self.company]);
        let answer = self.caller.call(Call::get(url)).await?;
        match answer.status.as_u16() {
            200 => answer.json(),
            429 => Err(throttled(&answer)),
            500.. => Err(failed(&answer)),
            status => Err(CallError::Rejected {
                status,
                message: format!(
                    "{} has no company information page; is this a ConnectWise site?",
                    answer.host
                ),
            }),
        }
    }

    /// Sends and judges; any answer but a success is an error.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answer, CallError> {
        let needs = ask.needs;
        judge(self.send(ask).await?, needs)
    }

    /// As [`ask`](Self::ask); `Ok(None)` where the record is not there (any more).
    pub async fn find(&self, ask: Ask<'_>) -> Result<Option<Answer>, CallError> {
        let needs = ask.needs;
        let answer = self.send(ask).await?;
        if is_no_record(&answer) { Ok(None) } else { judge(answer, needs).map(Some) }
    }

    /// Every row of a list, at most `most`.
    pub async fn list<T: DeserializeOwned>(&self, ask: Ask<'_>, most: usize) -> Result<Vec<T>, CallError> {
        let size = most.min(MAX_PAGE);
        let mut rows: Vec<T> = Vec::new();
        for page in 1.. {
            let answer = self.ask(ask.clone().with("pageSize", size).with("page", page)).await?;
            let fresh: Vec<T> = answer.json()?;
            let is_last = fresh.is_empty() || !has_next(&answer);
            rows.extend(fresh);
            if is_last || rows.len() >= most {
                break;
            }
        }
        rows.truncate(most);
        Ok(rows)
    }

    /// Sends, whatever the answer; a codebase that went out of use is learnt anew and the call repeated once. That is
    /// safe for writes too: a call that was not routed did nothing.
    pub async fn send(&self, ask: Ask<'_>) -> Result<Answer, CallError> {
        let codebase = self.known_codebase().await?;
        let answer = self.send_to(&codebase, &ask).await?;
        if !is_unrouted(&answer) {
            return Ok(answer);
        }
        let fresh = self.read_codebase().await?;
        if fresh == codebase { Ok(answer) } else { self.send_to(&fresh, &ask).await }
    }

    async fn send_to(&self, codebase: &str, ask: &Ask<'_>) -> Result<Answer, CallError> {
        let path: Vec<&str> = [codebase, "apis", "3.0"].into_iter().chain(ask.path.iter().copied()).collect();
        let mut url = address(&self.site()?.api, &path);
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(ask.query.iter().map(|(name, value)| (*name, value.as_str())));
        }
        let mut call =
            if ask.method == Method::GET { Call::get(url) } else { Call::new(ask.method.clone(), url) };
        call.headers.extend(self.sign_in.clone());
        if let Some(body) = ask.body {
            call = call.json(body);
        }
        call.timeout = self.timeout.unwrap_or(call.timeout);
        self.caller.call(call).await
    }

    async fn known_codebase(&self) -> Result<String, CallError> {
        let known = self.codebase.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(codebase) => Ok(codebase),
            None => self.read_codebase().await,
        }
    }

    /// Where the site says nothing usable, the codebase that works everywhere is taken for this once.
    async fn read_codebase(&self) -> Result<String, CallError> {
        match self.company_info().await {
            Ok(Some(info)) => {
                let codebase = clean_codebase(&info.codebase).to_owned();
                *self.codebase.lock().unwrap_or_else(PoisonError::into_inner) = Some(codebase.clone());
                Ok(codebase)
            }
            Ok(None) => Err(unknown_company(&self.company)),
            Err(error @ (CallError::Forbidden { .. } | CallError::Unreachable { .. })) => Err(error),
            Err(_) => Ok(ANY_CODEBASE.to_owned()),
        }
    }
}

/// The headers of every call.
pub(super) fn sign_in(company: &str, public_key: &str, private_key: &str, client_id: &str) -> HeaderMap {
    let pair = format!("{}+{}:{}", company.trim(), public_key.trim(), private_key.trim());
    let mut headers = HeaderMap::new();
    // What a header cannot carry is left out, and the site answers that it is missing.
    if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))) {
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    if let Ok(value) = HeaderValue::from_str(client_id.trim()) {
        headers.insert(HeaderName::from_static("clientid"), value);
    }
    headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
    headers
}

fn address(origin: &Url, segments: &[&str]) -> Url {
    let mut url = origin.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(segments);
    }
    url
}

/// A site's word becomes part of an address, so only a plain one is taken.
fn clean_codebase(text: &str) -> &str {
    let name = text.trim_matches('/');
    let is_plain = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    if is_plain && !name.starts_with('.') { name } else { ANY_CODEBASE }
}

pub(super) fn has_next(answer: &Answer) -> bool {
    let links = answer.headers.get_all(header::LINK).iter();
    links.filter_map(|value| value.to_str().ok()).any(|value| value.contains("rel=\"next\""))
}

/// The documented error body; 429 says `error` where the others say `code`.
#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default, alias = "error")]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    errors: Option<Vec<Detail>>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    field: Option<String>,
}

impl Problem {
    fn read(answer: &Answer) -> Option<Self> {
        serde_json::from_slice(&answer.body).ok()
    }
    /// ConnectWise's own words; those about single fields say more than the one above them.
    fn words(&self) -> String {
        let details: Vec<String> = self
            .errors
            .iter()
            .flatten()
            .filter_map(|detail| match (&detail.message, &detail.field) {
                (Some(message), Some(field)) => Some(format!("{message} ({field})")),
                (message, field) => message.clone().or(field.clone()),
            })
            .collect();
        let words =
            if details.is_empty() { self.message.clone().unwrap_or_default() } else { details.join("; ") };
        words.chars().take(400).collect()
    }
}

/// The gateway in front of the API answers plain text when codebase or company are wrong; an upgrade shows as a 404
/// that is not about a record.
fn is_unrouted(answer: &Answer) -> bool {
    match answer.status {
        StatusCode::BAD_REQUEST => String::from_utf8_lossy(&answer.body).contains("Cannot route"),
        StatusCode::NOT_FOUND => !is_no_record(answer),
        _ => false,
    }
}

fn is_no_record(answer: &Answer) -> bool {
    let is_record =
        || Problem::read(answer).and_then(|problem| problem.code).is_some_and(|code| code == "NotFound");
    answer.status == StatusCode::NOT_FOUND && is_record()
}

fn unknown_company(company: &str) -> CallError {
    CallError::Denied {
        message: format!(
            "ConnectWise does not know the company id “{company}”. Enter the one you sign in with."
        ),
    }
}

/// Passes a success on and says what anything else means.
pub(super) fn judge(answer: Answer, needs: Permission) -> Result<Answer, CallError> {
    let status = answer.status.as_u16();
    let denied = |message: String| Err(CallError::Denied { message });
    match status {
        200..=299 => Ok(answer),
        401 => denied(
            "ConnectWise refused the keys. Check company id, public key, private key and client id, and that the API \
             member is active."
                .into(),
        ),
        403 => denied(format!("The API member may not do this. {}", needs.remedy())),
        _ if is_unrouted(&answer) && status == 400 => denied(
            "ConnectWise cannot route the call: the site address or the company id is wrong. Enter the address you \
             sign in at and the company id you sign in with."
                .into(),
        ),
        429 => Err(throttled(&answer)),
        // A record in use, or another conflict that passes; whether anything was saved is not said.
        409 | 500.. => Err(failed(&answer)),
        400..=499 => refused(&answer),
        _ => Err(CallError::Malformed { host: answer.host, what: format!("it answered with status {status}") }),
    }
}

fn refused(answer: &Answer) -> Result<Answer, CallError> {
    let status = answer.status.as_u16();
    let Some(problem) = Problem::read(answer) else {
        let message =
            format!("ConnectWise refused the request with status {status} and no reason we can read.");
        return Err(CallError::Rejected { status, message });
    };
    let words = problem.words();
    // Seen where a cloud site is called without `api-` in its name, or over http.
    if problem.code.as_deref() == Some("Security") {
        let message = format!(
            "ConnectWise does not take calls at this address ({words}). Enter the site's https address."
        );
        return Err(CallError::Denied { message });
    }
    Err(CallError::Rejected { status, message: format!("ConnectWise refused: {words}") })
}

fn throttled(answer: &Answer) -> CallError {
    CallError::Throttled {
        host: answer.host.clone(),
        after: Some(answer.retry_after().unwrap_or(THROTTLE_PAUSE)),
    }
}

fn failed(answer: &Answer) -> CallError {
    CallError::Failed {
        host: answer.host.clone(),
        status: answer.status.as_u16(),
        after: answer.retry_after(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_codebase_becomes_part_of_an_address() {
        for (told, used) in [
            ("v2025_1/", "v2025_1"),
            ("v4_6_release/", "v4_6_release"),
            ("", ANY_CODEBASE),
            ("../../evil", ANY_CODEBASE),
            ("..", ANY_CODEBASE),
            ("a/b", ANY_CODEBASE),
            ("v1?x=", ANY_CODEBASE),
        ] {
            assert_eq!(clean_codebase(told), used, "{told}");
        }
    }

    #[test]
    fn what_a_customer_entered_with_spaces_still_signs_in() {
        let headers = sign_in(" acme ", "pub\n", " priv", " guid ");
        assert_eq!(headers[header::AUTHORIZATION], format!("Basic {}", STANDARD.encode("acme+pub:priv")));
        assert_eq!(headers["clientid"], "guid");
        assert!(headers[header::AUTHORIZATION].is_sensitive(), "the keys would show in a debug line");
    }
}
