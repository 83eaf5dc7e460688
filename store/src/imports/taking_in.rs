//! A step of an import: tickets that wait become jobs, a few at a time and within what a person allows.

use super::counts::{BY_STATE, StateRow, counts};
use super::{ImportCounts, ImportLimits, ImportNext, ImportState, limits};
use crate::Result;
use crate::engine::{News, Tx, execute, fetch_all, fetch_optional, locked};
use crate::rows::{self, Word};
use chrono::{DateTime, TimeDelta, Utc};
use domain::TenantId;
use uuid::Uuid;

/// Two steps further apart were not one run.
const APART: TimeDelta = TimeDelta::minutes(2);

#[derive(sqlx::FromRow)]
struct Running {
    psa: String,
    most_tickets: Option<i64>,
    most_cost: Option<i64>,
    stepped_at: Option<DateTime<Utc>>,
}

pub(super) async fn step(
    tx: &mut Tx,
    tenant: TenantId,
    import: Uuid,
    room: i64,
    now: DateTime<Utc>,
    next: &ImportNext,
) -> Result<u32> {
    let running = fetch_optional!(
        tx,
        Running,
        locked!(
            tx,
            "SELECT psa, most_tickets, most_cost, stepped_at FROM imports
             WHERE tenant_id = $1 AND id = $2 AND state = 'running'"
        ),
        tenant.0,
        import
    )?;
    let Some(running) = running else { return Ok(0) };
    forget_orphans(tx, tenant, import).await?;
    let states: Vec<StateRow> = fetch_all!(tx, StateRow, BY_STATE, tenant.0)?;
    let mut counts = counts(&states);
    let limit = room_within(&counts, limits(running.most_tickets, running.most_cost));
    let mut fed = 0;
    if limit.is_none_or(|(room, _)| room > 0) {
        let most = (room - counts.taken).min(limit.map_or(i64::MAX, |(room, _)| room));
        let (taken, known) = take_in(tx, tenant, import, &running.psa, most, now).await?;
        (counts.waiting, counts.taken) = (counts.waiting - taken - known, counts.taken + taken);
        fed = u32::try_from(taken).unwrap_or(0);
    }
    let ran = running.stepped_at.map_or(TimeDelta::zero(), |at| (now - at).clamp(TimeDelta::zero(), APART));
    let over = match limit {
        _ if counts.taken > 0 => None,
        _ if counts.waiting == 0 => Some((ImportState::Done, None)),
        Some((..=0, which)) => Some((ImportState::Paused, Some(which))),
        _ => None,
    };
    let (state, reason) = over.unwrap_or((ImportState::Running, next.reason.as_deref()));
    execute!(
        tx,
        "UPDATE imports SET state = $1, reason = $2, due_at = $3, ended_at = $4, stepped_at = $5, ran_ms = ran_ms + $6
         WHERE tenant_id = $7",
        state.word(),
        reason,
        (state == ImportState::Running).then_some(next.at),
        (state == ImportState::Done).then_some(now),
        // A pause is no part of a run.
        (state == ImportState::Running).then_some(now),
        ran.num_milliseconds(),
        tenant.0
    )?;
    Ok(fed)
}

/// A job that ended otherwise than by its stages, such as with its connection, is no ticket under way.
async fn forget_orphans(tx: &mut Tx, tenant: TenantId, import: Uuid) -> Result<()> {
    execute!(
        tx,
        "UPDATE import_tickets AS t SET state = 'left' WHERE t.tenant_id = $1 AND t.state = 'taken'
           AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant_id = t.tenant_id
             AND j.external_ticket = t.external_ticket AND j.import_id = $2)",
        tenant.0,
        import
    )
    .map(drop)
}

/// An import is over: of what it took in, that which nobody has begun to read is as if it had never been taken in. The rest
/// goes on to its end, whatever is imported next.
pub(super) async fn release(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    let waiting: Vec<(Uuid, String, String)> = fetch_all!(
        tx,
        (Uuid, String, String),
        locked!(
            tx,
            "SELECT id, psa, external_ticket FROM jobs WHERE tenant_id = $1 AND import_id IS NOT NULL AND ticket_id IS NULL
               AND stage = 'read' AND lease_token IS NULL ORDER BY id"
        ),
        tenant.0
    )?;
    for (job, psa, ticket) in waiting {
        execute!(tx, "DELETE FROM jobs WHERE id = $1", job)?;
        execute!(
            tx,
            "DELETE FROM intake WHERE tenant_id = $1 AND psa = $2 AND external_ticket = $3",
            tenant.0,
            psa,
            &ticket
        )?;
        execute!(
            tx,
            "UPDATE import_tickets SET state = 'waiting' WHERE tenant_id = $1 AND external_ticket = $2 AND state = 'taken'",
            tenant.0,
            ticket
        )?;
    }
    Ok(())
}

/// How many more the limits allow, and which of them is the tighter; `None`: there are none. What is under way will cost
/// about what the others did.
fn room_within(counts: &ImportCounts, limits: ImportLimits) -> Option<(i64, &'static str)> {
    let by_count = limits
        .tickets
        .map(|most| (i64::from(most) - counts.used(), "the number of tickets you allowed is reached"));
    let by_cost = limits.cost.map(|most| {
        let most = i64::try_from(most.millionths()).unwrap_or(i64::MAX);
        if counts.uncosted > 0 {
            return (
                0,
                "nobody knows any more what the model costs, so it cannot keep to the cost you allowed",
            );
        }
        let left = most - counts.cost;
        let room = match counts.cost.checked_div(counts.costed) {
            Some(each @ 1..) => left / each - counts.taken,
            // Nothing is known yet: one, to know.
            _ if left > 0 && counts.costed == 0 => 1 - counts.taken,
            _ => i64::from(left > 0) * i64::MAX,
        };
        (room.max(0), "the cost you allowed is reached")
    });
    match (by_count, by_cost) {
        (Some(count), Some(cost)) => Some(if cost.0 < count.0 { cost } else { count }),
        (one, other) => one.or(other),
    }
}

/// How many were taken in, and how many were here by now.
async fn take_in(
    tx: &mut Tx,
    tenant: TenantId,
    import: Uuid,
    psa: &str,
    most: i64,
    now: DateTime<Utc>,
) -> Result<(i64, i64)> {
    if most <= 0 {
        return Ok((0, 0));
    }
    let waiting: Vec<(String, DateTime<Utc>)> = fetch_all!(
        tx,
        (String, DateTime<Utc>),
        "SELECT external_ticket, created_at FROM import_tickets WHERE tenant_id = $1 AND state = 'waiting'
         ORDER BY created_at DESC LIMIT $2",
        tenant.0,
        most
    )?;
    let (mut taken, mut known) = (0, 0);
    // In one order, as the door does it, so that neither waits for the other in a circle.
    let mut waiting = waiting;
    waiting.sort_unstable();
    for (ticket, created_at) in waiting {
        let is_new = execute!(
            tx,
            "INSERT INTO intake (tenant_id, psa, external_ticket, delivery_id, taken_in_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            tenant.0,
            psa,
            &ticket,
            Uuid::nil(),
            created_at
        )? > 0;
        execute!(
            tx,
            "UPDATE import_tickets SET state = $1 WHERE tenant_id = $2 AND external_ticket = $3",
            if is_new { "taken" } else { "known" },
            tenant.0,
            &ticket
        )?;
        if !is_new {
            known += 1;
            continue;
        }
        taken += 1;
        execute!(
            tx,
            // As if it had come when it was created: its place in lists and trends, and behind whatever is fresh.
            "INSERT INTO jobs (id, tenant_id, psa, external_ticket, stage, replay, again, due_at, attempts, total_attempts,
               created_at, import_id) VALUES ($1, $2, $3, $4, 'read', $5, $5, $6, 0, 0, $7, $8)",
            rows::id_at(now),
            tenant.0,
            psa,
            &ticket,
            false,
            now,
            created_at,
            import
        )?;
    }
    if taken > 0 {
        tx.announce(News::Everywhere);
    }
    Ok((taken, known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Dollars;

    #[test]
    fn no_more_is_taken_in_than_a_person_allows() {
        let limits =
            |tickets, cost: Option<u64>| ImportLimits { tickets, cost: cost.map(Dollars::from_millionths) };
        let counts = |taken, scored, cost, costed| ImportCounts {
            waiting: 1_000,
            taken,
            scored,
            cost,
            costed,
            ..ImportCounts::default()
        };
        let room = |counts: &ImportCounts, limits| room_within(counts, limits).map(|(room, _)| room);
        let cases = [
            ("without a limit", counts(0, 0, 0, 0), limits(None, None), None),
            ("at first", counts(0, 0, 0, 0), limits(Some(10), None), Some(10)),
            ("those under way count", counts(3, 5, 0, 0), limits(Some(10), None), Some(2)),
            ("reached", counts(0, 10, 0, 0), limits(Some(10), None), Some(0)),
            ("lowered since", counts(0, 10, 0, 0), limits(Some(4), None), Some(-6)),
            ("one while the cost is unknown", counts(0, 0, 0, 0), limits(None, Some(900)), Some(1)),
            ("and no second one meanwhile", counts(1, 0, 0, 0), limits(None, Some(900)), Some(0)),
            ("nothing allowed", counts(0, 0, 0, 0), limits(None, Some(0)), Some(0)),
            ("as many as the rest pays for", counts(2, 5, 500, 5), limits(None, Some(1_000)), Some(3)),
            ("spent", counts(0, 10, 1_000, 10), limits(None, Some(1_000)), Some(0)),
            ("more than spent", counts(0, 10, 1_200, 10), limits(None, Some(1_000)), Some(0)),
            ("the tighter of both", counts(2, 5, 500, 5), limits(Some(9), Some(1_000)), Some(2)),
        ];
        for (name, counts, limits, expected) in cases {
            assert_eq!(room(&counts, limits), expected, "{name}");
        }
        let unknown = ImportCounts { uncosted: 1, ..counts(0, 10, 100, 9) };
        assert_eq!(room(&unknown, limits(None, Some(1_000))), Some(0), "its price is not known any more");
        let free = room(&counts(0, 10, 0, 10), limits(None, Some(1_000)));
        assert!(free.is_some_and(|room| room > 1_000), "a model that costs nothing reaches no limit");
    }
}
