//! What we did in the PSA: one row per action, so that each effect happens once.

use crate::engine::{
    Query, Reader, Tx, execute, execute_query, fetch_all, fetch_one, fetch_optional, locked,
};
use crate::jobs::Held;
use crate::rows::{self, Word, clean};
use crate::trends::Counted;
use crate::{Lease, Result, StoreError, TenantStore, timeline};
use chrono::{DateTime, Utc};
use domain::{
    Action, ActionId, ActionKey, ActionKind, ActionState, AnalysisId, Effect, Mode, Plan, TenantId, TicketId,
};
use std::collections::HashMap;
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
        let mut reader = self.store.read().await?;
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

    /// `planned` → `in_flight`, committed before the request leaves. Returns the state it had: `InFlight` means an
    /// earlier attempt may have reached the PSA, so look there first.
    pub async fn action_begin(
        &self,
        lease: Lease,
        action: ActionId,
        now: DateTime<Utc>,
    ) -> Result<ActionState> {
        self.store
            .write((self.tenant, lease, action.0, now), |tx, (tenant, lease, action, _now)| {
                Box::pin(async move {
                    let held = Held::fence(tx, Some(*tenant), *lease).await?;
                    begin(tx, &held, *action).await
                })
            })
            .await
    }

    /// Ends an action and, in the same transaction, begins `next` (returning the state that one had).
    pub async fn action_end(
        &self,
        lease: Lease,
        action: ActionId,
        outcome: &Outcome,
        next: Option<ActionId>,
        now: DateTime<Utc>,
    ) -> Result<Option<ActionState>> {
        self.store
            .write(
                (self.tenant, lease, action.0, outcome.clone(), next, now),
                |tx, (tenant, lease, action, outcome, next, now)| {
                    Box::pin(async move {
                        let held = Held::fence(tx, Some(*tenant), *lease).await?;
                        end(tx, &held, *action, outcome, *now).await?;
                        match next {
                            Some(next) => begin(tx, &held, next.0).await.map(Some),
                            None => Ok(None),
                        }
                    })
                },
            )
            .await
    }

    /// All actions are final: the ticket is `acted`, the job finished.
    pub async fn actions_finished(&self, lease: Lease, ticket: TicketId, now: DateTime<Utc>) -> Result<()> {
        self.store
            .write((self.tenant, lease, ticket.0, now), |tx, (tenant, lease, ticket, now)| {
                Box::pin(async move {
                    let held = Held::fence(tx, Some(*tenant), *lease).await?.about(*ticket)?;
                    let row = fetch_one!(
                        tx,
                        Counted,
                        "UPDATE tickets SET state = 'acted', reason = NULL, finished_at = $1 WHERE tenant_id = $2 AND id = $3
                         RETURNING day, client_id, client_name, label, sentiment, updated, escalated, taken_in_at, duration_ms",
                        *now,
                        tenant.0,
                        *ticket
                    )?;
                    row.took(tx, tenant.0, *ticket, *now).await?;
                    held.finish(tx, *now).await
                })
            })
            .await
    }
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

/// Writes a plan into the ledger. `true` when something is left to carry out.
pub(crate) async fn plan(
    tx: &mut Tx,
    held: &Held,
    ticket: Uuid,
    analysis: Uuid,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<bool> {
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
    insert(tx, held.tenant_id, ticket, analysis, &fresh, state, now).await?;
    Ok(left)
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

async fn insert(
    tx: &mut Tx,
    tenant: Uuid,
    ticket: Uuid,
    analysis: Uuid,
    fresh: &[(i64, &Action)],
    state: ActionState,
    now: DateTime<Utc>,
) -> Result<()> {
    if fresh.is_empty() {
        return Ok(());
    }
    let mut query = Query::new(
        "INSERT INTO actions (tenant_id, id, ticket_id, analysis_id, position, key, action, state, effects, reference,
           attempts, decided_at) VALUES ",
    );
    let mut values = Vec::with_capacity(fresh.len());
    for (position, action) in fresh {
        values.push(vec![
            tenant.into(),
            rows::id_at(now).into(),
            ticket.into(),
            analysis.into(),
            (*position).into(),
            action.key.0.as_str().into(),
            rows::json(action)?.into(),
            state.word().into(),
            "[]".into(),
            reference().into(),
            0_i64.into(),
            now.into(),
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

async fn begin(tx: &mut Tx, held: &Held, action: Uuid) -> Result<ActionState> {
    let found: Option<(String,)> = fetch_optional!(
        tx,
        (String,),
        locked!(tx, "SELECT state FROM actions WHERE tenant_id = $1 AND id = $2 AND ticket_id = $3"),
        held.tenant_id,
        action,
        held.ticket_id
    )?;
    // Not an action of this job's ticket: whoever asks works on something else.
    let (state,) = found.ok_or(StoreError::LeaseLost)?;
    let state = ActionState::read("actions", "state", &state)?;
    if matches!(state, ActionState::Planned | ActionState::InFlight) {
        execute!(
            tx,
            "UPDATE actions SET state = 'in_flight', attempts = attempts + 1 WHERE tenant_id = $1 AND id = $2",
            held.tenant_id,
            action
        )?;
    }
    Ok(state)
}

/// A final row stays as it is.
async fn end(tx: &mut Tx, held: &Held, action: Uuid, outcome: &Outcome, now: DateTime<Utc>) -> Result<()> {
    let ended: Option<(String, Uuid)> = fetch_optional!(
        tx,
        (String, Uuid),
        "UPDATE actions SET state = $1, effects = $2, detail = $3, receipt = $4, finished_at = $5
         WHERE tenant_id = $6 AND id = $7 AND ticket_id = $8 AND state IN ('planned', 'in_flight')
         RETURNING key, ticket_id",
        outcome.state.word(),
        rows::json(&outcome.effects)?,
        outcome.detail.as_deref().map(clean),
        outcome.receipt.as_deref().map(clean),
        now,
        held.tenant_id,
        action,
        held.ticket_id
    )?;
    let Some((key, ticket)) = ended else { return Ok(()) };
    if outcome.state == ActionState::Done && outcome.effects.iter().any(Effect::applied) {
        let flag = match key.as_str() {
            "update" => Some("UPDATE tickets SET updated = $1 WHERE tenant_id = $2 AND id = $3"),
            "escalate" => Some("UPDATE tickets SET escalated = $1 WHERE tenant_id = $2 AND id = $3"),
            _ => None,
        };
        if let Some(flag) = flag {
            let before = Counted::of(tx, held.tenant_id, ticket).await?;
            execute!(tx, flag, true, held.tenant_id, ticket)?;
            if let Some(before) = before {
                before.replaced(tx, held.tenant_id, ticket).await?;
            }
        }
    }
    let word = outcome.state.word();
    timeline::event(tx, held.tenant_id, ticket, now, "acted", &format!("{key}: {word}")).await
}
