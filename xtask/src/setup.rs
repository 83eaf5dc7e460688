//! Installs what is missing, or says exactly what to install.

use crate::step::{Outcome, command, root, run, step, succeeds};
use std::path::PathBuf;

const WASM: &str = "wasm32-unknown-unknown";

/// What every build needs.
pub fn for_build() -> Outcome {
    let installed = command("rustup", &["target", "list", "--installed"]).output();
    match installed {
        Ok(list) if String::from_utf8_lossy(&list.stdout).lines().any(|line| line == WASM) => Ok(()),
        Ok(_) => step("install the wasm target", || run(&mut command("rustup", &["target", "add", WASM]))),
        // A toolchain from a distribution has no rustup; the build itself tells whether it knows the target.
        Err(_) => Ok(()),
    }
}

/// What the tests need besides: a browser, PostgreSQL's binaries, the browser tests' packages.
pub fn for_tests() -> Outcome {
    for_build()?;
    step("look for what the tests need", || {
        let mut packages = Vec::new();
        if browser().is_none() {
            packages.push("chromium");
        }
        if postgres_bin().is_none() {
            packages.push("postgresql");
        }
        if !packages.is_empty() {
            apt_install(&packages)?;
        }
        browser().ok_or("no Chromium was found after installing it; set CHROMIUM to its path")?;
        postgres_bin()
            .ok_or("no PostgreSQL was found after installing it; set PG_BIN to the folder of initdb")?;
        if !succeeds("node", &["--version"]) || !succeeds("npm", &["--version"]) {
            return Err("the browser tests need Node.js 20 or newer with npm: install them (https://nodejs.org) and run this again".into());
        }
        Ok(())
    })?;
    step("install the browser tests' packages", || {
        let folder = root().join("end2end");
        let lock = std::fs::read(folder.join("package-lock.json"))
            .map_err(|error| format!("end2end/package-lock.json: {error}"))?;
        let stamp = folder.join("node_modules/.undertone-lock");
        if std::fs::read(&stamp).is_ok_and(|seen| seen == lock) {
            return Ok(());
        }
        run(command("npm", &["ci", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
            .env("PUPPETEER_SKIP_DOWNLOAD", "1"))?;
        std::fs::write(&stamp, lock).map_err(|error| format!("{}: {error}", stamp.display()))
    })
}

/// What measuring needs.
pub fn postgres() -> Outcome {
    step("look for PostgreSQL", || {
        if postgres_bin().is_none() {
            apt_install(&["postgresql"])?;
        }
        postgres_bin().map(drop).ok_or_else(|| {
            "no PostgreSQL was found after installing it; set PG_BIN to the folder of initdb".into()
        })
    })
}

fn apt_install(packages: &[&str]) -> Outcome {
    let names = packages.join(" ");
    let by_hand =
        format!("please install {names} (Debian, Ubuntu: sudo apt-get install {names}) and run this again");
    if !succeeds("apt-get", &["--version"]) {
        return Err(by_hand);
    }
    let root_user = command("id", &["-u"]).output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    let apt = |args: &[&str]| {
        let mut words = Vec::new();
        if !root_user {
            // -n: never waits for a password that nobody types.
            words.extend(["sudo", "-n"]);
        }
        words.push("apt-get");
        words.extend(args);
        let (program, args) = words.split_first().ok_or("no command")?;
        run(command(program, args).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "-qq"]).map_err(|error| format!("{error}; {by_hand}"))?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(packages);
    apt(&install).map_err(|error| format!("{error}; {by_hand}"))
}

/// A Chromium or Chrome: `CHROMIUM`, or the usual names.
pub fn browser() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(given)).filter(|path| path.exists());
    }
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].into_iter().find_map(which)
}

/// The folder of `initdb` and `pg_ctl`: `PG_BIN`, Debian's newest, or what is on the PATH.
pub fn postgres_bin() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("PG_BIN") {
        return Some(PathBuf::from(given)).filter(|path| path.join("initdb").exists());
    }
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    found
        .pop()
        .map(|(_, bin)| bin)
        .or_else(|| which("initdb").and_then(|path| path.parent().map(PathBuf::from)))
}

fn which(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
