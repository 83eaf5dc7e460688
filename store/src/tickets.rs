//! What arrived means: tickets in the one shape, and the lists and stories of the screens.

mod filter;
mod list;
mod replay;
mod story;
pub(crate) mod words;

use crate::analyses::Provenance;
use crate::engine::{Tx, execute, fetch_all, fetch_one, fetch_optional, sql};
use crate::jobs::{Held, Stage};
use crate::rows::{self, Word, clean};
use crate::trends::Counted;
use crate::{Lease, Result, TenantStore, timeline};
use chrono::{DateTime, Utc};
use domain::{Assessment, Dimension, Label, Mode, Party, PsaInstance, Score, TenantId, Ticket, TicketId};
use uuid::Uuid;

pub use story::{Event, TicketStory};

/// Where a ticket stands with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// Read from the PSA, not scored yet.
    Reading,
    /// Scored; nothing to do.
    Analysed,
    /// Scored, in shadow mode; actions shown as "would have".
    Shadowed,
    /// Scored; actions are being carried out.
    Acting,
    /// Scored and all actions are final.
    Acted,
    /// Not scored, on purpose: left out by a rule, machine text, too little text, refused by the model.
    Skipped,
    /// Gave up; Replay tries again.
    Failed,
}

/// What the read stage found out.
#[derive(Clone, Debug)]
pub struct ReadTicket {
    pub ticket: Ticket,
    /// The customer's first note, prepared; what the model will read.
    pub text: String,
    /// How the text was prepared, for people: what was cut.
    pub text_remarks: Vec<String>,
    /// Whose note it is.
    pub author_name: String,
}

/// A ticket with its newest scores.
#[derive(Clone, Debug)]
pub struct Assessed {
    pub id: TicketId,
    pub read: ReadTicket,
    pub assessment: Assessment,
    pub taken_in_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct TicketRow {
    pub id: TicketId,
    pub external_id: String,
    pub number: String,
    pub title: String,
    pub client: Option<String>,
    /// Written as a [`domain::ClientKey`].
    pub client_id: Option<String>,
    pub board: Option<String>,
    pub created_at: DateTime<Utc>,
    pub analysed_at: Option<DateTime<Utc>>,
    pub state: TicketState,
    /// Why skipped or failed.
    pub reason: Option<String>,
    pub mode: Option<Mode>,
    pub label: Option<Label>,
    pub sentiment: Option<Score>,
    pub urgency: Option<Score>,
    pub impact: Option<Score>,
    pub updated: bool,
    pub escalated: bool,
    /// Read by the built-in analyser while the tenant's model was out.
    pub degraded: bool,
    /// Its title and all other text were removed when their time was up; the counts stayed. A replay reads it anew.
    pub text_removed: bool,
}

/// A list may be narrowed by several of these at once. Each of `degraded`, `escalated: Some(true)`, `client`, `state`, `only`
/// and `label` has an index; words have one too;
/// what else is asked for is looked for among at most [`LOOKED_THROUGH`] tickets a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketFilter {
    /// By when we took it in: from inclusive, to exclusive.
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub label: Option<Label>,
    /// Written as a [`domain::ClientKey`].
    pub client: Option<String>,
    pub state: Option<TicketState>,
    pub min_sentiment: Option<Score>,
    /// Exactly this score.
    pub only: Option<(Dimension, Score)>,
    pub escalated: Option<bool>,
    /// Only those read while the model was out.
    pub degraded: bool,
    /// Words in the title, the text, the number and the names of client, board and contact; each may be the beginning of
    /// one. Case and accents do not count.
    pub q: Option<String>,
}

/// Tickets that one page looks through for what no index finds, such as words together with a client.
pub const LOOKED_THROUGH: u32 = 2_000;

#[derive(sqlx::FromRow)]
struct BodyRow {
    ticket_id: Uuid,
    author_name: String,
    text_remarks: String,
    ticket: String,
    text: String,
}

impl BodyRow {
    fn read(self) -> Result<(TicketId, ReadTicket)> {
        let read = ReadTicket {
            ticket: rows::read_json("ticket_bodies", "ticket", &self.ticket)?,
            text: self.text,
            text_remarks: rows::read_json("ticket_bodies", "text_remarks", &self.text_remarks)?,
            author_name: self.author_name,
        };
        Ok((self.ticket_id.into(), read))
    }
}

impl TenantStore {
    /// End of the read stage: the ticket is stored (or refreshed, on replay) and the job moves on to scoring, under the
    /// same lease.
    pub async fn ticket_read(&self, lease: Lease, read: &ReadTicket, now: DateTime<Utc>) -> Result<TicketId> {
        self.write_later((self.tenant, lease, read.clone(), now), |tx, (tenant, lease, read, now)| {
            Box::pin(async move {
                let held = Held::fence(tx, Some(*tenant), *lease).await?;
                let ticket = keep(tx, &held, read, TicketState::Reading, None, *now).await?;
                held.advance(tx, Stage::Score, ticket, None).await?;
                Ok(ticket.into())
            })
        })
        .await
    }

    /// End of the read stage for a ticket that is left out: stored with the reason, job finished, an analysis with
    /// state `skipped` kept.
    pub async fn ticket_skip(
        &self,
        lease: Lease,
        read: &ReadTicket,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<TicketId> {
        self.leave(lease, read, reason, true, now).await
    }

    /// As [`Self::ticket_skip`], for a ticket that the PSA does not show. Neither its number nor the call is used up by
    /// that: a later call that names it, the same even, is read again.
    pub async fn ticket_unseen(
        &self,
        lease: Lease,
        read: &ReadTicket,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<TicketId> {
        self.leave(lease, read, reason, false, now).await
    }

    async fn leave(
        &self,
        lease: Lease,
        read: &ReadTicket,
        reason: &str,
        keeps_place: bool,
        now: DateTime<Utc>,
    ) -> Result<TicketId> {
        self
            .write_later(
                (self.tenant, lease, read.clone(), clean(reason).into_owned(), keeps_place, now),
                |tx, (tenant, lease, read, reason, keeps_place, now)| {
                    Box::pin(async move {
                        let held = Held::fence(tx, Some(*tenant), *lease).await?;
                        let ticket = leave_out(tx, &held, *tenant, read, reason, *now).await?;
                        if !*keeps_place {
                            // Some PSAs' calls have one key for all that tell of a new ticket of this number.
                            execute!(
                                tx,
                                "UPDATE deliveries SET dedupe_key = dedupe_key || $1 WHERE tenant_id = $2 AND id = $3
                                   AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant_id = $2 AND j.delivery_id = $3)",
                                held.delivery_id.map(|id| format!(" unseen {id}")),
                                tenant.0,
                                held.delivery_id
                            )?;
                            execute!(
                                tx,
                                // Not while the job goes on, as a person asked meanwhile: a later call would make a second one.
                                "DELETE FROM intake WHERE tenant_id = $1 AND psa = $2 AND external_ticket = $3
                                   AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant_id = $1 AND j.psa = $2 AND j.external_ticket = $3)",
                                tenant.0,
                                &held.psa,
                                &held.external_ticket
                            )?;
                        }
                        Ok(ticket.into())
                    })
                },
            )
            .await
    }

    /// What the score and act stages work on.
    pub async fn ticket_for_work(&self, ticket: TicketId) -> Result<Option<(TicketId, ReadTicket)>> {
        let mut reader = self.read().await?;
        fetch_optional!(
            reader,
            BodyRow,
            "SELECT ticket_id, author_name, text_remarks, ticket, text FROM ticket_bodies WHERE tenant_id = $1 AND ticket_id = $2",
            self.tenant.0,
            ticket.0
        )?
        .map(BodyRow::read)
        .transpose()
    }

    /// The newest scored tickets with their newest scores, newest first: what a policy is held against before it is saved.
    /// Those whose text was removed are left out: their words can be counted no more.
    pub async fn assessed_newest(&self, limit: u32) -> Result<Vec<Assessed>> {
        let mut reader = self.read().await?;
        fetch_all!(
            reader,
            AssessedRow,
            "SELECT b.ticket_id, b.author_name, b.text_remarks, b.ticket, b.text, a.assessment, t.taken_in_at
             FROM analyses a JOIN ticket_bodies b ON b.tenant_id = a.tenant_id AND b.ticket_id = a.ticket_id
             JOIN tickets t ON t.tenant_id = a.tenant_id AND t.id = a.ticket_id
             WHERE a.tenant_id = $1 AND a.state = 'scored' AND a.assessment IS NOT NULL AND NOT t.text_removed
               AND NOT EXISTS (SELECT 1 FROM analyses later
                               WHERE later.tenant_id = a.tenant_id AND later.ticket_id = a.ticket_id AND later.id > a.id)
             ORDER BY a.id DESC LIMIT $2",
            self.tenant.0,
            i64::from(limit)
        )?
        .into_iter()
        .map(AssessedRow::read)
        .collect()
    }

    /// The newest tickets of a system whose time of creation is known, by which it is known again.
    pub async fn tickets_of(&self, instance: PsaInstance, limit: u32) -> Result<Vec<Ticket>> {
        let mut reader = self.read().await?;
        macro_rules! dated {
            ($dated:literal) => {
                concat!(
                    "SELECT b.ticket FROM tickets t
                     JOIN ticket_bodies b ON b.tenant_id = t.tenant_id AND b.ticket_id = t.id
                     WHERE t.tenant_id = $1 AND t.psa = $2 AND ",
                    $dated,
                    " IS NOT NULL ORDER BY t.taken_in_at DESC, t.id DESC LIMIT $3"
                )
            };
        }
        let text = sql!(
            reader,
            sqlite: dated!("json_extract(b.ticket, '$.created_at')"),
            postgres: dated!("(b.ticket::jsonb ->> 'created_at')"),
        );
        let found =
            fetch_all!(reader, (String,), text, self.tenant.0, instance.to_string(), i64::from(limit))?;
        found.into_iter().map(|(ticket,)| rows::read_json("ticket_bodies", "ticket", &ticket)).collect()
    }

    /// The newest tickets with text, for prompt previews.
    pub async fn ticket_samples(&self, limit: u32) -> Result<Vec<(TicketId, ReadTicket)>> {
        let mut reader = self.read().await?;
        fetch_all!(
            reader,
            BodyRow,
            "SELECT b.ticket_id, b.author_name, b.text_remarks, b.ticket, b.text
             FROM tickets t JOIN ticket_bodies b ON b.tenant_id = t.tenant_id AND b.ticket_id = t.id
             WHERE t.tenant_id = $1 AND NOT t.text_removed AND b.text <> '' ORDER BY t.taken_in_at DESC, t.id DESC LIMIT $2",
            self.tenant.0,
            i64::from(limit)
        )?
        .into_iter()
        .map(BodyRow::read)
        .collect()
    }
}

#[derive(sqlx::FromRow)]
struct AssessedRow {
    #[sqlx(flatten)]
    body: BodyRow,
    assessment: String,
    taken_in_at: DateTime<Utc>,
}

impl AssessedRow {
    fn read(self) -> Result<Assessed> {
        let (id, read) = self.body.read()?;
        let assessment = rows::read_json("analyses", "assessment", &self.assessment)?;
        Ok(Assessed { id, read, assessment, taken_in_at: self.taken_in_at })
    }
}

/// Stores a ticket with the reason why it is not scored, and finishes the job.
async fn leave_out(
    tx: &mut Tx,
    held: &Held,
    tenant: TenantId,
    read: &ReadTicket,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Uuid> {
    let ticket = keep(tx, held, read, TicketState::Skipped, Some(reason), now).await?;
    let (policy_version,): (i64,) = fetch_one!(
        tx,
        (i64,),
        "SELECT coalesce(max(version), 0) FROM policies WHERE tenant_id = $1",
        tenant.0
    )?;
    crate::analyses::skip(tx, held, ticket, reason, policy_version, &Provenance::default(), now).await?;
    Ok(ticket)
}

/// Stores what was read, new or refreshed.
async fn keep(
    tx: &mut Tx,
    held: &Held,
    read: &ReadTicket,
    state: TicketState,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Uuid> {
    let before = if held.replay { Counted::of_external(tx, held).await? } else { None };
    let ticket = upsert(tx, held, read, state, reason).await?;
    execute!(
        tx,
        "INSERT INTO ticket_bodies (tenant_id, ticket_id, author_name, text_remarks, ticket, text)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (tenant_id, ticket_id) DO UPDATE SET author_name = excluded.author_name,
           text_remarks = excluded.text_remarks, ticket = excluded.ticket, text = excluded.text",
        held.tenant_id,
        ticket,
        clean(&read.author_name),
        rows::json(&read.text_remarks)?,
        rows::json(&read.ticket)?,
        clean(&read.text)
    )?;
    words::keep(tx, held.tenant_id, ticket, held.created_at, read).await?;
    let psa = read.ticket.psa.name();
    let what = format!("read from {psa}");
    if let Some(before) = before {
        // The ticket may have moved to another client.
        before.replaced(tx, held.tenant_id, ticket).await?;
        timeline::event(tx, held.tenant_id, ticket, now, "read", &what).await?;
    } else {
        let received = match held.import_id {
            Some(_) => format!("created in {psa}; taken in later, with an import of the past"),
            None => format!("webhook call from {psa}"),
        };
        let lines = [(held.created_at, "received", received.as_str()), (now, "read", what.as_str())];
        timeline::events(tx, held.tenant_id, ticket, &lines).await?;
    }
    Ok(ticket)
}

/// The row that the lists show.
async fn upsert(
    tx: &mut Tx,
    held: &Held,
    read: &ReadTicket,
    state: TicketState,
    reason: Option<&str>,
) -> Result<Uuid> {
    let ReadTicket { ticket, .. } = read;
    let named = |party: &Option<Party>| party.as_ref().map(|party| clean(&party.name).into_owned());
    let (id,): (Uuid,) = fetch_one!(
        tx,
        (Uuid,),
        "INSERT INTO tickets (tenant_id, id, psa, external_id, number, title, client_id, client_name, board_name,
           taken_in_at, day, hour, state, reason, updated, escalated, text_removed, imported)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $15, $16)
         ON CONFLICT (tenant_id, psa, external_id) DO UPDATE SET number = excluded.number, title = excluded.title,
           client_id = excluded.client_id, client_name = excluded.client_name, board_name = excluded.board_name,
           state = excluded.state, reason = excluded.reason, text_removed = excluded.text_removed,
           imported = tickets.imported OR excluded.imported
         RETURNING id",
        held.tenant_id,
        rows::id_at(held.created_at),
        &held.psa,
        &held.external_ticket,
        clean(&ticket.number),
        clean(&ticket.title),
        ticket.client.as_ref().map(|client| format!("{}/{}", held.psa, clean(&client.id))),
        named(&ticket.client),
        named(&ticket.board),
        held.created_at,
        rows::day_of(held.created_at, &held.time_zone),
        rows::hour_of(held.created_at, &held.time_zone),
        state.word(),
        reason,
        false,
        held.import_id.is_some()
    )?;
    Ok(id)
}
