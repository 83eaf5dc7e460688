//! Callbacks: is a call really from the tenant's ConnectWise, and what does it tell.
//!
//! The signature is base64 of HMAC-SHA256 over the raw body, keyed with SHA-256 of a text that the site hands out at the
//! body's own `Metadata.key_url`. That address comes from the caller, so it is vetted before it is asked: the tenant's own
//! site or a known cloud host, and for the tenant's own company only, since many companies share a cloud host.
//! Sources: ConnectWise developer guide, "Callbacks, verifying"; the same in Nango's and connectwise-rest's receivers.

use super::api;
use super::records::is_foreign;
use super::site::{KeyHost, Site};
use crate::outside::{Call, CallError, Limits};
use crate::psa::{HookContext, HookError, HookEvent, HookMeaning, Hooked};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::PsaSettings;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

const SIGNATURE: &str = "x-content-signature";
/// ConnectWise gives a receiver five seconds; half of it is for the key.
const KEY_PATIENCE: Duration = Duration::from_millis(2_500);
const KEY_TIMEOUT: Duration = Duration::from_millis(2_000);
/// A key answer is one short line.
const KEY_BYTES: usize = 64 << 10;
const KEY_LIMITS: Limits = Limits { parallel: 4, requests: 60, per: Duration::from_secs(60) };
/// Where the vendor's own calls say keys are; only there our credentials may go.
const KEY_PATH: &str = "/system/callbackkey/index.rails";
/// A key that does not fit is asked for again, but not more often than this.
const REFETCH_AFTER: Duration = Duration::from_secs(60);
const KEY_LASTS: Duration = Duration::from_secs(24 * 60 * 60);
/// How long "there is no such key" and "nobody answers" are believed.
const ABSENCE_LASTS: Duration = Duration::from_secs(30);
const SILENCE_LASTS: Duration = Duration::from_secs(5);
const KEYS_KEPT: usize = 10_000;

/// Verifies a call and tells what it means; see [`crate::psa::read_hook`]. A call that came while the key server could not
/// be asked is accepted as not verified; reading it once more checks it.
pub async fn read_hook(context: &HookContext<'_>) -> Result<Hooked, HookError> {
    let (envelope, verified) = check(context).await?;
    let event = envelope.event(context.query)?;
    Ok(Hooked { events: vec![event], verified })
}

/// A callback's body, in the product's own spelling.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    company_id: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default, rename = "ID")]
    id: Option<Value>,
    /// The record as JSON in a string; `null` when it was deleted.
    #[serde(default)]
    entity: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    key_url: Option<String>,
}

/// What is read of an entity; everything else is read fresh from the API.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entity {
    #[serde(default)]
    record_type: Option<String>,
    #[serde(default, rename = "_info")]
    info: Option<EntityInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntityInfo {
    #[serde(default)]
    last_updated: Option<String>,
}

impl Envelope {
    fn parse(context: &HookContext<'_>) -> Result<Self, HookError> {
        let malformed = |why: &str| HookError::Malformed(why.to_owned());
        let value: Value =
            serde_json::from_slice(context.body).map_err(|_| malformed("The body is not JSON."))?;
        if !value.is_object() {
            return Err(malformed("The body is not a JSON object."));
        }
        if is_integrator_login(&value, context.query) {
            return Err(malformed(
                "This is a call of the old kind, set up under Setup Tables > Integrator Login. Set up a callback of the \
                 REST API (type ticket, level owner) with this address instead.",
            ));
        }
        serde_json::from_value(value).map_err(|error| {
            // It repeats what stands in the wrong place, however long that is.
            let why: String = error.to_string().chars().take(200).collect();
            HookError::Malformed(format!("The body is not a callback: {why}."))
        })
    }

    fn event(&self, query: Option<&str>) -> Result<HookEvent, HookError> {
        let missing = |what: &str| HookError::Malformed(format!("{what} is missing."));
        let kind = self.r#type.as_deref().ok_or_else(|| missing("Type"))?.to_lowercase();
        let action = self.action.as_deref().ok_or_else(|| missing("Action"))?.to_lowercase();
        let id = match &self.id {
            Some(Value::Number(id)) if id.as_u64().is_some_and(|id| id > 0) => id.to_string(),
            Some(Value::String(id)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => {
                id.clone()
            }
            _ => return Err(HookError::Malformed("ID, the number of the ticket, is missing.".into())),
        };
        check_query(query.unwrap_or_default(), &id, &action)?;
        let entity: Entity =
            self.entity.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let other = |ticket: Option<String>, reason: String| HookMeaning::Other { ticket, reason };
        let meaning = match (kind.as_str(), action.as_str()) {
            ("ticket", "added") if is_foreign(entity.record_type.as_deref()) => {
                other(Some(id.clone()), "a project ticket".into())
            }
            ("ticket", "added") => HookMeaning::Created { ticket: id.clone() },
            ("ticket", "updated") => other(Some(id.clone()), "update of a ticket".into()),
            ("ticket", "deleted") => other(Some(id.clone()), "deletion of a ticket".into()),
            ("ticket", unknown) => other(Some(id.clone()), format!("unknown action “{unknown}” on a ticket")),
            (kind, _) => other(None, format!("event about another kind of record ({kind})")),
        };
        Ok(HookEvent { dedupe_key: self.dedupe_key(&kind, &action, &id, &entity), meaning })
    }

    /// Two callbacks may tell of one creation, and whether a repeat keeps its message id is not documented; so a creation
    /// is recognised by the record and its time alone. Other events can share a second and are told apart by message.
    fn dedupe_key(&self, kind: &str, action: &str, id: &str, entity: &Entity) -> String {
        let time = entity.info.as_ref().and_then(|info| info.last_updated.as_deref());
        let message = self.message_id.as_deref().unwrap_or_default();
        match (action, time) {
            ("added", Some(time)) => format!("connectwise {kind} {id} {action} {time}"),
            (_, time) => format!("connectwise {kind} {id} {action} {} {message}", time.unwrap_or("-")),
        }
    }
}

/// The vendor's older product sends flat bodies of another make, unsigned.
fn is_integrator_login(body: &Value, query: Option<&str>) -> bool {
    let is_callback = body.get("MessageId").is_some() || body.get("Metadata").is_some();
    let flat =
        ["BoardName", "StatusName", "EnteredDateUTC", "Summary"].iter().any(|name| body.get(*name).is_some());
    let entity = body.get("Entity").is_some_and(Value::is_object);
    let old_query = ["isProblemDescription=", "isInternalAnalysis=", "srDetailRecId="];
    let by_query = query.is_some_and(|query| old_query.iter().any(|name| query.contains(name)));
    !is_callback && (flat || entity || by_query)
}

/// ConnectWise appends the record's id and the action to the registered address. The id's name is the administrator's
/// choice; ours is `recordId`.
fn check_query(query: &str, id: &str, action: &str) -> Result<(), HookError> {
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let differs = match name.to_lowercase().as_str() {
            "recordid" => value != id,
            "action" => !value.eq_ignore_ascii_case(action),
            _ => false,
        };
        if differs {
            let message = format!("{name} in the address does not match the body.");
            return Err(HookError::Malformed(message));
        }
    }
    Ok(())
}

async fn check(context: &HookContext<'_>) -> Result<(Envelope, bool), HookError> {
    let envelope = Envelope::parse(context)?;
    let signature = context
        .headers
        .get(SIGNATURE)
        .ok_or(HookError::Unauthorised("the x-content-signature header is missing"))?
        .to_str()
        .ok()
        .and_then(|text| STANDARD.decode(text.trim()).ok())
        .ok_or(HookError::Unauthorised("the x-content-signature header is not a signature"))?;
    let source = KeySource::vet(context, &envelope)?;
    let mut refused = None;
    loop {
        match source.key(refused).await {
            Known::Key(key) if fits(&key, context.body, &signature) => return Ok((envelope, true)),
            // The site may have changed its key since: ask once more, where that is due.
            Known::Key(key) if refused.is_none() => refused = Some(key),
            Known::Key(_) => {
                return Err(HookError::Unauthorised("the x-content-signature header does not fit the body"));
            }
            Known::Absent => return Err(HookError::Unauthorised("the key of the signature does not exist")),
            Known::Silent => return Ok((envelope, false)),
        }
    }
}

pub(in crate::psa) type Key = [u8; 32];

/// In constant time.
fn fits(key: &Key, body: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

/// What is known about the key at one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Key(Key),
    /// The site says there is none.
    Absent,
    /// The site cannot be asked.
    Silent,
}

impl Known {
    fn lasts(self) -> Duration {
        match self {
            Self::Key(_) => KEY_LASTS,
            Self::Absent => ABSENCE_LASTS,
            Self::Silent => SILENCE_LASTS,
        }
    }
}

/// What was learnt at one address. Silence is kept beside it: a key is worth more than the news that its server is down.
#[derive(Default)]
struct Memory {
    learnt: Option<(Known, Instant)>,
    silent_since: Option<Instant>,
}

impl Memory {
    /// `None`: the site is to be asked. `refused` is a key that does not fit.
    fn recall(&self, refused: Option<Key>) -> Option<Known> {
        if let Some((known, at)) = self.learnt {
            let is_refused = refused.is_some_and(|refused| known == Known::Key(refused));
            if at.elapsed() < if is_refused { REFETCH_AFTER } else { known.lasts() } {
                return Some(known);
            }
        }
        let is_silent = self.silent_since.is_some_and(|since| since.elapsed() < SILENCE_LASTS);
        is_silent.then_some(Known::Silent)
    }

    fn keep(&mut self, known: Known) {
        match known {
            Known::Silent => self.silent_since = Some(Instant::now()),
            Known::Key(_) | Known::Absent => self.learnt = Some((known, Instant::now())),
        }
    }

    fn has_key(&self) -> bool {
        matches!(self.learnt, Some((Known::Key(_), _)))
    }
}

/// Locked while the site is asked, so that many calls at once ask once.
type Slot = Arc<tokio::sync::Mutex<Memory>>;

/// The keys of this process, by lane and address. Not in a context of its own: a key is the site's, may be forgotten at any
/// time, and is of use to nobody without the address.
static KEYS: LazyLock<Mutex<HashMap<(String, String), Slot>>> = LazyLock::new(Mutex::default);

fn slot(lane: &str, url: &Url) -> Slot {
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    if keys.len() >= KEYS_KEPT {
        // Whoever sends made-up addresses fills the table with absences; true keys are few and soon asked for again.
        keys.retain(|_, slot| slot.try_lock().is_ok_and(|memory| memory.has_key()));
        if keys.len() >= KEYS_KEPT {
            keys.clear();
        }
    }
    keys.entry((lane.to_owned(), url.to_string())).or_default().clone()
}

/// Lets a test go without the site.
#[cfg(test)]
pub(in crate::psa) async fn know_key(lane: &str, url: &str, key: Key) {
    let url = url.parse().expect("an address");
    slot(lane, &url).lock().await.keep(Known::Key(key));
}

/// A vetted place to get the key of one call from.
struct KeySource<'a> {
    context: &'a HookContext<'a>,
    url: Url,
    /// For a second try where the site wants to know who asks; only ever sent to the tenant's own site.
    sign_in: Option<HeaderMap>,
    client_id: &'a str,
}

impl<'a> KeySource<'a> {
    fn vet(context: &'a HookContext<'a>, envelope: &Envelope) -> Result<Self, HookError> {
        let Some(PsaSettings::ConnectWise { site, company_id, public_key, private_key, client_id }) =
            context.settings
        else {
            return Err(HookError::Unauthorised(
                "there is no ConnectWise connection to check the signature with",
            ));
        };
        let address = envelope.metadata.as_ref().and_then(|metadata| metadata.key_url.as_deref());
        let address = address.ok_or_else(|| HookError::Malformed("Metadata.key_url is missing.".into()))?;
        let foreign = HookError::Unauthorised("the key's address does not belong to this ConnectWise site");
        let Ok(url) = context.outside.check(address) else { return Err(foreign) };
        let has_extras = !url.username().is_empty() || url.password().is_some() || url.fragment().is_some();
        let Ok(site) = Site::parse(site) else { return Err(foreign) };
        let owner = site.serves_keys(&url);
        if has_extras || owner == KeyHost::Foreign {
            return Err(foreign);
        }
        let is_ours = |name: &str| name.trim().eq_ignore_ascii_case(company_id.trim());
        let named = url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("companyName"));
        let key_is_ours = match &named {
            Some((_, company)) => is_ours(company),
            // A host of one's own may leave it out; on a shared one it is what tells companies apart.
            None => owner == KeyHost::Own && site.screens.host_str() == site.api.host_str(),
        };
        if !key_is_ours || !envelope.company_id.as_deref().is_none_or(is_ours) {
            return Err(HookError::Unauthorised("the call is from another ConnectWise company"));
        }
        let may_sign_in = owner == KeyHost::Own && url.path().ends_with(KEY_PATH);
        let sign_in =
            may_sign_in.then(|| api::sign_in(company_id, public_key, private_key.expose(), client_id));
        Ok(Self { context, url, sign_in, client_id })
    }

    /// The key; `refused` is one that does not fit.
    async fn key(&self, refused: Option<Key>) -> Known {
        let slot = slot(self.context.lane, &self.url);
        let Ok(mut memory) = tokio::time::timeout(KEY_PATIENCE, slot.lock()).await else {
            return Known::Silent;
        };
        if let Some(known) = memory.recall(refused) {
            return known;
        }
        let fetched = tokio::time::timeout(KEY_TIMEOUT, self.fetch()).await.unwrap_or(Known::Silent);
        memory.keep(fetched);
        fetched
    }

    async fn fetch(&self) -> Known {
        let caller = self.context.outside.caller(&format!("{} key", self.context.lane), KEY_LIMITS);
        let mut call = Call::get(self.url.clone()).timeout(KEY_TIMEOUT);
        call.repeatable = false;
        call.headers = api::sign_in("", "", "", self.client_id);
        call.headers.remove(header::AUTHORIZATION);
        let mut answer = caller.call(call.clone()).await;
        let wants_sign_in = |answer: &Result<crate::outside::Answer, CallError>| matches!(answer, Ok(answer) if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN));
        if wants_sign_in(&answer)
            && let Some(sign_in) = &self.sign_in
        {
            call.headers = sign_in.clone();
            answer = caller.call(call).await;
        }
        match answer {
            Ok(answer) if answer.status.is_success() => read_key(&answer.body),
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => Known::Silent,
            Ok(answer) if answer.status.is_client_error() => Known::Absent,
            Err(CallError::Forbidden { .. }) => Known::Absent,
            Ok(_) | Err(_) => Known::Silent,
        }
    }
}

/// `{"signing_key": "…"}`, whatever its content type; a sign-in or maintenance page says nothing about the key.
fn read_key(body: &[u8]) -> Known {
    #[derive(Deserialize)]
    struct Answer {
        signing_key: String,
    }
    if body.len() > KEY_BYTES {
        return Known::Silent;
    }
    match serde_json::from_slice::<Answer>(body) {
        Ok(answer) if !answer.signing_key.is_empty() => {
            Known::Key(Sha256::digest(answer.signing_key.as_bytes()).into())
        }
        _ => Known::Silent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Real bytes with a signature made elsewhere, so that ours is not only measured against itself.
    #[test]
    fn a_signature_of_the_collected_samples_fits_its_body_and_no_other() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/psa/samples/connectwise");
        if !std::path::Path::new(folder).is_dir() {
            println!("left out: the collected samples are not here");
            return;
        }
        let Known::Key(key) = read_key(br#"{"signing_key":"example-signing-key"}"#) else { panic!() };
        for name in ["added", "updated-by-own-api-member", "deleted"] {
            let body = std::fs::read(format!("{folder}/composed-ticket-{name}.json")).unwrap();
            let head = std::fs::read_to_string(format!("{folder}/composed-ticket-{name}.headers")).unwrap();
            let signature = head.lines().find_map(|line| line.strip_prefix("x-content-signature: ")).unwrap();
            let signature = STANDARD.decode(signature.trim()).unwrap();
            assert!(fits(&key, &body, &signature), "{name}");
            assert!(!fits(&key, &body[1..], &signature), "{name}");
        }
    }

    /// Worked out by hand with another program: SHA-256 of `abc` as the key over `{}`.
    #[test]
    fn the_signature_is_made_as_the_guide_says() {
        let Known::Key(key) = read_key(br#"{"signing_key":"abc"}"#) else { panic!() };
        let signature = STANDARD.decode("RRQJ5sboyQMYZ2MN+3h4IqG1B8bomsJpfVwCi3nV1hM=").unwrap();
        assert!(fits(&key, b"{}", &signature));
        assert!(!fits(&key, b"{ }", &signature));
    }

    #[test]
    fn a_key_is_read_from_what_a_site_answers() {
        assert!(matches!(read_key(b" {\"signing_key\": \"a\", \"more\": 1}\n"), Known::Key(_)));
        let long = format!("{{\"signing_key\":\"{}\"}}", "a".repeat(KEY_BYTES));
        for answer in ["", "null", "{}", "\"a\"", "{\"signing_key\":5}", "<html>", &long] {
            assert_eq!(read_key(answer.as_bytes()), Known::Silent, "{}", &answer[..answer.len().min(30)]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_learnt_is_believed_for_as_long_as_it_is_worth() {
        let (key, none) = ([7; 32], Memory::default());
        assert_eq!(none.recall(None), None);
        let mut memory = Memory::default();
        memory.keep(Known::Key(key));
        // A key that does not fit right after it was fetched does not fit.
        assert_eq!(memory.recall(Some(key)), Some(Known::Key(key)));
        tokio::time::advance(REFETCH_AFTER).await;
        assert_eq!(memory.recall(None), Some(Known::Key(key)));
        assert_eq!(memory.recall(Some(key)), None, "it may have been changed since");
        memory.keep(Known::Silent);
        assert_eq!(memory.recall(Some(key)), Some(Known::Silent));
        assert_eq!(memory.recall(None), Some(Known::Key(key)), "silence does not undo a key");
        tokio::time::advance(SILENCE_LASTS).await;
        assert_eq!(memory.recall(Some(key)), None);
        tokio::time::advance(KEY_LASTS).await;
        assert_eq!(memory.recall(None), None);
        memory.keep(Known::Absent);
        assert_eq!(memory.recall(None), Some(Known::Absent));
        tokio::time::advance(ABSENCE_LASTS).await;
        assert_eq!(memory.recall(None), None);
    }

    #[tokio::test]
    async fn the_table_of_keys_stays_bounded_and_keeps_true_keys_longest() {
        let address = |id: usize| Url::parse(&format!("https://cw.example.test/key?id={id}")).unwrap();
        slot("bounded", &address(0)).lock().await.keep(Known::Key([7; 32]));
        for id in 1..KEYS_KEPT + 10 {
            slot("bounded", &address(id)).lock().await.keep(Known::Absent);
        }
        assert!(KEYS.lock().unwrap().len() < KEYS_KEPT);
        assert!(slot("bounded", &address(0)).lock().await.has_key());
    }
}
