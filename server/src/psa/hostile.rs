//! What strangers send to a webhook address: never a panic, never accepted unless it is genuine, and what is accepted
//! fits where it is stored.

use super::*;
use crate::mutated::bodies;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;
use std::sync::LazyLock;

const SECRET: &str = "a secret of this webhook";
const KEY: [u8; 32] = [7; 32];
const KEY_URL: &str =
    "https://connectwise.msp.invalid/system/callbackkey/index.rails?id=1&companyName=examplemsp";

const CONNECTWISE: [&str; 2] = [
    r#"{"MessageId":"00000000-0000-4000-8000-000000000001","FromUrl":"connectwise.msp.invalid","CompanyId":"examplemsp","MemberId":"zadmin","Action":"added","Type":"ticket","ID":945366,"ProductInstanceId":"2","PartnerId":"1","Entity":"{\"id\":945366,\"recordType\":\"ServiceTicket\",\"_info\":{\"lastUpdated\":\"2026-03-05T09:20:00Z\"}}","Metadata":{"key_url":"https://connectwise.msp.invalid/system/callbackkey/index.rails?id=1&companyName=examplemsp"},"CallbackObjectRecId":7}"#,
    r#"{"MessageId":"00000000-0000-4000-8000-000000000002","CompanyId":"examplemsp","Action":"updated","Type":"contact","ID":"17","Entity":null,"Metadata":{"key_url":"https://connectwise.msp.invalid/system/callbackkey/index.rails?id=1&companyName=examplemsp"}}"#,
];
const AUTOTASK: [&str; 3] = [
    r#"{"Action":"Create","Guid":"00000000-0000-4000-8000-000000000001","EntityType":"Ticket","Id":351181,"Fields":{"TicketNumber":"T20250915.0001","Title":"O'Brien & <b> \"x\" é"},"EventTime":"2025-09-15T14:57:50Z","SequenceNumber":1,"PersonId":30691780}"#,
    r#"{"Action":"Update","Guid":"1","EntityType":"Contact","Id":7,"Fields":[],"EventTime":"2025-09-15T14:57:50Z","SequenceNumber":2}"#,
    r#"{"number":"T20191029.0002","status":"New"}"#,
];
const HALO: [&str; 2] = [
    r#"{"id":"00000000-aaaa-4bbb-8ccc-000000000031","webhook_id":"1","escmsg_id":"2","event":"new ticket logged","object_id":4243,"ticket":{"id":4243,"summary":"Cannot open","details":"Nobody in accounts can log in.","priority":{"priorityid":4}}}"#,
    r#"[{"event":"ticket status changed","webhook_id":"1","escmsg_id":"3","object_id":4243},{"id":7},{"event":"3","ticket_id":"8"}]"#,
];

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
static OUTSIDE: LazyLock<Outside> = LazyLock::new(|| Outside::new(false));

/// A call; ConnectWise's key is known, and a body that asks for another one asks a name that no machine has.
fn call(psa: PsaKind, headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Result<Hooked, HookError> {
    let settings = PsaSettings::ConnectWise {
        site: "connectwise.msp.invalid".into(),
        company_id: "examplemsp".into(),
        public_key: "public".into(),
        private_key: Secret::new("private"),
        client_id: "client".into(),
    };
    let context = HookContext {
        settings: (psa == PsaKind::ConnectWise).then_some(&settings),
        secret: SECRET,
        headers,
        query,
        body,
        outside: &OUTSIDE,
        lane: "hook hostile",
    };
    RUNTIME.block_on(async {
        connectwise::know_key("hook hostile", KEY_URL, KEY).await;
        read_hook(psa, &context).await
    })
}

fn with(name: &'static str, value: &[u8]) -> Option<HeaderMap> {
    let value = HeaderValue::from_bytes(value).ok()?;
    Some(HeaderMap::from_iter([(HeaderName::from_static(name), value)]))
}

fn mac<M: Mac + KeyInit>(key: &[u8], body: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("any length will do");
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

/// The header and the value that makes a call genuine.
fn genuine(psa: PsaKind, body: &[u8]) -> (&'static str, String) {
    match psa {
        PsaKind::ConnectWise => ("x-content-signature", STANDARD.encode(mac::<Hmac<Sha256>>(&KEY, body))),
        PsaKind::Autotask => {
            let value = STANDARD.encode(mac::<Hmac<Sha1>>(SECRET.as_bytes(), body));
            ("x-hook-signature", format!("sha1={value}"))
        }
        PsaKind::HaloPsa => {
            ("authorization", format!("Basic {}", STANDARD.encode(format!("undertone:{SECRET}"))))
        }
    }
}

fn samples(psa: PsaKind) -> &'static [&'static str] {
    match psa {
        PsaKind::ConnectWise => &CONNECTWISE,
        PsaKind::Autotask => &AUTOTASK,
        PsaKind::HaloPsa => &HALO,
    }
}

fn calls() -> impl Strategy<Value = (PsaKind, Vec<u8>)> {
    select(PsaKind::ALL.to_vec()).prop_flat_map(|psa| (Just(psa), bodies(samples(psa))))
}

/// Values that look like `right` and are not.
fn wrong(right: String) -> impl Strategy<Value = Vec<u8>> {
    let (scheme, value) = {
        let at = right.find([' ', '=']).map_or(0, |at| at + 1);
        // A signature alone may end in `=`.
        if at < right.len() / 2 { right.split_at(at) } else { ("", right.as_str()) }
    };
    let (scheme, value) = (scheme.to_owned(), value.to_owned());
    let bytes = STANDARD.decode(&value).expect("it is base64");
    let flipped = move |at: Index| {
        let mut bytes = bytes.clone();
        // Near the end: Halo's user name may be any.
        let at = bytes.len() - 1 - at.index(16);
        bytes[at] ^= 1;
        bytes
    };
    let (named, cut, raw) = (scheme.clone(), right.clone(), value.clone());
    prop_oneof![
        vec(any::<u8>(), 0..80),
        "\\PC{0,60}".prop_map(String::into_bytes),
        any::<Index>().prop_map(move |at| cut.as_bytes()[..at.index(cut.len())].to_vec()),
        any::<Index>()
            .prop_map(move |at| [named.as_bytes(), STANDARD.encode(flipped(at)).as_bytes()].concat()),
        select(vec![
            "sha256=",
            "md5=",
            "none=",
            "=",
            "sha1 ",
            "Digest ",
            "Basic=",
            "sha1==",
            "sha1=sha1=",
            "Basic Basic "
        ])
        .prop_map(move |other| [other.as_bytes(), value.as_bytes()].concat()),
        Just([right.as_bytes(), right.as_bytes()].concat()),
        Just(format!("{right},{right}").into_bytes()),
        Just(format!("{scheme}{}", raw.to_lowercase() + "A").into_bytes()),
        Just(scheme.into_bytes()),
    ]
}

/// What is stored of a call fits: an index of PostgreSQL takes 2,700 bytes, and people read the reason.
fn fits(psa: PsaKind, hooked: &Hooked, body: &[u8]) -> Result<(), TestCaseError> {
    prop_assert!((1..=1_000).contains(&hooked.events.len()));
    prop_assert!(hooked.verified || asks_elsewhere(psa, body));
    for event in &hooked.events {
        prop_assert!((1..=256).contains(&event.dedupe_key.len()), "{} bytes", event.dedupe_key.len());
        let (HookMeaning::Created { ticket } | HookMeaning::Other { ticket: Some(ticket), .. }) =
            &event.meaning
        else {
            continue;
        };
        prop_assert!((1..=64).contains(&ticket.len()), "{ticket}");
        let numeric = ticket.bytes().all(|byte| byte.is_ascii_digit());
        let number = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        prop_assert!(numeric || (psa == PsaKind::Autotask && ticket.chars().all(number)), "{ticket}");
        if let HookMeaning::Other { reason, .. } = &event.meaning {
            prop_assert!((1..=400).contains(&reason.chars().count()), "{reason}");
        }
    }
    Ok(())
}

/// ConnectWise's key lies where the body says, on the tenant's own site. Only what names another place there than the one
/// whose key is known may be left to be judged later.
fn asks_elsewhere(psa: PsaKind, body: &[u8]) -> bool {
    let named = serde_json::from_slice::<Value>(body).unwrap_or_default();
    psa == PsaKind::ConnectWise && named["Metadata"]["key_url"] != KEY_URL
}

#[test]
fn a_long_word_in_the_wrong_place_is_not_repeated_whole() {
    let body = format!(r#"{{"Action":"added","ID":7,"Type":"ticket","Metadata":"{}"}}"#, "1".repeat(9_000));
    let (name, value) = genuine(PsaKind::ConnectWise, body.as_bytes());
    let headers = with(name, value.as_bytes()).expect("a value");
    let error =
        call(PsaKind::ConnectWise, &headers, None, body.as_bytes()).expect_err("no callback").to_string();
    assert!(error.contains("is not a callback") && error.len() < 600, "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_genuine_call_with_any_body_is_taken_or_refused_with_words((psa, body) in calls(), query in proptest::option::of("(recordId=[0-9]{0,7})?(&action=[a-z]{0,6})?\\PC{0,20}")) {
        let (name, value) = genuine(psa, &body);
        let headers = with(name, value.as_bytes()).expect("a value");
        match call(psa, &headers, query.as_deref(), &body) {
            Ok(hooked) => fits(psa, &hooked, &body)?,
            Err(error) => prop_assert!((3..600).contains(&error.to_string().len()), "{error}"),
        }
    }

    #[test]
    fn without_a_signature_nothing_signed_is_taken((psa, body) in calls()) {
        let taken = call(psa, &HeaderMap::new(), None, &body);
        match psa {
            PsaKind::ConnectWise => prop_assert!(taken.is_err()),
            // A callout is never signed; an event always is, but for the news that the webhook was switched off.
            PsaKind::Autotask => if let (Ok(hooked), Ok(Value::Object(fields))) = (taken, serde_json::from_slice(&body)) {
                let names: Vec<String> = fields.keys().map(|key| key.to_lowercase()).collect();
                let event = ["action", "entitytype", "guid"].iter().any(|name| names.iter().any(|key| key == name));
                prop_assert!(!event || hooked.events[0].dedupe_key.starts_with("deactivated:"));
            },
            PsaKind::HaloPsa => if let Ok(hooked) = taken { fits(psa, &hooked, &body)? },
        }
    }

    #[test]
    fn a_signature_that_is_not_right_is_never_accepted(
        (psa, sample, value) in select(PsaKind::ALL.to_vec())
            .prop_flat_map(|psa| (Just(psa), select(samples(psa))))
            .prop_flat_map(|(psa, sample)| (Just(psa), Just(sample), wrong(genuine(psa, sample.as_bytes()).1)))
    ) {
        let (name, right) = genuine(psa, sample.as_bytes());
        prop_assume!(value.trim_ascii() != right.as_bytes());
        // What is no header value does not get as far as this.
        if let Some(headers) = with(name, &value) {
            let found = call(psa, &headers, None, sample.as_bytes());
            prop_assert!(matches!(found, Err(HookError::Unauthorised(_))), "{found:?}");
        }
        let headers = with(name, right.as_bytes()).expect("a value");
        prop_assert!(call(psa, &headers, None, sample.as_bytes()).is_ok(), "and the right one is");
    }

    #[test]
    fn a_signature_holds_for_its_own_body_alone(
        (psa, sample, body) in select(vec![PsaKind::ConnectWise, PsaKind::Autotask])
            .prop_flat_map(|psa| (Just(psa), select(samples(psa)), bodies(samples(psa))))
    ) {
        let (name, value) = genuine(psa, sample.as_bytes());
        let headers = with(name, value.as_bytes()).expect("a value");
        let taken = call(psa, &headers, None, &body);
        if taken.is_ok_and(|hooked| hooked.verified || !asks_elsewhere(psa, &body)) {
            // Autotask's may have been written anew on the way, never with another content.
            prop_assert_eq!(
                serde_json::from_slice::<Value>(&body).ok(),
                serde_json::from_str::<Value>(sample).ok()
            );
        }
    }
}

#[test]
fn what_is_too_long_to_store_is_cut_or_refused() {
    let digits = "7".repeat(3_000);
    let body = CONNECTWISE[0].replace("\"ID\":945366", &format!("\"ID\":\"{digits}\""));
    let (name, value) = genuine(PsaKind::ConnectWise, body.as_bytes());
    let found = call(PsaKind::ConnectWise, &with(name, value.as_bytes()).unwrap(), None, body.as_bytes());
    assert!(matches!(found, Err(HookError::Malformed(_))), "{found:?}");

    let keys = [1, 2].map(|last| {
        let body = CONNECTWISE[1]
            .replace("\"00000000-0000-4000-8000-000000000002\"", &format!("\"{digits}{last}\""));
        let (name, value) = genuine(PsaKind::ConnectWise, body.as_bytes());
        let headers = with(name, value.as_bytes()).unwrap();
        call(PsaKind::ConnectWise, &headers, None, body.as_bytes()).unwrap().events[0].dedupe_key.clone()
    });
    assert!(keys.iter().all(|key| key.len() <= 256) && keys[0] != keys[1], "{keys:?}");
}
