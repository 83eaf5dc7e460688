//! What became of the tickets that an import listed.

use crate::Result;
use crate::engine::{Reader, fetch_all};
use domain::{Dollars, TenantId};

/// Failures that are told one by one.
const FAILURES: i64 = 5;

/// What became of the tickets that were listed; they add up to the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    pub waiting: i64,
    /// Here already when they were listed.
    pub known: i64,
    /// Being read and scored now.
    pub taken: i64,
    pub scored: i64,
    /// Left out: by the scope, as machine text, or because the model gave no scores.
    pub left: i64,
    pub failed: i64,
    pub tokens_in: i64,
    pub tokens_out: i64,
    /// Millionths of a dollar, of those whose cost is known, and how many those are.
    pub cost: i64,
    pub costed: i64,
    /// Those that took tokens whose cost nobody knows.
    pub uncosted: i64,
}

impl ImportCounts {
    pub fn listed(&self) -> i64 {
        self.waiting + self.known + self.used()
    }
    /// Taken in, whatever became of them.
    pub fn used(&self) -> i64 {
        self.taken + self.through()
    }
    /// Taken in, and through.
    pub fn through(&self) -> i64 {
        self.scored + self.left + self.failed
    }
    pub fn spent(&self) -> Dollars {
        Dollars::from_millionths(self.cost.unsigned_abs())
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct StateRow {
    state: String,
    tickets: i64,
    tokens_in: i64,
    tokens_out: i64,
    cost: i64,
    costed: i64,
    uncosted: i64,
}

pub(super) const BY_STATE: &str = "SELECT state, count(*) AS tickets, CAST(sum(tokens_in) AS bigint) AS tokens_in,
   CAST(sum(tokens_out) AS bigint) AS tokens_out, CAST(coalesce(sum(cost), 0) AS bigint) AS cost, count(cost) AS costed,
   count(CASE WHEN tokens_in > 0 AND cost IS NULL THEN 1 END) AS uncosted
 FROM import_tickets WHERE tenant_id = $1 GROUP BY state";

pub(super) fn counts(states: &[StateRow]) -> ImportCounts {
    let mut counts = ImportCounts::default();
    for row in states {
        match row.state.as_str() {
            "waiting" => counts.waiting = row.tickets,
            "known" => counts.known = row.tickets,
            "taken" => counts.taken = row.tickets,
            "scored" => counts.scored = row.tickets,
            "failed" => counts.failed = row.tickets,
            _ => counts.left += row.tickets,
        }
        counts.tokens_in += row.tokens_in;
        counts.tokens_out += row.tokens_out;
        counts.cost += row.cost;
        counts.costed += row.costed;
        counts.uncosted += row.uncosted;
    }
    counts
}

pub(super) async fn failures(reader: &mut Reader, tenant: TenantId) -> Result<Vec<(String, String)>> {
    fetch_all!(
        reader,
        (String, String),
        "SELECT external_ticket, coalesce(reason, '') FROM import_tickets WHERE tenant_id = $1 AND state = 'failed'
         ORDER BY created_at DESC LIMIT $2",
        tenant.0,
        FAILURES
    )
}
