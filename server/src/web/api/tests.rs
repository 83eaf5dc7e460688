//! The API over real HTTP on a store of its own; every answer is held against the document.

mod calls;
mod document;
mod settings;

use super::{Pace, document_for_tests, paced_router};
use crate::clock::{Clock, Luck};
use crate::connections::Connections;
use crate::ops::Operations;
use crate::outside::{Call, Caller, Limits, Outside};
use crate::scoring::prompt;
use chrono::{DateTime, TimeZone, Utc};
use domain::{
    Assessment, History, ModelSettings, PsaKind, Reading, Score, Secret, TenantId, TicketId, decide,
};
use governor::Quota;
use http::{HeaderMap, Method};
use sandbox::Running;
use sandbox::autotask::{Autotask, Credentials, VENDOR_RETRY};
use sandbox::model::Model;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use store::accounts::NewTenant;
use store::analyses::Provenance;
use store::door::{Disposition, NewDelivery};
use store::testing::TestStore;
use store::tickets::ReadTicket;
use store::{Actor, TenantStore};
use url::Url;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document_for_tests);

/// The API with two workspaces, a model and a ticketing system behind it.
struct World {
    store: TestStore,
    clock: Clock,
    caller: Caller,
    api: Running,
    model: Model,
    model_at: Running,
    autotask: Autotask,
    _autotask_at: Running,
    ours: Workspace,
    theirs: Workspace,
}

struct Workspace {
    tenant: TenantStore,
    id: TenantId,
    token: String,
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
    /// The id of the problem and the field it names.
    fn problem(&self) -> (u16, String, String) {
        let body = self.json();
        let kind = body["type"].as_str().unwrap_or_default();
        let id = kind.rsplit('#').next().unwrap_or_default().to_owned();
        assert_eq!(self.headers.get("content-type").unwrap(), "application/problem+json", "{}", self.text);
        assert_eq!(body["status"], self.status);
        assert!(body["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{body}");
        (self.status, id, body["field"].as_str().unwrap_or_default().to_owned())
    }
}

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 5, 9, 0, 0).unwrap()
}

async fn workspace(store: &TestStore, name: &str) -> Workspace {
    let new = NewTenant {
        name: name.into(),
        owner_email: format!("owner@{name}.example"),
        owner_name: "Olive Owner".into(),
        password_hash: "$argon2id$unused".into(),
    };
    let (id, _) = store.tenant_create(new, start()).await.unwrap();
    let tenant = store.tenant(id);
    let (_, token) = tenant.token_create("Robot", &Actor::System, start()).await.unwrap();
    Workspace { tenant, id, token }
}

impl World {
    async fn new() -> Self {
        Self::paced(Pace::new(Quota::per_second(NonZeroU32::MAX))).await
    }

    async fn paced(pace: Pace) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let local = ([127, 0, 0, 1], 0).into();
        let store = TestStore::sqlite().await;
        let (ours, theirs) = (workspace(&store, "ours").await, workspace(&store, "theirs").await);
        let model = Model::default();
        let model_at = sandbox::serve(local, model.router()).await.unwrap();
        let autotask = Autotask::new(Credentials::default(), VENDOR_RETRY);
        let autotask_at = sandbox::serve(local, autotask.router()).await.unwrap();
        autotask.set_url(&autotask_at.url());
        let outside = Outside::new(true);
        let clock = Clock::fixed(start());
        let public_url = Url::parse("https://undertone.example").unwrap();
        let ops = Operations::new(
            Connections::new(outside.clone()),
            clock.clone(),
            Luck::seeded(1),
            public_url,
            HashMap::new(),
        )
        .keeping_texts(Some(400));
        let api = sandbox::serve(local, paced_router((*store).clone(), Arc::new(ops), pace)).await.unwrap();
        let limits = Limits { parallel: 16, requests: 100_000, per: Duration::from_secs(1) };
        // Of the kind that an answer of 429 does not hold back.
        let caller = outside.caller("model tests/api", limits);
        Self { store, clock, caller, api, model, model_at, autotask, _autotask_at: autotask_at, ours, theirs }
    }

    /// One request as it is; nothing is checked.
    async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Reply {
        let url = Url::parse(&format!("{}{path}", self.api.url())).unwrap();
        let mut call = Call::new(method, url);
        call.body = (!body.is_empty()).then(|| body.into());
        for (name, value) in headers {
            call = call.header(http::HeaderName::from_static(name), value.parse().unwrap());
        }
        let answer = self.caller.call(call).await.unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        Reply { status: answer.status.as_u16(), headers: answer.headers, text }
    }

    /// A call with our token; the answer must be one that the document has.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        self.call_as(&self.ours.token, method, path, body).await
    }

    async fn call_as(&self, token: &str, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let reply = self.raw(method.clone(), &format!("/api/v1{path}"), &headers, bytes).await;
        document::check_reply(&DOCUMENT, &method, path, &reply);
        reply
    }

    async fn get(&self, path: &str) -> Value {
        let reply = self.call(Method::GET, path, None).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Reply {
        self.call(method, path, Some(body)).await
    }

    fn openai(&self) -> Value {
        json!({"kind": "openai", "api_key": Model::KEY, "model": Model::NAME, "base_url": format!("{}/v1", self.model_at.url())})
    }

    async fn connect_model(&self) {
        let settings = ModelSettings::OpenAi {
            api_key: Secret::new(Model::KEY),
            model: Model::NAME.into(),
            base_url: format!("{}/v1", self.model_at.url()),
            price: None,
        };
        self.ours.tenant.model_connection_put(settings, &Actor::System, self.clock.now()).await.unwrap();
    }

    fn autotask_settings(&self) -> Value {
        let credentials = self.autotask.credentials();
        json!({
            "kind": "autotask",
            "username": credentials.username,
            "secret": credentials.secret,
            "integration_code": credentials.integration_code,
            "zone_url": self.autotask.zone_url(),
        })
    }

    /// A ticket that came in and was scored; its id and that of its delivery.
    async fn scored_ticket(
        &self,
        of: &Workspace,
        number: &str,
        sentiment: i64,
    ) -> (TicketId, domain::DeliveryId) {
        self.clock.advance(Duration::from_secs(1));
        let now = self.clock.now();
        let delivery = NewDelivery {
            tenant: of.id,
            psa: PsaKind::Autotask.into(),
            dedupe_key: format!("key-{number}"),
            disposition: Disposition::Analyse { external_ticket: number.into() },
            headers: json!({"user-agent": "Autotask"}),
            body: br#"{"Id":1}"#.to_vec(),
            verified: true,
            received_at: now,
        };
        let accepted = self.store.accept(delivery).await.unwrap();
        let claim = async || {
            self.store
                .job_claim(now, Duration::from_secs(60), 1, store::jobs::Share::of(1))
                .await
                .unwrap()
                .pop()
                .unwrap()
        };
        let mut read: ReadTicket = prompt::example();
        read.ticket.external_id = number.into();
        read.ticket.number = format!("T-{number}");
        read.ticket.title = format!("=Printer {number}");
        let lease = claim().await.lease;
        let ticket = of.tenant.ticket_read(lease, &read, now).await.unwrap();
        let reading = |score: i64| Reading {
            score: Score::new(score).unwrap(),
            reason: "Because.".into(),
            quote: "blank pages".into(),
        };
        let assessment =
            Assessment { sentiment: reading(sentiment), urgency: reading(2), impact: reading(1) };
        let policy = of.tenant.policy().await.unwrap();
        let plan = decide(&policy.body, &read.ticket, History::default(), &assessment);
        let how =
            Provenance { model: "sandbox-1".into(), tokens_in: 900, tokens_out: 60, ..Provenance::default() };
        of.tenant
            .analysis_scored(lease, ticket, &assessment, &plan, policy.version, &how, now)
            .await
            .unwrap();
        (ticket, accepted.delivery)
    }
}
