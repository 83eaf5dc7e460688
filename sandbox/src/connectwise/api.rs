//! The HTTP side: routing by codebase, sign-in, rights, and what each request does.

use super::data::Note;
use super::json::Render;
use super::query::ListQuery;
use super::refusal::Refusal;
use super::{ConnectWise, Right, api_actor, callbacks, locked, now};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);

pub(super) async fn answer(
    State(shop): State<ConnectWise>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // Links of the product carry a double slash, and it answers them.
    let path: Vec<&str> = uri.path().split('/').filter(|segment| !segment.is_empty()).collect();
    let outcome = match path.as_slice() {
        ["login", "companyinfo", company] => Ok(shop.company_info(company)),
        [codebase, "system", "callbackkey", "index.rails"] => shop.callback_key(codebase, uri.query()),
        [codebase, "apis", "3.0", rest @ ..] => {
            let request = Request { method, rest, uri: &uri, headers: &headers, body: &body };
            shop.routed(codebase, &request).and_then(|()| shop.api(&request))
        }
        _ => Err(Refusal::no_endpoint()),
    };
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert("api-current-version", HeaderValue::from_static("2025.1"));
    response
}

struct Request<'r> {
    method: Method,
    /// The path after `/apis/3.0`.
    rest: &'r [&'r str],
    uri: &'r Uri,
    headers: &'r HeaderMap,
    body: &'r [u8],
}

impl Request<'_> {
    fn json(&self) -> Result<Value, Refusal> {
        let kind =
            self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/json") {
            return Err(Refusal::bad("UnsupportedFormat", "Content-Type must be application/json."));
        }
        serde_json::from_slice(self.body)
            .map_err(|error| Refusal::bad("InvalidObject", &format!("Invalid JSON: {error}")))
    }
}

impl ConnectWise {
    fn company_info(&self, company: &str) -> Response {
        let keys = self.keys();
        if !company.eq_ignore_ascii_case(&keys.company_id) {
            return axum::Json(Value::Null).into_response();
        }
        let codebase = format!("{}/", locked(&self.0.switches).codebase);
        axum::Json(json!({
            "CompanyName": "Example MSP",
            "Codebase": codebase,
            "VersionCode": codebase.trim_end_matches('/'),
            "VersionNumber": "v4.6.98765",
            "CompanyID": keys.company_id,
            "IsCloud": "True"
        }))
        .into_response()
    }

    fn callback_key(&self, codebase: &str, query: Option<&str>) -> Result<Response, Refusal> {
        let id = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(name, _)| name == "id")
            .map(|(_, id)| id.into_owned())
            .unwrap_or_default();
        let shop = locked(&self.0.shop);
        let known = shop.callbacks.iter().any(|callback| callback.guid == id);
        if !self.knows_codebase(codebase) || !known {
            return Err(Refusal::no_record("Callback key"));
        }
        Ok(axum::Json(json!({"signing_key": callbacks::signing_key(&id)})).into_response())
    }

    fn knows_codebase(&self, codebase: &str) -> bool {
        codebase == "v4_6_release" || codebase == locked(&self.0.switches).codebase
    }

    /// Everything that is checked before the request itself is looked at.
    fn routed(&self, codebase: &str, request: &Request<'_>) -> Result<(), Refusal> {
        if !self.knows_codebase(codebase) || request.rest.first() == Some(&"apis") {
            return Err(Refusal::no_route());
        }
        self.throttle()?;
        self.signed_in(request.headers)?;
        let denied = right(request).is_some_and(|right| locked(&self.0.shop).denied.contains(&right));
        if denied { Err(Refusal::forbidden()) } else { Ok(()) }
    }

    fn throttle(&self) -> Result<(), Refusal> {
        let mut switches = locked(&self.0.switches);
        let Some(limit) = switches.limit else { return Ok(()) };
        let moment = Instant::now();
        let (start, count) = switches
            .window
            .filter(|(start, _)| moment.duration_since(*start) < WINDOW)
            .unwrap_or((moment, 0));
        switches.window = Some((start, count.saturating_add(1)));
        if count < limit { Ok(()) } else { Err(Refusal::throttled(30)) }
    }

    fn signed_in(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let keys = self.keys();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let pair = format!("{}+{}:{}", keys.company_id, keys.public_key, keys.private_key);
        if text("authorization") != format!("Basic {}", STANDARD.encode(pair)) {
            return Err(Refusal::unauthorised("ConnectWiseApi", "UserNotAuthenticated"));
        }
        if text("clientid") != keys.client_id {
            return Err(Refusal::unauthorised("Unauthorized", "The clientId is missing or not valid."));
        }
        Ok(())
    }

    fn api(&self, request: &Request<'_>) -> Result<Response, Refusal> {
        match (request.method.as_str(), request.rest) {
            ("GET", ["service", "tickets", id, "notes"]) => self.list_notes(request, id),
            ("POST", ["service", "tickets", id, "notes"]) => self.post_note(request, id),
            ("PATCH", ["service", "tickets", id]) => {
                let id = number(id)?;
                let operations = request.json()?;
                let actor = api_actor(&locked(&self.0.shop));
                self.patch(id, &operations, &actor)?;
                self.ticket(id)
                    .map(|ticket| axum::Json(ticket).into_response())
                    .ok_or_else(Refusal::no_endpoint)
            }
            ("POST", ["system", "callbacks"]) => self.post_callback(&request.json()?),
            ("PATCH", ["system", "callbacks", id]) => self.patch_callback(number(id)?, &request.json()?),
            ("DELETE", ["system", "callbacks", id]) => self.delete_callback(number(id)?),
            ("GET", rest) => self.get(request, rest),
            _ => Err(Refusal::no_endpoint()),
        }
    }

    fn get(&self, request: &Request<'_>, path: &[&str]) -> Result<Response, Refusal> {
        let base = self.links();
        let shop = locked(&self.0.shop);
        let render = Render { shop: &shop, base: &base };
        let query = ListQuery::parse(request.uri.query());
        if let ["service", "tickets", id] = path {
            let id = number(id)?;
            let ticket =
                shop.tickets.get(&id).ok_or_else(|| Refusal::no_record(&format!("Service Ticket {id}")))?;
            return Ok(axum::Json(query.project(render.ticket(ticket))).into_response());
        }
        match render.list(path) {
            Some(rows) => self.page(request, rows, &query),
            None => render
                .record(path)
                .map(|record| axum::Json(query.project(record)).into_response())
                .ok_or_else(Refusal::no_endpoint),
        }
    }

    fn list_notes(&self, request: &Request<'_>, id: &str) -> Result<Response, Refusal> {
        let id = number(id)?;
        if self.ticket(id).is_none() {
            return Err(Refusal::no_record(&format!("Service Ticket {id}")));
        }
        self.page(request, self.notes(id), &ListQuery::parse(request.uri.query()))
    }

    fn page(&self, request: &Request<'_>, rows: Vec<Value>, query: &ListQuery) -> Result<Response, Refusal> {
        const ALWAYS: [&str; 4] = ["id", "name", "lastUpdated", "dateEntered"];
        let names: Vec<String> =
            rows.iter().filter_map(Value::as_object).flat_map(|row| row.keys().cloned()).collect();
        let known: Vec<&str> = names.iter().map(String::as_str).chain(ALWAYS).collect();
        let address = format!("{}{}", locked(&self.0.switches).address, request.uri.path());
        let (headers, page) = query.apply(rows, &known, &address)?;
        Ok((headers, axum::Json(page)).into_response())
    }

    fn post_note(&self, request: &Request<'_>, id: &str) -> Result<Response, Refusal> {
        const KNOWN: [&str; 9] = [
            "text",
            "detailDescriptionFlag",
            "internalAnalysisFlag",
            "resolutionFlag",
            "issueFlag",
            "customerUpdatedFlag",
            "processNotifications",
            "member",
            "contact",
        ];
        let (id, body) = (number(id)?, request.json()?);
        if let Some(unknown) = body
            .as_object()
            .into_iter()
            .flat_map(|body| body.keys())
            .find(|key| !KNOWN.contains(&key.as_str()))
        {
            let message = format!("Could not find member '{unknown}' on object of type 'ServiceNote'");
            return Err(Refusal::bad("InvalidObject", &message));
        }
        let text = body["text"].as_str().unwrap_or_default();
        if text.is_empty() {
            return Err(Refusal::field("MissingRequiredField", "text is required", "serviceNote", "text"));
        }
        let flag = |name: &str| body[name] == true;
        if !flag("detailDescriptionFlag") && !flag("internalAnalysisFlag") && !flag("resolutionFlag") {
            let message = "Please choose where to display the notes in order to save this record.";
            let fields = "detailDescriptionFlag, internalAnalysisFlag, resolutionFlag";
            return Err(Refusal::field("ServiceNote", message, "serviceNote", fields));
        }
        let (actor, note) = {
            let mut shop = locked(&self.0.shop);
            if !shop.tickets.contains_key(&id) {
                return Err(Refusal::no_record(&format!("Service Ticket {id}")));
            }
            let actor = api_actor(&shop);
            let note = Note {
                id: shop.next_id(),
                text: text.to_owned(),
                discussion: flag("detailDescriptionFlag"),
                internal: flag("internalAnalysisFlag"),
                resolution: flag("resolutionFlag"),
                member: actor.member,
                contact: None,
                created_by: actor.identifier.clone(),
                at: now(),
                // Whether it mails when the flag is left out is not known; the careful assumption is that it does.
                notifies: body["processNotifications"] != false,
            };
            (actor, note)
        };
        let note_id = note.id;
        self.push_note(id, note);
        self.announce(id, "updated", &actor.identifier);
        let created = self.notes(id).into_iter().find(|note| note["id"] == note_id);
        Ok((StatusCode::CREATED, axum::Json(created)).into_response())
    }
}

fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::no_endpoint())
}

/// The permission a request needs.
fn right(request: &Request<'_>) -> Option<Right> {
    let reads = request.method == Method::GET;
    Some(match request.rest {
        ["service", "tickets", ..] if reads => Right::ReadTickets,
        ["service", "tickets", ..] => Right::EditTickets,
        ["service", ..] => Right::TableSetup,
        ["company", ..] => Right::ReadCompanies,
        ["system", "members", ..] => Right::ReadMembers,
        ["system", "callbacks", ..] => Right::Callbacks,
        ["system", "info"] => Right::SystemInfo,
        _ => return None,
    })
}
