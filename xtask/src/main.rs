//! What the Makefile's few lines call: `cargo xtask build|run|dev|check|test|bench|setup`.
//!
//! Plain cargo builds and wasm-bindgen as a library: nothing to install, and its version sits in the same lock file.

mod contract;
mod postgres;
mod run;
mod setup;
mod site;
mod step;
mod test;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND
  setup            install what is missing: wasm target; for tests also browser, PostgreSQL, npm packages
  build [--release] the server and the site (target/site)
  run   [ARG…]     release build, then `undertone serve --demo ARG…`
  dev   [ARG…]     debug build, start, and again whenever a source file changes
  check            the fast subset: formatting, lints, unit tests on SQLite
  test             everything: formatting, lints, all tests on SQLite and PostgreSQL, browser tests
  contract         a part of it: the API against its own document
  bench [--tickets N] [--engine sqlite|postgres] [--only door|flow|flood|growth]
                   measures a release build from outside on both engines, and the built-in analyser's accuracy";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest = args.get(1..).unwrap_or_default();
    let flag = |name: &str| rest.iter().any(|arg| arg == name);
    let result = match args.first().map(String::as_str) {
        Some("setup") => setup::for_tests(),
        Some("build") => site::build_all(flag("--release")),
        Some("run") => run::release(rest),
        Some("dev") => run::dev(rest),
        Some("check") => test::check(),
        Some("test") => test::all(),
        Some("contract") => test::contract(),
        Some("bench") => run::bench(rest),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\n{message}");
            ExitCode::FAILURE
        }
    }
}
