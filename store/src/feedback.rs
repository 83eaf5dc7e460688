//! What people say of the scores.

use crate::engine::{execute, fetch_all, sql};
use crate::rows::{self, Word};
use crate::{Actor, Result, TenantStore, audit};
use chrono::{DateTime, Utc};
use domain::{AnalysisId, Assessment, Dimension, Plan, Score, TicketId, Verdict};
use uuid::Uuid;

/// What somebody said of one score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub dimension: Dimension,
    pub verdict: Verdict,
    pub said_at: DateTime<Utc>,
    pub said_by: String,
}

/// A score that somebody judged, with its ticket and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub ticket: TicketId,
    pub number: String,
    pub title: String,
    /// Written as a [`domain::ClientKey`].
    pub client_id: Option<String>,
    pub client: Option<String>,
    pub escalated: bool,
    /// The score reached its threshold; `None`: that is not kept any more.
    pub reached: Option<bool>,
    pub dimension: Dimension,
    pub verdict: Verdict,
    pub score: Option<Score>,
    pub model: String,
    /// 0 is the built-in template.
    pub prompt_version: i64,
    pub said_at: DateTime<Utc>,
    pub said_by: String,
}

#[derive(sqlx::FromRow)]
struct JudgedRow {
    ticket_id: Uuid,
    number: String,
    title: String,
    client_id: Option<String>,
    client_name: Option<String>,
    escalated: bool,
    dimension: String,
    verdict: String,
    assessment: Option<String>,
    plan: Option<String>,
    model: Option<String>,
    prompt_version: Option<i64>,
    said_at: DateTime<Utc>,
    said_by: String,
}

impl JudgedRow {
    fn read(self) -> Result<Judged> {
        let dimension: Dimension = Word::read("feedback", "dimension", &self.dimension)?;
        let assessment: Option<Assessment> = self
            .assessment
            .as_deref()
            .map(|text| rows::read_json("analyses", "assessment", text))
            .transpose()?;
        let plan: Option<Plan> =
            self.plan.as_deref().map(|text| rows::read_json("analyses", "plan", text)).transpose()?;
        Ok(Judged {
            reached: plan.map(|plan| plan.reached.contains(&dimension)),
            ticket: self.ticket_id.into(),
            number: self.number,
            title: self.title,
            client_id: self.client_id,
            client: self.client_name,
            escalated: self.escalated,
            dimension,
            verdict: Word::read("feedback", "verdict", &self.verdict)?,
            score: assessment.map(|assessment| assessment.reading(dimension).score),
            model: self.model.unwrap_or_default(),
            prompt_version: self.prompt_version.unwrap_or_default(),
            said_at: self.said_at,
            said_by: self.said_by,
        })
    }
}

/// `$1` tenant, `$2` since when, `$3` how many; the model and the prompt's version out of the provenance, whose long texts
/// stay where they are.
macro_rules! judged {
    ($model:literal, $prompt:literal) => {
        concat!(
            "SELECT a.ticket_id, t.number, t.title, t.client_id, t.client_name, t.escalated, f.dimension, f.verdict,
               a.assessment, a.plan, ",
            $model,
            " AS model, ",
            $prompt,
            " AS prompt_version, f.said_at, f.said_by
             FROM feedback f
             JOIN analyses a ON a.tenant_id = f.tenant_id AND a.id = f.analysis_id
             JOIN tickets t ON t.tenant_id = a.tenant_id AND t.id = a.ticket_id
             WHERE f.tenant_id = $1 AND f.said_at >= $2
             ORDER BY f.said_at DESC, f.analysis_id DESC, f.dimension DESC LIMIT $3"
        )
    };
}

impl TenantStore {
    /// Scores that somebody judged since then, the newest words first.
    pub async fn feedback_list(&self, since: DateTime<Utc>, limit: u32) -> Result<Vec<Judged>> {
        let mut reader = self.read().await?;
        let text = sql!(
            reader,
            sqlite: judged!("json_extract(a.provenance, '$.model')", "json_extract(a.provenance, '$.prompt_version')"),
            postgres: judged!("a.provenance::json->>'model'", "(a.provenance::json->>'prompt_version')::bigint"),
        );
        let found: Vec<JudgedRow> =
            fetch_all!(reader, JudgedRow, text, self.tenant.0, rows::known_time(since), i64::from(limit))?;
        found.into_iter().map(JudgedRow::read).collect()
    }

    /// What was said of an analysis, at most once for each score.
    pub async fn feedback_of(&self, analysis: AnalysisId) -> Result<Vec<Feedback>> {
        let mut reader = self.read().await?;
        let found: Vec<(String, String, DateTime<Utc>, String)> = fetch_all!(
            reader,
            (String, String, DateTime<Utc>, String),
            "SELECT dimension, verdict, said_at, said_by FROM feedback WHERE tenant_id = $1 AND analysis_id = $2",
            self.tenant.0,
            analysis.0
        )?;
        let read = |(dimension, verdict, said_at, said_by): (String, String, DateTime<Utc>, String)| {
            Ok(Feedback {
                dimension: Word::read("feedback", "dimension", &dimension)?,
                verdict: Word::read("feedback", "verdict", &verdict)?,
                said_at,
                said_by,
            })
        };
        found.into_iter().map(read).collect()
    }

    /// Keeps what somebody says of a score, in place of what was said before; `None` takes it back. `false`: there is no
    /// such analysis, or it has no scores.
    pub async fn feedback_put(
        &self,
        analysis: AnalysisId,
        dimension: Dimension,
        verdict: Option<Verdict>,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        self.write((self.tenant, analysis, dimension, verdict, actor.clone(), now), |tx, input| {
            Box::pin(async move {
                let (tenant, analysis, dimension, verdict, actor, now) = input;
                let Some(verdict) = verdict else {
                    let gone = execute!(
                        tx,
                        "DELETE FROM feedback WHERE tenant_id = $1 AND analysis_id = $2 AND dimension = $3",
                        tenant.0,
                        analysis.0,
                        Word::word(*dimension)
                    )?;
                    return Ok(gone > 0);
                };
                let by = audit::name(tx, *tenant, actor).await?;
                let kept = execute!(
                    tx,
                    "INSERT INTO feedback (tenant_id, analysis_id, dimension, verdict, said_at, said_by)
                     SELECT a.tenant_id, a.id, $1, $2, $3, $4 FROM analyses a
                     WHERE a.tenant_id = $5 AND a.id = $6 AND a.state = 'scored'
                     ON CONFLICT (tenant_id, analysis_id, dimension) DO UPDATE SET verdict = excluded.verdict,
                       said_at = excluded.said_at, said_by = excluded.said_by",
                    Word::word(*dimension),
                    Word::word(*verdict),
                    *now,
                    &by,
                    tenant.0,
                    analysis.0
                )?;
                Ok(kept > 0)
            })
        })
        .await
    }
}
