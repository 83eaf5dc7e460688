//! Sign-in and the API: tokens, rights, and which handler an address leads to.

use super::data::{OWN_AGENT, number};
use super::{Halo, Item, State, hooks, tickets};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, post};
use chrono::NaiveDateTime;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Instant;

pub fn router(halo: Halo) -> Router {
    Router::new().route("/auth/token", post(token)).route("/api/{*path}", any(handle)).with_state(halo)
}

/// A refusal: a status, and words in the serialised exception where Halo gives any.
struct Refusal(StatusCode, Option<String>);

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        if text == "NOT FOUND" {
            Self(StatusCode::NOT_FOUND, None)
        } else {
            Self(StatusCode::BAD_REQUEST, Some(text))
        }
    }
}
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self.1 {
            None => self.0.into_response(),
            Some(text) => {
                let body = json!({
                    "ClassName": "System.Exception", "Message": text, "Data": null, "InnerException": null,
                    "HelpURL": null, "StackTraceString": null, "RemoteStackTraceString": null, "RemoteStackIndex": 0,
                    "ExceptionMethod": null, "HResult": -2_146_233_088i64,
                });
                (self.0, Json(body)).into_response()
            }
        }
    }
}

/// Client credentials for a token. A wrong tenant or client is 400, as OAuth has it.
async fn token(Shared(halo): Shared<Halo>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let is = |key: &str, wanted: &str| form.get(key).is_some_and(|value| value == wanted);
    let tenant = parameters(query.as_deref()).remove("tenant");
    let known = halo.credentials();
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response();
    if !is("grant_type", "client_credentials") {
        return refuse("unsupported_grant_type");
    }
    if tenant.is_some_and(|tenant| tenant != known.tenant) {
        return refuse("invalid_tenant");
    }
    if !is("client_id", &known.client_id) || !is("client_secret", &known.client_secret) {
        return refuse("invalid_client");
    }
    let mut state = halo.state();
    let token = uuid::Uuid::new_v4().simple().to_string();
    let life = state.token_life;
    state.tokens.insert(token.clone(), Instant::now() + life);
    state.tokens_given += 1;
    Json(json!({"scope": state.scope, "token_type": "Bearer", "access_token": token, "expires_in": life.as_secs(),
                "refresh_token": "unused", "id_token": "unused"}))
    .into_response()
}

fn parameters(query: Option<&str>) -> HashMap<String, String> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.map(|(key, value)| (key.to_lowercase(), value.into_owned())).collect()
}

async fn handle(
    Shared(halo): Shared<Halo>,
    method: Method,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = path.to_lowercase();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    if segments == ["authinfo"] {
        let url = halo.state().url.clone();
        return Json(json!({"auth_url": format!("{url}/auth"), "tenant_id": halo.credentials().tenant}))
            .into_response();
    }
    let token =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let may_enter = {
        let state = halo.state();
        token.and_then(|token| state.tokens.get(token)).is_some_and(|until| Instant::now() < *until)
    };
    if !may_enter {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let resource = segments.first().copied().unwrap_or_default();
    if halo.state().denied.contains(resource) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let is_write = method == Method::POST;
    match dispatch(&halo, &method, &segments, &parameters(query.as_deref()), &body) {
        Ok(answer) if is_write => (StatusCode::CREATED, Json(answer)).into_response(),
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn dispatch(
    halo: &Halo,
    method: &Method,
    segments: &[&str],
    query: &HashMap<String, String>,
    body: &Value,
) -> Result<Value, Refusal> {
    let absent = || Refusal(StatusCode::NOT_FOUND, None);
    let number = |text: &str| text.parse::<i64>().map_err(|_| absent());
    let state = || halo.state();
    match (method.as_str(), segments) {
        ("GET", ["tickets"]) => Ok(page(&state(), query)),
        ("GET", ["tickets", id]) => one_ticket(&state(), number(id)?, query).ok_or_else(absent),
        ("POST", ["tickets"]) => {
            let mut state = state();
            let id = tickets::post(&mut state, body)?;
            hooks::full_ticket(&state, id).ok_or_else(absent)
        }
        ("GET", ["actions"]) => actions(&state(), query).ok_or_else(absent),
        ("POST", ["actions"]) => Ok(Value::Object(tickets::post_action(&mut state(), body)?)),
        ("GET", ["agent", "me"]) => {
            let state = state();
            state.lists.agents.iter().find(|agent| agent["id"] == OWN_AGENT).cloned().ok_or_else(absent)
        }
        ("GET", ["webhook"]) => Ok(state().webhooks.iter().map(hooks::Webhook::shown).collect()),
        ("POST", ["webhook"]) => Ok(hooks::register(halo, body)?),
        ("GET", ["notification"]) => {
            Ok(hooks::notifications(&state(), query.get("webhook_id").map(String::as_str)))
        }
        ("POST", ["notification"]) => Ok(hooks::notify(&mut state(), body)?),
        ("DELETE", ["webhook", id]) if hooks::remove(&mut state(), id) => Ok(Value::Null),
        ("GET", [list]) => self::list(&state(), list, query).ok_or_else(absent),
        _ => Err(absent()),
    }
}

fn page(state: &State, query: &HashMap<String, String>) -> Value {
    let of = |key: &str, default: usize| query.get(key).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (page, size) = (of("page_no", 1).max(1), of("page_size", 50).clamp(1, 50));
    // Only this spelling pages; any other is ignored.
    let skip =
        if query.get("pageinate").is_some_and(|value| value == "true") { (page - 1) * size } else { 0 };
    let ids = found(state, query);
    let rows: Vec<Value> =
        ids.iter().skip(skip).take(size).filter_map(|id| hooks::full_ticket(state, *id)).collect();
    json!({"page_no": page, "page_size": size, "record_count": ids.len(), "tickets": rows})
}

/// The tickets of a list in its order: newest first, unless it is asked otherwise. A date counts only with `datesearch`.
fn found(state: &State, query: &HashMap<String, String>) -> Vec<i64> {
    let is = |key: &str, wanted: &str| query.get(key).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
    let by_date = is("datesearch", "dateoccurred") || is("datesearch", "dateoccured");
    let bound = |key: &str| query.get(key).filter(|_| by_date).and_then(|text| time(text));
    let (from, to) = (bound("startdate"), bound("enddate"));
    let is_within = |ticket: &Item| {
        let at = ticket.get("dateoccurred").and_then(Value::as_str).and_then(time);
        from.is_none_or(|from| at.is_some_and(|at| at >= from))
            && to.is_none_or(|to| at.is_some_and(|at| at <= to))
    };
    let ids = state.tickets.iter().filter(|(_, ticket)| is_within(ticket)).map(|(id, _)| *id);
    if is("order", "id") && is("orderdesc", "false") { ids.collect() } else { ids.rev().collect() }
}

/// As written here and by callers: UTC, with or without saying so.
fn time(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%dT%H:%M:%S%.f").ok()
}

fn one_ticket(state: &State, id: i64, query: &HashMap<String, String>) -> Option<Value> {
    let mut ticket = hooks::full_ticket(state, id)?;
    if query.get("includedetails").is_none_or(|value| value != "true") {
        ticket
            .as_object_mut()?
            .retain(|key, _| !matches!(key.as_str(), "details" | "details_html" | "user_email"));
    }
    Some(ticket)
}

fn actions(state: &State, query: &HashMap<String, String>) -> Option<Value> {
    let ticket = query.get("ticket_id").and_then(|text| text.parse().ok())?;
    let has = |key: &str| query.get(key).is_some_and(|value| value == "true");
    let most = query.get("count").and_then(|text| text.parse().ok()).unwrap_or(50);
    let shown = |action: &Item| {
        let mut action = action.clone();
        if !has("includehtmlnote") {
            action.remove("note_html");
        }
        Value::Object(action)
    };
    let of_ticket = state.actions.get(&ticket).map_or(&[][..], Vec::as_slice);
    let wanted = of_ticket
        .iter()
        .rev()
        .filter(|action| !(has("excludesys") && action.get("who_type") == Some(&json!(2))));
    let list: Vec<Value> = wanted.take(most).map(shown).collect();
    Some(json!({"ticket_id": ticket, "record_count": list.len(), "actions": list}))
}

fn list(state: &State, name: &str, query: &HashMap<String, String>) -> Option<Value> {
    let lists = &state.lists;
    let is = |key: &str| query.get(key).is_some_and(|value| value == "true");
    let wanted = |key: &str| query.get(key).and_then(|text| number(&json!(text)));
    let found: Vec<Value> = match name {
        "priority" => {
            let sla = wanted("slaid");
            lists.priorities.iter().filter(|one| sla.is_none_or(|sla| one["slaid"] == sla)).cloned().collect()
        }
        "sla" => lists.slas.clone(),
        "status" => {
            let open = lists.statuses.iter().filter(|one| !(is("excludeclosed") && one["closes"] == true));
            let hide = |status: &Value| {
                let mut status = status.clone();
                status.as_object_mut().map(|object| object.remove("closes"));
                status
            };
            open.map(hide).collect()
        }
        "team" => lists.teams.clone(),
        "agent" => lists
            .agents
            .iter()
            .filter(|one| is("includeunassigned") || one["name"] != "Unassigned")
            .cloned()
            .collect(),
        "tickettype" => lists.kinds.clone(),
        "outcome" => lists.outcomes.clone(),
        "lookup" => match wanted("lookupid") {
            Some(12) => lists.impacts.clone(),
            Some(27) => lists.urgencies.clone(),
            _ => Vec::new(),
        },
        "client" => lists.clients.clone(),
        _ => return None,
    };
    let found = if state.hidden.contains(name) { Vec::new() } else { found };
    Some(if name == "client" {
        json!({"record_count": found.len(), "clients": found})
    } else {
        Value::Array(found)
    })
}
