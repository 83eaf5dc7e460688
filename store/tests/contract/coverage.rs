//! Every public function of the store has a contract test, and every function of a tenant's part is tried by another
//! tenant. Read from the sources, so that a new function without a test fails here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let (mut folders, mut found) = (vec![root], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// Names of the public functions, those of `impl TenantStore` apart.
fn public_functions() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut all, mut of_tenants) = (BTreeSet::new(), BTreeSet::new());
    for (path, text) in sources("src") {
        // What only tests and measurements use.
        if path.components().any(|part| matches!(part.as_os_str().to_str(), Some("testing" | "testing.rs"))) {
            continue;
        }
        let mut within = "";
        for line in text.lines() {
            if line.starts_with("impl ") {
                within = line;
            } else if line == "}" {
                within = "";
            }
            let line = line.trim_start();
            let Some(rest) = line.strip_prefix("pub async fn ").or_else(|| line.strip_prefix("pub fn "))
            else {
                continue;
            };
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if within == "impl TenantStore {" {
                of_tenants.insert(name.clone());
            }
            all.insert(name);
        }
    }
    (all, of_tenants)
}

#[test]
fn every_public_function_has_a_contract_test() {
    let tests: String = sources("tests/contract").into_iter().map(|(_, text)| text).collect();
    let (all, _) = public_functions();
    assert!(all.len() > 70 && all.contains("accept") && all.contains("hash_password"), "{all:?}");
    let missing: Vec<&String> = all
        .iter()
        .filter(|name| {
            ![".", "::", " ", "("].iter().any(|before| tests.contains(&format!("{before}{name}(")))
        })
        .collect();
    assert!(missing.is_empty(), "no contract test calls {missing:?}");
}

/// A tenant's function has its reader and its writes from itself, and so its tenant's scope.
#[test]
fn no_function_of_a_tenant_reads_or_writes_in_a_scope_of_its_choice() {
    let mut seen = 0;
    for (path, text) in sources("src") {
        for part in text.split("\nimpl TenantStore {\n").skip(1) {
            let body = part.split("\n}\n").next().unwrap_or_default();
            seen += 1;
            let joined: String = body.split_whitespace().collect();
            for way in [".store.read(Scope::", ".store.write(Scope::", ".store.write_later(Scope::"] {
                let rest = joined.split(way).skip(1).find(|rest| !rest.starts_with("Tenant(self.tenant)"));
                assert!(rest.is_none(), "{}: {way}{rest:?}", path.display());
            }
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn every_function_of_a_tenant_is_tried_by_another_tenant() {
    let tests: String = sources("tests/contract")
        .into_iter()
        .filter(|(path, _)| path.ends_with("tenancy.rs"))
        .map(|(_, text)| text)
        .collect();
    let (_, of_tenants) = public_functions();
    // Plain getters of the handle itself.
    let handles = ["tenant_id", "store"];
    let missing: Vec<&String> = of_tenants
        .iter()
        .filter(|name| !handles.contains(&name.as_str()) && !tests.contains(&format!(".{name}(")))
        .collect();
    assert!(of_tenants.len() > 40, "{of_tenants:?}");
    assert!(missing.is_empty(), "tenancy.rs does not try {missing:?}");
}

/// Tables whose rows belong to one tenant. `jobs` is not among them: workers take them from all tenants, and reach each by
/// its id and lease alone.
const OF_TENANTS: [&str; 26] = [
    "imports",
    "import_tickets",
    "ticket_views",
    "feedback",
    "client_notes",
    "members",
    "api_tokens",
    "audit",
    "psa_connections",
    "psa_instances",
    "model_connections",
    "hooks",
    "lookups",
    "policies",
    "prompts",
    "deliveries",
    "intake",
    "tickets",
    "ticket_bodies",
    "ticket_words",
    "ticket_words_due",
    "analyses",
    "actions",
    "events",
    "sweeps",
    "swept_tickets",
];

/// Statements put together from pieces, whose tenant is in a later one.
const CONTINUED: [&str; 7] = [
    "UPDATE deliveries SET dedupe_key = dedupe_key || ' ended ' || ",
    "SELECT t.id, t.external_id, t.number",
    "UPDATE deliveries SET state = 'ignored', reason = ",
    "UPDATE actions SET finished_at = ",
    "UPDATE actions SET action = ",
    "UPDATE tickets SET text_removed = ",
    "UPDATE tickets SET updated = updated OR ",
];

/// Whether a person belongs to any tenant at all is asked of all of them; and places among words are everybody's.
const ACROSS: [&str; 3] = [
    "UPDATE users SET name = $1, password_hash = $2 WHERE email = $3 AND NOT EXISTS",
    "SELECT max(place) FROM ticket_words WHERE place >= $1",
    "SELECT w.place + 1 FROM ticket_words w WHERE w.place >= $1",
];

/// The string literals of a source, comments left out.
fn literals(source: &str) -> Vec<String> {
    let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    code.join("\n")
        .split('"')
        .skip(1)
        .step_by(2)
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn every_statement_on_a_tenants_table_names_the_tenant() {
    let (mut seen, mut without) = (0, Vec::new());
    for (path, text) in sources("src") {
        // What only tests and measurements use.
        if path.components().any(|part| matches!(part.as_os_str().to_str(), Some("testing" | "testing.rs"))) {
            continue;
        }
        for text in literals(&text) {
            let touches = |verb: &str| {
                OF_TENANTS.iter().any(|table| format!("{text} ").contains(&format!("{verb} {table} ")))
            };
            if !["FROM", "JOIN", "UPDATE", "INTO"].into_iter().any(touches) {
                continue;
            }
            seen += 1;
            if !text.contains("tenant_id")
                && !ACROSS.iter().any(|across| text.starts_with(across))
                && !CONTINUED.iter().any(|piece| format!("{text} ").starts_with(piece))
            {
                without.push(text);
            }
        }
    }
    assert!(seen > 60, "{seen} statements were found");
    assert!(without.is_empty(), "no tenant in {without:#?}");
}
