//! Starting the program: for real, and while working on it.

use crate::step::{Outcome, cargo, command, root, run, step};
use crate::{setup, site};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, SystemTime};

/// Release build, then the program with the sandbox.
pub fn release(args: &[String]) -> Outcome {
    site::build_all(true)?;
    println!("\n── start Undertone (Ctrl-C stops it)");
    let mut server = command(root().join("target/release/undertone"), &["serve", "--demo"]);
    let status = server.args(args).status().map_err(|error| format!("could not start undertone: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("undertone ended with {status}")) }
}

/// Debug build and start; again whenever a source file changes.
pub fn dev(args: &[String]) -> Outcome {
    let mut server: Option<Child> = None;
    loop {
        let seen = newest_source();
        let built = site::build_all(false);
        if let Some(mut old) = server.take() {
            let _ = old.kill();
            let _ = old.wait();
        }
        match built {
            Ok(()) => {
                let mut start = command(root().join("target/debug/undertone"), &["serve", "--demo"]);
                server = Some(
                    start
                        .args(args)
                        .spawn()
                        .map_err(|error| format!("could not start undertone: {error}"))?,
                );
            }
            Err(message) => eprintln!("\n{message}\n(waiting for a change)"),
        }
        while newest_source() == seen {
            #[expect(
                clippy::disallowed_methods,
                reason = "polls for saved files; portable and enough for a person"
            )]
            std::thread::sleep(Duration::from_millis(400));
        }
    }
}

/// Measures a release build from outside, on both engines, and the built-in analyser's accuracy. `args` go to the
/// measurement: `--tickets N`, `--engine sqlite|postgres`, `--only door|flow|growth`.
pub fn bench(args: &[String]) -> Outcome {
    setup::postgres()?;
    site::build_all(true)?;
    step("build the measurement", || run(&mut cargo(&["build", "--release", "-p", "bench"])))?;
    step("measure the program", || {
        let built = |name: &str| site::target().join("release").join(name);
        run(command(built("bench"), &[]).arg(built("undertone")).args(args))
    })?;
    // With the tests' profile and features, which are built already: accuracy does not hang on the compiler.
    step("accuracy of the built-in analyser", || {
        run(&mut cargo(&["run", "-p", "server", "--example", "polarity"]))
    })
}

fn newest_source() -> Option<SystemTime> {
    let folders = [
        "domain",
        "store",
        "app",
        "frontend",
        "server",
        "sandbox",
        "migrations",
        "style",
        "public",
        "Cargo.toml",
    ];
    folders.iter().filter_map(|name| newest(&root().join(name))).max()
}

fn newest(path: &Path) -> Option<SystemTime> {
    if path.is_file() {
        return path.metadata().ok()?.modified().ok();
    }
    std::fs::read_dir(path).ok()?.flatten().filter_map(|entry| newest(&entry.path())).max()
}
