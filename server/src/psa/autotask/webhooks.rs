//! Our webhook in Autotask: it can be made by the API only.
//!
//! It tells of new tickets alone, so that our own changes never come back. Without a subscribed field it is never ready and
//! sends nothing, and says so nowhere. A second one with the same address is refused, even beside one that is switched off
//! or somebody else's. Autotask switches one off after 25 failed events in a row.

use super::Autotask;
use super::wire::{Op, Session, filter, optional};
use crate::outside::CallError;
use crate::psa::lenient;
use domain::{HookState, HookWanted, Registration, RegistrationOutcome};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

const PAGES: usize = 4;
/// Fields that every ticket has, by their webhook names without regard to case.
const SUBSCRIBED: [&str; 3] = ["ticketnumber", "title", "status"];
/// How often a new webhook is looked at until it is ready, and the pause between.
const LOOKS: usize = 3;
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    id: i64,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    webhook_url: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_active: Option<bool>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_ready: Option<bool>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_subscribed_to_create_events: Option<bool>,
}

#[derive(Deserialize)]
struct Written {
    #[serde(rename = "itemId", deserialize_with = "lenient::int")]
    id: Option<i64>,
}

#[derive(Deserialize)]
struct Subscribed {
    #[serde(default, rename = "isSubscribedField", deserialize_with = "lenient::flag")]
    is_subscribed: Option<bool>,
}

#[derive(Deserialize)]
struct Excluded {
    #[serde(default, rename = "resourceID", deserialize_with = "lenient::int")]
    resource: Option<i64>,
}

/// Makes the webhook, or repairs the one that is there.
pub async fn register(autotask: &Autotask, wanted: &HookWanted) -> Result<Registration, CallError> {
    let session = &autotask.session;
    let all: Vec<Webhook> = session.query("TicketWebhooks", &[filter("id", Op::Gt, 0)], PAGES).await?;
    let is_here = |one: &Webhook| one.webhook_url.as_deref() == Some(wanted.address.as_str());
    let is_ours = |one: &&Webhook| is_here(one) || one.name.as_deref() == Some(wanted.name.as_str());
    let ours: Vec<&Webhook> = all.iter().filter(is_ours).collect();
    let kept = ours.iter().find(|one| is_here(one)).or(ours.first()).copied();

    let mut steps = Vec::new();
    for stray in ours.iter().filter(|one| kept.is_some_and(|kept| kept.id != one.id)) {
        session.send(Method::DELETE, &format!("V1.0/TicketWebhooks/{}", stray.id), None).await?;
        steps.push(format!("Webhook {} called an earlier address of ours and was removed.", stray.id));
    }
    let id = match kept {
        Some(kept) => {
            steps.extend(faults(kept, is_here(kept)));
            set(session, kept.id, wanted).await?;
            kept.id
        }
        None => make(session, wanted).await?,
    };
    steps.extend(subscribe(session, id).await?);
    exclude_us(autotask, id).await?;
    let is_ready = ready(session, id).await?;
    let outcome = match kept {
        None => RegistrationOutcome::Made,
        Some(_) if steps.is_empty() => RegistrationOutcome::InPlace,
        Some(_) => RegistrationOutcome::Repaired,
    };
    steps.push(if is_ready {
        format!("Webhook {id} is active and ready: it tells us of every new ticket that the API user may see.")
    } else {
        format!(
            "Autotask does not say yet that webhook {id} is active and ready. Look in a minute under Admin → Extensions & \
             Integrations → Other Extensions & Tools → Webhooks."
        )
    });
    Ok(Registration { outcome, steps })
}

/// Whether ours calls us: one that is switched off, not ready, or not told of new tickets does not, and says so nowhere
/// else.
pub async fn state(session: &Session, key: &str) -> Result<HookState, CallError> {
    let all: Vec<Webhook> = session.query("TicketWebhooks", &[filter("id", Op::Gt, 0)], PAGES).await?;
    let ours = all.iter().filter(|one| one.webhook_url.as_deref().is_some_and(|url| url.contains(key)));
    let calls: Vec<bool> = ours
        .map(|one| [one.is_active, one.is_ready, one.is_subscribed_to_create_events])
        .map(|needed| !needed.contains(&Some(false)))
        .collect();
    Ok(match (calls.is_empty(), calls.contains(&true)) {
        (true, _) => HookState::Absent,
        (_, true) => HookState::On,
        (_, false) => HookState::Off,
    })
}

/// What is wrong with ours.
fn faults(webhook: &Webhook, is_here: bool) -> Vec<String> {
    let id = webhook.id;
    let all = [
        (!is_here, format!("Webhook {id} called an earlier address of ours and calls this one now.")),
        (webhook.is_active == Some(false), format!("Webhook {id} had been switched off and is on again.")),
        (
            webhook.is_subscribed_to_create_events == Some(false),
            format!("Webhook {id} was not told of new tickets and is now."),
        ),
    ];
    all.into_iter().filter(|(is_so, _)| *is_so).map(|(_, words)| words).collect()
}

/// The vendor's own names, with everything it requires.
fn body(wanted: &HookWanted) -> Value {
    json!({
        "name": wanted.name, "isActive": true, "webhookUrl": wanted.address, "deactivationUrl": wanted.address,
        "secretKey": wanted.secret.expose(), "isSubscribedToCreateEvents": true, "isSubscribedToUpdateEvents": false,
        "isSubscribedToDeleteEvents": false, "sendThresholdExceededNotification": false,
    })
}

async fn make(session: &Session, wanted: &HookWanted) -> Result<i64, CallError> {
    let made = session.send(Method::POST, "V1.0/TicketWebhooks", Some(&body(wanted))).await;
    let answer = match made {
        Err(CallError::Denied { .. }) => {
            return Err(CallError::Denied {
                message: "The API user may not create webhooks. Grant it in Admin → Security levels → the API user's level: \
                          Other → “Can create webhooks” with a maximum of at least 1 (off in the stock level). Or use an \
                          Extension Callout, which needs no right."
                    .into(),
            });
        }
        other => other?,
    };
    answer.json::<Written>()?.id.ok_or_else(|| CallError::Malformed {
        host: answer.host.clone(),
        what: "no id of the new webhook in it".into(),
    })
}

/// Always, since Autotask does not show the secret that it has.
async fn set(session: &Session, id: i64, wanted: &HookWanted) -> Result<(), CallError> {
    let mut body = body(wanted);
    body["id"] = json!(id);
    session.send(Method::PATCH, "V1.0/TicketWebhooks", Some(&body)).await.map(drop)
}

/// Subscribes fields where none is; what was done, in words.
async fn subscribe(session: &Session, id: i64) -> Result<Option<String>, CallError> {
    let have: Vec<Subscribed> =
        session.query("TicketWebhookFields", &[filter("webhookID", Op::Eq, id)], 1).await?;
    if have.iter().any(|field| field.is_subscribed == Some(true)) {
        return Ok(None);
    }
    let picks = picks(session).await?;
    let always: Vec<&(i64, String)> =
        picks.iter().filter(|(_, label)| SUBSCRIBED.contains(&plain(label).as_str())).collect();
    // Labels may be the tenant's own; any field is better than none.
    let chosen = if always.is_empty() { picks.iter().take(1).collect() } else { always };
    for (field, _) in &chosen {
        let body = json!({"webhookID": id, "fieldID": field, "isDisplayAlwaysField": true, "isSubscribedField": true});
        session.send(Method::POST, &format!("V1.0/TicketWebhooks/{id}/Fields"), Some(&body)).await?;
    }
    let labels: Vec<&str> = chosen.iter().map(|(_, label)| label.as_str()).collect();
    Ok(Some(format!("Webhook {id} is subscribed to {}.", labels.join(", "))))
}

/// The fields that a webhook may carry: their ids exist nowhere else.
async fn picks(session: &Session) -> Result<Vec<(i64, String)>, CallError> {
    let answer: Value = session.get("V1.0/TicketWebhookFields/entityInformation/fields").await?;
    let fields = answer["fields"].as_array().into_iter().flatten();
    let values = fields
        .filter(|field| field["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("fieldID")))
        .flat_map(|field| field["picklistValues"].as_array().into_iter().flatten());
    let active = values.filter(|value| value["isActive"] != false);
    Ok(active
        .filter_map(|value| {
            Some((lenient::int_of(&value["value"])?, value["label"].as_str().unwrap_or_default().to_owned()))
        })
        .collect())
}

fn plain(label: &str) -> String {
    label.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Tickets that we ourselves would make are not told to us. Where the user's own id is not known, the subscription to new
/// tickets alone must do.
async fn exclude_us(autotask: &Autotask, id: i64) -> Result<(), CallError> {
    let session = &autotask.session;
    let Some(own) = autotask.names.own_id(session).await? else { return Ok(()) };
    let of_ours = [filter("webhookID", Op::Eq, id)];
    let listed = session.query::<Excluded>("TicketWebhookExcludedResources", &of_ours, 1).await;
    let listed = optional(listed.map(Some))?.unwrap_or_default();
    if listed.iter().any(|one| one.resource == Some(own)) {
        return Ok(());
    }
    let body = json!({"webhookID": id, "resourceID": own});
    session
        .send(Method::POST, &format!("V1.0/TicketWebhooks/{id}/ExcludedResources"), Some(&body))
        .await
        .map(drop)
}

async fn ready(session: &Session, id: i64) -> Result<bool, CallError> {
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let found: Option<Webhook> = session.item("TicketWebhooks", id).await?;
        if found.is_some_and(|one| one.is_active == Some(true) && one.is_ready == Some(true)) {
            return Ok(true);
        }
    }
    Ok(false)
}
