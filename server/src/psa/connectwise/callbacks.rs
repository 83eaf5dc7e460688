//! Our callback in ConnectWise: all tickets (level owner), told to one address.
//!
//! A callback that fails on three days in a row is switched off by ConnectWise and stays in the list. Which columns must
//! be unique is not documented, so what is in the way of a new one is removed first, as far as it is ours.

use super::api::{Api, Ask, Permission};
use crate::outside::CallError;
use domain::{HookState, HookWanted, Registration, RegistrationOutcome};
use http::Method;
use serde::Deserialize;
use serde_json::json;

/// Callbacks read; a site has a handful.
const MOST: usize = 1_000;
const PATH: [&str; 2] = ["system", "callbacks"];

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Callback {
    id: u64,
    #[serde(default)]
    url: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    inactive_flag: Option<bool>,
}

impl Callback {
    fn is_off(&self) -> bool {
        self.inactive_flag == Some(true)
    }
}

/// Makes the callback, or repairs the one that is there. Callbacks of our address for single boards, which somebody made on
/// purpose, count as ours too.
pub(super) async fn register(api: &Api, wanted: &HookWanted) -> Result<Registration, CallError> {
    let all: Vec<Callback> = api.list(Ask::get(&PATH, Permission::CALLBACKS), MOST).await?;
    let tickets = all.into_iter().filter(|one| one.kind.eq_ignore_ascii_case("ticket"));
    let (here, elsewhere): (Vec<_>, Vec<_>) = tickets.partition(|one| one.url == wanted.address);
    let mut steps = Vec::new();
    for stray in elsewhere.iter().filter(|one| one.description.as_deref() == Some(wanted.name.as_str())) {
        let id = stray.id.to_string();
        api.find(Ask::remove(&["system", "callbacks", &id], Permission::CALLBACKS)).await?;
        steps.push(format!("Callback {id} called an earlier address of ours and was removed."));
    }
    for callback in &here {
        if callback.is_off() {
            switch_on(api, callback.id).await?;
            steps.push(format!("Callback {} had been switched off and is on again.", callback.id));
        }
    }
    let outcome = match (here.is_empty(), steps.is_empty()) {
        (true, _) => {
            let id = make(api, wanted).await?;
            steps.push(format!("Callback {id} tells us of every ticket."));
            RegistrationOutcome::Made
        }
        (false, false) => RegistrationOutcome::Repaired,
        (false, true) => {
            let ids: Vec<String> = here.iter().map(|one| one.id.to_string()).collect();
            steps.push(format!("Callback {} calls this address and is on.", ids.join(", ")));
            RegistrationOutcome::InPlace
        }
    };
    Ok(Registration { outcome, steps })
}

/// Whether all callbacks of our address are on: one for each board is a way to have it.
pub(super) async fn state(api: &Api, key: &str) -> Result<HookState, CallError> {
    let all: Vec<Callback> = api.list(Ask::get(&PATH, Permission::CALLBACKS), MOST).await?;
    let ours: Vec<Callback> = all.into_iter().filter(|one| one.url.contains(key)).collect();
    Ok(match ours.iter().any(Callback::is_off) {
        _ if ours.is_empty() => HookState::Absent,
        true => HookState::Off,
        false => HookState::On,
    })
}

async fn make(api: &Api, wanted: &HookWanted) -> Result<u64, CallError> {
    // For level owner the id must be 1.
    let body = json!({
        "description": wanted.name, "url": wanted.address, "objectId": 1, "type": "ticket", "level": "owner",
        "inactiveFlag": false,
    });
    let made = api.ask(Ask::send(Method::POST, &PATH, &body, Permission::CALLBACKS)).await;
    match made {
        Err(CallError::Rejected { status, message }) if message.contains("already exists") => {
            Err(CallError::Rejected {
                status,
                message: format!(
                    "{message}. Another callback is in the way: list them with GET /system/callbacks and delete the one \
                     that nobody needs."
                ),
            })
        }
        other => Ok(other?.json::<Callback>()?.id),
    }
}

/// The answer shows whether it took: a wrong path gives a false 200.
async fn switch_on(api: &Api, id: u64) -> Result<(), CallError> {
    let text = id.to_string();
    let body = json!([{"op": "replace", "path": "inactiveFlag", "value": false}]);
    let path = ["system", "callbacks", &text];
    let answer = api.ask(Ask::send(Method::PATCH, &path, &body, Permission::CALLBACKS)).await?;
    if answer.json::<Callback>()?.is_off() {
        let message = format!("ConnectWise took the change of callback {id} but left it switched off.");
        return Err(CallError::Rejected { status: 200, message });
    }
    Ok(())
}
