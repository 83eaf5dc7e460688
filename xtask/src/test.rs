//! All tests, and the fast subset.

use crate::postgres::Postgres;
use crate::step::{Outcome, cargo, command, root, run, step, succeeds};
use crate::{contract, setup, site};
use std::process::Command;

/// Formatting, lints, and the tests that need neither PostgreSQL nor a browser.
pub fn check() -> Outcome {
    formatting()?;
    lints()?;
    step("unit tests", || run(&mut tests(&["-p", "domain", "-p", "store", "-p", "app", "-p", "sandbox"])))
}

/// Everything that must hold before a change lands.
pub fn all() -> Outcome {
    setup::for_tests()?;
    formatting()?;
    lints()?;
    site::build_all(false)?;
    let postgres = step("start a throw-away PostgreSQL", Postgres::start)?;
    step("tests on SQLite and PostgreSQL", || {
        run(tests(&[]).env("UNDERTONE_TEST_PG", postgres.url()).env("CI", "true"))
    })?;
    step("traces that leave for a collector", || {
        run(&mut cargo(&["test", "-p", "server", "--features", "otel", "--test", "otel"]))
    })?;
    contract_holds()?;
    step("browser tests", || {
        let browser = setup::browser().ok_or("no browser")?;
        let folder = root().join("end2end");
        run(command("npx", &["playwright", "test"]).current_dir(folder).env("CHROMIUM", browser))
    })
}

/// The API against its own document, alone.
pub fn contract() -> Outcome {
    site::build_all(false)?;
    contract_holds()
}

fn contract_holds() -> Outcome {
    step("the API against its own document", || {
        if contract::has_python() {
            contract::install()?;
            return contract::check();
        }
        let missing = "the API was not held against its own document: that needs python3 with venv (Debian, Ubuntu: \
                       sudo apt-get install python3-venv)";
        if std::env::var_os("CI").is_some() {
            return Err(missing.into());
        }
        println!("   left out: {missing}");
        Ok(())
    })
}

fn formatting() -> Outcome {
    step("formatting", || run(&mut cargo(&["fmt", "--all", "--", "--check"])))
}

fn lints() -> Outcome {
    step("lints", || {
        run(&mut cargo(&["clippy", "--all-targets", "--", "-D", "warnings"]))?;
        run(&mut cargo(&["clippy", "-p", "xtask", "-p", "bench", "--all-targets", "--", "-D", "warnings"]))?;
        run(&mut cargo(&[
            "clippy",
            "-p",
            "server",
            "--features",
            "otel",
            "--lib",
            "--bins",
            "--test",
            "otel",
            "--",
            "-D",
            "warnings",
        ]))?;
        let mut wasm = cargo(&[
            "clippy",
            "-p",
            "frontend",
            "--target",
            "wasm32-unknown-unknown",
            "--",
            "-D",
            "warnings",
        ]);
        run(wasm.env("CARGO_PROFILE_DEV_DEBUG", "0"))
    })
}

/// nextest where it is installed (faster, a process for each test), plain cargo otherwise.
fn tests(packages: &[&str]) -> Command {
    let mut args = if succeeds("cargo-nextest", &["--version"]) {
        vec!["nextest", "run", "--no-fail-fast"]
    } else {
        vec!["test", "--no-fail-fast"]
    };
    args.extend(packages);
    cargo(&args)
}
