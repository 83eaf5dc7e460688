//! The read stage: fetch the ticket, find the customer's first note, prepare it, judge whether it is analysed.
//!
//! Which note is the customer's first:
//! 1. the oldest one that a customer wrote and that is not internal;
//! 2. where there is none, the opening text, whoever entered it: a technician who logs a call, or a mail connector that
//!    does not know the sender, writes what the customer said. A note counts as the opening text when the PSA gives it
//!    as such (Autotask description, Halo details: an empty id), or when it is the only one that customers can see;
//! 3. otherwise none: a lone title is judged by its length like any other text.
//!
//! Our own notes and internal ones are never read. Case 3 is believed only after three looks, as the note of a ticket
//! just created may appear seconds after the ticket (Autotask answers `null`, Halo's rules are still running).

use super::machine::machine_text;
use super::prepare::{Prepared, prepare};
use crate::connections::ConnectError;
use crate::psa::{Fetched, HookContext, read_hook};
use crate::queue::{Onward, Setback, Tools, Wait, Work};
use domain::{Author, MachineText, Note, PsaKind, Scope, Ticket};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;
use store::jobs::{Identified, Job, Stage};
use store::tickets::ReadTicket;

/// How long to wait before looking again for what is not there yet, by attempt.
const LOOK_AGAIN: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

/// Reads the job's ticket and stores it to be scored, or stores why it is left out.
pub async fn read(tools: &Tools, work: &mut Work) -> Result<Onward, Setback> {
    let job = &work.job;
    let tenant = tools.store.tenant(job.tenant);
    let standing = tools.connections.standing(&tenant).await.map_err(Setback::connect)?;
    let psa = match standing.psa(job) {
        Ok(psa) => psa,
        Err(error) => {
            if matches!(error, ConnectError::Elsewhere(_)) {
                tenant.strays_hand_over(job.psa).await.map_err(Setback::store)?;
            }
            return Err(Setback::connect(error));
        }
    };
    if !job.verified {
        verify_late(tools, job).await?;
    }
    let fetched = psa.fetch(&job.external_ticket).await.map_err(|error| Setback::call(psa.save, error))?;
    tools.used(&tenant, psa).await;
    let found = fetched.as_ref().and_then(|fetched| first_note(&fetched.notes));
    if found.is_none()
        && !job.past
        && !fetched
            .as_ref()
            .is_some_and(|fetched| fetched.ticket.closed || fetched.ticket.set_aside.is_some())
        && let Some(wait) = look_again(job.attempts)
    {
        let cause = match fetched {
            None => "the PSA does not show the ticket yet",
            Some(_) => "the PSA does not show the customer's note yet",
        };
        return Err(Setback::Retry { wait: Wait::Exactly(wait), cause: cause.into() });
    }
    tools.checkpoints.pass("fetched", "").await;

    if let Some(fetched) = &fetched
        && identify(tools, job, &fetched.ticket.external_id).await? == Identified::TakenInBefore
    {
        return Ok(Onward::Through);
    }
    let Some(fetched) = &fetched else {
        let read = unseen(psa.kind(), &job.external_ticket);
        let reason =
            format!("{} has no such ticket (any more), or does not show it to our user", psa.kind().name());
        let unseen = tenant.ticket_unseen(job.lease, &read, &reason, tools.clock.now()).await;
        return unseen.map(|_| Onward::Through).map_err(Setback::store);
    };
    let mut read = as_read(fetched, found);
    if job.past {
        as_it_was(&mut read);
    }
    if let Some(reason) = reason_to_leave(&standing.policy.body.scope, &read) {
        return leave_out(tools, job, &read, &reason).await;
    }
    let ticket = tenant.ticket_read(job.lease, &read, tools.clock.now()).await.map_err(Setback::store)?;
    tools.checkpoints.pass("read", "").await;
    let mut job = work.job.clone().at(Stage::Score, ticket, None);
    // By which the PSA knows it, however the call named it.
    job.external_ticket.clone_from(&read.ticket.external_id);
    (work.job, work.read) = (job, Some(read));
    Ok(Onward::Next)
}

/// An Extension Callout of Autotask may name a ticket by its number; the once-per-ticket rule goes by the PSA's id.
async fn identify(tools: &Tools, job: &Job, external_id: &str) -> Result<Identified, Setback> {
    if job.external_ticket == external_id {
        return Ok(Identified::Ours);
    }
    let found = tools.store.job_identify(job.lease, external_id).await.map_err(Setback::store)?;
    tracing::info!(
        ticket.external_id = external_id,
        ?found,
        "the call named its ticket otherwise than the PSA does"
    );
    tools.checkpoints.pass("identified", "").await;
    Ok(found)
}

async fn leave_out(tools: &Tools, job: &Job, read: &ReadTicket, reason: &str) -> Result<Onward, Setback> {
    let tenant = tools.store.tenant(job.tenant);
    tenant.ticket_skip(job.lease, read, reason, tools.clock.now()).await.map_err(Setback::store)?;
    Ok(Onward::Through)
}

/// The first attempts look again; then what is there has to do.
fn look_again(attempts: u32) -> Option<Duration> {
    LOOK_AGAIN.get(usize::try_from(attempts).ok()?.checked_sub(1)?).copied()
}

/// The customer's first note, by the rule in the head of this file.
fn first_note(notes: &[Note]) -> Option<&Note> {
    let says_something =
        |note: &&Note| !note.internal && note.author != Author::Us && !note.text.trim().is_empty();
    let visible: Vec<&Note> = notes.iter().filter(says_something).collect();
    let by_customer = visible.iter().find(|note| note.author == Author::Customer);
    let opening = || visible.iter().find(|note| note.id.is_empty() || visible.len() == 1);
    by_customer.or_else(opening).copied()
}

fn as_read(fetched: &Fetched, note: Option<&Note>) -> ReadTicket {
    let Some(note) = note else {
        return ReadTicket {
            ticket: fetched.ticket.clone(),
            text: String::new(),
            text_remarks: vec!["there is no note a customer can see; only the title was read".into()],
            author_name: String::new(),
        };
    };
    let Prepared { text, remarks: mut text_remarks } = prepare(&note.text, note.html);
    if note.author != Author::Customer {
        text_remarks.push(match note.author {
            Author::Technician => {
                format!("opening text, entered by {} for the customer", named(&note.author_name))
            }
            _ => "opening text, entered by the PSA itself".into(),
        });
    }
    ReadTicket { ticket: fetched.ticket.clone(), text, text_remarks, author_name: note.author_name.clone() }
}

/// A ticket of the past was open when it came, which is what a policy would have met.
fn as_it_was(read: &mut ReadTicket) {
    if read.ticket.closed {
        read.ticket.closed = false;
        read.text_remarks.push("closed by now; judged as it was when it came: open".into());
    }
}

fn named(name: &str) -> &str {
    if name.is_empty() { "a technician" } else { name }
}

/// Why the ticket is not analysed, in words; the first reason of several.
fn reason_to_leave(scope: &Scope, read: &ReadTicket) -> Option<String> {
    if read.ticket.closed {
        return Some("the ticket was closed before it was read".into());
    }
    if let Some(why) = &read.ticket.set_aside {
        return Some(why.clone());
    }
    let words = |text: &str| text.split_whitespace().count();
    scope.judge(&read.ticket, words(&read.ticket.title) + words(&read.text)).or_else(|| {
        match scope.machine_text {
            MachineText::Skip => {
                machine_text(&read.ticket.title, &read.text, read.ticket.contact_email.as_deref())
            }
            MachineText::Score => None,
        }
    })
}

/// A ticket of which only the number is known, so that the list can show what became of it.
fn unseen(psa: PsaKind, external_id: &str) -> ReadTicket {
    let ticket = Ticket {
        psa,
        external_id: external_id.to_owned(),
        number: external_id.to_owned(),
        title: String::new(),
        client: None,
        contact: None,
        contact_email: None,
        board: None,
        kind: None,
        source: None,
        closed: false,
        set_aside: None,
        levers: domain::Snapshot::new(),
        created_at: None,
        updated_at: None,
        url: None,
    };
    ReadTicket { ticket, text: String::new(), text_remarks: Vec::new(), author_name: String::new() }
}

/// Checks the signature of a delivery that the door could not check, because ConnectWise's key server did not answer.
async fn verify_late(tools: &Tools, job: &Job) -> Result<(), Setback> {
    let Some(id) = job.delivery else { return Ok(()) };
    let tenant = tools.store.tenant(job.tenant);
    let Some(detail) = tenant.delivery_fetch(id).await.map_err(Setback::store)? else { return Ok(()) };
    let connection = tenant.psa_connection().await.map_err(Setback::store)?;
    let hook = tenant.hook().await.map_err(Setback::store)?;
    let (headers, query) = kept_headers(&detail.headers);
    let lane = format!("hook {}", job.tenant);
    let context = HookContext {
        settings: connection.as_ref().map(|connection| &connection.settings),
        secret: hook.secret.expose(),
        headers: &headers,
        query: query.as_deref(),
        body: &detail.body,
        outside: &tools.outside,
        lane: &lane,
    };
    match read_hook(detail.delivery.psa, &context).await {
        Ok(hooked) if hooked.verified => Ok(()),
        Ok(_) => Err(Setback::Retry {
            wait: Wait::Outage { asked: None },
            cause: "the key that proves this webhook call genuine could not be fetched yet".into(),
        }),
        Err(error) => Err(Setback::Fail { reason: format!("the webhook call is not genuine: {error}") }),
    }
}

/// Headers as the door kept them; the query is among them under [`crate::web::hooks::KEPT_QUERY`].
fn kept_headers(kept: &serde_json::Value) -> (HeaderMap, Option<String>) {
    let mut headers = HeaderMap::new();
    for (name, value) in kept.as_object().into_iter().flatten() {
        let (Ok(name), Some(Ok(value))) =
            (name.parse::<HeaderName>(), value.as_str().map(HeaderValue::from_str))
        else {
            continue;
        };
        headers.insert(name, value);
    }
    let query = kept.get(crate::web::hooks::KEPT_QUERY).and_then(|query| query.as_str()).map(str::to_owned);
    (headers, query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(id: &str, author: Author, internal: bool, text: &str) -> Note {
        Note {
            id: id.into(),
            author,
            author_name: "Somebody".into(),
            text: text.into(),
            html: false,
            internal,
            at: None,
        }
    }

    #[test]
    fn the_first_note_is_the_customers_or_the_opening_text() {
        use Author::{Customer, System, Technician, Us};
        let cases: &[(&str, Vec<Note>, Option<&str>)] = &[
            ("nothing", vec![], None),
            ("one note of a customer", vec![note("1", Customer, false, "help")], Some("help")),
            (
                "the oldest of several",
                vec![note("1", Customer, false, "help"), note("2", Customer, false, "hello?")],
                Some("help"),
            ),
            (
                "technicians, internal notes and ours in front",
                vec![
                    note("1", Us, true, "ours"),
                    note("2", Technician, true, "internal"),
                    note("3", Technician, false, "we look into it"),
                    note("4", Customer, true, "marked internal"),
                    note("5", Customer, false, "help"),
                ],
                Some("help"),
            ),
            (
                "an opening text logged by a technician",
                vec![note("", Technician, false, "called: no mail")],
                Some("called: no mail"),
            ),
            (
                "the same with a technician's answer below",
                vec![note("", Technician, false, "called: no mail"), note("2", Technician, false, "on it")],
                Some("called: no mail"),
            ),
            (
                "the only visible text, by the mail connector",
                vec![note("9", System, false, "help")],
                Some("help"),
            ),
            (
                "a technician's only visible note beside internal ones",
                vec![
                    note("1", Technician, true, "internal"),
                    note("2", Technician, false, "called: no mail"),
                ],
                Some("called: no mail"),
            ),
            (
                "several technicians' notes, none of them the opening text",
                vec![note("1", Technician, false, "hello"), note("2", Technician, false, "any news?")],
                None,
            ),
            ("only internal notes", vec![note("1", Technician, true, "internal")], None),
            ("only our own", vec![note("", Us, false, "ours")], None),
            (
                "an empty opening text does not hide the customer's note",
                vec![note("", Customer, false, " \n"), note("2", Customer, false, "help")],
                Some("help"),
            ),
        ];
        for (name, notes, expected) in cases {
            assert_eq!(first_note(notes).map(|note| note.text.as_str()), *expected, "{name}");
        }
    }

    #[test]
    fn what_is_not_there_yet_is_looked_for_three_times() {
        let seconds = |attempts| look_again(attempts).map(|wait| wait.as_secs());
        assert_eq!([0, 1, 2, 3, 4, 12].map(seconds), [None, Some(2), Some(5), Some(10), None, None]);
    }

    #[test]
    fn kept_headers_are_read_back() {
        let kept = serde_json::json!({"x-content-signature": "abc=", ":query": "recordId=1&action=added"});
        let (headers, query) = kept_headers(&kept);
        assert_eq!(headers.get("x-content-signature").expect("kept"), "abc=");
        assert_eq!(headers.len(), 1);
        assert_eq!(query.as_deref(), Some("recordId=1&action=added"));
    }
}
