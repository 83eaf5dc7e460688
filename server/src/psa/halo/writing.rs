//! Changes and notes. Halo has neither PUT nor PATCH: everything is a POST of an array, here always of one object.

use super::Halo;
use super::lists::or_empty;
use super::shapes::{ActionItem, OutcomeItem, TicketItem};
use crate::outside::{Answer, CallError};
use crate::psa::NewNote;
use domain::{Change, Lever, PsaKind};
use http::Method;
use serde_json::{Map, Value, json};

/// Any text is taken as the name of an outcome; this one reads well where the tenant has no outcome for notes.
const OUTCOME_TEXT: &str = "Private Note";
/// Names of outcomes made for internal notes.
const NOTE_OUTCOMES: [&str; 3] = ["private note", "internal note", "private"];

impl Halo {
    pub(super) async fn post_changes(&self, id: i64, changes: &[Change]) -> Result<(), CallError> {
        let body = self.body(id, changes).await?;
        let answer = self.session.send(Method::POST, "Tickets", &[], Some(&json!([body]))).await?;
        let written: TicketItem = one(&answer)?;
        match written.id {
            Some(found) if found == id => Ok(()),
            None => Err(CallError::Malformed {
                host: answer.host.clone(),
                what: "no id of the changed ticket".into(),
            }),
            // An object without id creates a ticket; ours always has one, so this is not the Halo we know.
            Some(found) => Err(CallError::Malformed {
                host: answer.host.clone(),
                what: format!("we changed ticket {id} and it answered about ticket {found}"),
            }),
        }
    }

    async fn body(&self, id: i64, changes: &[Change]) -> Result<Value, CallError> {
        let mut body = Map::from_iter([("id".to_owned(), json!(id))]);
        for change in changes {
            let value = || number(&change.to.id, change.lever.word(PsaKind::HaloPsa));
            match &change.lever {
                Lever::Priority => {
                    self.check_sla(id, value()?).await?;
                    body.insert("priority_id".into(), json!(value()?));
                }
                Lever::Severity => _ = body.insert("urgency".into(), json!(value()?)),
                Lever::Impact => _ = body.insert("impact".into(), json!(value()?)),
                Lever::Status => _ = body.insert("status_id".into(), json!(value()?)),
                Lever::Owner => _ = body.insert("agent_id".into(), json!(value()?)),
                Lever::Team => {
                    let team = value()?;
                    body.insert("team_id".into(), json!(team));
                    // Older versions know the name only; it is looked up now, since teams get renamed.
                    body.insert("team".into(), json!(self.team_name(team).await?));
                }
                Lever::Board | Lever::Custom(_) => {
                    let word = change.lever.word(PsaKind::HaloPsa);
                    return Err(refused(format!("Halo tickets have no {word} that we could set.")));
                }
            }
        }
        Ok(Value::Object(body))
    }

    /// Halo replaces a priority that the ticket's SLA does not have, without a word and perhaps by a milder one, so it is
    /// refused here.
    async fn check_sla(&self, id: i64, priority: i64) -> Result<(), CallError> {
        let priorities = or_empty(self.lists.priorities(&self.session).await)?;
        let Some(sla) = self.ticket(&id.to_string()).await?.and_then(|item| item.sla_id) else {
            return Ok(());
        };
        let of_sla: Vec<_> = priorities.iter().filter(|one| one.slaid == Some(sla)).collect();
        if of_sla.is_empty() || of_sla.iter().any(|one| one.priorityid == Some(priority)) {
            return Ok(());
        }
        Err(refused(format!(
            "The SLA of this ticket has no priority {priority}, so its priority is left as it is."
        )))
    }

    async fn team_name(&self, team: i64) -> Result<String, CallError> {
        let teams = self.lists.teams(&self.session).await?;
        let found = teams.iter().find(|one| one.id == Some(team)).and_then(|one| one.name.clone());
        found.ok_or_else(|| {
            refused(format!(
                "Halo has no team {team} (any more), or our agent may not see it. Choose the team again."
            ))
        })
    }

    /// An outcome is mandatory. One made for internal notes is taken where the tenant has it; where Halo refuses that (it
    /// may not be offered to our agent, or at this step of a workflow), the note goes with a plain text as its outcome.
    pub(super) async fn post_note(&self, ticket: i64, note: &NewNote) -> Result<String, CallError> {
        let outcomes = or_empty(self.lists.outcomes(&self.session).await)?;
        let mut sent = match note_outcome(&outcomes) {
            Some(id) => self.post_action(ticket, note, ("outcome_id", json!(id))).await,
            None => self.post_action(ticket, note, ("outcome", json!(OUTCOME_TEXT))).await,
        };
        if matches!(&sent, Err(CallError::Rejected { status: 400, .. })) && note_outcome(&outcomes).is_some()
        {
            sent = self.post_action(ticket, note, ("outcome", json!(OUTCOME_TEXT))).await;
        }
        let answer = sent?;
        let written: ActionItem = one(&answer)?;
        if written.hiddenfromuser == Some(false) {
            return Err(refused(
                "Halo made our note visible to the customer although it was sent as hidden. Check the outcome for private \
                 notes."
                    .into(),
            ));
        }
        written.id.map(|id| id.to_string()).ok_or_else(|| CallError::Malformed {
            host: answer.host.clone(),
            what: "no id of the new action".into(),
        })
    }

    async fn post_action(
        &self,
        ticket: i64,
        note: &NewNote,
        outcome: (&str, Value),
    ) -> Result<Answer, CallError> {
        let mut body = json!({
            "ticket_id": ticket,
            "note_html": html(note),
            "hiddenfromuser": true,
            "sendemail": false,
            "sendsms": false,
            "dont_do_rules": true,
            "chargerate": 0,
        });
        body[outcome.0] = outcome.1;
        self.session.send(Method::POST, "Actions", &[], Some(&json!([body]))).await
    }
}

/// The id of an outcome made for internal notes that does not mail the user.
fn note_outcome(outcomes: &[OutcomeItem]) -> Option<i64> {
    let usable = |item: &&OutcomeItem| item.hidden != Some(true) && item.sendemail != Some(true);
    NOTE_OUTCOMES.iter().find_map(|wanted| {
        let named = |item: &&OutcomeItem| {
            item.outcome.as_deref().is_some_and(|name| name.trim().to_lowercase() == *wanted)
        };
        outcomes.iter().filter(usable).find(named).and_then(|item| item.id)
    })
}

/// Title and text as HTML, everything of theirs escaped.
fn html(note: &NewNote) -> String {
    let text = escaped(&note.text).replace('\n', "<br>");
    let title = note.title.trim();
    if title.is_empty() {
        format!("<p>{text}</p>")
    } else {
        format!("<p><b>{}</b></p><p>{text}</p>", escaped(title))
    }
}

pub(super) fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            '\r' => {}
            other => written.push(other),
        }
    }
    written
}

/// The object of an answer: bare, or the only element of an array.
fn one<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, CallError> {
    let body: Value = answer.json()?;
    let object = match body {
        Value::Array(mut list) => list.pop().unwrap_or_default(),
        other => other,
    };
    serde_json::from_value(object).map_err(|error| CallError::Malformed {
        host: answer.host.clone(),
        what: format!("not the object we expect: {error}"),
    })
}

fn refused(message: String) -> CallError {
    CallError::Rejected { status: 422, message }
}

fn number(text: &str, what: &str) -> Result<i64, CallError> {
    text.trim().parse().map_err(|_| {
        refused(format!("“{text}” is not a Halo id for {what}. Choose the value again from the list."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_for_notes_is_chosen_only_if_it_sends_no_mail() {
        let cases = [
            (json!([{"id":7,"outcome":"Internal Note"},{"id":9,"outcome":"Private Note"}]), Some(9)),
            (json!([{"id":7,"outcome":" internal note "}]), Some(7)),
            (json!([{"id":7,"outcome":"Private Note","sendemail":true}]), None),
            (json!([{"id":7,"outcome":"Private Note","hidden":true}]), None),
            (json!([{"id":3,"outcome":"Email User"}]), None),
            (json!([]), None),
        ];
        for (given, expected) in cases {
            let outcomes: Vec<OutcomeItem> = serde_json::from_value(given.clone()).unwrap();
            assert_eq!(note_outcome(&outcomes), expected, "{given}");
        }
    }

    #[test]
    fn a_note_is_html_in_which_ticket_text_is_only_text() {
        let note = NewNote {
            title: "Undertone & you".into(),
            text: "<script>alert('x')</script>\r\nsecond \"line\"\n[ut:1]".into(),
            reference: "[ut:1]".into(),
        };
        assert_eq!(
            html(&note),
            "<p><b>Undertone &amp; you</b></p><p>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;<br>second \
             &quot;line&quot;<br>[ut:1]</p>"
        );
    }
}
