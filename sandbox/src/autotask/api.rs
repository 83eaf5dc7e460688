//! The REST API: sign-in, limits, rights, and which handler an address leads to.

use super::data::{Right, items};
use super::hooks::{self, WEBHOOK_FIELDS};
use super::{Autotask, Item, State, query, tickets};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::any;
use serde_json::{Value, json};
use std::time::Duration;

/// Wrong sign-ins after which the user is locked, whatever comes then.
const LOCKS_AFTER: u32 = 10;
const THREADS: u32 = 3;
/// How long a request takes while the thread limit is on, so that requests can meet.
const UNDER_WAY: Duration = Duration::from_millis(30);

pub fn router(autotask: Autotask) -> Router {
    Router::new()
        .route("/ATServicesRest/{*path}", any(handle))
        .route("/atservicesrest/{*path}", any(handle))
        .with_state(autotask)
}

/// A refusal: a status, and texts where the product gives any.
struct Refusal(StatusCode, Option<String>);

impl From<String> for Refusal {
    /// A business error.
    fn from(text: String) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, Some(text))
    }
}
impl From<&str> for Refusal {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self.1 {
            Some(text) => (self.0, Json(json!({ "errors": [text] }))).into_response(),
            None => self.0.into_response(),
        }
    }
}

async fn handle(
    Shared(autotask): Shared<Autotask>,
    method: Method,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = path.to_lowercase();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match segments.as_slice() {
        ["versioninformation"] => return Json(json!({"apiVersions": ["V1.0"]})).into_response(),
        ["v1.0", "zoneinformation"] => return zone(&autotask, query.as_deref().unwrap_or_default()),
        _ => {}
    }
    if let Err(refusal) = admit(&autotask, &headers) {
        return refusal.into_response();
    }
    let object = object_of(&segments);
    let Some(_turn) = Turn::take(&autotask, object) else {
        let text =
            "Itgenatr005: the number of concurrent requests for this object exceeds the limit".to_owned();
        return Refusal(StatusCode::TOO_MANY_REQUESTS, Some(text)).into_response();
    };
    let wait = autotask.state().has_thread_limit.then_some(UNDER_WAY);
    if let Some(wait) = wait {
        tokio::time::sleep(wait).await;
    }
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    match dispatch(&autotask, &method, &segments, query.as_deref(), &body) {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Tells any user's zone without signing in; an unknown user is a business error.
fn zone(autotask: &Autotask, query: &str) -> Response {
    let user =
        url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "user").map(|(_, value)| value);
    if user.as_deref() != Some(autotask.credentials().username.as_str()) {
        return Refusal::from("The specified user could not be found.").into_response();
    }
    let state = autotask.state();
    let url = state.moved_to.clone().unwrap_or_else(|| format!("{}/ATServicesRest/", state.url));
    Json(json!({"zoneName": "Sandbox", "url": url, "webUrl": format!("{}/", state.url), "ci": 30595}))
        .into_response()
}

fn admit(autotask: &Autotask, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut state = autotask.state();
    let is = |name: &str, wanted: &str| {
        headers.get(name).is_some_and(|value| value.as_bytes() == wanted.as_bytes())
    };
    let expected = autotask.credentials();
    let right = is("username", &expected.username)
        && is("secret", &expected.secret)
        && is("apiintegrationcode", &expected.integration_code);
    if !right {
        state.bad_sign_ins += 1;
    }
    if !right || state.bad_sign_ins >= LOCKS_AFTER || state.moved_to.is_some() {
        return Err(Refusal(StatusCode::UNAUTHORIZED, None));
    }
    state.requests += 1;
    match state.threshold {
        Some(most) if state.requests > most => {
            Err("The request threshold of this database for the current timeframe is exceeded.".into())
        }
        _ => Ok(()),
    }
}

/// The object whose threads a request uses; a child collection counts as its own.
fn object_of(segments: &[&str]) -> String {
    match segments {
        [_, parent, _, child, ..] if *parent != "query" => format!("{parent}{child}"),
        [_, object, ..] => (*object).to_owned(),
        _ => String::new(),
    }
}

/// One of an object's threads, given back when dropped.
struct Turn {
    autotask: Autotask,
    object: String,
}

impl Turn {
    fn take(autotask: &Autotask, object: String) -> Option<Self> {
        let mut state = autotask.state();
        let has_limit = state.has_thread_limit;
        let under_way = state.under_way.entry(object.clone()).or_default();
        if has_limit && *under_way >= THREADS {
            return None;
        }
        *under_way += 1;
        drop(state);
        Some(Self { autotask: autotask.clone(), object })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(under_way) = self.autotask.state().under_way.get_mut(&self.object) {
            *under_way = under_way.saturating_sub(1);
        }
    }
}

fn dispatch(
    autotask: &Autotask,
    method: &Method,
    segments: &[&str],
    query: Option<&str>,
    body: &Value,
) -> Result<Value, Refusal> {
    let number = |text: &str| text.parse::<i64>().map_err(|_| Refusal(StatusCode::NOT_FOUND, None));
    let written = |id: i64| Ok(json!({ "itemId": id }));
    let state = || autotask.state();
    match (method.as_str(), segments) {
        ("GET", ["v1.0", "thresholdinformation"]) => {
            let state = state();
            let most = state.threshold.unwrap_or(10_000);
            Ok(json!({"externalRequestThreshold": most, "requestThresholdTimeframe": 60,
                      "currentTimeframeRequestCount": state.requests}))
        }
        ("GET", ["v1.0", entity, "entityinformation"]) => Ok(information(&state(), entity)),
        ("GET", ["v1.0", entity, "entityinformation", what]) => {
            may(&state(), entity, "query")?;
            Ok(json!({"fields": fields(&state(), entity, what)?}))
        }
        ("POST", ["v1.0", entity, "query"]) => {
            may(&state(), entity, "query")?;
            list(&state(), entity, body, None)
        }
        ("POST", ["v1.0", entity, "query", "next"]) => {
            may(&state(), entity, "query")?;
            let after = query.and_then(|query| query.strip_prefix("paging=")?.parse().ok());
            list(&state(), entity, body, after)
        }
        ("GET", ["v1.0", _, "query", "next"]) => Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, None)),
        ("GET", ["v1.0", entity, id]) => {
            may(&state(), entity, "query")?;
            item(&mut state(), entity, number(id)?)
        }
        ("PATCH", ["v1.0", "tickets"]) => {
            may(&state(), "tickets", "update")?;
            let who = own_id(&state());
            written(tickets::patch(&mut state(), body, who)?)
        }
        ("POST", ["v1.0", "tickets", id, "notes"]) => {
            may(&state(), "ticketnotes", "create")?;
            let who = own_id(&state());
            written(tickets::post_note(&mut state(), number(id)?, body, who)?)
        }
        (_, ["v1.0", "ticketwebhooks", rest @ ..]) => webhooks(autotask, method, rest, body),
        _ => Err(Refusal(StatusCode::NOT_FOUND, None)),
    }
}

fn webhooks(autotask: &Autotask, method: &Method, rest: &[&str], body: &Value) -> Result<Value, Refusal> {
    may(&autotask.state(), "ticketwebhooks", "create")?;
    let number = |text: &str| text.parse::<i64>().map_err(|_| Refusal(StatusCode::NOT_FOUND, None));
    let id = match (method.as_str(), rest) {
        ("POST", []) => hooks::create(autotask, body)?,
        ("POST", [id, "fields"]) => hooks::add_field(&mut autotask.state(), number(id)?, body)?,
        ("POST", [id, "excludedresources"]) => hooks::exclude(&mut autotask.state(), number(id)?, body)?,
        ("PATCH", []) => hooks::patch(autotask, body)?,
        ("DELETE", [id]) => {
            let id = number(id)?;
            autotask.state().webhooks.remove(&id).ok_or("No matching records found")?;
            id
        }
        _ => return Err(Refusal(StatusCode::NOT_FOUND, None)),
    };
    Ok(json!({ "itemId": id }))
}

/// Reading without the right is 403; writing without it is a business error with a text.
fn may(state: &State, entity: &str, act: &str) -> Result<(), Refusal> {
    if !is_denied(state, entity, act) {
        return Ok(());
    }
    if act == "query" {
        return Err(Refusal(StatusCode::FORBIDDEN, None));
    }
    Err(format!("The logged in Resource does not have the adequate permissions to {act} {entity}.").into())
}

fn is_denied(state: &State, entity: &str, act: &str) -> bool {
    state.denied.iter().any(|Right { entity: denied, act: what }| *denied == entity && *what == act)
}

fn own_id(state: &State) -> i64 {
    let own = state.lists.resources.iter().find(|one| one["licenseType"] == 7);
    own.and_then(|one| one["id"].as_i64()).unwrap_or_default()
}

fn information(state: &State, entity: &str) -> Value {
    let can = |act: &str| !is_denied(state, entity, act);
    let level = |act: &str| if can(act) { "All" } else { "None" };
    json!({"info": {
        "name": entity, "canCreate": can("create"), "canDelete": false, "canQuery": can("query"),
        "canUpdate": can("update"), "userAccessForCreate": level("create"), "userAccessForDelete": "None",
        "userAccessForQuery": level("query"), "userAccessForUpdate": level("update"),
        "hasUserDefinedFields": entity == "tickets", "supportsWebhookCallouts": entity == "tickets",
    }})
}

fn fields(state: &State, entity: &str, what: &str) -> Result<Vec<Value>, Refusal> {
    Ok(match (entity, what) {
        ("tickets", "fields") => state.lists.ticket_fields.clone(),
        ("tickets", "userdefinedfields") => state.lists.custom_fields.clone(),
        ("ticketnotes", "fields") => state.lists.note_fields.clone(),
        ("ticketwebhookfields", "fields") => {
            let values: Vec<Value> = WEBHOOK_FIELDS
                .iter()
                .map(|(id, label, _)| json!({"value": id.to_string(), "label": label, "isActive": true}))
                .collect();
            vec![
                json!({"name": "fieldID", "dataType": "integer", "isPickList": true, "picklistValues": values}),
            ]
        }
        _ => return Err(Refusal(StatusCode::NOT_FOUND, None)),
    })
}

/// Everything of an entity, as the API shows it.
fn all(state: &State, entity: &str) -> Result<Vec<Item>, Refusal> {
    let hooks = || state.webhooks.values().map(hooks::Webhook::shown).collect::<Vec<_>>();
    let children = |of: &dyn Fn(&hooks::Webhook) -> &Vec<Value>| {
        state.webhooks.values().flat_map(|hook| of(hook).clone()).collect::<Vec<_>>()
    };
    Ok(match entity {
        "tickets" => state.tickets.values().cloned().collect(),
        "ticketnotes" => state.notes.values().cloned().collect(),
        "resources" => items(&state.lists.resources),
        "roles" => items(&state.lists.roles),
        "resourceservicedeskroles" => items(&state.lists.desk_roles),
        "companies" => items(&state.lists.companies),
        "contacts" => items(&state.lists.contacts),
        "ticketwebhooks" => items(&hooks()),
        "ticketwebhookfields" => items(&children(&|hook| &hook.fields)),
        "ticketwebhookexcludedresources" => items(&children(&|hook| &hook.excluded)),
        _ => return Err(Refusal(StatusCode::NOT_FOUND, None)),
    })
}

fn list(state: &State, entity: &str, body: &Value, after: Option<i64>) -> Result<Value, Refusal> {
    let next = format!("{}/ATServicesRest/V1.0/{entity}/query/next", state.url);
    // Among many tickets' notes those of one are asked for; the query itself still judges them.
    let of_ticket = query::equals(body, "ticketID").filter(|_| entity.eq_ignore_ascii_case("ticketnotes"));
    let items = match of_ticket {
        Some(ticket) => state.notes_of(ticket).cloned().collect(),
        None => all(state, entity)?,
    };
    Ok(query::run(items, body, after, &next)?)
}

fn item(state: &mut State, entity: &str, id: i64) -> Result<Value, Refusal> {
    let found = match entity {
        "tickets" => state.tickets.get(&id).cloned(),
        _ => all(state, entity)?.into_iter().find(|item| query::id(item) == id),
    };
    if entity == "tickets"
        && let Some(reads) = state.lag.get_mut(&id).filter(|reads| **reads > 0)
    {
        *reads -= 1;
        return Ok(json!({ "item": null }));
    }
    Ok(json!({ "item": found }))
}
