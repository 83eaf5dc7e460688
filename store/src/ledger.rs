//! What we did in the PSA: one row per action, so that each effect happens once.

use crate::engine::{
    Arg, Query, Reader, Tx, execute, execute_query, fetch_all, fetch_optional, fetch_query, locked,
};
use crate::jobs::Held;
use crate::rows::{self, Word, clean};
use crate::trends::Counted;
use crate::{Lease, Result, StoreError, TenantStore, timeline};
use chrono::{DateTime, Utc};
use domain::{
    Action, ActionId, ActionKey, ActionKind, ActionState, AnalysisId, Effect, Mode, Plan, TenantId, TicketId,
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

#[derive(Clone, Debug)]
pub struct LedgerRow {
    pub id: ActionId,
    pub ticket: TicketId,
    pub analysis: AnalysisId,
    /// Position in the plan.
    pub position: i64,
    pub action: Action,
    pub state: ActionState,
    pub effects: Vec<Effect>,
    /// For notes: the text as sent. For refusals: the PSA's words.
    pub detail: Option<String>,
    /// The short code at the end of our note, stable per row: by it a note is found again.
    pub reference: String,
    /// The PSA's id of the note written.
    pub receipt: Option<String>,
    pub attempts: i64,
    pub decided_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// `Done`, `Refused` or `Superseded`.
    pub state: ActionState,
    pub effects: Vec<Effect>,
    pub detail: Option<String>,
    pub receipt: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ActionRow {
    id: Uuid,
    ticket_id: Uuid,
    analysis_id: Uuid,
    position: i64,
    action: String,
    state: String,
    effects: String,
    detail: Option<String>,
    reference: String,
    receipt: Option<String>,
    attempts: i64,
    decided_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<ActionRow> for LedgerRow {
    type Error = StoreError;
    fn try_from(row: ActionRow) -> Result<Self> {
        Ok(Self {
            id: row.id.into(),
            ticket: row.ticket_id.into(),
            analysis: row.analysis_id.into(),
            position: row.position,
            action: rows::read_json("actions", "action", &row.action)?,
            state: ActionState::read("actions", "state", &row.state)?,
            effects: rows::read_json("actions", "effects", &row.effects)?,
            detail: row.detail,
            reference: row.reference,
            receipt: row.receipt,
            attempts: row.attempts,
            decided_at: row.decided_at,
            finished_at: row.finished_at,
        })
    }
}

impl TenantStore {
    /// The rows that carry out the plan of one analysis, in its order; final ones included, since notes speak of them.
    ///
    /// A row decided by an earlier analysis of the ticket is among them when the plan names its key, and when it is not
    /// final: what may have reached the PSA is brought to its end, and told of.
    pub async fn action_list(&self, analysis: AnalysisId) -> Result<Vec<LedgerRow>> {
        let mut reader = self.read().await?;
        let found: Option<(Uuid, Option<String>)> = fetch_optional!(
            reader,
            (Uuid, Option<String>),
            "SELECT ticket_id, plan FROM analyses WHERE tenant_id = $1 AND id = $2",
            self.tenant.0,
            analysis.0
        )?;
        let Some((ticket, Some(plan))) = found else { return Ok(Vec::new()) };
        let plan: Plan = rows::read_json("analyses", "plan", &plan)?;
        let place = |row: &LedgerRow| plan.actions.iter().position(|action| action.key == row.action.key);
        let mut rows = of_ticket(&mut reader, self.tenant, ticket.into()).await?;
        rows.retain(|row| {
            place(row).is_some() || matches!(row.state, ActionState::Planned | ActionState::InFlight)
        });
        rows.sort_by_key(|row| (place(row).is_some(), place(row), row.position));
        Ok(rows)
    }

    /// `planned` → `in_flight` for all of these, on disk before the first request leaves. Returns those that were in flight
    /// already: an earlier attempt may have reached the PSA, so look there first.
    pub async fn actions_begin(&self, lease: Lease, actions: &[ActionId]) -> Result<HashSet<ActionId>> {
        self.write((self.tenant, lease, actions.to_vec()), |tx, (tenant, lease, actions)| {
            Box::pin(async move {
                let held = Held::fence(tx, Some(*tenant), *lease).await?;
                begin(tx, &held, actions).await
            })
        })
        .await
    }

    /// Stores how actions ended. With [`Rest::Finished`] the ticket is `acted` and the job finished.
    ///
    /// It need not wait for the disk: an action whose end is lost with the power is still in flight, and is looked for.
    pub async fn actions_end(
        &self,
        lease: Lease,
        ticket: TicketId,
        ended: &[(ActionId, Outcome)],
        rest: Rest,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.write_later(
            (self.tenant, lease, ticket.0, ended.to_vec(), rest, now),
            |tx, (tenant, lease, ticket, ended, rest, now)| {
                Box::pin(async move {
                    let held = Held::fence(tx, Some(*tenant), *lease).await?.about(*ticket)?;
                    let applied = end(tx, &held, ended, *now).await?;
                    mark_ticket(tx, &held, *ticket, applied, *rest == Rest::Finished, *now).await?;
                    match rest {
                        Rest::Finished => held.finish(tx, *now).await,
                        Rest::Unsent(actions) => unbegin(tx, &held, actions).await,
                    }
                })
            },
        )
        .await
    }
}

/// What becomes of a plan's other actions when some end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// There are none: all are final.
    Finished,
    /// These were begun, but no request of theirs was sent: `planned` again.
    Unsent(Vec<ActionId>),
}

pub(crate) async fn of_ticket(
    reader: &mut Reader,
    tenant: TenantId,
    ticket: TicketId,
) -> Result<Vec<LedgerRow>> {
    fetch_all!(
        reader,
        ActionRow,
        "SELECT id, ticket_id, analysis_id, position, action, state, effects, detail, reference, receipt, attempts,
           decided_at, finished_at
         FROM actions WHERE tenant_id = $1 AND ticket_id = $2",
        tenant.0,
        ticket.0
    )?
    .into_iter()
    .map(LedgerRow::try_from)
    .collect()
}

/// Writes a plan into the ledger. Whether something is left to carry out, and the rows of a first analysis.
pub(crate) async fn plan(
    tx: &mut Tx,
    held: &Held,
    ticket: Uuid,
    analysis: Uuid,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<(bool, Vec<LedgerRow>)> {
    let mut known = if held.replay { known(tx, held.tenant_id, ticket).await? } else { HashMap::new() };
    let state = match plan.mode {
        Mode::Shadow => ActionState::Shadow,
        Mode::Live => ActionState::Planned,
    };
    let mut fresh = Vec::new();
    let mut left = false;
    for (position, action) in (0_i64..).zip(&plan.actions) {
        match known.remove(&action.key) {
            None => {
                fresh.push((position, action));
                left |= state == ActionState::Planned;
            }
            Some(Known { id, state: ActionState::Shadow | ActionState::Planned, .. }) => {
                execute!(
                    tx,
                    "UPDATE actions SET analysis_id = $1, position = $2, action = $3, state = $4, decided_at = $5
                     WHERE tenant_id = $6 AND id = $7",
                    analysis,
                    position,
                    rows::json(action)?,
                    state.word(),
                    now,
                    held.tenant_id,
                    id
                )?;
                left |= state == ActionState::Planned;
            }
            Some(known) => left |= known.state == ActionState::InFlight,
        }
    }
    left |= supersede(tx, held.tenant_id, &known, now).await?;
    let fresh: Vec<LedgerRow> = fresh
        .into_iter()
        .map(|(position, action)| LedgerRow {
            id: rows::id_at(now).into(),
            ticket: ticket.into(),
            analysis: analysis.into(),
            position,
            action: action.clone(),
            state,
            effects: Vec::new(),
            detail: None,
            reference: reference(),
            receipt: None,
            attempts: 0,
            decided_at: now,
            finished_at: None,
        })
        .collect();
    insert(tx, held.tenant_id, &fresh).await?;
    Ok((left, fresh))
}

/// A row that an earlier analysis of the ticket left.
struct Known {
    id: Uuid,
    state: ActionState,
    kind: ActionKind,
}

async fn known(tx: &mut Tx, tenant: Uuid, ticket: Uuid) -> Result<HashMap<ActionKey, Known>> {
    let rows: Vec<(Uuid, String, String)> = fetch_all!(
        tx,
        (Uuid, String, String),
        locked!(tx, "SELECT id, state, action FROM actions WHERE tenant_id = $1 AND ticket_id = $2"),
        tenant,
        ticket
    )?;
    rows.into_iter()
        .map(|(id, state, action)| {
            let Action { key, kind } = rows::read_json("actions", "action", &action)?;
            Ok((key, Known { id, state: ActionState::read("actions", "state", &state)?, kind }))
        })
        .collect()
}

/// Drops what the new plan no longer asks for. `true` when some of it may have reached the PSA: it stays, to be brought
/// to its end, and so does the note about it.
async fn supersede(
    tx: &mut Tx,
    tenant: Uuid,
    known: &HashMap<ActionKey, Known>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let in_flight =
        |key: &ActionKey| known.get(key).is_some_and(|known| known.state == ActionState::InFlight);
    let mut left = false;
    for row in known.values() {
        let tells = matches!(&row.kind, ActionKind::Note { about } if about.iter().any(in_flight));
        match row.state {
            ActionState::InFlight => left = true,
            ActionState::Planned if tells => left = true,
            ActionState::Shadow | ActionState::Planned => {
                execute!(
                    tx,
                    "UPDATE actions SET state = 'superseded', detail = $1, finished_at = $2 WHERE tenant_id = $3 AND id = $4",
                    "the ticket was analysed again, and this is no longer part of the plan",
                    now,
                    tenant,
                    row.id
                )?;
            }
            ActionState::Done | ActionState::Refused | ActionState::Superseded => {}
        }
    }
    Ok(left)
}

async fn insert(tx: &mut Tx, tenant: Uuid, fresh: &[LedgerRow]) -> Result<()> {
    if fresh.is_empty() {
        return Ok(());
    }
    let mut query = Query::new(
        "INSERT INTO actions (tenant_id, id, ticket_id, analysis_id, position, key, action, state, effects, reference,
           attempts, decided_at) VALUES ",
    );
    let mut values = Vec::with_capacity(fresh.len());
    for row in fresh {
        values.push(vec![
            tenant.into(),
            row.id.0.into(),
            row.ticket.0.into(),
            row.analysis.0.into(),
            row.position.into(),
            row.action.key.0.as_str().into(),
            rows::json(&row.action)?.into(),
            row.state.word().into(),
            rows::json(&row.effects)?.into(),
            row.reference.as_str().into(),
            row.attempts.into(),
            row.decided_at.into(),
        ]);
    }
    query.rows(values);
    execute_query!(tx, query).map(drop)
}

/// Eight characters nobody mistakes for one another: 40 bits, so that two notes of one ticket never share one.
fn reference() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    crate::vault::random::<8>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

async fn begin(tx: &mut Tx, held: &Held, actions: &[ActionId]) -> Result<HashSet<ActionId>> {
    if actions.is_empty() {
        return Ok(HashSet::new());
    }
    let mut query =
        Query::new("UPDATE actions SET state = 'in_flight', attempts = attempts + 1 WHERE tenant_id = ");
    query.bind(held.tenant_id).push(" AND ticket_id = ").bind(held.ticket_id);
    query.push(" AND state IN ('planned', 'in_flight') AND ");
    one_of(&mut query, actions.iter());
    query.push(" RETURNING id, attempts");
    let begun: Vec<(Uuid, i64)> = fetch_query!(tx, (Uuid, i64), query)?;
    // Final ones, or not of this job's ticket: whoever asks works on something else.
    if begun.len() != actions.len() {
        return Err(StoreError::LeaseLost);
    }
    Ok(begun.into_iter().filter(|(_, attempts)| *attempts > 1).map(|(id, _)| id.into()).collect())
}

async fn unbegin(tx: &mut Tx, held: &Held, actions: &[ActionId]) -> Result<()> {
    if actions.is_empty() {
        return Ok(());
    }
    let mut query =
        Query::new("UPDATE actions SET state = 'planned', attempts = attempts - 1 WHERE tenant_id = ");
    query.bind(held.tenant_id).push(" AND ticket_id = ").bind(held.ticket_id);
    query.push(" AND state = 'in_flight' AND attempts = 1 AND ");
    one_of(&mut query, actions.iter());
    execute_query!(tx, query).map(drop)
}

fn one_of<'a>(query: &mut Query, actions: impl Iterator<Item = &'a ActionId>) {
    query.push("id IN (");
    for (index, action) in actions.enumerate() {
        query.push(if index == 0 { "" } else { ", " }).bind(action.0);
    }
    query.push(")");
}

/// What was seen to change in the PSA.
#[derive(Clone, Copy, Default)]
struct Applied {
    update: bool,
    escalation: bool,
}

/// A final row stays as it is.
async fn end(
    tx: &mut Tx,
    held: &Held,
    outcomes: &[(ActionId, Outcome)],
    now: DateTime<Utc>,
) -> Result<Applied> {
    let mut applied = Applied::default();
    if outcomes.is_empty() {
        return Ok(applied);
    }
    let mut query = Query::new("UPDATE actions SET finished_at = ");
    query.bind(now);
    let effects = |outcome: &Outcome| rows::json(&outcome.effects).map(Arg::from);
    let clean = |text: &Option<String>| Arg::from(text.as_deref().map(|text| clean(text).into_owned()));
    by_row(&mut query, "state", outcomes, |outcome| Ok(outcome.state.word().into()))?;
    by_row(&mut query, "effects", outcomes, effects)?;
    by_row(&mut query, "detail", outcomes, |outcome| Ok(clean(&outcome.detail)))?;
    by_row(&mut query, "receipt", outcomes, |outcome| Ok(clean(&outcome.receipt)))?;
    query.push(" WHERE tenant_id = ").bind(held.tenant_id).push(" AND ticket_id = ").bind(held.ticket_id);
    query.push(" AND state IN ('planned', 'in_flight') AND ");
    one_of(&mut query, outcomes.iter().map(|(id, _)| id));
    query.push(" RETURNING id, key");
    let ended: HashMap<Uuid, String> = fetch_query!(tx, (Uuid, String), query)?.into_iter().collect();
    let mut lines = Vec::with_capacity(outcomes.len());
    for (id, outcome) in outcomes {
        let Some(key) = ended.get(&id.0) else { continue };
        let changed = outcome.state == ActionState::Done && outcome.effects.iter().any(Effect::applied);
        applied.update |= changed && key == "update";
        applied.escalation |= changed && key == "escalate";
        lines.push(format!("{key}: {}", outcome.state.word()));
    }
    let lines: Vec<_> = lines.iter().map(|line| (now, "acted", line.as_str())).collect();
    if let Some(ticket) = held.ticket_id.filter(|_| !lines.is_empty()) {
        timeline::events(tx, held.tenant_id, ticket, &lines).await?;
    }
    Ok(applied)
}

/// `, column = CASE id WHEN … THEN … END`
fn by_row(
    query: &mut Query,
    column: &str,
    outcomes: &[(ActionId, Outcome)],
    value: impl Fn(&Outcome) -> Result<Arg>,
) -> Result<()> {
    query.push(", ").push(column).push(" = CASE id");
    for (id, outcome) in outcomes {
        query.push(" WHEN ").bind(id.0).push(" THEN ").bind(value(outcome)?);
    }
    query.push(" END");
    Ok(())
}

async fn mark_ticket(
    tx: &mut Tx,
    held: &Held,
    ticket: Uuid,
    applied: Applied,
    finished: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let flags = applied.update || applied.escalation;
    if !flags && !finished {
        return Ok(());
    }
    let before = Counted::of(tx, held.tenant_id, ticket).await?.ok_or(StoreError::LeaseLost)?;
    if flags {
        before.flagged(tx, held.tenant_id, applied.update, applied.escalation);
    }
    let mut query = Query::new("UPDATE tickets SET updated = updated OR ");
    query.bind(applied.update).push(", escalated = escalated OR ").bind(applied.escalation);
    if finished {
        query.push(", state = 'acted', reason = NULL, finished_at = ").bind(now);
        query.push(", duration_ms = ").bind(before.took(now));
    }
    query.push(" WHERE tenant_id = ").bind(held.tenant_id).push(" AND id = ").bind(ticket);
    execute_query!(tx, query).map(drop)
}
