//! The Autotask stand-in: one tenant's database behind the REST API, with webhooks.
//!
//! It keeps the rules that integrators trip over: business errors are status 500 with texts, an owner needs a role, an API
//! user cannot be an owner, note visibility 1 reaches customers, read-only fields are ignored with a 200, an unknown query
//! operator is ignored, webhooks need a subscribed field, events are thin and signed, a ticket may be missing for a moment
//! after its event. What can be switched on: a thread limit, a request threshold, missing rights, replication lag, a
//! workflow rule that undoes our changes, a move to another zone.

mod api;
mod data;
mod hooks;
mod page;
mod play;
mod query;
mod tickets;

pub use data::{ESCALATION_QUEUE, Lists};
pub use tickets::NewTicket;

use crate::deliver::{Log, Retry};
use crate::faults::{self, Watch};
use axum::Router;
use chrono::{DateTime, SubsecRound, Utc};
use data::Right;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One thing as the API shows it.
pub type Item = Map<String, Value>;

/// What the API user signs in with.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub username: String,
    pub secret: String,
    pub integration_code: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            username: "undertone@EXAMPLE-MSP.COM".into(),
            secret: "s4ndb0x$ecret#1".into(),
            integration_code: "SANDBOX0TRACKING0IDENTIFIER".into(),
        }
    }
}

/// The vendor's rule: 10 s for an answer, five tries within about two minutes, off after 25 dropped events.
pub const VENDOR_RETRY: Retry = Retry {
    timeout: Duration::from_secs(10),
    tries: 5,
    pause: Duration::from_secs(30),
    gives_up_after: Some(25),
};

/// The stand-in. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Autotask {
    shared: Arc<Shared>,
    pub watch: Watch,
    /// Webhook calls made so far.
    pub deliveries: Log,
}

struct Shared {
    credentials: Credentials,
    retry: Retry,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where this stand-in is served, without a slash at the end.
    url: String,
    lists: Lists,
    tickets: BTreeMap<i64, Item>,
    notes: BTreeMap<i64, Item>,
    /// The notes of each ticket, by id.
    notes_of: HashMap<i64, Vec<i64>>,
    history: Vec<Change>,
    webhooks: BTreeMap<i64, hooks::Webhook>,
    denied: BTreeSet<Right>,
    /// Reads of a ticket that still find nothing.
    lag: HashMap<i64, u32>,
    lag_for_new: u32,
    /// Requests under way by object; only counted while the limit is on.
    under_way: HashMap<String, u32>,
    has_thread_limit: bool,
    threshold: Option<u32>,
    requests: u32,
    bad_sign_ins: u32,
    moved_to: Option<String>,
    rule: Option<(String, Value)>,
    last_id: i64,
}

/// One change of a field, for the page.
#[derive(Clone, Debug)]
struct Change {
    ticket: i64,
    at: DateTime<Utc>,
    who: String,
    what: String,
    from: String,
    to: String,
}

impl State {
    fn add_note(&mut self, ticket: i64, id: i64, note: Value) {
        if let Value::Object(note) = note {
            self.notes.insert(id, note);
            self.notes_of.entry(ticket).or_default().push(id);
        }
    }

    fn notes_of(&self, ticket: i64) -> impl Iterator<Item = &Item> {
        self.notes_of.get(&ticket).into_iter().flatten().filter_map(|id| self.notes.get(id))
    }

    fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }
}

fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "a stand-in lives in real time, as the real product does")]
    Utc::now().trunc_subsecs(3)
}

fn iso(at: DateTime<Utc>) -> Value {
    Value::from(at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

impl Default for Autotask {
    fn default() -> Self {
        Self::new(Credentials::default(), VENDOR_RETRY)
    }
}

impl Autotask {
    pub fn new(credentials: Credentials, retry: Retry) -> Self {
        let state =
            State { lists: Lists::stock(&credentials.username), last_id: 351_180, ..State::default() };
        Self {
            shared: Arc::new(Shared { credentials, retry, state: Mutex::new(state) }),
            watch: Watch::default(),
            deliveries: Log::default(),
        }
    }

    pub fn credentials(&self) -> &Credentials {
        &self.shared.credentials
    }

    /// The REST API under `/ATServicesRest/`, and the page.
    pub fn router(&self) -> Router {
        api::router(self.clone())
            .layer(axum::middleware::from_fn_with_state(self.watch.clone(), faults::layer))
            .merge(crate::page::router(self.clone()))
    }

    /// Tells the stand-in its own address, which zone information and links need.
    pub fn set_url(&self, url: &str) {
        self.state().url = url.trim_end_matches('/').to_owned();
    }

    /// What a tenant would enter as its zone: the address of the REST API.
    pub fn zone_url(&self) -> String {
        format!("{}/ATServicesRest/", self.state().url)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a right from the API user's security level, by the name of the entity and "query", "create" or "update".
    pub fn deny(&self, entity: &'static str, act: &'static str) {
        self.state().denied.insert(Right { entity, act });
    }
    pub fn allow_all(&self) {
        self.state().denied.clear();
    }
    /// New tickets are missing for the first `reads` readings, as after a create event.
    pub fn set_lag(&self, reads: u32) {
        self.state().lag_for_new = reads;
    }
    /// From now on a fourth request at once for the same object is refused.
    pub fn set_thread_limit(&self, on: bool) {
        self.state().has_thread_limit = on;
    }
    /// Requests after the first `requests` are refused.
    pub fn set_threshold(&self, requests: Option<u32>) {
        self.state().threshold = requests;
    }
    /// A workflow rule that sets a field after each edit of a ticket through the API.
    pub fn set_rule(&self, rule: Option<(&str, Value)>) {
        self.state().rule = rule.map(|(field, value)| (field.to_owned(), value));
    }
    /// The tenant has moved to another zone: this one refuses sign-ins and tells the new address.
    pub fn move_to(&self, zone_url: Option<String>) {
        self.state().moved_to = zone_url;
    }
    /// Changes lists and people, for tests of odd tenants.
    pub fn edit_lists(&self, edit: impl FnOnce(&mut Lists)) {
        edit(&mut self.state().lists);
    }

    pub fn ticket(&self, id: i64) -> Option<Value> {
        self.state().tickets.get(&id).cloned().map(Value::Object)
    }
    /// A person (or a rule) changes a ticket in the product's own screens.
    pub fn edit_ticket(&self, id: i64, field: &str, value: Value) {
        if let Some(ticket) = self.state().tickets.get_mut(&id) {
            ticket.insert(field.to_owned(), value);
        }
    }
    /// Notes of a ticket, oldest first.
    pub fn notes(&self, ticket: i64) -> Vec<Value> {
        self.state().notes_of(ticket).cloned().map(Value::Object).collect()
    }
}
