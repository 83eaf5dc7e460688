//! A service desk in one of the three PSAs, as the stories see it: tickets, fields, notes, people. What differs between
//! the products is in [`super::products`].

use super::app::eventually;
use super::products::{Fact, Product};
use crate::spec::Published;
use chrono::{DateTime, Utc};
use domain::{Lever, Mode, NoteStyle, Policy, PsaKind, PsaSettings};
use http::Method;
use sandbox::Fault;
use sandbox::Running;
use sandbox::faults::Watch;
use sandbox::scenes::Scene;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::connections::Hook;

pub struct Desk {
    product: Product,
    fact: Fact,
    created: AtomicUsize,
    running: Running,
}

/// A note that we wrote.
#[derive(Debug)]
pub struct OurNote {
    pub text: String,
    pub internal: bool,
}

/// A webhook call as it was sent.
#[derive(Clone, Debug)]
pub struct Captured {
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A lever, its value in a new ticket, and the one that [`Desk::policy`] wants at 5.
pub type Move = (Lever, Option<&'static str>, &'static str);

impl Desk {
    pub async fn serve(kind: PsaKind) -> Self {
        let (product, running) = Product::serve(kind).await;
        let fact = product.fact();
        Self { product, fact, created: AtomicUsize::new(0), running }
    }

    pub fn kind(&self) -> PsaKind {
        self.settings().kind()
    }

    pub fn settings(&self) -> PsaSettings {
        self.product.settings(&self.running.url())
    }

    /// An administrator enters the webhook address.
    pub fn subscribe(&self, address: &str, hook: &Hook) {
        self.product.subscribe(address, hook.secret.expose());
    }

    /// What people call a ticket.
    pub fn number(&self, ticket: &str) -> String {
        self.product.number(ticket)
    }

    /// The addresses that the product calls now, and how many webhooks it has, switched off or not.
    pub fn called(&self) -> (Vec<String>, usize) {
        let all = self.product.webhooks();
        let on = all.iter().filter(|(_, is_on)| *is_on).map(|(address, _)| address.clone()).collect();
        (on, all.len())
    }

    /// The product switches every webhook off, as after too many failures.
    pub fn switch_off(&self) {
        self.product.switch_off();
    }

    pub fn watch(&self) -> &Watch {
        self.product.watch()
    }

    pub fn url(&self) -> String {
        self.running.url()
    }

    /// Fails with each request so far that the published document does not allow; how many there were. `None`: the
    /// document is not on this machine.
    pub fn checked(&self) -> Option<usize> {
        Published::Psa(self.kind()).check(&self.watch().recorder.all())
    }

    /// A customer's mail becomes a ticket, and the webhook is sent in the background.
    pub fn ticket(&self, title: &str, note: &str) -> String {
        self.created.fetch_add(1, Ordering::SeqCst);
        self.product.create(title, note, None, false)
    }

    /// As [`ticket`](Self::ticket), created at that time.
    pub fn ticket_at(&self, title: &str, note: &str, at: DateTime<Utc>) -> String {
        self.created.fetch_add(1, Ordering::SeqCst);
        self.product.create(title, note, Some(at), false)
    }

    /// A ticket whose webhook gets lost on the way.
    pub fn silent_ticket(&self, title: &str, note: &str, at: DateTime<Utc>) -> String {
        self.product.create(title, note, Some(at), true)
    }

    /// The webhook that got lost comes after all.
    pub fn late_webhook(&self, ticket: &str) {
        self.created.fetch_add(1, Ordering::SeqCst);
        self.product.tell_of(ticket);
    }

    /// The next requests for the list of new tickets go wrong.
    pub fn break_lists(&self, times: u32, fault: Fault) {
        let (method, path) = self.fact.list.clone();
        self.watch().faults.add(Some(method), path, times, fault);
    }

    /// As [`ticket`](Self::ticket), by a mail of the demo.
    pub fn play(&self, scene: &Scene) -> String {
        self.created.fetch_add(1, Ordering::SeqCst);
        self.product.play(scene)
    }

    /// Each webhook has been answered, or given up.
    pub async fn delivered(&self) {
        let wanted = self.created.load(Ordering::SeqCst);
        match &self.product {
            Product::ConnectWise(it) => it.settle().await,
            Product::Autotask(it) => eventually("the webhooks", || it.deliveries.all().len() >= wanted).await,
            Product::Halo(it) => eventually("the webhooks", || it.deliveries.all().len() >= wanted).await,
        }
    }

    /// The calls about new tickets, oldest first.
    pub fn calls(&self) -> Vec<Captured> {
        self.product.calls()
    }

    /// The value's id, as the product stores it.
    pub fn field(&self, ticket: &str, lever: &Lever) -> Option<String> {
        match self.product.field(ticket, lever) {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// A colleague changes a field on the product's screen.
    pub fn person_sets_priority(&self, ticket: &str, id: &str) {
        self.product.person_sets_priority(ticket, id.parse().unwrap());
    }

    /// A priority that is neither a new ticket's nor the one wanted.
    pub fn another_priority(&self) -> &'static str {
        self.fact.another_priority
    }

    /// The first `readings` of a new ticket find nothing, or no note.
    pub fn hide_new_tickets(&self, readings: u32) {
        match &self.product {
            Product::Autotask(it) => it.set_lag(readings),
            Product::ConnectWise(_) => self.answer_reads("/notes", readings, 200, "[]"),
            Product::Halo(_) => self.answer_reads("/Tickets/", readings, 404, "{}"),
        }
    }

    fn answer_reads(&self, path: &str, times: u32, status: u16, body: &str) {
        let fault =
            Fault::Answer { status, content_type: "application/json", body: body.into(), retry_after: None };
        self.watch().faults.add(Some(Method::GET), path, times, fault);
    }

    /// The next changes of a ticket's fields go wrong.
    pub fn break_changes(&self, times: u32, fault: Fault) {
        let (method, path) = self.fact.change.clone();
        self.watch().faults.add(Some(method), path, times, fault);
    }

    /// The next notes go wrong.
    pub fn break_notes(&self, times: u32, fault: Fault) {
        let (method, path) = self.fact.note.clone();
        self.watch().faults.add(Some(method), path, times, fault);
    }

    /// The next readings go wrong.
    pub fn break_reads(&self, times: u32, fault: Fault) {
        self.watch().faults.add(Some(Method::GET), self.fact.read, times, fault);
    }

    /// The next queries of this kind find what is told.
    pub fn break_queries(&self, times: u32, path: &'static str, body: &str) {
        let fault = Fault::Answer {
            status: 200,
            content_type: "application/json",
            body: body.into(),
            retry_after: None,
        };
        self.watch().faults.add(Some(Method::POST), path, times, fault);
    }

    /// Everything that needs the credentials goes wrong.
    pub fn revoke(&self, fault: Fault) {
        self.watch().faults.add(None, self.fact.behind_credentials, 10_000, fault);
    }

    /// How this product refuses a value it does not know.
    pub fn refusal(&self) -> Fault {
        let (status, body) = self.fact.refusal;
        Fault::Answer { status, content_type: "application/json", body: body.into(), retry_after: None }
    }

    /// Part of the words in [`Desk::refusal`].
    pub fn refusal_words(&self) -> &'static str {
        self.fact.refusal_words
    }

    /// What we wrote, oldest first.
    pub fn our_notes(&self, ticket: &str) -> Vec<OurNote> {
        let notes = self.product.internal_flagged_notes(ticket);
        let ours = notes.into_iter().filter(|(text, _)| text.contains("[Undertone ref "));
        ours.map(|(text, internal)| OurNote { text, internal }).collect()
    }

    /// Requests that changed fields and requests that wrote notes.
    pub fn writes(&self) -> (usize, usize) {
        let all = self.watch().recorder.all();
        let count = |(method, path): &(Method, &'static str), but: Option<&str>| {
            all.iter()
                .filter(|one| one.method == *method && one.path.contains(path))
                // A connection's test tries to write to a ticket that never exists.
                .filter(|one| !one.path.contains("/tickets/0"))
                .filter(|one| !but.is_some_and(|but| one.path.contains(but)))
                .count()
        };
        (count(&self.fact.change, Some(self.fact.note.1)), count(&self.fact.note, None))
    }

    pub fn updates(&self) -> &[Move] {
        &self.fact.updates
    }
    pub fn escalations(&self) -> &[Move] {
        &self.fact.escalations
    }

    /// Live, everything from 4 on; all levers of this product are used.
    pub fn policy(&self) -> Policy {
        let (updates, escalation) = self.product.rules();
        Policy { mode: Mode::Live, updates, escalation, notes: NoteStyle::PerAction, ..Policy::default() }
    }
}

/// Whatever a story was about: the published document allows each request that came to its desk.
impl Drop for Desk {
    fn drop(&mut self) {
        // One failure at a time: a second panic would end the process without a word on the first.
        if !std::thread::panicking() {
            self.checked();
        }
    }
}
