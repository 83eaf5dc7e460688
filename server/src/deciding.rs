//! The score stage: loads what is needed, asks the model, has the policy decide, saves the plan. No rules live here:
//! what an answer must look like is [`crate::scoring`]'s business, what follows from it [`domain::decide`]'s.

use crate::queue::{Setback, Tools};
use crate::scoring::score::{Verdict, score};
use domain::{History, decide};
use store::connections::Which;
use store::jobs::Job;

/// Scores the job's ticket and stores the analysis with its plan, or why there is none.
pub async fn score_and_decide(tools: &Tools, job: &Job) -> Result<(), Setback> {
    let tenant = tools.store.tenant(job.tenant);
    let (ticket, read) = tools.ticket_of(job).await?;
    let prompt = tenant.prompt().await.map_err(Setback::store)?;
    let template = prompt.as_ref().map(|prompt| (prompt.body.as_str(), prompt.version));
    let model = tools.connections.model(&tenant).await.map_err(Setback::connect)?;
    let (verdict, provenance) =
        score(&*model, template, &read).await.map_err(|error| Setback::call(Which::Model, error))?;
    if !provenance.answer.is_empty() {
        tools.used(&tenant, Which::Model, &model).await;
    }
    tools.checkpoints.pass("scored", "").await;

    let policy = tenant.policy().await.map_err(Setback::store)?;
    let now = tools.clock.now();
    let assessment = match verdict {
        Verdict::Scored(assessment) => assessment,
        Verdict::Abstained(reason) => {
            tenant
                .analysis_skipped(job.lease, ticket, &reason, policy.version, &provenance, now)
                .await
                .map_err(Setback::store)?;
            return Ok(());
        }
    };
    let history = History { escalated: tenant.escalated_before(ticket).await.map_err(Setback::store)? };
    let plan = decide(&policy.body, &read.ticket, history, &assessment);
    tenant
        .analysis_scored(job.lease, ticket, &assessment, &plan, policy.version, &provenance, now)
        .await
        .map_err(Setback::store)?;
    Ok(())
}
