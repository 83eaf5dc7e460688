//! What operators are given: dashboards and alerts name only what is measured, and everything that is measured is
//! described and told of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Words that begin as our metrics do.
fn named(text: &str) -> BTreeSet<String> {
    let word = |part: &str| {
        let end = part.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(part.len());
        format!("undertone_{}", &part[..end])
    };
    text.split("undertone_").skip(1).map(word).collect()
}

/// Prometheus shows a histogram as three series.
fn base(name: &str) -> &str {
    let of_histogram = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| name.strip_suffix(end));
    of_histogram.filter(|base| base.ends_with("_seconds")).unwrap_or(name)
}

fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).expect("the folder exists").flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.push_str(&sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push_str(&std::fs::read_to_string(&path).expect("our sources are UTF-8"));
        }
    }
    all
}

/// The metrics that a macro of this kind is called with anywhere in the server.
fn called(source: &str, macros: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in macros {
        let call = format!("{name}!(");
        for (at, _) in source.match_indices(&call) {
            // `describe_counter!` is no call of `counter!`.
            if source[..at].ends_with('_') {
                continue;
            }
            let after = source[at + call.len()..].trim_start();
            let quoted = after.strip_prefix('"').and_then(|rest| rest.split('"').next());
            found.extend(quoted.filter(|name| name.starts_with("undertone_")).map(str::to_owned));
        }
    }
    found
}

#[test]
fn dashboards_alerts_and_the_manual_name_only_metrics_that_exist() {
    let source = sources(&root().join("server/src"));
    let measured = called(&source, &["counter", "gauge", "histogram"]);
    assert!(measured.len() > 8, "{measured:?}");
    // Functions of the database, which the manual names as well.
    let rules = named(&text("migrations/postgres/0008_row_security.sql"));
    for path in ["deploy/grafana/undertone.json", "deploy/prometheus/alerts.yml", "docs/operations.md"] {
        let named = named(&text(path));
        assert!(named.len() > 4, "{path} names {named:?}");
        for name in named.difference(&rules) {
            assert!(measured.contains(base(name)), "{path} names {name}, which is not measured");
        }
    }
}

#[test]
fn each_metric_is_described_and_shown() {
    let source = sources(&root().join("server/src"));
    let measured = called(&source, &["counter", "gauge", "histogram"]);
    let described = called(&source, &["describe_counter", "describe_gauge", "describe_histogram"]);
    assert_eq!(measured, described);
    let shown = named(&text("deploy/grafana/undertone.json"));
    for name in &measured {
        assert!(shown.iter().any(|shown| base(shown) == name), "the dashboard does not show {name}");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_reads() {
    let dashboard: serde_json::Value = serde_json::from_str(&text("deploy/grafana/undertone.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(!panels.is_empty());
    for panel in panels {
        for key in ["id", "title", "type", "gridPos", "targets"] {
            assert!(!panel[key].is_null(), "{panel} has no {key}");
        }
    }
}
