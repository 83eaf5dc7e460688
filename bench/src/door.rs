//! Durable acknowledgements a second over HTTP, beside the raw group commit of the same rows, taken in turns so that what
//! disturbs the machine disturbs both.

use super::instance::{Instance, NO_LIMIT, Owner};
use super::report::{Goal, Report, Waits};
use super::wire::Wire;
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::TenantId;
use futures::future::try_join_all;
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::testing::{TestStore, raw};

const CALLERS: [usize; 2] = [64, 512];
const SPAN: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

pub async fn measure(program: &Path, store: &TestStore, report: &mut Report) -> anyhow::Result<()> {
    let instance = Instance::start(program, "web", store, &NO_LIMIT).await?;
    let owner = instance.workspace(program, store, "bench")?;
    let call = Arc::new(connect(&instance, &owner).await?);
    let tenant = store.tenant_list().await?.first().map(|tenant| tenant.id).context("the workspace")?;

    grouping(store, tenant, report).await;
    for callers in CALLERS {
        let (mut best_ratio, mut last) = (Vec::new(), None);
        for _ in 0..ROUNDS {
            let raw = raw::measure(store, &[tenant], callers, SPAN).await;
            let before = instance.cpu()?;
            let (rate, waits) = load(instance.web, callers, &call).await?;
            let cpu = (instance.cpu()? - before).as_secs_f64() * 1e6 / waits.count();
            best_ratio.push(rate / raw.rate);
            last = Some((rate, waits, cpu, raw));
        }
        let Some((rate, waits, cpu, raw)) = last else { continue };
        best_ratio.sort_by(f64::total_cmp);
        let median = best_ratio.get(ROUNDS / 2).copied().unwrap_or_default();
        report.figure(&format!("durable acknowledgements, {callers} callers"), rate, "/s", Goal::None);
        report.figure("  their wait, p50", waits.percentile(50), "ms", Goal::None);
        report.figure("  their wait, p99", waits.percentile(99), "ms", Goal::None);
        report.figure("  processor time each", cpu, "µs", Goal::None);
        report.figure("  raw group commit of the same rows", raw.rate, "/s", Goal::None);
        report.figure("  ratio over HTTP, median of three rounds", median, "", Goal::AtLeast(0.5));
    }
    Ok(())
}

/// What group commit is worth: the same writes with a transaction for each, and with one for all that wait.
async fn grouping(store: &TestStore, tenant: TenantId, report: &Report) {
    let (one, many) = (
        raw::measure(store, &[tenant], 1, SPAN).await.rate,
        raw::measure(store, &[tenant], CALLERS[0], SPAN).await.rate,
    );
    report.figure("deliveries, a commit for each", one, "/s", Goal::None);
    report.figure("  a commit for all that wait, 64 callers", many, "/s", Goal::None);
    report.figure("  ratio", many / one, "", Goal::None);
    let write = async |caller: usize| {
        let now = raw::delivery(tenant).received_at;
        if let Err(error) = store.attempt_noted(&[format!("bench {caller}")], now).await {
            report.remark(format!("a write failed: {error}"));
        }
    };
    let one = raw::rate_of(1, SPAN, write).await.rate;
    let many = raw::rate_of(CALLERS[0], SPAN, write).await.rate;
    report.figure("writes of the stages, a commit for each", one, "/s", Goal::None);
    report.figure("  a commit for all that wait, 64 callers", many, "/s", Goal::None);
    report.figure("  ratio", many / one, "", Goal::None);
}

/// Sets up a workspace whose PSA is nowhere; how to call it.
pub async fn connect(instance: &Instance, owner: &Owner) -> anyhow::Result<Call> {
    let psa = json!({"kind": "halopsa", "url": "http://127.0.0.1:9", "client_id": "bench", "client_secret": "bench"});
    instance.api(owner, "PUT", "/connections/psa", Some(&psa)).await?;
    let hook = instance.api(owner, "GET", "/hook", None).await?;
    let address = hook["addresses"].as_array().and_then(|all| all.iter().find(|one| one["psa"] == "halopsa"));
    let text = |name: &str| address.and_then(|address| address[name].as_str()).unwrap_or_default().to_owned();
    let path =
        text("url").split_once("/hooks/").map(|(_, rest)| format!("/hooks/{rest}")).unwrap_or_default();
    let credentials = format!("Basic {}", STANDARD.encode(format!("undertone:{}", text("secret"))));
    Ok(Call { path, credentials, next: AtomicU64::new(1) })
}

pub struct Call {
    path: String,
    credentials: String,
    next: AtomicU64,
}

impl Call {
    /// A new ticket's event, about a kilobyte.
    pub fn request(&self, to: SocketAddr) -> Vec<u8> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let body = json!({
            "id": format!("{id:032x}"),
            "event": "New Ticket Logged",
            "timestamp": "2026-11-26T10:00:00Z",
            "object_id": id,
            "ticket": {"id": id, "summary": "Printer", "details": "x".repeat(700)},
        })
        .to_string();
        format!(
            "POST {} HTTP/1.1\r\nhost: {to}\r\nauthorization: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.path,
            self.credentials,
            body.len()
        )
        .into_bytes()
    }
}

/// All callers call over and over until the time is up.
async fn load(to: SocketAddr, callers: usize, call: &Arc<Call>) -> anyhow::Result<(f64, Waits)> {
    let begun = Instant::now();
    let waits = try_join_all((0..callers).map(async |_| {
        let mut wire = Wire::open(to).await?;
        let mut waits = Vec::new();
        while begun.elapsed() < SPAN {
            let answer = wire.call(&call.request(to)).await?;
            anyhow::ensure!(answer.status == 202, "the door answered {}", answer.head);
            waits.push(answer.whole);
        }
        Ok(waits)
    }))
    .await?
    .concat();
    let waits = Waits::new(waits);
    Ok((waits.count() / begun.elapsed().as_secs_f64(), waits))
}
