//! Whether pages cost the same at 10,000 and at 1,000,000 tickets: two workspaces of 400 days and 40 clients, one with a
//! hundred times the tickets of the other, asked in turns, so that what disturbs the machine disturbs both.

use super::instance::{Instance, NO_LIMIT, Owner};
use super::pages::{request, sign_in};
use super::report::{Goal, Report, Waits};
use super::wire::Wire;
use anyhow::{Context, ensure};
use chrono::{DateTime, Days, Utc};
use std::path::Path;
use std::time::{Duration, Instant};
use store::testing::{History, TestStore};

const FEW: u32 = 10_000;
const MANY: u32 = 1_000_000;
const VIEWS: usize = 200;
const DEEP: &str = "a page from the middle of the history";
/// A page and its address; that of [`DEEP`] is each workspace's own.
const PAGES: [(&str, &str); 8] = [
    ("Overview", "/"),
    ("Overview of 90 days", "/?days=90"),
    ("Tickets", "/tickets"),
    (DEEP, ""),
    ("Tickets of one client that are negative", "/tickets?client=3&label=negative"),
    ("Tickets by a word in their text", "/tickets?q=smokes"),
    ("Clients", "/clients"),
    ("Activity", "/activity"),
];

/// A workspace with a history, and a person who looks at it.
struct Desk {
    wire: Wire,
    instance: Instance,
    cookie: String,
    deep: String,
}

pub async fn measure(program: &Path, stores: [&TestStore; 2], report: &Report) -> anyhow::Result<()> {
    let [few, many] = stores;
    let mut few = Desk::open(program, few, FEW, report).await?;
    let mut many = Desk::open(program, many, MANY, report).await?;
    // The first one was left idle for longer than the server keeps a connection open.
    few.wire = Wire::open(few.instance.web).await?;
    for (name, path) in PAGES {
        let (mut waits_few, mut waits_many) = (Vec::new(), Vec::new());
        for _ in 0..VIEWS {
            waits_few.push(few.view(path).await?);
            waits_many.push(many.view(path).await?);
        }
        let (few, many) = (Waits::new(waits_few).percentile(50), Waits::new(waits_many).percentile(50));
        report.figure(&format!("{name}: first byte, {FEW} tickets, p50"), few, "ms", Goal::None);
        report.figure(&format!("  at {MANY} tickets"), many, "ms", Goal::None);
        report.figure("  ratio", many / few, "", Goal::AtMost(1.5));
    }
    Ok(())
}

impl Desk {
    async fn open(program: &Path, store: &TestStore, tickets: u32, report: &Report) -> anyhow::Result<Self> {
        let instance = Instance::start(program, "web", store, &NO_LIMIT).await?;
        let owner = instance.workspace(program, store, "bench")?;
        let tenant = store.tenant_list().await?.first().map(|tenant| tenant.id).context("the workspace")?;
        let begun = Instant::now();
        store.make_history(tenant, History::until_now(tickets)).await;
        if store.engine_name() != "sqlite" {
            // As its server does by itself.
            store.count_rows().await;
        }
        report.remark(format!("{tickets} tickets were made in {:.0?}", begun.elapsed()));
        let cookie = sign_in(&instance, &owner).await?;
        let deep = middle(&instance, &owner).await?;
        let wire = Wire::open(instance.web).await?;
        Ok(Self { wire, instance, cookie, deep })
    }

    /// Time to the first byte.
    async fn view(&mut self, path: &str) -> anyhow::Result<Duration> {
        let path = if path.is_empty() { self.deep.as_str() } else { path };
        let answer = self.wire.call(request(&self.instance, path, &self.cookie).as_bytes()).await?;
        ensure!(answer.status == 200, "{path} answered {}", answer.head);
        Ok(answer.first_byte)
    }
}

/// The address of the list as somebody has it who paged back for half of the history.
async fn middle(instance: &Instance, owner: &Owner) -> anyhow::Result<String> {
    let newest = instance.api(owner, "GET", "/tickets?limit=1", None).await?;
    let newest = newest["tickets"][0]["created_at"].as_str().context("a ticket")?;
    let newest: DateTime<Utc> = newest.parse()?;
    let to = newest.date_naive() - Days::new(200);
    let there = instance.api(owner, "GET", &format!("/tickets?limit=1&to={to}"), None).await?;
    Ok(format!("/tickets?cursor={}", there["next"].as_str().context("older tickets")?))
}
