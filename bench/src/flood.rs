//! What one workspace's flood, or its PSA that hangs, does to another workspace's ticket; and what the door does with far
//! more than can be worked on.

use super::door::{self, Call};
use super::flow::Desk;
use super::instance::{Instance, NO_LIMIT, Owner};
use super::report::{Goal, Report, Waits};
use super::wire::Wire;
use anyhow::ensure;
use domain::PsaKind;
use futures::future::try_join_all;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::testing::TestStore;

/// Tickets of the flood.
const FLOOD: usize = 20_000;
/// So many of them wait before the other workspace's tickets are measured.
const BACKLOG: usize = 5_000;
const QUIET: usize = 100;
/// The most that one workspace's flood may cost another's ticket.
const WORST: f64 = 1_000.0;
const PATIENCE: Duration = Duration::from_secs(120);

/// A quiet workspace beside one in flood, and then beside one whose PSA hangs.
pub async fn fairness(program: &Path, store: &TestStore, report: &mut Report) -> anyhow::Result<()> {
    let instance = Instance::start(program, "serve", store, &NO_LIMIT).await?;
    let loud = instance.workspace(program, store, "loud")?;
    let quiet = instance.workspace(program, store, "quiet")?;
    let loud = Desk::open(PsaKind::HaloPsa, &instance, &loud).await?;
    let quiet = Desk::open(PsaKind::Autotask, &instance, &quiet).await?;
    let idle = quiet.one_at_a_time(QUIET).await?;
    report.figure("a quiet workspace's ticket, idle, p50", idle.percentile(50), "ms", Goal::None);
    report.figure("  p99", idle.percentile(99), "ms", Goal::None);

    for _ in 0..FLOOD {
        loud.ticket();
    }
    until(&instance, "undertone_deliveries_total", "psa=\"halopsa\",status=\"202\"", BACKLOG).await?;
    let beside = quiet.one_at_a_time(QUIET).await?;
    let done = instance.counter(DONE.0, DONE.1).await?;
    ensure!(done < FLOOD, "the flood was over before it was measured");
    delay(report, &format!("  beside a flood of {FLOOD} tickets"), &idle, &beside);

    loud.hang();
    // Each slot of the flood is taken by a request that is not answered.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let beside = quiet.one_at_a_time(QUIET).await?;
    delay(report, "  beside a flood whose PSA hangs", &idle, &beside);
    Ok(())
}

const DONE: (&str, &str) = ("undertone_stage_outcomes_total", "stage=\"act\",outcome=\"done\"");

fn delay(report: &Report, what: &str, idle: &Waits, beside: &Waits) {
    report.figure(&format!("{what}, p50"), beside.percentile(50), "ms", Goal::None);
    let worse = (beside.percentile(99) - idle.percentile(99)).max(0.0);
    report.figure(&format!("{what}, p99 over idle"), worse, "ms", Goal::AtMost(WORST));
}

async fn until(instance: &Instance, counter: &str, label: &str, least: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    while instance.counter(counter, label).await? < least {
        ticks.tick().await;
        ensure!(begun.elapsed() < PATIENCE, "{counter} did not reach {least} within {PATIENCE:?}");
    }
    Ok(())
}

/// Ten times what can be worked on, for a minute: with the usual limit of one workspace's calls, and without.
const OVERLOAD: Duration = Duration::from_secs(60);
const CALLERS: usize = 128;

pub async fn overload(
    program: &Path,
    store: &TestStore,
    rate: f64,
    limited: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    let flags: &[&str] = if limited { &[] } else { &NO_LIMIT };
    let instance = Instance::start(program, "serve", store, flags).await?;
    let owner: Owner = instance.workspace(program, store, "bench")?;
    let call = Arc::new(door::connect(&instance, &owner).await?);
    let idle = instance.memory()?.0;
    instance.forget_peak()?;
    let begun = Instant::now();
    let answers =
        try_join_all((0..CALLERS).map(|caller| pour(&instance, &call, caller, rate, begun))).await?;
    let took = begun.elapsed().as_secs_f64();
    let (_, peak) = instance.memory()?;
    let mut by_status: BTreeMap<u16, Vec<Duration>> = BTreeMap::new();
    for (status, wait) in answers.into_iter().flatten() {
        by_status.entry(status).or_default().push(wait);
    }
    let how = if limited { "the usual limit a workspace" } else { "no limit a workspace" };
    report.remark(format!("ten times what can be worked on ({rate:.0}/s asked), {how}"));
    for (status, waits) in by_status {
        let waits = Waits::new(waits);
        report.figure(&format!("  answered {status}"), waits.count() / took, "/s", Goal::None);
        report.figure("    wait, p99", waits.percentile(99), "ms", Goal::None);
    }
    report.figure("  memory, before", idle, "MB", Goal::None);
    report.figure("  memory, highest", peak, "MB", Goal::AtMost(300.0));
    let mut wire = Wire::open(instance.web).await?;
    let begun = Instant::now();
    while wire.call(&call.request(instance.web)).await?.status != 202 {
        ensure!(begun.elapsed() < PATIENCE, "the door did not recover by itself");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    report.figure("  until a call is taken again", begun.elapsed().as_secs_f64(), "s", Goal::None);
    Ok(())
}

/// One caller's part of the rate, at its times whether or not the answers keep up.
async fn pour(
    instance: &Instance,
    call: &Arc<Call>,
    caller: usize,
    rate: f64,
    begun: Instant,
) -> anyhow::Result<Vec<(u16, Duration)>> {
    let mut wire = Wire::open(instance.web).await?;
    #[expect(clippy::cast_precision_loss, reason = "a hundred callers")]
    let (every, offset) = (CALLERS as f64 / rate, caller as f64 / rate);
    let mut at = Duration::from_secs_f64(offset);
    let mut answers = Vec::new();
    while at < OVERLOAD && begun.elapsed() < OVERLOAD + PATIENCE {
        tokio::time::sleep(at.saturating_sub(begun.elapsed())).await;
        let answer = wire.call(&call.request(instance.web)).await?;
        answers.push((answer.status, answer.whole));
        at += Duration::from_secs_f64(every);
    }
    Ok(answers)
}
