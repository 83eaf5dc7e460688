//! The HaloPSA stand-in: one instance behind the API, with webhooks.
//!
//! It keeps the rules that integrators trip over: an object without `id` creates a ticket, an action needs an outcome and is
//! public unless it says otherwise, action ids count within their ticket, a priority outside the ticket's SLA is replaced
//! without a word, errors are serialised .NET exceptions, missing rights show as empty lists, names are partly missing,
//! times come without a zone and 1900 means unset. What can be switched on: short tokens, missing scopes and rights, a rule
//! that undoes our changes, the impact and urgency matrix, batched and doubled webhook calls.

mod api;
mod data;
mod hooks;
mod page;
mod play;
mod tickets;

pub use data::Lists;
pub use hooks::Payload;
pub use tickets::NewTicket;

use crate::deliver::{Log, Retry};
use crate::faults::{self, Watch};
use axum::Router;
use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One thing as the API shows it.
pub type Item = Map<String, Value>;

/// What the API application signs in with.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: String,
    pub tenant: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            client_id: "9c1f0d52-5b7e-4a3c-8f5e-3d1a7f0c2b11".into(),
            client_secret: "sandbox-secret-5b7e4a3c-11".into(),
            tenant: "sandbox".into(),
        }
    }
}

/// The vendor promises no repeats: the call is made, the answer recorded, and that is all.
pub const VENDOR_RETRY: Retry =
    Retry { timeout: Duration::from_secs(10), tries: 1, pause: Duration::ZERO, gives_up_after: None };

/// The stand-in. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Halo {
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

struct State {
    url: String,
    lists: Lists,
    tickets: BTreeMap<i64, Item>,
    /// By ticket, oldest first; an action's id is its place in its ticket, from 1.
    actions: BTreeMap<i64, Vec<Item>>,
    history: Vec<Change>,
    webhooks: Vec<hooks::Webhook>,
    tokens: HashMap<String, Instant>,
    token_life: Duration,
    tokens_given: u32,
    scope: String,
    /// Resources (in lower case) that answer 403.
    denied: BTreeSet<&'static str>,
    /// Lists (in lower case) that come back empty.
    hidden: BTreeSet<&'static str>,
    rule: Option<(String, Value)>,
    has_matrix: bool,
    has_doubles: bool,
    /// Mails that our writes would have sent to the customer.
    mails: u32,
    last_id: i64,
}

/// One change of a field, for the page.
#[derive(Clone, Debug)]
struct Change {
    ticket: i64,
    at: DateTime<Utc>,
    who: String,
    what: &'static str,
    from: String,
    to: String,
}

fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "a stand-in lives in real time, as the real product does")]
    Utc::now().trunc_subsecs(3)
}

/// As Halo writes times: UTC, without saying so.
fn stamp(at: DateTime<Utc>) -> Value {
    Value::from(at.format("%Y-%m-%dT%H:%M:%S%.3f").to_string())
}

impl Default for Halo {
    fn default() -> Self {
        Self::new(Credentials::default(), VENDOR_RETRY)
    }
}

impl Halo {
    pub fn new(credentials: Credentials, retry: Retry) -> Self {
        let state = State {
            url: String::new(),
            lists: Lists::stock(),
            tickets: BTreeMap::new(),
            actions: BTreeMap::new(),
            history: Vec::new(),
            webhooks: Vec::new(),
            tokens: HashMap::new(),
            token_life: Duration::from_secs(3600),
            tokens_given: 0,
            scope: "all".into(),
            denied: BTreeSet::new(),
            hidden: BTreeSet::new(),
            rule: None,
            has_matrix: false,
            has_doubles: false,
            mails: 0,
            last_id: 4_242,
        };
        Self {
            shared: Arc::new(Shared { credentials, retry, state: Mutex::new(state) }),
            watch: Watch::default(),
            deliveries: Log::default(),
        }
    }

    pub fn credentials(&self) -> &Credentials {
        &self.shared.credentials
    }

    /// `/auth/token`, the API under `/api/`, and the page.
    pub fn router(&self) -> Router {
        api::router(self.clone())
            .layer(axum::middleware::from_fn_with_state(self.watch.clone(), faults::layer))
            .merge(crate::page::router(self.clone()))
    }

    /// Tells the stand-in its own address.
    pub fn set_url(&self, url: &str) {
        self.state().url = url.trim_end_matches('/').to_owned();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tokens given from now on last so long.
    pub fn set_token_life(&self, life: Duration) {
        self.state().token_life = life;
    }
    /// All tokens given so far end now.
    pub fn end_tokens(&self) {
        self.state().tokens.clear();
    }
    pub fn tokens_given(&self) -> u32 {
        self.state().tokens_given
    }
    /// The scopes that the application gets, whatever it asks for.
    pub fn set_scope(&self, scope: &str) {
        self.state().scope = scope.to_owned();
    }
    /// Requests for this resource (`tickets`, `actions`, …) answer 403.
    pub fn deny(&self, resource: &'static str) {
        self.state().denied.insert(resource);
    }
    pub fn allow_all(&self) {
        self.state().denied.clear();
        self.state().hidden.clear();
    }
    /// The list (`team`, `agent`, …) comes back empty, as for an agent without rights.
    pub fn hide(&self, list: &'static str) {
        self.state().hidden.insert(list);
    }
    /// A ticket rule that sets a field after each change through the API.
    pub fn set_rule(&self, rule: Option<(&str, Value)>) {
        self.state().rule = rule.map(|(field, value)| (field.to_owned(), value));
    }
    /// Whether impact and urgency decide the priority.
    pub fn set_matrix(&self, on: bool) {
        self.state().has_matrix = on;
    }
    /// Whether each webhook call is made twice, as has been seen.
    pub fn set_doubles(&self, on: bool) {
        self.state().has_doubles = on;
    }
    pub fn mails(&self) -> u32 {
        self.state().mails
    }
    /// Changes lists and people, for tests of odd tenants.
    pub fn edit_lists(&self, edit: impl FnOnce(&mut Lists)) {
        edit(&mut self.state().lists);
    }

    pub fn ticket(&self, id: i64) -> Option<Value> {
        self.state().tickets.get(&id).cloned().map(Value::Object)
    }
    pub fn count(&self) -> usize {
        self.state().tickets.len()
    }
    /// A person (or a rule) changes a ticket in the product's own screens.
    pub fn edit_ticket(&self, id: i64, field: &str, value: Value) {
        if let Some(ticket) = self.state().tickets.get_mut(&id) {
            ticket.insert(field.to_owned(), value);
        }
    }
    /// Actions of a ticket, oldest first.
    pub fn actions(&self, ticket: i64) -> Vec<Value> {
        let state = self.state();
        state.actions.get(&ticket).into_iter().flatten().cloned().map(Value::Object).collect()
    }
}
