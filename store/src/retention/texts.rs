//! The words of customers go when their time is up.
//!
//! Text is what a customer, the model or the PSA wrote, and what names a person: the note and all that was read with it,
//! the title, the reasons and quotations of the scores, the prompt and the answer, the plan, what was written into the
//! PSA, the lines of the timeline. What stays counts and explains no more than that: the ticket's number, client (a
//! company), board, times, state, scores and flags; what was done and how it ended, with the reference and the PSA's id of
//! each note, so that nothing is done twice if the ticket is replayed; tokens and milliseconds of the model.

use super::{Tidied, going_on, one_of};
use crate::analyses::Provenance;
use crate::engine::{Query, Tx, execute, execute_query, fetch_all, fetch_query, sql};
use crate::rows::{self, Cursor};
use crate::tickets::words;
use crate::{Result, TenantStore};
use chrono::{DateTime, Utc};
use domain::{Action, ActionKey, ActionKind, Assessment};
use uuid::Uuid;

impl TenantStore {
    /// Removes the texts of tickets that were taken in before `before` and not read again since, oldest first. Looks at
    /// `limit` tickets at most, from `after` on (begin with `None`).
    pub async fn texts_remove(
        &self,
        before: DateTime<Utc>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Tidied> {
        let after = Cursor::read(after)?.unwrap_or(Cursor { at: DateTime::UNIX_EPOCH, id: Uuid::nil() });
        self.write_later((self.tenant.0, before, after, limit), |tx, (tenant, before, after, limit)| {
            Box::pin(remove(tx, *tenant, *before, *after, *limit))
        })
        .await
    }
}

/// `$1` tenant, `$2` and `$3` after which ticket, `$4` before when, `$5` how many.
macro_rules! old {
    ($lock:literal) => {
        concat!(
            "SELECT id, taken_in_at FROM tickets
             WHERE tenant_id = $1 AND NOT text_removed AND (taken_in_at, id) > ($2, $3) AND taken_in_at < $4
             ORDER BY taken_in_at, id LIMIT $5",
            $lock
        )
    };
}

async fn remove(
    tx: &mut Tx,
    tenant: Uuid,
    before: DateTime<Utc>,
    after: Cursor,
    limit: u32,
) -> Result<Tidied> {
    // Locked first and judged then: a replay that comes meanwhile waits, and reads the ticket anew.
    let seen: Vec<(Uuid, DateTime<Utc>)> = fetch_all!(
        tx,
        (Uuid, DateTime<Utc>),
        sql!(tx, sqlite: old!(""), postgres: old!(" FOR UPDATE SKIP LOCKED")),
        tenant,
        after.at,
        after.id,
        before,
        i64::from(limit)
    )?;
    let next = going_on(seen.len(), limit, seen.last().map(|&(id, at)| Cursor { at, id }));
    if seen.is_empty() {
        return Ok(Tidied { removed: 0, next });
    }
    let mut query = Query::new("UPDATE tickets SET text_removed = ");
    query.bind(true).push(", title = '', reason = NULL WHERE tenant_id = ").bind(tenant).push(" AND ");
    one_of(&mut query, "id", seen.iter().map(|(id, _)| *id));
    query.push(" AND coalesce(finished_at, taken_in_at) < ").bind(before);
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant_id = tickets.tenant_id AND j.psa = tickets.psa
            AND j.external_ticket = tickets.external_id)
          RETURNING id",
    );
    let gone: Vec<(Uuid,)> = fetch_query!(tx, (Uuid,), query)?;
    let gone: Vec<Uuid> = gone.into_iter().map(|(id,)| id).collect();
    if !gone.is_empty() {
        strip(tx, tenant, &gone).await?;
    }
    Ok(Tidied { removed: gone.len().try_into().unwrap_or(u64::MAX), next })
}

async fn strip(tx: &mut Tx, tenant: Uuid, tickets: &[Uuid]) -> Result<()> {
    for ticket in tickets {
        words::keep_remains(tx, tenant, *ticket).await?;
    }
    for text in [
        "DELETE FROM ticket_bodies WHERE tenant_id = ",
        "UPDATE events SET detail = '' WHERE tenant_id = ",
        "UPDATE actions SET effects = '[]', detail = NULL WHERE tenant_id = ",
    ] {
        let mut query = Query::new(text);
        query.bind(tenant).push(" AND ");
        one_of(&mut query, "ticket_id", tickets.iter().copied());
        execute_query!(tx, query)?;
    }
    // The changes name values and people; that there was such an action stays. Notes name none.
    for (key, kind) in [
        ("update", ActionKind::Update { changes: Vec::new() }),
        ("escalate", ActionKind::Escalate { changes: Vec::new() }),
    ] {
        let mut query = Query::new("UPDATE actions SET action = ");
        query.bind(rows::json(&Action { key: ActionKey(key.to_owned()), kind })?);
        query.push(" WHERE key = ").bind(key).push(" AND tenant_id = ").bind(tenant).push(" AND ");
        one_of(&mut query, "ticket_id", tickets.iter().copied());
        execute_query!(tx, query)?;
    }
    let mut query = Query::new("SELECT id, assessment, provenance FROM analyses WHERE tenant_id = ");
    query.bind(tenant).push(" AND ");
    one_of(&mut query, "ticket_id", tickets.iter().copied());
    for (id, assessment, provenance) in fetch_query!(tx, (Uuid, Option<String>, String), query)? {
        execute!(
            tx,
            "UPDATE analyses SET reason = NULL, plan = NULL, assessment = $1, provenance = $2
             WHERE tenant_id = $3 AND id = $4",
            assessment.as_deref().map(scores_alone).transpose()?.flatten(),
            counts_alone(&provenance)?,
            tenant,
            id
        )?;
    }
    Ok(())
}

/// What cannot be read goes as a whole: a row that an older version left must not keep its text for good.
fn scores_alone(assessment: &str) -> Result<Option<String>> {
    let Ok(mut assessment) = rows::read_json::<Assessment>("analyses", "assessment", assessment) else {
        return Ok(None);
    };
    for reading in [&mut assessment.sentiment, &mut assessment.urgency, &mut assessment.impact] {
        (reading.reason, reading.quote) = (String::new(), String::new());
    }
    rows::json(&assessment).map(Some)
}

fn counts_alone(provenance: &str) -> Result<String> {
    let known = rows::read_json::<Provenance>("analyses", "provenance", provenance).unwrap_or_default();
    rows::json(&Provenance { prompt: String::new(), answer: String::new(), ..known })
}
