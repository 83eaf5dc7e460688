//! The score stage: loads what is needed, asks the model, has the policy decide, saves the plan. No rules live here:
//! what an answer must look like is [`crate::scoring`]'s business, what follows from it [`domain::decide`]'s.

use crate::queue::{Onward, Setback, Tools, Work};
use crate::scoring::score::{Verdict, score};
use domain::{History, decide};
use store::analyses::{Analysis, AnalysisState, Provenance};
use store::connections::Which;
use store::jobs::Stage;

/// Scores the job's ticket and stores the analysis with its plan, or why there is none.
pub async fn score_and_decide(tools: &Tools, work: &mut Work) -> Result<Onward, Setback> {
    let (lease, replay) = (work.job.lease, work.job.replay);
    let tenant = tools.store.tenant(work.job.tenant);
    let standing = tools.connections.standing(&tenant).await.map_err(Setback::connect)?;
    if standing.stamp.model_paused {
        return Err(Setback::Paused { which: Which::Model });
    }
    let (ticket, read) = work.ticket(tools).await?;
    let template = standing.prompt.as_ref().map(|prompt| (prompt.body.as_str(), prompt.version));
    let (verdict, provenance) =
        score(&*standing.model, template, read).await.map_err(|error| Setback::call(Which::Model, error))?;
    count_tokens(&provenance);
    if !provenance.answer.is_empty() {
        tools.used(&tenant, Which::Model, &standing.model).await;
    }
    tools.checkpoints.pass("scored", "").await;

    let policy = &standing.policy;
    let now = tools.clock.now();
    let assessment = match verdict {
        Verdict::Scored(assessment) => assessment,
        Verdict::Abstained(reason) => {
            tenant
                .analysis_skipped(lease, ticket, &reason, policy.version, &provenance, now)
                .await
                .map_err(Setback::store)?;
            return Ok(Onward::Through);
        }
    };
    // Only a ticket that is analysed again has a past.
    let escalated = replay && tenant.escalated_before(ticket).await.map_err(Setback::store)?;
    let plan = decide(&policy.body, &read.ticket, History { escalated }, &assessment);
    let decided = tenant
        .analysis_scored(lease, ticket, &assessment, &plan, policy.version, &provenance, now)
        .await
        .map_err(Setback::store)?;
    if !decided.left {
        return Ok(Onward::Through);
    }
    let analysis = Analysis {
        id: decided.id,
        ticket,
        at: now,
        state: AnalysisState::Scored,
        reason: None,
        assessment: Some(assessment),
        plan: Some(plan),
        policy_version: policy.version,
        provenance,
    };
    work.plan = decided.rows.map(|rows| (analysis, rows));
    work.job = work.job.clone().at(Stage::Act, ticket, Some(decided.id));
    Ok(Onward::Next)
}

fn count_tokens(provenance: &Provenance) {
    for (direction, count) in [("in", provenance.tokens_in), ("out", provenance.tokens_out)] {
        let count = u64::try_from(count).unwrap_or_default();
        metrics::counter!("undertone_tokens_total", "direction" => direction).increment(count);
    }
}
