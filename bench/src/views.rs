//! What people feel: how much travels before a page can be used, how soon its first byte is there at 100,000 tickets, and
//! whether that stays so while 200 people have a live list open.

use super::instance::{Instance, NO_LIMIT, Owner, PASSWORD};
use super::pages::sign_in;
use super::report::{Goal, Report, Waits};
use super::wire::Wire;
use anyhow::{Context, ensure};
use std::path::Path;
use std::time::Duration;
use store::testing::{History, TestStore};
use tokio::task::JoinSet;

const TICKETS: u32 = 100_000;
const VIEWS: usize = 200;
const PEOPLE: usize = 200;
/// Each of them looks at a page this often.
const EVERY: Duration = Duration::from_secs(10);
const WATCHED: Duration = Duration::from_secs(30);
const KB: f64 = 1_000.0;

pub async fn measure(program: &Path, store: &TestStore, report: &Report) -> anyhow::Result<()> {
    let (instance, owner) = open(program, store).await?;
    let cookie = sign_in(&instance, &owner).await?;
    let pages = pages(&instance, &owner).await?;
    sizes(&instance, &cookie, report).await?;
    first_bytes(&instance, &cookie, &pages, report).await?;
    live(&instance, &cookie, &pages, report).await
}

/// Such a workspace to look at, for pictures and other tools, until the input ends.
pub async fn stay(program: &Path, store: &TestStore) -> anyhow::Result<()> {
    let (instance, owner) = open(program, store).await?;
    println!(
        "{TICKETS} tickets at http://{}: sign in as {} with “{PASSWORD}”; ends with the input",
        instance.web, owner.email
    );
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}

async fn open(program: &Path, store: &TestStore) -> anyhow::Result<(Instance, Owner)> {
    let instance = Instance::start(program, "web", store, &NO_LIMIT).await?;
    let owner = instance.workspace(program, store, "bench")?;
    let tenant = store.tenant_list().await?.first().map(|tenant| tenant.id).context("the workspace")?;
    store.make_history(tenant, History::until_now(TICKETS)).await;
    if store.engine_name() != "sqlite" {
        // As its server does by itself.
        store.count_rows().await;
    }
    Ok((instance, owner))
}

/// Name and address of the pages that are opened most.
async fn pages(instance: &Instance, owner: &Owner) -> anyhow::Result<Vec<(&'static str, String)>> {
    let newest = instance.api(owner, "GET", "/tickets?limit=1", None).await?;
    let newest = newest["tickets"][0]["id"].as_str().context("a ticket")?.to_owned();
    Ok(vec![
        ("Overview", "/".into()),
        ("Tickets", "/tickets".into()),
        ("Ticket", format!("/tickets/{newest}")),
        ("Clients", "/clients".into()),
        ("Policy", "/policy".into()),
    ])
}

/// As a browser asks.
fn request(instance: &Instance, path: &str, cookie: &str, encoding: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\naccept: text/html\r\naccept-encoding: {encoding}\r\n\r\n",
        instance.web
    )
}

/// What travels, compressed, until the first page can be used.
async fn sizes(instance: &Instance, cookie: &str, report: &Report) -> anyhow::Result<()> {
    let mut wire = Wire::open(instance.web).await?;
    let mut size = async |path: &str| -> anyhow::Result<f64> {
        let answer = wire.call(request(instance, path, cookie, "br").as_bytes()).await?;
        ensure!(answer.status == 200, "{path} answered {}", answer.head);
        ensure!(answer.header("content-encoding") == Some("br"), "{path} is not compressed: {}", answer.head);
        Ok(f64::from(u32::try_from(answer.length)?) / KB)
    };
    let mut plain = Wire::open(instance.web).await?;
    plain.call(request(instance, "/", cookie, "identity").as_bytes()).await?;
    let html = plain.text();
    let address = |before: &str| {
        let rest = html.split(before).nth(1).with_context(|| format!("the page says no {before}"))?;
        Ok::<_, anyhow::Error>(rest.split('"').next().unwrap_or_default().to_owned())
    };
    let (css, js, wasm) =
        (address("rel=\"stylesheet\" href=\"")?, address("data-js=\"")?, address("data-wasm=\"")?);
    let mut whole = 0.0;
    for (name, path, goal) in [
        ("Overview: HTML", "/", Goal::None),
        ("styles", &css, Goal::None),
        ("script", &js, Goal::None),
        ("wasm", &wasm, Goal::AtMost(150.0)),
    ] {
        let size = size(path).await?;
        whole += size;
        report.figure(&format!("{name}, brotli"), size, "kB", goal);
    }
    report.figure("first load in all", whole, "kB", Goal::AtMost(250.0));
    Ok(())
}

async fn first_bytes(
    instance: &Instance,
    cookie: &str,
    pages: &[(&'static str, String)],
    report: &Report,
) -> anyhow::Result<()> {
    let mut wire = Wire::open(instance.web).await?;
    for (name, path) in pages {
        let mut waits = Vec::with_capacity(VIEWS);
        for _ in 0..VIEWS {
            waits.push(view(&mut wire, instance, path, cookie).await?);
        }
        let waits = Waits::new(waits);
        report.figure(
            &format!("{name}, {TICKETS} tickets: first byte, p50"),
            waits.percentile(50),
            "ms",
            Goal::None,
        );
        report.figure("  p95", waits.percentile(95), "ms", Goal::AtMost(20.0));
    }
    Ok(())
}

async fn view(wire: &mut Wire, instance: &Instance, path: &str, cookie: &str) -> anyhow::Result<Duration> {
    let answer = wire.call(request(instance, path, cookie, "br").as_bytes()).await?;
    ensure!(answer.status == 200, "{path} answered {}", answer.head);
    Ok(answer.first_byte)
}

/// Everybody keeps a live list open and looks at a page from time to time.
async fn live(
    instance: &Instance,
    cookie: &str,
    pages: &[(&'static str, String)],
    report: &Report,
) -> anyhow::Result<()> {
    let (idle, _) = instance.memory()?;
    instance.forget_peak()?;
    let mut lists = JoinSet::new();
    for _ in 0..PEOPLE {
        let mut wire = Wire::open(instance.web).await?;
        let request = request(instance, "/live/tickets?since=0", cookie, "identity");
        wire.begin(request.as_bytes()).await?;
        lists.spawn(async move { wire.listen().await });
    }
    let mut people = JoinSet::new();
    let begun = tokio::time::Instant::now();
    for person in 0..PEOPLE {
        let (web, cookie) = (instance.web, cookie.to_owned());
        let requests: Vec<String> =
            pages.iter().map(|(_, path)| request(instance, path, &cookie, "br")).collect();
        // Not all at the same moment.
        let first = begun + EVERY.mul_f64(person as f64 / PEOPLE as f64);
        people.spawn(async move {
            let mut waits = Vec::new();
            let mut next = first;
            let mut turn = person;
            while next < begun + WATCHED {
                tokio::time::sleep_until(next).await;
                let mut wire = Wire::open(web).await?;
                let answer = wire.call(requests[turn % requests.len()].as_bytes()).await?;
                ensure!(answer.status == 200, "a page answered {}", answer.head);
                waits.push(answer.whole);
                (next, turn) = (next + EVERY, turn + 1);
            }
            Ok(waits)
        });
    }
    let mut waits = Vec::new();
    while let Some(one) = people.join_next().await {
        waits.extend(one??);
    }
    ensure!(lists.try_join_next().is_none(), "a live list ended");
    let (_, highest) = instance.memory()?;
    let waits = Waits::new(waits);
    let people = format!("{PEOPLE} people with a live list: a whole page");
    report.figure(&format!("{people}, p50"), waits.percentile(50), "ms", Goal::None);
    report.figure("  p95", waits.percentile(95), "ms", Goal::AtMost(100.0));
    report.figure("  pages", waits.count(), "", Goal::None);
    report.figure("  memory before", idle, "MB", Goal::None);
    report.figure("  memory, highest", highest, "MB", Goal::None);
    Ok(())
}
