//! The ConnectWise PSA stand-in.
//!
//! Follows the documented rules of the real thing where they are known: codebase routing, Basic sign-in with `clientId`,
//! the error bodies, PATCH as a list of operations with its false 200, statuses and teams that belong to a board, notes
//! that need a place to be shown, callbacks with an appended record id and a signature. Where the real behaviour is not
//! known ([`PriorityRule`]) it can be switched.
//!
//! A program other than the demo uses it so: [`ConnectWise::new`], [`ConnectWise::serve`], [`ConnectWise::register`],
//! [`ConnectWise::create_ticket`].

mod api;
mod callbacks;
mod data;
mod json;
mod page;
mod patch;
mod play;
mod query;
mod refusal;

pub use callbacks::Sent;
pub use data::Changed;

use crate::faults::{self, Watch};
use crate::{Running, page as web_page};
use axum::Router;
use chrono::{DateTime, Utc};
use data::{API_MEMBER, EMAIL_SOURCE, Note, SYSTEM, Shop, Ticket};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the stand-in accepts as credentials.
#[derive(Clone, Debug)]
pub struct Keys {
    pub company_id: String,
    pub public_key: String,
    pub private_key: String,
    pub client_id: String,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            company_id: "examplemsp".into(),
            public_key: "sandboxPublicKey".into(),
            private_key: "sandboxPrivateKey".into(),
            client_id: "5f1d9c1e-8a2b-4c55-9d1a-6f0b7c3f2e10".into(),
        }
    }
}

/// A permission of the API member's security role, for [`ConnectWise::deny`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    ReadTickets,
    EditTickets,
    CloseTickets,
    ReadCompanies,
    ReadMembers,
    TableSetup,
    Callbacks,
    SystemInfo,
}

/// What a save of severity or impact does to the priority. The real rule is not known, so all three can be tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriorityRule {
    /// Each field is stored as sent.
    #[default]
    Independent,
    /// A save that touches severity or impact sets the priority from the SLA's matrix, whatever else it sends.
    MatrixWins,
    /// As `MatrixWins`, and a save of the priority alone sets severity and impact to a pair that has it.
    Coupled,
}

/// Who wrote the mail that became a ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sender {
    /// The company's first contact.
    #[default]
    First,
    Contact(u64),
    /// An address that no contact has.
    Unknown,
}

/// A ticket to create. The default comes by mail from the first client's first contact.
#[derive(Clone, Debug, Default)]
pub struct NewTicket {
    pub title: String,
    /// The customer's words; empty makes no note.
    pub note: String,
    /// `None` takes the first company.
    pub company: Option<u64>,
    pub contact: Sender,
    pub board: Option<u64>,
    /// A technician who enters the ticket for the customer; `None`: the mail connector did.
    pub entered_by: Option<u64>,
    /// An earlier time, for a history.
    pub at: Option<DateTime<Utc>>,
    pub is_project: bool,
    /// No callback is sent.
    pub is_silent: bool,
}

/// The stand-in. Cheap to clone; clones share their state.
#[derive(Clone)]
pub struct ConnectWise(Arc<Inner>);

struct Inner {
    keys: Keys,
    watch: Watch,
    shop: Mutex<Shop>,
    switches: Mutex<Switches>,
    client: reqwest::Client,
    sent: Mutex<Vec<Sent>>,
    /// Callbacks and late notes under way.
    pending: tokio::sync::watch::Sender<usize>,
    /// Counts calls of [`ConnectWise::release_notes`].
    released: tokio::sync::watch::Sender<usize>,
}

#[derive(Clone)]
struct Switches {
    /// Where it is served, without a slash at the end; links and key addresses start with it.
    address: String,
    codebase: String,
    priority_rule: PriorityRule,
    first_note_delay: Duration,
    retry_pause: Duration,
    limit: Option<u32>,
    window: Option<(Instant, u32)>,
}

/// Who does something: the API member, a technician, a customer's mail.
#[derive(Clone, Debug)]
struct Actor {
    member: Option<u64>,
    identifier: String,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time, cut to seconds as the product shows it.
fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "a stand-in lives in real time, as the product does")]
    let now = Utc::now();
    chrono::SubsecRound::trunc_subsecs(now, 0)
}

impl ConnectWise {
    pub fn new(keys: Keys) -> Self {
        // Fails only where the process has one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(
            clippy::disallowed_methods,
            reason = "the stand-in calls webhooks; it is not part of the product's outside"
        )]
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(5))
            .build()
            .expect("a client without options that can fail");
        let switches = Switches {
            address: "http://127.0.0.1".into(),
            codebase: "v2025_1".into(),
            priority_rule: PriorityRule::default(),
            first_note_delay: Duration::ZERO,
            retry_pause: Duration::from_secs(2),
            limit: None,
            window: None,
        };
        Self(Arc::new(Inner {
            keys,
            watch: Watch::default(),
            shop: Mutex::new(Shop::example()),
            switches: Mutex::new(switches),
            client,
            sent: Mutex::default(),
            pending: tokio::sync::watch::Sender::new(0),
            released: tokio::sync::watch::Sender::new(0),
        }))
    }

    /// The API, the key server and the page; the page is not watched.
    pub fn router(&self) -> Router {
        let watch = axum::middleware::from_fn_with_state(self.0.watch.clone(), faults::layer);
        let api = Router::new().fallback(api::answer).with_state(self.clone()).layer(watch);
        web_page::router(self.clone()).fallback_service(api)
    }

    /// Serves it; port 0 takes any.
    pub async fn serve(&self, at: SocketAddr) -> std::io::Result<Running> {
        let running = crate::serve(at, self.router()).await?;
        locked(&self.0.switches).address = running.url();
        Ok(running)
    }

    pub fn watch(&self) -> &Watch {
        &self.0.watch
    }
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Takes a permission away from the API member.
    pub fn deny(&self, right: Right) {
        locked(&self.0.shop).denied.insert(right);
    }
    pub fn allow(&self, right: Right) {
        locked(&self.0.shop).denied.remove(&right);
    }
    /// From now on at most so many requests a minute; `None` lifts the limit.
    pub fn limit(&self, per_minute: Option<u32>) {
        let mut switches = locked(&self.0.switches);
        (switches.limit, switches.window) = (per_minute, None);
    }
    /// An upgrade: the old codebase is no longer routed.
    pub fn upgrade(&self, codebase: &str) {
        locked(&self.0.switches).codebase = codebase.to_owned();
    }
    pub fn priority_rule(&self, rule: PriorityRule) {
        locked(&self.0.switches).priority_rule = rule;
    }
    /// The first note appears so long after the ticket.
    pub fn first_note_delay(&self, delay: Duration) {
        locked(&self.0.switches).first_note_delay = delay;
    }
    /// First notes that are still to come appear now.
    pub fn release_notes(&self) {
        self.0.released.send_modify(|count| *count += 1);
    }
    /// The pause before the first repeat of a callback; the second is twice as long. Two seconds by default.
    pub fn retry_pause(&self, pause: Duration) {
        locked(&self.0.switches).retry_pause = pause;
    }

    /// Creates a ticket, its first note and the callbacks, which are sent in the background. Returns its id.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn create_ticket(&self, new: NewTicket) -> u64 {
        let late = locked(&self.0.switches).first_note_delay;
        let (id, note) = {
            let mut shop = locked(&self.0.shop);
            let ticket = build(&mut shop, &new);
            let (id, note) = (ticket.id, first_note(&mut shop, &ticket, &new));
            shop.tickets.insert(id, ticket);
            (id, note)
        };
        match note {
            Some(note) if late.is_zero() => self.push_note(id, note),
            Some(note) => {
                let (this, mut released) = (self.clone(), self.0.released.subscribe());
                self.in_background(async move {
                    let _ = tokio::time::timeout(late, released.changed()).await;
                    this.push_note(id, note);
                });
            }
            None => {}
        }
        if !new.is_silent {
            let by = new.entered_by.and_then(|id| self.identifier(id)).unwrap_or_else(|| SYSTEM.to_owned());
            self.announce(id, "added", &by);
        }
        id
    }

    /// The callbacks about a new ticket, sent late.
    pub fn tell_of(&self, ticket: u64) {
        self.announce(ticket, "added", SYSTEM);
    }

    /// A technician changes a ticket on the screen; the operations are those of the API.
    pub fn change_as(&self, member: u64, ticket: u64, operations: &Value) -> Result<(), String> {
        let identifier = self.identifier(member).ok_or("there is no such member")?;
        let actor = Actor { member: Some(member), identifier };
        self.patch(ticket, operations, &actor).map(|_| ()).map_err(|refusal| format!("{refusal:?}"))
    }

    /// A customer answers by mail.
    pub fn reply(&self, ticket: u64, text: &str) {
        let note = {
            let mut shop = locked(&self.0.shop);
            let id = shop.next_id();
            let contact = shop.tickets.get(&ticket).and_then(|ticket| ticket.contact);
            note(id, text, contact)
        };
        self.push_note(ticket, note);
        self.announce(ticket, "updated", SYSTEM);
    }

    /// A technician writes to the customer.
    pub fn note_as(&self, member: u64, ticket: u64, text: &str) {
        let Some(identifier) = self.identifier(member) else { return };
        let id = locked(&self.0.shop).next_id();
        let note = Note { member: Some(member), created_by: identifier.clone(), ..note(id, text, None) };
        self.push_note(ticket, note);
        self.announce(ticket, "updated", &identifier);
    }

    /// Merges a ticket into another; it stays open, as some boards have it.
    pub fn merge(&self, ticket: u64, into: u64) {
        if let Some(ticket) = locked(&self.0.shop).tickets.get_mut(&ticket) {
            ticket.merged_into = Some(into);
        }
        self.announce(ticket, "updated", SYSTEM);
    }

    pub fn delete(&self, ticket: u64) {
        locked(&self.0.shop).tickets.remove(&ticket);
        self.announce(ticket, "deleted", SYSTEM);
    }

    /// The ticket as the API shows it.
    pub fn ticket(&self, id: u64) -> Option<Value> {
        let base = self.links();
        let shop = locked(&self.0.shop);
        shop.tickets.get(&id).map(|ticket| json::Render { shop: &shop, base: &base }.ticket(ticket))
    }
    /// The ticket's notes as the API shows them, oldest first.
    pub fn notes(&self, id: u64) -> Vec<Value> {
        let base = self.links();
        let shop = locked(&self.0.shop);
        let render = json::Render { shop: &shop, base: &base };
        shop.tickets
            .get(&id)
            .map_or(Vec::new(), |ticket| ticket.notes.iter().map(|note| render.note(id, note)).collect())
    }
    /// Each change of a field, oldest first.
    pub fn history(&self, id: u64) -> Vec<Changed> {
        locked(&self.0.shop).tickets.get(&id).map_or(Vec::new(), |ticket| ticket.history.clone())
    }
    /// How many notes of a ticket would have been mailed to its contact.
    pub fn mailed(&self, id: u64) -> usize {
        let shop = locked(&self.0.shop);
        shop.tickets.get(&id).map_or(0, |ticket| ticket.notes.iter().filter(|note| note.notifies).count())
    }
    /// The ids of all tickets, oldest first.
    pub fn tickets(&self) -> Vec<u64> {
        locked(&self.0.shop).tickets.keys().copied().collect()
    }
    /// Companies with their contacts: `(company, [contact])`, for programs that make tickets.
    pub fn people(&self) -> Vec<(u64, Vec<u64>)> {
        let shop = locked(&self.0.shop);
        let contacts_of =
            |company: u64| shop.contacts.iter().filter(move |contact| contact.company == company);
        shop.companies
            .iter()
            .map(|company| (company.id, contacts_of(company.id).map(|contact| contact.id).collect()))
            .collect()
    }

    fn identifier(&self, member: u64) -> Option<String> {
        locked(&self.0.shop).member(member).map(|member| member.identifier.to_owned())
    }

    /// What links in records start with: the real codebase and a double slash, as seen in the wild.
    fn links(&self) -> String {
        let switches = locked(&self.0.switches);
        format!("{}/{}//apis/3.0", switches.address, switches.codebase)
    }

    fn push_note(&self, ticket: u64, note: Note) {
        if let Some(ticket) = locked(&self.0.shop).tickets.get_mut(&ticket) {
            (ticket.updated_at, ticket.updated_by) = (note.at, note.created_by.clone());
            ticket.customer_updated |= note.contact.is_some() && !ticket.notes.is_empty();
            ticket.notes.push(note);
        }
    }

    /// One save through the API's own rules; tells everybody who wants to know.
    fn patch(&self, id: u64, operations: &Value, actor: &Actor) -> Result<(), refusal::Refusal> {
        let rule = locked(&self.0.switches).priority_rule;
        let is_loud = patch::apply(&mut locked(&self.0.shop), id, operations, actor, rule)?;
        if is_loud {
            self.announce(id, "updated", &actor.identifier);
        }
        Ok(())
    }

    fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        let this = self.clone();
        self.0.pending.send_modify(|count| *count += 1);
        #[expect(clippy::disallowed_methods, reason = "counted in `pending`; `settle` waits for it")]
        tokio::spawn(async move {
            work.await;
            this.0.pending.send_modify(|count| *count -= 1);
        });
    }
}

fn build(shop: &mut Shop, new: &NewTicket) -> Ticket {
    let (at, id) = (new.at.unwrap_or_else(now), shop.next_id());
    let first = shop.companies.first().map_or(0, |company| company.id);
    let company = new.company.unwrap_or(first);
    let contact = match new.contact {
        Sender::First => {
            shop.contacts.iter().find(|contact| contact.company == company).map(|contact| contact.id)
        }
        Sender::Contact(id) => Some(id),
        Sender::Unknown => None,
    };
    let is_wanted = |board: &&data::Board| match new.board {
        Some(id) => board.id == id,
        None => board.is_project == new.is_project,
    };
    let board = shop.boards.iter().find(is_wanted).or(shop.boards.first());
    let entered_by = new
        .entered_by
        .and_then(|id| shop.member(id))
        .map_or(SYSTEM.to_owned(), |member| member.identifier.to_owned());
    let first_id = |list: Option<u64>| list.unwrap_or_default();
    Ticket {
        id,
        // The field takes 100 characters.
        summary: new.title.chars().take(100).collect(),
        record_type: if new.is_project { "ProjectTicket" } else { "ServiceTicket" },
        company,
        contact,
        board: first_id(board.map(|board| board.id)),
        status: first_id(board.and_then(|board| board.statuses.first()).map(|status| status.id)),
        kind: board.and_then(|board| board.types.first()).map(|kind| kind.id),
        team: board.and_then(|board| board.teams.first()).map(|team| team.id),
        owner: None,
        source: if new.entered_by.is_some() { 3 } else { EMAIL_SOURCE },
        priority: shop.matrix("Medium", "Medium"),
        severity: "Medium".into(),
        impact: "Medium".into(),
        merged_into: None,
        customer_updated: false,
        entered_at: at,
        entered_by: entered_by.clone(),
        updated_at: at,
        updated_by: entered_by,
        notes: Vec::new(),
        history: Vec::new(),
    }
}

fn first_note(shop: &mut Shop, ticket: &Ticket, new: &NewTicket) -> Option<Note> {
    if new.note.trim().is_empty() {
        return None;
    }
    let id = shop.next_id();
    let written = note(id, &new.note, ticket.contact);
    Some(match new.entered_by {
        None => Note { at: ticket.entered_at, ..written },
        Some(member) => Note {
            at: ticket.entered_at,
            contact: None,
            member: Some(member),
            created_by: ticket.entered_by.clone(),
            ..written
        },
    })
}

/// A customer's mail as the connector files it.
fn note(id: u64, text: &str, contact: Option<u64>) -> Note {
    Note {
        id,
        text: text.to_owned(),
        discussion: true,
        internal: false,
        resolution: false,
        member: None,
        contact,
        created_by: SYSTEM.into(),
        at: now(),
        notifies: false,
    }
}

/// The API member, as which every request of the API acts.
fn api_actor(shop: &Shop) -> Actor {
    let identifier = shop.member(API_MEMBER).map_or("", |member| member.identifier).to_owned();
    Actor { member: Some(API_MEMBER), identifier }
}
