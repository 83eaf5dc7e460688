//! A service desk in one of the three products, with a workspace of its own, and what its rules want of each ticket.

use super::office::About;
use super::products::{Fact, Product};
use domain::{Lever, Mode, NoteStyle, Policy, PsaKind, PsaSettings};
use http::Method;
use sandbox::faults::Watch;
use sandbox::{Recorded, Running};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use store::TenantStore;
use store::connections::Hook;

/// A webhook call as it was sent.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "what the flow tests send again; here the network does that")]
pub struct Captured {
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A lever, its value in a new ticket, and the highest that the rules give it.
pub type Move = (Lever, Option<&'static str>, &'static str);

pub struct Desk {
    pub kind: PsaKind,
    pub fact: Fact,
    pub tenant: TenantStore,
    pub hook: Hook,
    product: Product,
    _running: Running,
    tally: Mutex<Tally>,
}

/// A ticket and what the model says of it: sentiment, urgency, impact.
#[derive(Clone, Debug)]
pub struct Ticket {
    pub desk: usize,
    pub id: String,
    pub scores: [u32; 3],
}

/// What a request of ours did to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    Change,
    Note,
}

/// What the stand-in was asked so far.
#[derive(Default)]
pub struct Tally {
    pub requests: usize,
    pub faults: BTreeMap<&'static str, usize>,
    /// Requests that were carried out, in their order, by ticket.
    pub writes: HashMap<String, Vec<Write>>,
}

impl Tally {
    pub fn count(&mut self, requests: &[Recorded]) {
        self.requests += requests.len();
        for fault in requests.iter().filter_map(|one| one.fault) {
            *self.faults.entry(fault).or_default() += 1;
        }
    }
}

impl Desk {
    pub async fn serve(kind: PsaKind) -> (Product, Running) {
        Product::serve(kind).await
    }

    pub fn new(tenant: TenantStore, hook: Hook, (product, running): (Product, Running)) -> Self {
        let (kind, fact) = (product.settings(&running.url()).kind(), product.fact());
        Self { kind, fact, tenant, hook, product, _running: running, tally: Mutex::default() }
    }

    pub fn settings(product: &(Product, Running)) -> PsaSettings {
        product.0.settings(&product.1.url())
    }

    /// Live, everything from 4 on; all levers of this product are used.
    pub fn policy(product: &(Product, Running)) -> Policy {
        let (updates, escalation) = product.0.rules();
        Policy { mode: Mode::Live, updates, escalation, notes: NoteStyle::PerAction, ..Policy::default() }
    }

    /// The product calls `office` about new tickets.
    pub fn subscribe(&self, office: &str) {
        let end = if self.kind == PsaKind::ConnectWise { "?recordId=" } else { "" };
        let address = format!("{office}/hooks/{}/{}{end}", self.kind, self.hook.key);
        self.product.subscribe(&address, self.hook.secret.expose());
    }

    /// A customer's mail becomes a ticket.
    pub fn create(&self, desk: usize, scores: [u32; 3]) -> Ticket {
        let [sentiment, urgency, impact] = scores;
        let title = format!("Mail trouble ({sentiment}/{urgency}/{impact})");
        let id =
            self.product.create(&title, "Hello, the server is down again, please help us now.", None, false);
        Ticket { desk, id, scores }
    }

    pub fn about(&self, ticket: &Ticket) -> About {
        (self.hook.key.clone(), ticket.id.clone())
    }

    pub fn watch(&self) -> &Watch {
        self.product.watch()
    }

    /// The value's id, as the product stores it.
    pub fn field(&self, ticket: &str, lever: &Lever) -> Option<String> {
        match self.product.field(ticket, lever) {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// What we wrote, all of it internal.
    pub fn our_notes(&self, ticket: &str) -> Vec<String> {
        let notes = self.product.internal_flagged_notes(ticket);
        let ours = notes.into_iter().filter(|(text, _)| text.contains("[Undertone ref "));
        ours.map(|(text, internal)| {
            assert!(internal, "a note of ours can be seen by customers: {text}");
            text
        })
        .collect()
    }

    /// Counts what was asked since the last time.
    pub fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        let requests = self.watch().recorder.take();
        let mut tally = self.tally.lock().unwrap();
        tally.count(&requests);
        for request in requests.iter().filter(|one| one.acted && one.status.is_success()) {
            if let Some((ticket, write)) = self.write(request) {
                tally.writes.entry(ticket).or_default().push(write);
            }
        }
        tally
    }

    fn write(&self, request: &Recorded) -> Option<(String, Write)> {
        let is = |(method, path): &(Method, &str)| request.method == *method && request.path.contains(path);
        let write = if is(&self.fact.note) {
            Write::Note
        } else if is(&self.fact.change) {
            Write::Change
        } else {
            return None;
        };
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let first = if body.is_array() { &body[0] } else { &body };
        let told = match (self.kind, write) {
            (PsaKind::HaloPsa, Write::Note) => Some(&first["ticket_id"]),
            (PsaKind::HaloPsa, Write::Change) | (PsaKind::Autotask, Write::Change) => Some(&first["id"]),
            _ => None,
        };
        let in_path = || {
            request.path.split('/').find(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        };
        let ticket =
            told.and_then(Value::as_i64).map(|id| id.to_string()).or_else(|| in_path().map(str::to_owned));
        Some((ticket.expect("a write names its ticket"), write))
    }

    /// What a ticket's fields must be when all is done. Written down by hand, not asked of the policy's own code.
    pub fn wanted(&self, scores: [u32; 3]) -> Vec<(Lever, Option<&'static str>)> {
        let set = moves(self.kind, scores);
        let all = self.fact.updates.iter().chain(&self.fact.escalations);
        all.map(|(lever, from, _)| {
            let to = set.iter().find(|(moved, _)| moved == lever).map(|(_, to)| *to);
            (lever.clone(), to.or(*from))
        })
        .collect()
    }
}

/// Whether the fields change, and whether the ticket is handed on.
pub fn acts([sentiment, urgency, impact]: [u32; 3]) -> (bool, bool) {
    (urgency >= 4 || impact >= 4, sentiment >= 4)
}

fn moves(kind: PsaKind, [sentiment, urgency, impact]: [u32; 3]) -> Vec<(Lever, &'static str)> {
    let pick = |score: u32, four: &'static str, five: &'static str| match score {
        4 => Some(four),
        5 => Some(five),
        _ => None,
    };
    let custom = Lever::Custom("AI Impact".into());
    let (fields, escalation) = match kind {
        PsaKind::ConnectWise => (
            vec![
                (Lever::Priority, pick(urgency, "15", "6")),
                (Lever::Severity, pick(urgency, "High", "High")),
                (Lever::Impact, pick(impact, "High", "High")),
            ],
            vec![(Lever::Board, "12"), (Lever::Status, "301"), (Lever::Team, "45"), (Lever::Owner, "318")],
        ),
        PsaKind::Autotask => (
            vec![(Lever::Priority, pick(urgency, "1", "4")), (custom, pick(impact, "4", "5"))],
            vec![(Lever::Status, "11"), (Lever::Team, "29682834"), (Lever::Owner, "29682886")],
        ),
        PsaKind::HaloPsa => (
            vec![
                (Lever::Priority, pick(urgency, "2", "1")),
                (Lever::Severity, pick(urgency, "2", "1")),
                (Lever::Impact, pick(impact, "2", "1")),
            ],
            vec![(Lever::Status, "23"), (Lever::Team, "5"), (Lever::Owner, "7")],
        ),
    };
    let mut set: Vec<_> = fields.into_iter().filter_map(|(lever, to)| Some((lever, to?))).collect();
    if sentiment >= 4 {
        set.extend(escalation);
    }
    set
}
