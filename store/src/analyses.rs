//! What the model said and what the policy decided.

use crate::engine::{Reader, Tx, execute, fetch_all, fetch_one};
use crate::jobs::{Held, Stage};
use crate::rows::{self, Word, clean};
use crate::tickets::TicketState;
use crate::trends::Counted;
use crate::{Lease, Result, StoreError, TenantStore, imports, ledger, timeline};
use chrono::{DateTime, Utc};
use domain::{AnalysisId, Assessment, Dimension, Dollars, Mode, Plan, Price, TenantId, TicketId};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisState {
    Scored,
    /// No scores, no action; see the reason.
    Skipped,
}

/// How the scores came to be: enough to explain and to repeat.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Provenance {
    /// As [`domain::ModelSettings::shown`] says it, or as the answer names it.
    pub model: String,
    /// 0 is the built-in template.
    pub prompt_version: i64,
    /// What was sent: the rendered messages.
    pub prompt: String,
    /// What came back, raw.
    pub answer: String,
    pub tokens_in: i64,
    pub tokens_out: i64,
    /// Time the model took, milliseconds.
    pub model_ms: i64,
    /// The first answer was unusable and one repair was asked for.
    pub repaired: bool,
    /// What the model cost then, and what this reading cost by it; `None`: nobody had said.
    #[serde(default)]
    pub price: Option<Price>,
    #[serde(default)]
    pub cost: Option<Dollars>,
    /// Why the built-in analyser read in place of the tenant's model, in words for people.
    #[serde(default)]
    pub degraded: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Analysis {
    pub id: AnalysisId,
    pub ticket: TicketId,
    pub at: DateTime<Utc>,
    pub state: AnalysisState,
    pub reason: Option<String>,
    pub assessment: Option<Assessment>,
    pub plan: Option<Plan>,
    pub policy_version: i64,
    pub provenance: Provenance,
}

impl TenantStore {
    /// Whether an escalation of this ticket was ever carried out, refused, or may have reached the PSA. One that was
    /// planned and never begun does not count: it is planned anew.
    pub async fn escalated_before(&self, ticket: TicketId) -> Result<bool> {
        let mut reader = self.read().await?;
        let (before,): (bool,) = fetch_one!(
            reader,
            (bool,),
            "SELECT EXISTS (SELECT 1 FROM actions WHERE tenant_id = $1 AND ticket_id = $2 AND key = 'escalate'
               AND state NOT IN ('shadow', 'planned'))",
            self.tenant.0,
            ticket.0
        )?;
        Ok(before)
    }

    /// End of the score stage: the analysis, its plan and the ledger rows are stored, trends are counted, and the job
    /// moves on to acting under the same lease, or is finished when there is nothing to do (or in shadow mode).
    ///
    /// A ledger row that left for the PSA stays as it is: each effect once. One that never left (shadow, or planned
    /// before a replay) follows the new plan.
    #[expect(clippy::too_many_arguments, reason = "the whole result of a stage, stored in one transaction")]
    pub async fn analysis_scored(
        &self,
        lease: Lease,
        ticket: TicketId,
        assessment: &Assessment,
        plan: &Plan,
        policy_version: i64,
        provenance: &Provenance,
        now: DateTime<Utc>,
    ) -> Result<Decided> {
        let scored = Scored {
            tenant: self.tenant,
            lease,
            ticket: ticket.0,
            assessment: assessment.clone(),
            plan: plan.clone(),
            policy_version,
            provenance: provenance.clone(),
            now,
        };
        self.write_later(scored, |tx, scored| Box::pin(scored.keep(tx))).await
    }

    /// End of the score stage without scores (refused, filtered, unusable twice): nothing is done, the job is finished.
    pub async fn analysis_skipped(
        &self,
        lease: Lease,
        ticket: TicketId,
        reason: &str,
        policy_version: i64,
        provenance: &Provenance,
        now: DateTime<Utc>,
    ) -> Result<AnalysisId> {
        let input = (
            self.tenant,
            lease,
            ticket.0,
            clean(reason).into_owned(),
            policy_version,
            provenance.clone(),
            now,
        );
        self.write_later(input, |tx, (tenant, lease, ticket, reason, policy_version, provenance, now)| {
            Box::pin(async move {
                let held = Held::fence(tx, Some(*tenant), *lease).await?.about(*ticket)?;
                skip(tx, &held, *ticket, reason, *policy_version, provenance, *now).await
            })
        })
        .await
    }

    /// The newest analysis of a ticket.
    pub async fn analysis_latest(&self, ticket: TicketId) -> Result<Option<Analysis>> {
        let mut reader = self.read().await?;
        Ok(of_ticket(&mut reader, self.tenant, ticket, Some(1)).await?.pop())
    }
}

#[derive(sqlx::FromRow)]
struct AnalysisRow {
    id: Uuid,
    ticket_id: Uuid,
    at: DateTime<Utc>,
    state: String,
    reason: Option<String>,
    policy_version: i64,
    assessment: Option<String>,
    plan: Option<String>,
    provenance: String,
}

impl TryFrom<AnalysisRow> for Analysis {
    type Error = StoreError;
    fn try_from(row: AnalysisRow) -> Result<Self> {
        let assessment =
            row.assessment.map(|text| rows::read_json("analyses", "assessment", &text)).transpose()?;
        Ok(Self {
            id: row.id.into(),
            ticket: row.ticket_id.into(),
            at: row.at,
            state: AnalysisState::read("analyses", "state", &row.state)?,
            reason: row.reason,
            assessment,
            plan: row.plan.map(|text| rows::read_json("analyses", "plan", &text)).transpose()?,
            policy_version: row.policy_version,
            provenance: rows::read_json("analyses", "provenance", &row.provenance)?,
        })
    }
}

/// Newest first.
pub(crate) async fn of_ticket(
    reader: &mut Reader,
    tenant: TenantId,
    ticket: TicketId,
    limit: Option<i64>,
) -> Result<Vec<Analysis>> {
    fetch_all!(
        reader,
        AnalysisRow,
        "SELECT id, ticket_id, at, state, reason, policy_version, assessment, plan, provenance
         FROM analyses WHERE tenant_id = $1 AND ticket_id = $2 ORDER BY id DESC LIMIT $3",
        tenant.0,
        ticket.0,
        limit.unwrap_or(100)
    )?
    .into_iter()
    .map(Analysis::try_from)
    .collect()
}

/// What the end of the score stage came to.
#[derive(Clone, Debug)]
pub struct Decided {
    pub id: AnalysisId,
    /// The job goes on with acting; otherwise it is finished.
    pub left: bool,
    /// The ledger's rows. `None` after a replay, when older rows may be among them: ask [`TenantStore::action_list`].
    pub rows: Option<Vec<ledger::LedgerRow>>,
}

/// The result of the score stage.
struct Scored {
    tenant: TenantId,
    lease: Lease,
    ticket: Uuid,
    assessment: Assessment,
    plan: Plan,
    policy_version: i64,
    provenance: Provenance,
    now: DateTime<Utc>,
}

impl Scored {
    async fn keep(&self, tx: &mut Tx) -> Result<Decided> {
        let held = Held::fence(tx, Some(self.tenant), self.lease).await?.about(self.ticket)?;
        let id = self.insert(tx).await?;
        let before = if held.replay { Counted::of(tx, self.tenant.0, self.ticket).await? } else { None };
        let (left, rows) = ledger::plan(tx, &held, self.ticket, id, &self.plan, self.now).await?;
        let state = match (left, self.plan.mode, self.plan.actions.is_empty()) {
            (true, _, _) => TicketState::Acting,
            (false, _, true) => TicketState::Analysed,
            (false, Mode::Shadow, false) => TicketState::Shadowed,
            (false, Mode::Live, false) => TicketState::Acted,
        };
        let counted = self.mark_ticket(tx, state).await?;
        if held.import_id.is_some() {
            imports::scored(tx, &held, &self.provenance).await?;
        }
        match before {
            Some(before) => before.replaced(tx, self.tenant.0, self.ticket).await?,
            None => counted.added(tx, self.tenant.0),
        }
        let (scored, decided) = self.lines();
        let lines = [(self.now, "scored", scored.as_str()), (self.now, "decided", decided.as_str())];
        timeline::events(tx, self.tenant.0, self.ticket, &lines).await?;
        if left {
            held.advance(tx, Stage::Act, self.ticket, Some(id)).await?;
        } else {
            held.finish(tx, self.now).await?;
        }
        Ok(Decided { id: id.into(), left, rows: (!held.replay).then_some(rows) })
    }

    async fn insert(&self, tx: &mut Tx) -> Result<Uuid> {
        let id = rows::id_at(self.now);
        execute!(
            tx,
            "INSERT INTO analyses (tenant_id, id, ticket_id, at, state, policy_version, assessment, plan, provenance)
             VALUES ($1, $2, $3, $4, 'scored', $5, $6, $7, $8)",
            self.tenant.0,
            id,
            self.ticket,
            self.now,
            self.policy_version,
            rows::json(&self.assessment)?,
            rows::json(&self.plan)?,
            rows::json(&self.provenance)?
        )?;
        Ok(id)
    }

    /// Where nothing is left to do the ticket is through; a replay keeps the time that the first way took.
    async fn mark_ticket(&self, tx: &mut Tx, state: TicketState) -> Result<Counted> {
        let score = |dimension| i64::from(self.assessment.score(dimension).get());
        let finished = (state != TicketState::Acting).then_some(self.now);
        let row = fetch_one!(
            tx,
            Counted,
            "UPDATE tickets SET state = $1, reason = NULL, mode = $2, label = $3, sentiment = $4, urgency = $5,
               impact = $6, analysed_at = $7, finished_at = $8, degraded = $9
             WHERE tenant_id = $10 AND id = $11
             RETURNING day, hour, client_id, client_name, label, sentiment, updated, escalated, taken_in_at, duration_ms",
            state.word(),
            Word::word(self.plan.mode),
            Word::word(self.plan.label),
            score(Dimension::Sentiment),
            score(Dimension::Urgency),
            score(Dimension::Impact),
            self.now,
            finished,
            self.provenance.degraded.is_some(),
            self.tenant.0,
            self.ticket
        )?;
        // From a ticket's creation long ago to its import is no time that anything took.
        if finished.is_some() {
            execute!(
                tx,
                "UPDATE tickets SET duration_ms = $1 WHERE tenant_id = $2 AND id = $3 AND NOT imported",
                row.took(self.now),
                self.tenant.0,
                self.ticket
            )?;
        }
        Ok(row)
    }

    /// What the timeline says; no words of the customer.
    fn lines(&self) -> (String, String) {
        let scored = format!(
            "sentiment {}, urgency {}, impact {} by {}",
            self.assessment.sentiment.score,
            self.assessment.urgency.score,
            self.assessment.impact.score,
            if self.provenance.model.is_empty() { "an unnamed model" } else { &self.provenance.model },
        ) + if self.provenance.degraded.is_some() { ", as the model was out" } else { "" };
        let keys: Vec<&str> = self.plan.actions.iter().map(|action| action.key.0.as_str()).collect();
        let decided = match (keys.is_empty(), self.plan.mode) {
            (true, _) => format!("{}, nothing to do", self.plan.label.word()),
            (false, Mode::Live) => format!("{}, to do: {}", self.plan.label.word(), keys.join(", ")),
            (false, Mode::Shadow) => format!("{}, would do: {}", self.plan.label.word(), keys.join(", ")),
        };
        (clean(&scored).into_owned(), clean(&decided).into_owned())
    }
}

/// Stores that a ticket was not scored, and finishes the job.
pub(crate) async fn skip(
    tx: &mut Tx,
    held: &Held,
    ticket: Uuid,
    reason: &str,
    policy_version: i64,
    provenance: &Provenance,
    now: DateTime<Utc>,
) -> Result<AnalysisId> {
    let id = rows::id_at(now);
    execute!(
        tx,
        "INSERT INTO analyses (tenant_id, id, ticket_id, at, state, reason, policy_version, provenance)
         VALUES ($1, $2, $3, $4, 'skipped', $5, $6, $7)",
        held.tenant_id,
        id,
        ticket,
        now,
        reason,
        policy_version,
        rows::json(provenance)?
    )?;
    let before = Counted::of(tx, held.tenant_id, ticket).await?;
    execute!(
        tx,
        "UPDATE tickets SET state = 'skipped', reason = $1, mode = NULL, label = NULL, sentiment = NULL, urgency = NULL,
           impact = NULL, analysed_at = NULL, finished_at = $2, duration_ms = NULL, degraded = $3
         WHERE tenant_id = $4 AND id = $5",
        reason,
        now,
        false,
        held.tenant_id,
        ticket
    )?;
    if let Some(before) = before {
        before.replaced(tx, held.tenant_id, ticket).await?;
    }
    timeline::event(tx, held.tenant_id, ticket, now, "skipped", reason).await?;
    if held.import_id.is_some() {
        imports::spent(tx, held, provenance).await?;
    }
    held.finish(tx, now).await?;
    Ok(id.into())
}
