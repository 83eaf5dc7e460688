//! Callbacks: who wants to know, and how they are told.

use super::data::{API_MEMBER, Callback};
use super::refusal::Refusal;
use super::{ConnectWise, api_actor, locked};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One callback as it went out.
#[derive(Clone, Debug)]
pub struct Sent {
    /// With the record id and the action appended.
    pub url: String,
    pub ticket: u64,
    pub action: &'static str,
    pub body: String,
    pub signature: String,
    /// The last answer; `None`: nobody answered in time.
    pub status: Option<u16>,
    pub attempts: u32,
}

/// The key a callback is signed with, before hashing.
pub(super) fn signing_key(guid: &str) -> String {
    format!("sandbox-signing-key-{guid}")
}

/// Base64 of HMAC-SHA256 over the body with SHA-256 of the signing key as the key.
pub(super) fn signature(signing_key: &str, body: &[u8]) -> String {
    let key = Sha256::digest(signing_key.as_bytes());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

impl ConnectWise {
    /// Registers a callback for all tickets, as an administrator would; `url` should end with `?recordId=` or the like,
    /// since the id is appended to it as it stands.
    pub fn register(&self, url: &str) -> Result<u64, String> {
        self.register_at("owner", 1, url)
    }

    /// As [`register`](Self::register), for one board or another level.
    pub fn register_at(&self, level: &str, object: u64, url: &str) -> Result<u64, String> {
        let body = json!({"url": url, "objectId": object, "type": "ticket", "level": level, "description": "sandbox"});
        self.add_callback(&body).map_err(|refusal| format!("{refusal:?}"))
    }

    pub(super) fn post_callback(&self, body: &Value) -> Result<Response, Refusal> {
        let id = self.add_callback(body)?;
        let base = self.links();
        let shop = locked(&self.0.shop);
        let render = super::json::Render { shop: &shop, base: &base };
        let created = shop
            .callbacks
            .iter()
            .find(|callback| callback.id == id)
            .map(|callback| render.callback(callback));
        Ok((StatusCode::CREATED, axum::Json(created)).into_response())
    }

    /// A list of operations on whole fields, as for tickets; those that are not known change nothing.
    pub(super) fn patch_callback(&self, id: u64, operations: &Value) -> Result<Response, Refusal> {
        let base = self.links();
        let mut shop = locked(&self.0.shop);
        let found = shop.callbacks.iter_mut().find(|callback| callback.id == id);
        let callback = found.ok_or_else(|| Refusal::no_record(&format!("Callback {id}")))?;
        for operation in operations.as_array().into_iter().flatten() {
            let value = &operation["value"];
            match operation["path"].as_str().unwrap_or_default() {
                "inactiveFlag" => callback.is_inactive = value == true,
                "url" => callback.url = value.as_str().unwrap_or_default().to_owned(),
                "description" => callback.description = value.as_str().unwrap_or_default().to_owned(),
                _ => {}
            }
        }
        let callback = callback.clone();
        let render = super::json::Render { shop: &shop, base: &base };
        Ok(axum::Json(render.callback(&callback)).into_response())
    }

    /// The product switches a callback off, as after failures on three days in a row.
    pub fn deactivate_callback(&self, id: u64) {
        let mut shop = locked(&self.0.shop);
        if let Some(callback) = shop.callbacks.iter_mut().find(|callback| callback.id == id) {
            callback.is_inactive = true;
        }
    }

    /// Each callback as the API shows it.
    pub fn callbacks(&self) -> Vec<Value> {
        let base = self.links();
        let shop = locked(&self.0.shop);
        let render = super::json::Render { shop: &shop, base: &base };
        shop.callbacks.iter().map(|callback| render.callback(callback)).collect()
    }

    pub(super) fn delete_callback(&self, id: u64) -> Result<Response, Refusal> {
        let mut shop = locked(&self.0.shop);
        let before = shop.callbacks.len();
        shop.callbacks.retain(|callback| callback.id != id);
        if shop.callbacks.len() == before {
            return Err(Refusal::no_record(&format!("Callback {id}")));
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    fn add_callback(&self, body: &Value) -> Result<u64, Refusal> {
        let refuse = |code: &str, message: &str, field: &str| {
            Err(Refusal::field(code, message, "callbackEntry", field))
        };
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (url, kind, level) = (text("url"), text("type").to_lowercase(), text("level").to_lowercase());
        if let Some(field) =
            ["url", "objectId", "type", "level"].into_iter().find(|field| body[*field].is_null())
        {
            return refuse("MissingRequiredField", &format!("{field} is required"), field);
        }
        if url::Url::parse(&url).is_err() {
            return refuse("InvalidField", "Invalid URL", "url");
        }
        if kind != "ticket" || !["owner", "board", "status", "ticket"].contains(&level.as_str()) {
            let message = "Unrecognized level for type, see documentation for supported levels for each type";
            return refuse("InvalidObject", message, "level");
        }
        let object_id = if level == "owner" { 1 } else { body["objectId"].as_u64().unwrap_or_default() };
        let mut shop = locked(&self.0.shop);
        let same =
            |known: &Callback| known.url == url && known.object_id == object_id && known.level == level;
        if shop.callbacks.iter().any(same) {
            return refuse("ObjectExists", "A matching callback entry already exists", "objectId");
        }
        let id = shop.next_id();
        shop.callbacks.push(Callback {
            id,
            url,
            description: text("description"),
            object_id,
            kind,
            level,
            member: API_MEMBER,
            is_inactive: body["inactiveFlag"] == true,
            is_self_suppressed: body["isSelfSuppressedFlag"] == true,
            guid: uuid::Uuid::new_v4().to_string(),
        });
        Ok(id)
    }

    /// Tells every callback that covers the ticket, in the background.
    pub(super) fn announce(&self, ticket: u64, action: &'static str, by: &str) {
        let calls: Vec<Sent> = {
            let shop = locked(&self.0.shop);
            let api_member = api_actor(&shop).identifier;
            let covers = |callback: &&Callback| {
                let found = shop.tickets.get(&ticket);
                let at = |id: Option<u64>| id.is_none_or(|id| id == callback.object_id);
                let suppressed = callback.is_self_suppressed && by == api_member;
                let in_scope = match callback.level.as_str() {
                    "board" => at(found.map(|ticket| ticket.board)),
                    "status" => at(found.map(|ticket| ticket.status)),
                    "ticket" => ticket == callback.object_id,
                    _ => true,
                };
                in_scope && !callback.is_inactive && !suppressed
            };
            let callbacks: Vec<Callback> = shop.callbacks.iter().filter(covers).cloned().collect();
            drop(shop);
            callbacks.iter().map(|callback| self.call(callback, ticket, action, by)).collect()
        };
        for call in calls {
            let this = self.clone();
            self.in_background(async move { this.deliver(call).await });
        }
    }

    fn call(&self, callback: &Callback, ticket: u64, action: &'static str, by: &str) -> Sent {
        // Custom fields are missing in recorded entities, and a deleted record has none.
        let entity =
            (action != "deleted").then(|| self.ticket(ticket)).flatten().map(|entity| entity.to_string());
        let (address, codebase) = {
            let switches = locked(&self.0.switches);
            (switches.address.clone(), switches.codebase.clone())
        };
        let company = &self.keys().company_id;
        let key_url = format!(
            "{address}/{codebase}//system/callbackkey/index.rails?companyName={company}&id={}",
            callback.guid
        );
        let body = json!({
            "MessageId": uuid::Uuid::new_v4().to_string(),
            "FromUrl": address.split("//").last(),
            "CompanyId": company,
            "MemberId": by,
            "Action": action,
            "Type": callback.kind,
            "ID": ticket,
            "ProductInstanceId": "000000000000000000000002",
            "PartnerId": "000000000000000000000001",
            "Entity": entity,
            "Metadata": {"key_url": key_url},
            "CallbackObjectRecId": callback.id,
        })
        .to_string();
        Sent {
            url: format!("{}{ticket}&action={action}", callback.url),
            ticket,
            action,
            signature: signature(&signing_key(&callback.guid), body.as_bytes()),
            body,
            status: None,
            attempts: 0,
        }
    }

    /// Repeats twice, and only after the documented codes.
    async fn deliver(&self, mut call: Sent) {
        let pause = locked(&self.0.switches).retry_pause;
        loop {
            call.attempts += 1;
            let request =
                self.0.client.post(&call.url).header("content-type", "application/json; charset=utf-8");
            let request = request.header("x-content-signature", &call.signature).body(call.body.clone());
            call.status = request.send().await.ok().map(|response| response.status().as_u16());
            if call.attempts > 2 || !matches!(call.status, Some(404 | 409 | 419 | 429)) {
                break;
            }
            tokio::time::sleep(pause * call.attempts).await;
        }
        locked(&self.0.sent).push(call);
    }

    /// Waits until every callback and late note that is under way has arrived.
    pub async fn settle(&self) {
        // The sender lives in `self`, so the wait cannot end early.
        let _ = self.0.pending.subscribe().wait_for(|count| *count == 0).await;
    }

    /// What was sent so far, in order of completion.
    pub fn sent(&self) -> Vec<Sent> {
        locked(&self.0.sent).clone()
    }

    /// Sends a callback once more, as a network that doubles messages would. Returns the answer's status.
    pub async fn send_again(&self, sent: &Sent) -> Option<u16> {
        let request = self.0.client.post(&sent.url).header("content-type", "application/json; charset=utf-8");
        let request = request.header("x-content-signature", &sent.signature).body(sent.body.clone());
        request.send().await.ok().map(|response| response.status().as_u16())
    }
}
