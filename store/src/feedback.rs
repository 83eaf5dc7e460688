//! What people say of the scores.

use crate::engine::{execute, fetch_all};
use crate::rows::Word;
use crate::{Actor, Result, TenantStore, audit};
use chrono::{DateTime, Utc};
use domain::{AnalysisId, Dimension, Verdict};

/// What somebody said of one score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub dimension: Dimension,
    pub verdict: Verdict,
    pub said_at: DateTime<Utc>,
    pub said_by: String,
}

impl TenantStore {
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
