//! The walls of the house: who may depend on whom, and a few rules that judge every file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// Direct dependencies (not those for tests and builds) of each of our crates.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(option_env!("CARGO").unwrap_or("cargo"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages
        .iter()
        .map(|package| {
            let names = package["dependencies"].as_array().expect("a list of dependencies").iter();
            let names = names.filter(|dependency| dependency["kind"].is_null());
            (text(&package["name"]), names.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn our_crates_depend_on_each_other_only_along_the_drawn_edges() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("domain", &[][..]),
        ("store", &["domain"][..]),
        ("app", &["domain", "store"][..]),
        ("frontend", &["app"][..]),
        ("sandbox", &["domain"][..]),
        ("server", &["domain", "store", "app", "sandbox"][..]),
        ("bench", &["domain", "store", "sandbox"][..]),
        ("xtask", &[][..]),
    ]);
    let edges = edges();
    let known: BTreeSet<_> = edges.keys().map(String::as_str).collect();
    assert_eq!(known, allowed.keys().copied().collect());
    for (name, dependencies) in &edges {
        for dependency in dependencies.iter().filter(|dependency| allowed.contains_key(dependency.as_str())) {
            assert!(
                allowed[name.as_str()].contains(&dependency.as_str()),
                "{name} must not depend on {dependency}: see “Edges” in ARCHITECTURE.md"
            );
        }
    }
}

#[test]
fn each_outside_world_has_one_door() {
    let doors: [(&str, &[&str]); 5] = [
        ("sqlx", &["store"]),
        ("reqwest", &["server", "sandbox"]),
        ("argon2", &["store"]),
        ("chacha20poly1305", &["store"]),
        ("minijinja", &["server"]),
    ];
    for (name, dependencies) in edges() {
        for (library, users) in doors {
            if dependencies.contains(library) {
                assert!(
                    users.contains(&name.as_str()),
                    "{name} must not use {library}; {users:?} does it for all"
                );
            }
        }
    }
}

#[test]
fn the_domain_is_pure() {
    let domain = &edges()["domain"];
    for impure in ["tokio", "futures", "rand", "reqwest", "axum", "sqlx", "tracing", "leptos"] {
        assert!(!domain.contains(impure), "domain must stay without I/O, async and clock: {impure}");
    }
}

fn files(ending: &str) -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git can be started");
    let names = String::from_utf8(output.stdout).expect("our file names are UTF-8");
    let files: Vec<_> =
        names.lines().filter(|name| name.ends_with(ending)).map(|name| root().join(name)).collect();
    files.into_iter().filter(|path| path.exists()).collect()
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "examples" | "benches")))
}

#[test]
fn no_product_code_is_unfinished() {
    // Put together so that this file does not find itself.
    let forbidden =
        [concat!("unimplem", "ented!("), concat!("to", "do!("), concat!("TO", "DO"), concat!("FIX", "ME")];
    for path in files(".rs").into_iter().filter(|path| !is_test(path)) {
        let source = std::fs::read_to_string(&path).expect("our sources are UTF-8");
        for word in forbidden {
            assert!(!source.contains(word), "{} holds {word}", path.display());
        }
    }
}

#[test]
fn no_source_file_is_too_long_to_read() {
    let longest = 600;
    let too_long: Vec<_> = files(".rs")
        .into_iter()
        .filter(|path| !is_test(path))
        .filter_map(|path| {
            let lines = std::fs::read_to_string(&path).ok()?.lines().count();
            (lines > longest).then(|| format!("{} has {lines} lines", path.display()))
        })
        .collect();
    assert!(too_long.is_empty(), "split these: {too_long:#?}");
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = |engine: &str| {
        let folder = root().join("migrations").join(engine);
        let entries = std::fs::read_dir(folder).expect("the folder exists").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert!(!names("sqlite").is_empty());
}
