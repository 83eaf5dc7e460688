//! What one instance does, measured from outside: a real process, real webhooks, real HTTP to the stand-ins.
//!
//! `cargo run --release -p bench -- PROGRAM [--tickets N] [--engine sqlite|postgres]`, where PROGRAM is the release build.
//! The stand-ins, which answer at once, and the callers run in this process and share the machine with
//! the program, so absolute figures say as much about the machine as about it. CPU and memory are the program's alone.
//!
//! PostgreSQL is a throw-away server that waits for the disk at each commit.

mod door;
mod flood;
mod flow;
mod instance;
mod pages;
mod report;
mod wire;

use anyhow::Context;
use report::Report;
use std::path::PathBuf;
use store::testing::TestStore;

struct Wanted {
    program: PathBuf,
    tickets: usize,
    engine: Option<String>,
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
        let (Some(for_the_door), Some(for_tickets)) = (fresh().await, fresh().await) else {
            println!("{engine}: not installed");
            continue;
        };
        let mut report = Report::new(engine);
        door::measure(&wanted.program, &for_the_door, &mut report).await?;
        drop(for_the_door);
        let most = flow::measure(&wanted.program, &for_tickets, wanted.tickets, &mut report).await?;
        drop(for_tickets);
        if let Some(store) = fresh().await {
            flood::fairness(&wanted.program, &store, &mut report).await?;
        }
        for limited in [true, false] {
            if let Some(store) = fresh().await {
                flood::overload(&wanted.program, &store, 10.0 * most, limited, &mut report).await?;
            }
        }
    }
    Ok(())
}

fn wanted() -> anyhow::Result<Wanted> {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().context("the first argument is the program to measure")?.into();
    let mut wanted = Wanted { program, tickets: 10_000, engine: None };
    while let Some(flag) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--tickets" => wanted.tickets = value.parse().context("--tickets is a number")?,
            "--engine" => wanted.engine = Some(value),
            _ => anyhow::bail!("{flag} is not known: --tickets N, --engine sqlite|postgres"),
        }
    }
    Ok(wanted)
}
