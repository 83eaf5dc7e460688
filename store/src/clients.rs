//! One client: what it said, who says it, and what the workspace wants to remember of it.

use crate::engine::{execute, fetch_all, fetch_one, fetch_optional};
use crate::rows::{self, clean};
use crate::tickets::LOOKED_THROUGH;
use crate::{Actor, Result, TenantStore, audit};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Assessment, ClientKey, Reading, Score, TicketId};
use std::collections::HashMap;
use uuid::Uuid;

/// A ticket of the same person within this time is a repeat contact.
const REPEATS: TimeDelta = TimeDelta::days(7);

/// The words that made a ticket negative.
#[derive(Clone, Debug)]
pub struct ClientQuote {
    pub ticket: TicketId,
    pub number: String,
    pub title: String,
    pub created_at: DateTime<Utc>,
    pub sentiment: Score,
    /// How the sentiment was read, with the quotation.
    pub reading: Reading,
}

/// A person who wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientContact {
    pub name: String,
    pub tickets: i64,
    /// Tickets that came within a week of the one before.
    pub repeats: i64,
    pub negative: i64,
}

/// What the workspace wants to remember of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientNote {
    pub text: String,
    pub updated_at: DateTime<Utc>,
    pub updated_by: String,
}

#[derive(sqlx::FromRow)]
struct QuoteRow {
    id: Uuid,
    number: String,
    title: String,
    taken_in_at: DateTime<Utc>,
    sentiment: i64,
    assessment: Option<String>,
}

impl QuoteRow {
    fn read(self) -> Result<Option<ClientQuote>> {
        let Some(assessment) = self.assessment else { return Ok(None) };
        let assessment: Assessment = rows::read_json("analyses", "assessment", &assessment)?;
        let Some(sentiment) = rows::read_score("sentiment", Some(self.sentiment))? else { return Ok(None) };
        Ok(Some(ClientQuote {
            ticket: self.id.into(),
            number: self.number,
            title: self.title,
            created_at: self.taken_in_at,
            sentiment,
            reading: assessment.sentiment,
        }))
    }
}

impl TenantStore {
    /// The client's newest name; `None`: no ticket of it was ever analysed.
    pub async fn client_name(&self, client: &ClientKey) -> Result<Option<String>> {
        let mut reader = self.read().await?;
        let found: Option<(String,)> = fetch_optional!(
            reader,
            (String,),
            "SELECT client_name FROM tallies WHERE tenant_id = $1 AND client_id = $2 ORDER BY day DESC LIMIT 1",
            self.tenant.0,
            clean(&client.to_string())
        )?;
        Ok(found.map(|(name,)| name))
    }

    /// The worst of the span's negative tickets, with what was said, the worst first. Looked for among the client's newest
    /// [`LOOKED_THROUGH`] of the span.
    pub async fn client_quotes(
        &self,
        client: &ClientKey,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ClientQuote>> {
        let mut reader = self.read().await?;
        let newest: Vec<(Uuid, Option<i64>, bool)> = fetch_all!(
            reader,
            (Uuid, Option<i64>, bool),
            "SELECT t.id, t.sentiment, coalesce(t.label = 'negative', false) AND NOT t.text_removed FROM tickets t
             WHERE t.tenant_id = $1 AND t.client_id = $2 AND t.taken_in_at >= $3 AND t.taken_in_at < $4
             ORDER BY t.taken_in_at DESC, t.id DESC LIMIT $5",
            self.tenant.0,
            clean(&client.to_string()),
            rows::known_time(from),
            rows::known_time(to),
            i64::from(LOOKED_THROUGH)
        )?;
        let mut worst: Vec<(Uuid, i64)> = newest
            .into_iter()
            .filter(|(.., says)| *says)
            .filter_map(|(id, sentiment, _)| Some((id, sentiment?)))
            .collect();
        // The newest of equals stays first.
        worst.sort_by_key(|(_, sentiment)| -sentiment);
        worst.truncate(limit as usize);
        let mut quotes = Vec::with_capacity(worst.len());
        for (id, _) in worst {
            let row = fetch_one!(
                reader,
                QuoteRow,
                "SELECT t.id, t.number, t.title, t.taken_in_at, t.sentiment,
                   (SELECT a.assessment FROM analyses a WHERE a.tenant_id = $1 AND a.ticket_id = $2 AND a.state = 'scored'
                    ORDER BY a.id DESC LIMIT 1) AS assessment
                 FROM tickets t WHERE t.tenant_id = $1 AND t.id = $2",
                self.tenant.0,
                id
            )?;
            quotes.extend(row.read()?);
        }
        Ok(quotes)
    }

    /// Who wrote in the span, whoever wrote most first. Counted over the client's newest [`LOOKED_THROUGH`] tickets of the
    /// span whose texts are kept.
    pub async fn client_contacts(
        &self,
        client: &ClientKey,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<ClientContact>> {
        let mut reader = self.read().await?;
        let tickets: Vec<(Option<String>, DateTime<Utc>, bool)> = fetch_all!(
            reader,
            (Option<String>, DateTime<Utc>, bool),
            "SELECT b.author_name, t.taken_in_at, coalesce(t.label = 'negative', false) FROM tickets t
             LEFT JOIN ticket_bodies b ON b.tenant_id = t.tenant_id AND b.ticket_id = t.id
             WHERE t.tenant_id = $1 AND t.client_id = $2 AND t.taken_in_at >= $3 AND t.taken_in_at < $4
             ORDER BY t.taken_in_at DESC, t.id DESC LIMIT $5",
            self.tenant.0,
            clean(&client.to_string()),
            rows::known_time(from),
            rows::known_time(to),
            i64::from(LOOKED_THROUGH)
        )?;
        let known = tickets.into_iter().filter_map(|(name, at, is_negative)| Some((name?, at, is_negative)));
        let tickets = known.filter(|(name, ..)| !name.is_empty()).collect();
        Ok(contacts(tickets))
    }

    pub async fn client_note(&self, client: &ClientKey) -> Result<Option<ClientNote>> {
        let mut reader = self.read().await?;
        let found: Option<(String, DateTime<Utc>, String)> = fetch_optional!(
            reader,
            (String, DateTime<Utc>, String),
            "SELECT text, updated_at, updated_by FROM client_notes WHERE tenant_id = $1 AND client_id = $2",
            self.tenant.0,
            clean(&client.to_string())
        )?;
        Ok(found.map(|(text, updated_at, updated_by)| ClientNote { text, updated_at, updated_by }))
    }

    /// Empty: nothing is to be remembered.
    pub async fn client_note_put(
        &self,
        client: &ClientKey,
        text: &str,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let key = clean(&client.to_string()).into_owned();
        let input = (self.tenant, key, clean(text.trim()).into_owned(), actor.clone(), now);
        self.write(input, |tx, (tenant, client, text, actor, now)| {
            Box::pin(async move {
                let by = audit::name(tx, *tenant, actor).await?;
                if text.is_empty() {
                    execute!(
                        tx,
                        "DELETE FROM client_notes WHERE tenant_id = $1 AND client_id = $2",
                        tenant.0,
                        client.as_str()
                    )?;
                } else {
                    execute!(
                        tx,
                        "INSERT INTO client_notes (tenant_id, client_id, text, updated_at, updated_by) VALUES ($1, $2, $3, $4, $5)
                         ON CONFLICT (tenant_id, client_id) DO UPDATE SET text = excluded.text,
                           updated_at = excluded.updated_at, updated_by = excluded.updated_by",
                        tenant.0,
                        client.as_str(),
                        text.as_str(),
                        *now,
                        &by
                    )?;
                }
                let detail = format!("what is remembered of client {client} was changed");
                audit::append(tx, *tenant, &by, "client.noted", &detail, *now).await
            })
        })
        .await
    }
}

fn contacts(mut tickets: Vec<(String, DateTime<Utc>, bool)>) -> Vec<ClientContact> {
    tickets.sort_by_key(|(_, at, _)| *at);
    let mut contacts: HashMap<String, (ClientContact, DateTime<Utc>)> = HashMap::new();
    for (name, at, is_negative) in tickets {
        let fresh = || {
            (
                ClientContact { name: name.clone(), tickets: 0, repeats: 0, negative: 0 },
                DateTime::<Utc>::MIN_UTC,
            )
        };
        let (contact, last) = contacts.entry(name.clone()).or_insert_with(fresh);
        if contact.tickets > 0 && at - *last <= REPEATS {
            contact.repeats += 1;
        }
        contact.tickets += 1;
        contact.negative += i64::from(is_negative);
        *last = at;
    }
    let mut contacts: Vec<ClientContact> = contacts.into_values().map(|(contact, _)| contact).collect();
    contacts.sort_by(|a, b| {
        (b.tickets, b.repeats).cmp(&(a.tickets, a.repeats)).then_with(|| a.name.cmp(&b.name))
    });
    contacts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_who_writes_again_within_a_week_is_a_repeat_contact() {
        let at = |day: i64| DateTime::UNIX_EPOCH + TimeDelta::days(day);
        let tickets = [
            ("Dana", 0, true),
            ("Eli", 1, false),
            ("Dana", 20, false),
            ("Dana", 7, true),
            ("Dana", 14, false),
        ];
        let tickets =
            tickets.map(|(name, day, is_negative)| (name.to_owned(), at(day), is_negative)).to_vec();
        let contact = |name: &str, tickets, repeats, negative| ClientContact {
            name: name.into(),
            tickets,
            repeats,
            negative,
        };
        assert_eq!(contacts(tickets), [contact("Dana", 4, 3, 2), contact("Eli", 1, 0, 0)]);
    }
}
