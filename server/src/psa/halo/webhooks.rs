//! Our webhook in Halo, by its API. The steps are those of other integrators, not of the vendor's guide, and probably need
//! an application whose agent is an administrator; the screens remain the documented way.
//!
//! A webhook fires only with a notification for it; event 3 is "New Ticket Logged".

use super::Halo;
use super::wire::Session;
use crate::outside::CallError;
use crate::psa::lenient;
use domain::{HookState, HookWanted, Registration, RegistrationOutcome};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// The user name that the Basic sign-in of a call has; the password is what counts.
const USER: &str = "undertone";
const NEW_TICKET: i64 = 3;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Webhook {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    url: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    active: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Notification {
    #[serde(deserialize_with = "lenient::int")]
    eventno: Option<i64>,
}

/// Makes the webhook, or repairs the one that is there.
pub async fn register(halo: &Halo, wanted: &HookWanted) -> Result<Registration, CallError> {
    let session = &halo.session;
    let all: Vec<Webhook> =
        session.list("Webhook", &[("type", "0")], "webhooks").await.map_err(needs_rights)?;
    let is_here = |one: &Webhook| one.url.as_deref() == Some(wanted.address.as_str());
    let is_ours = |one: &&Webhook| is_here(one) || one.name.as_deref() == Some(wanted.name.as_str());
    let ours: Vec<(&Webhook, &str)> =
        all.iter().filter(is_ours).filter_map(|one| Some((one, one.id.as_deref()?))).collect();
    let kept = ours.iter().find(|(one, _)| is_here(one)).or(ours.first()).copied();

    let mut steps = Vec::new();
    for (_, stray) in ours.iter().filter(|(_, id)| kept.is_some_and(|(_, kept)| kept != *id)) {
        let path = format!("Webhook/{stray}");
        session.send(Method::DELETE, &path, &[], None).await.map_err(needs_rights)?;
        steps.push("A webhook that called an earlier address of ours was removed.".to_owned());
    }
    if let Some((webhook, _)) = kept {
        if !is_here(webhook) {
            steps.push("Our webhook called an earlier address and calls this one now.".to_owned());
        }
        if webhook.active == Some(false) {
            steps.push("Our webhook had been switched off and is on again.".to_owned());
        }
    }
    let id = set(session, kept.map(|(_, id)| id), wanted).await.map_err(needs_rights)?;
    if notify(session, &id).await.map_err(needs_rights)? && kept.is_some() {
        steps.push("Our webhook had no event and is told of new tickets now.".to_owned());
    }
    let outcome = match kept {
        None => RegistrationOutcome::Made,
        Some(_) if steps.is_empty() => RegistrationOutcome::InPlace,
        Some(_) => RegistrationOutcome::Repaired,
    };
    steps.push(format!("The webhook “{}” is active and tells us of new tickets.", wanted.name));
    Ok(Registration { outcome, steps })
}

/// Whether ours calls us. Halo's database has columns for switching a failing webhook off by itself.
pub async fn state(session: &Session, key: &str) -> Result<HookState, CallError> {
    let all: Vec<Webhook> = session.list("Webhook", &[("type", "0")], "webhooks").await?;
    let ours = all.iter().filter(|one| one.url.as_deref().is_some_and(|url| url.contains(key)));
    let calls: Vec<bool> = ours.map(|one| one.active != Some(false)).collect();
    Ok(match (calls.is_empty(), calls.contains(&true)) {
        (true, _) => HookState::Absent,
        (_, true) => HookState::On,
        (_, false) => HookState::Off,
    })
}

/// Makes it, or sets everything of the one that is there, since Halo does not show its password. Returns its id.
async fn set(session: &Session, id: Option<&str>, wanted: &HookWanted) -> Result<String, CallError> {
    let mut object = json!({
        "name": wanted.name, "url": wanted.address, "type": 0, "method": 0, "active": true,
        "content_type": "application/json", "authentication_type": 1, "basic_username": USER,
        "basic_password": wanted.secret.expose(),
    });
    if let Some(id) = id {
        object["id"] = json!(id);
    }
    let answer = session.send(Method::POST, "Webhook", &[], Some(&json!([object]))).await?;
    // One object; versions answer with a list of one.
    let body: Value = answer.json()?;
    let written = body.as_array().and_then(|list| list.first()).unwrap_or(&body);
    let told = written["id"].as_str().or(id).map(str::to_owned);
    told.ok_or_else(|| CallError::Malformed { host: answer.host, what: "no id of the webhook in it".into() })
}

/// Asks for the event of new tickets unless it is asked for; whether it was not.
async fn notify(session: &Session, webhook: &str) -> Result<bool, CallError> {
    let have: Vec<Notification> =
        session.list("Notification", &[("webhook_id", webhook)], "notifications").await?;
    if have.iter().any(|one| one.eventno == Some(NEW_TICKET)) {
        return Ok(false);
    }
    let body = json!([{
        "webhook_id": webhook, "type": -2, "delivery_method": 6, "eventno": NEW_TICKET, "filter_type": 2,
        "conditions": [], "name": "", "agent_id": 0, "slack_id": 0, "teams_id": 0, "mattermost_channelid": 0,
        "email_list": "", "restriction_type": 0, "popupinnotificationpane": true, "sendpushnotificationbrowser": false,
        "sendpushnotification": false, "customisecolour": false, "interval": 0, "useworkinghours": 0,
    }]);
    session.send(Method::POST, "Notification", &[], Some(&body)).await.map(|_| true)
}

/// What to do about a refusal; rights come as 403 and as 400.
fn needs_rights(error: CallError) -> CallError {
    let advice = "Registering webhooks through the API probably needs an application whose agent is an administrator. Make \
                  the webhook on Halo's own screen instead, as described on this page.";
    match error {
        CallError::Denied { message } => CallError::Denied { message: format!("{message} {advice}") },
        CallError::Rejected { status, message } => {
            CallError::Rejected { status, message: format!("Halo says: “{message}”. {advice}") }
        }
        other => other,
    }
}
