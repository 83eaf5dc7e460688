//! The score stage: loads what is needed, asks the model, has the policy decide, saves the plan. No rules live here:
//! what an answer must look like is [`crate::scoring`]'s business, what follows from it [`domain::decide`]'s.

use crate::connections::Standing;
use crate::llm::builtin::Builtin;
use crate::outside::CallError;
use crate::queue::{Onward, Setback, Tools, Work};
use crate::scoring::score::{Verdict, score};
use domain::{History, Mode, Outage, decide};
use store::TenantStore;
use store::analyses::{Analysis, AnalysisState, Provenance};
use store::connections::Which;
use store::jobs::Stage;
use store::tickets::ReadTicket;

/// Scores the job's ticket and stores the analysis with its plan, or why there is none.
pub async fn score_and_decide(tools: &Tools, work: &mut Work) -> Result<Onward, Setback> {
    let (lease, replay, past) = (work.job.lease, work.job.replay, work.job.past);
    let tenant = tools.store.tenant(work.job.tenant);
    let standing = tools.connections.standing(&tenant).await.map_err(Setback::connect)?;
    let (ticket, read) = work.ticket(tools).await?;
    let (verdict, provenance) = match ask(&standing, read).await {
        Ok(answered) => {
            if !answered.1.answer.is_empty() {
                tools.used(&tenant, &standing.model).await;
            }
            answered
        }
        Err(away) => stand_in(tools, &tenant, &standing, read, away).await?,
    };
    count_tokens(&provenance);
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
    let mut plan = decide(&policy.body, &read.ticket, History { escalated }, &assessment);
    if past {
        plan.mode = Mode::Shadow;
    }
    let decided = tenant
        .analysis_scored(lease, ticket, &assessment, &plan, policy.version, &provenance, now)
        .await
        .map_err(Setback::store)?;
    tools.checkpoints.pass("decided", "").await;
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

/// Why the tenant's model gave no answer.
enum Away {
    /// Its key was refused before, and it is not asked until one works.
    Paused,
    Failed(CallError),
}

async fn ask(standing: &Standing, read: &ReadTicket) -> Result<(Verdict, Provenance), Away> {
    if standing.stamp.model_paused {
        return Err(Away::Paused);
    }
    let template = standing.prompt.as_ref().map(|prompt| (prompt.body.as_str(), prompt.version));
    score(&*standing.model, template, read).await.map_err(Away::Failed)
}

/// The built-in analyser's reading, where the tenant chose so and the model is out for more than a moment: its key is
/// refused, or it failed so often in a row that asking pauses.
async fn stand_in(
    tools: &Tools,
    tenant: &TenantStore,
    standing: &Standing,
    read: &ReadTicket,
    away: Away,
) -> Result<(Verdict, Provenance), Setback> {
    let setback = match away {
        Away::Paused => Setback::Paused { which: Which::Model },
        // The one question that may try whether it is back counts too, or its ticket would wait through all of the outage.
        Away::Failed(error) if error.passing() && standing.model.is_out() && falls_back(standing) => {
            return built_in(standing, read, "did not answer several times in a row").await;
        }
        Away::Failed(error) if standing.model.is_out() => {
            Setback::call(standing.model.save, error).in_an_outage()
        }
        Away::Failed(error) => Setback::call(standing.model.save, error),
    };
    if !falls_back(standing) {
        return Err(setback);
    }
    match &setback {
        Setback::Paused { .. } => {}
        // Said and tried again by itself all the same.
        Setback::Pause { save, reason } => {
            tools.pause(tenant, *save, reason).await.map_err(Setback::store)?;
        }
        _ => return Err(setback),
    }
    built_in(standing, read, "refused the key").await
}

fn falls_back(standing: &Standing) -> bool {
    standing.policy.body.outage == Outage::Builtin
}

async fn built_in(
    standing: &Standing,
    read: &ReadTicket,
    why: &str,
) -> Result<(Verdict, Provenance), Setback> {
    let (verdict, provenance) =
        score(&Builtin, None, read).await.map_err(|error| Setback::call(standing.model.save, error))?;
    let degraded = Some(format!("{} {why}", standing.model.name()));
    Ok((verdict, Provenance { degraded, ..provenance }))
}

fn count_tokens(provenance: &Provenance) {
    for (direction, count) in [("in", provenance.tokens_in), ("out", provenance.tokens_out)] {
        let count = u64::try_from(count).unwrap_or_default();
        metrics::counter!("undertone_tokens_total", "direction" => direction).increment(count);
    }
}
