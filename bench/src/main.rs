//! What one instance does, measured from outside: a real process, real webhooks, real HTTP to the stand-ins.
//!
//! `cargo run --release -p bench -- PROGRAM [--tickets N] [--engine sqlite|postgres] [--only door|flow|flood|growth|views|stay]`, where
//! PROGRAM is the release build.
//! The stand-ins, which answer at once, and the callers run in this process and share the machine with
//! the program, so absolute figures say as much about the machine as about it. CPU and memory are the program's alone.
//!
//! PostgreSQL is a throw-away server that waits for the disk at each commit.

mod door;
mod flood;
mod flow;
mod growth;
mod instance;
mod pages;
mod report;
mod views;
mod wire;

use anyhow::Context;
use report::Report;
use std::path::{Path, PathBuf};
use store::testing::TestStore;

struct Wanted {
    program: PathBuf,
    tickets: usize,
    engine: Option<String>,
    only: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted = wanted()?;
    for engine in ["sqlite", "postgres"] {
        if wanted.engine.as_deref().is_some_and(|only| only != engine) {
            continue;
        }
        let fresh = async || match engine {
            "sqlite" => Some(TestStore::sqlite().await),
            _ => TestStore::postgres_durable().await,
        };
        let (Some(one), Some(other)) = (fresh().await, fresh().await) else {
            println!("{engine}: not installed");
            continue;
        };
        let mut report = Report::new(engine);
        let is_wanted = |part: &str| wanted.only.as_deref().is_none_or(|only| only == part);
        if is_wanted("door") {
            door::measure(&wanted.program, &one, &mut report).await?;
        }
        let mut most = None;
        if is_wanted("flow") {
            most = Some(flow::measure(&wanted.program, &other, wanted.tickets, &mut report).await?);
        }
        drop((one, other));
        if is_wanted("flood") {
            flood(&wanted.program, &fresh, most.unwrap_or(USUAL), &mut report).await?;
        }
        // For people and other tools, and therefore only when asked for.
        if wanted.only.as_deref() == Some("stay")
            && let Some(store) = fresh().await
        {
            return views::stay(&wanted.program, &store).await;
        }
        if is_wanted("views")
            && let Some(store) = fresh().await
        {
            views::measure(&wanted.program, &store, &report).await?;
        }
        if is_wanted("growth")
            && let (Some(few), Some(many)) = (fresh().await, fresh().await)
        {
            growth::measure(&wanted.program, [&few, &many], &report).await?;
        }
    }
    Ok(())
}

/// Tickets a second, where they were not measured before.
const USUAL: f64 = 250.0;

async fn flood(
    program: &Path,
    fresh: &impl AsyncFn() -> Option<TestStore>,
    most: f64,
    report: &mut Report,
) -> anyhow::Result<()> {
    if let Some(store) = fresh().await {
        flood::fairness(program, &store, report).await?;
    }
    for limited in [true, false] {
        if let Some(store) = fresh().await {
            flood::overload(program, &store, 10.0 * most, limited, report).await?;
        }
    }
    Ok(())
}

fn wanted() -> anyhow::Result<Wanted> {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().context("the first argument is the program to measure")?.into();
    let mut wanted = Wanted { program, tickets: 10_000, engine: None, only: None };
    while let Some(flag) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--tickets" => wanted.tickets = value.parse().context("--tickets is a number")?,
            "--engine" => wanted.engine = Some(value),
            "--only" => wanted.only = Some(value),
            _ => anyhow::bail!(
                "{flag} is not known: --tickets N, --engine sqlite|postgres, --only door|flow|flood|growth|views|stay"
            ),
        }
    }
    Ok(wanted)
}
