//! What a plan may not do.

use serde_json::Value;
use std::collections::BTreeMap;

/// Tables that grow with the tickets.
const GROWING: [&str; 12] = [
    "tickets",
    "ticket_bodies",
    "ticket_words",
    "deliveries",
    "intake",
    "analyses",
    "actions",
    "events",
    "audit",
    "tallies",
    "day_tallies",
    "hour_tallies",
];
/// Rows of those tables that one statement may read: what a page looks through, each with the text beside it.
const ROWS: i64 = 12_000;

/// Names by which a statement calls the growing tables.
fn names(statement: &str) -> BTreeMap<String, &'static str> {
    let mut names = BTreeMap::new();
    let words: Vec<&str> = statement
        .split(|c: char| c.is_whitespace() || "(),;".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    for (at, word) in words.iter().enumerate() {
        let Some(table) = GROWING.into_iter().find(|table| table == word) else { continue };
        names.insert(table.to_owned(), table);
        let next = words.get(at + 1).filter(|next| **next != "AS").or_else(|| words.get(at + 2));
        let keywords = ["WHERE", "SET", "ON", "JOIN", "LEFT", "ORDER", "GROUP", "VALUES", "DO", "LIMIT"];
        if let Some(alias) = next.filter(|alias| !keywords.contains(alias)) {
            names.insert((*alias).to_owned(), table);
        }
    }
    names
}

/// The steps of `EXPLAIN QUERY PLAN`.
pub fn sqlite(statement: &str, steps: &[String]) -> Vec<String> {
    let names = names(statement);
    let growing = |step: &str| step.split_whitespace().nth(1).and_then(|name| names.get(name)).copied();
    let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE") && step.contains("ORDER BY"));
    let mut faults = Vec::new();
    for step in steps {
        let Some(table) = growing(step) else { continue };
        // Rows of one ticket, or one row.
        let of_one = ["ticket_id=?", "external_ticket=?", "external_id=?", " AND id=?"]
            .iter()
            .any(|key| step.contains(key))
            || step.contains("rowid=?")
            || step.contains("dedupe_key=?");
        // The roll-ups are sums over a span of days, or over a client's.
        let of_a_span =
            ["tallies", "day_tallies", "hour_tallies"].contains(&table) && step.contains("tenant_id=? AND ");
        let whole_tenant = step.ends_with("(tenant_id=?)") && !step.contains("deliveries_dead");
        if step.starts_with("SCAN") {
            faults.push(format!("reads all of {table}"));
        } else if sorts && !of_one && !of_a_span {
            faults.push(format!("sorts what it reads of {table}"));
        } else if whole_tenant && !statement.contains("LIMIT") {
            faults.push(format!("reads all of a workspace's {table}"));
        }
    }
    tell(faults, statement, &steps.join("\n"))
}

/// A plan as it was carried out.
pub fn postgres(plan: &Value) -> Vec<String> {
    let statement = plan["Query Text"].as_str().unwrap_or_default();
    let (mut faults, mut read) = (Vec::new(), 0);
    walk(&plan["Plan"], &mut |node| {
        let Some(table) = node["Relation Name"].as_str().filter(|table| GROWING.contains(table)) else {
            return;
        };
        if node["Node Type"] == "Seq Scan" && node["Actual Loops"] != 0 {
            faults.push(format!("reads all of {table}"));
        }
        let number = |name: &str| node[name].as_f64().unwrap_or_default();
        let loops = number("Actual Loops");
        let each = number("Actual Rows")
            + number("Rows Removed by Filter")
            + number("Rows Removed by Index Recheck");
        #[expect(clippy::cast_possible_truncation, reason = "a count of rows")]
        let rows = (each.max(1.0) * loops) as i64;
        read += rows;
    });
    if read > ROWS {
        faults.push(format!("reads {read} rows"));
    }
    tell(faults, statement, &serde_json::to_string_pretty(&plan["Plan"]).unwrap())
}

fn walk(node: &Value, visit: &mut impl FnMut(&Value)) {
    visit(node);
    for child in node["Plans"].as_array().into_iter().flatten() {
        walk(child, visit);
    }
}

fn tell(faults: Vec<String>, statement: &str, plan: &str) -> Vec<String> {
    let tell = |fault| format!("{fault}:\n{statement}\n{plan}");
    faults.into_iter().take(1).map(tell).collect()
}

#[test]
fn plans_that_read_too_much_are_found() {
    let steps = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
    let list = "SELECT t.id FROM tickets t WHERE t.tenant_id = $1 ORDER BY t.taken_in_at DESC LIMIT 50";
    let count = "SELECT count(*) FROM deliveries WHERE tenant_id = $1";
    let cases: [(&str, &[&str], Option<&str>); 7] = [
        (list, &["SEARCH t USING INDEX tickets_list (tenant_id=? AND taken_in_at<?)"], None),
        (list, &["SCAN t USING INDEX tickets_list"], Some("reads all of tickets")),
        (
            list,
            &["SEARCH t USING INDEX tickets_day (tenant_id=?)", "USE TEMP B-TREE FOR ORDER BY"],
            Some("sorts"),
        ),
        (
            count,
            &["SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 (tenant_id=?)"],
            Some("a workspace's"),
        ),
        (count, &["SEARCH deliveries USING COVERING INDEX deliveries_dead (tenant_id=?)"], None),
        ("SELECT 1 FROM jobs j", &["SCAN j"], None),
        ("SELECT 1 FROM tickets AS x", &["SCAN x"], Some("reads all of tickets")),
    ];
    for (statement, plan, fault) in cases {
        let found = sqlite(statement, &steps(plan));
        assert_eq!(found.is_empty(), fault.is_none(), "{statement}: {found:?}");
        assert!(fault.is_none_or(|fault| found[0].contains(fault)), "{found:?}");
    }
    let node = |kind: &str, rows: i64, removed: i64| {
        serde_json::json!({"Query Text": "q", "Plan": {"Node Type": "Limit", "Plans": [
            {"Node Type": kind, "Relation Name": "tickets", "Actual Rows": rows, "Actual Loops": 1, "Rows Removed by Filter": removed}]}})
    };
    assert!(postgres(&node("Index Scan", 50, 0)).is_empty());
    assert!(postgres(&node("Seq Scan", 50, 0))[0].contains("reads all of tickets"));
    assert!(postgres(&node("Index Scan", 50, 900_000))[0].contains("reads 900050 rows"));
}
