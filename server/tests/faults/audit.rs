//! The end of a run: what the stand-ins hold, beside what the policy wants of each ticket.

use super::desk::{Desk, Ticket, Write, acts};
use super::office::{Fate, Office};
use super::world::World;
use std::collections::{BTreeMap, HashMap, HashSet};
use store::door::{DeliveryFilter, DeliveryState};
use store::tickets::{TicketFilter, TicketState};

#[derive(Debug, Default)]
pub struct Audit {
    pub tickets: usize,
    pub acknowledged: usize,
    /// Never acknowledged, and untouched.
    pub given_up: usize,
    /// Never acknowledged, and worked on all the same: the call had been stored, its answer was lost.
    pub taken_unheard: usize,
    pub changes: usize,
    pub notes: usize,
    pub lost: Vec<String>,
    pub doubled: Vec<String>,
    pub wrong: Vec<String>,
}

impl World {
    /// Judges each ticket. Nothing may be under way any more.
    pub async fn audit(&self, office: &Office, tickets: &[Ticket]) -> Audit {
        let mut audit = Audit::default();
        let mut known = Vec::new();
        for desk in &self.desks {
            known.push(states(desk).await);
        }
        for ticket in tickets {
            let desk = &self.desks[ticket.desk];
            audit.judge(
                desk,
                ticket,
                office.fate(&desk.about(ticket)),
                known[ticket.desk].remove(&ticket.id),
            );
        }
        for (desk, rest) in self.desks.iter().zip(known) {
            audit.wrong.extend(rest.keys().map(|id| format!("{}: {id} is no ticket of ours", desk.kind)));
            audit.count(desk);
        }
        audit
    }

    /// Gives what is dead another chance, as a person would; how many those were.
    pub async fn revive(&self) -> usize {
        let (mut revived, filter) = (0, DeliveryFilter { state: Some(DeliveryState::Dead) });
        for desk in &self.desks {
            let (tenant, now) = (&desk.tenant, server::clock::Clock::system().now());
            for delivery in tenant.delivery_list(&filter, 500, None).await.unwrap().rows {
                println!("dead: {} {:?}", desk.kind, delivery.reason);
                assert!(tenant.delivery_replay(delivery.id, &store::Actor::System, now).await.unwrap());
                revived += 1;
            }
        }
        revived
    }
}

async fn states(desk: &Desk) -> HashMap<String, TicketState> {
    let (mut states, mut cursor) = (HashMap::new(), None);
    loop {
        let page = desk.tenant.ticket_list(&TicketFilter::default(), 100, cursor.as_deref()).await.unwrap();
        states.extend(page.rows.into_iter().map(|row| (row.external_id, row.state)));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return states,
        }
    }
}

impl Audit {
    fn judge(&mut self, desk: &Desk, ticket: &Ticket, fate: Option<Fate>, state: Option<TicketState>) {
        self.tickets += 1;
        let name = format!("{} {} {:?} ({fate:?}, {state:?})", desk.kind, ticket.id, ticket.scores);
        match (fate, state) {
            (Some(Fate::Acknowledged), None) => return self.lost.push(format!("{name}: is not known")),
            (Some(Fate::Acknowledged), Some(_)) => self.acknowledged += 1,
            (Some(Fate::GivenUp), Some(_)) => self.taken_unheard += 1,
            (Some(Fate::GivenUp), None) => {
                self.given_up += 1;
                return self.untouched(desk, ticket, &name);
            }
            (Some(Fate::UnderWay) | None, _) => {
                return self.wrong.push(format!("{name}: no call about it ended"));
            }
        }
        let (update, escalation) = acts(ticket.scores);
        let expected = if update || escalation { TicketState::Acted } else { TicketState::Analysed };
        if state != Some(expected) {
            self.wrong.push(format!("{name}: should be {expected:?}"));
        }
        for (lever, wanted) in desk.wanted(ticket.scores) {
            let found = desk.field(&ticket.id, &lever);
            if found.as_deref() != wanted {
                self.lost.push(format!("{name}: {lever:?} is {found:?} and not {wanted:?}"));
            }
        }
        self.notes(desk, ticket, usize::from(update) + usize::from(escalation), &name);
    }

    fn untouched(&mut self, desk: &Desk, ticket: &Ticket, name: &str) {
        let moved = desk
            .wanted([1, 1, 1])
            .into_iter()
            .any(|(lever, from)| desk.field(&ticket.id, &lever).as_deref() != from);
        if moved || !desk.our_notes(&ticket.id).is_empty() {
            self.wrong.push(format!("{name}: was touched and is not known"));
        }
    }

    /// Each note once, and the requests that were carried out in their order: change, its note, escalation, its note.
    fn notes(&mut self, desk: &Desk, ticket: &Ticket, expected: usize, name: &str) {
        let notes = desk.our_notes(&ticket.id);
        let distinct = notes.iter().collect::<HashSet<_>>().len();
        self.notes += notes.len();
        if distinct < expected {
            self.lost.push(format!("{name}: has {distinct} notes of {expected}"));
        }
        if notes.len() > expected {
            self.doubled.push(format!("{name}: has {} notes, not {expected}: {notes:#?}", notes.len()));
        }
        let writes = desk.tally().writes.get(&ticket.id).cloned().unwrap_or_default();
        self.changes += writes.iter().filter(|write| **write == Write::Change).count();
        let in_order: Vec<Write> =
            [Write::Change, Write::Note].into_iter().cycle().take(2 * expected).collect();
        if writes != in_order {
            self.doubled.push(format!("{name}: was written to so: {writes:?}"));
        }
    }

    /// Nobody else's tickets were written to.
    fn count(&mut self, desk: &Desk) {
        let written: usize = desk.tally().writes.values().map(Vec::len).sum();
        if desk.tally().writes.contains_key("0") {
            self.wrong.push(format!("{}: {written} writes, some to no ticket", desk.kind));
        }
    }

    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.wrong.is_empty()
    }
}

/// The counts of a run, one a line.
#[derive(Default)]
pub struct Table(Vec<(String, String)>);

impl Table {
    pub fn add(&mut self, what: impl Into<String>, count: impl ToString) {
        self.0.push((what.into(), count.to_string()));
    }

    pub fn add_world(&mut self, world: &World, office: &Office) {
        let post = office.counts();
        self.add("webhook calls of the ticketing systems", post.calls);
        self.add("  sent late, out of order", post.late);
        self.add("  sent again although acknowledged", post.duplicates);
        self.add("  repeated because nothing acknowledged them", post.repeats);
        for (status, count) in post.answers {
            let what = if status == 0 { "no answer".to_owned() } else { format!("answered {status}") };
            self.add(format!("  {what}"), count);
        }
        let (mut requests, mut faults) = (0, BTreeMap::new());
        for desk in &world.desks {
            let tally = desk.tally();
            requests += tally.requests;
            for (name, count) in &tally.faults {
                *faults.entry(*name).or_insert(0) += count;
            }
        }
        self.add("requests to the ticketing systems", requests);
        for (name, count) in faults {
            self.add(format!("  of them {name}"), count);
        }
    }

    pub fn add_audit(&mut self, audit: &Audit) {
        self.add("tickets", audit.tickets);
        self.add("  acknowledged", audit.acknowledged);
        self.add("  given up by the sender, unknown to us", audit.given_up);
        self.add("  given up by the sender, worked on all the same", audit.taken_unheard);
        self.add("changes carried out", audit.changes);
        self.add("notes written", audit.notes);
        self.add("lost", audit.lost.len());
        self.add("doubled or out of order", audit.doubled.len());
        self.add("otherwise wrong", audit.wrong.len());
    }

    pub fn print(&self, title: &str) {
        println!("\n{title}");
        for (what, count) in &self.0 {
            println!("  {what:<52} {count:>8}");
        }
    }
}

/// Prints the table and fails with everything that is not as it must be.
pub fn judged(audit: &Audit, table: &Table, title: &str) {
    table.print(title);
    assert!(
        audit.is_clean(),
        "{title}\nlost: {:#?}\ndoubled: {:#?}\nwrong: {:#?}",
        audit.lost,
        audit.doubled,
        audit.wrong
    );
}
