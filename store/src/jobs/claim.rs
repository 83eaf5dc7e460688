//! Who works on what next.

use super::{Job, Share, Stage};
use crate::engine::{Tx, fetch_all, sql};
use crate::nodes::Node;
use crate::rows::{self, Word};
use crate::{Lease, Result};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{AnalysisId, DeliveryId, TicketId};
use uuid::Uuid;

/// Younger work on its first attempt is fresh; the rest is late.
const FRESH: TimeDelta = TimeDelta::minutes(1);

/// The claim, in one statement. `$1` now, `$2` the new lease's token, `$3` its end, `$4` how many of one tenant, `$5` how
/// many in all, `$6` the smaller of the two, `$7` and `$8` the least and the greatest token of this node, `$9` how many are
/// left for newcomers, `$10` how many of one tenant may be late, `$11` since when work is fresh.
///
/// - `waiting`: the tenants that have jobs, found by skipping through the index, not by reading all jobs.
/// - `turns`: how many leases of this node each holds, and how many of them are late. Materialised: the counting is not
///   to be repeated per job.
/// - `lanes`: per tenant the stages whose connection is not paused; a model that is may have a stand-in.
/// - `heads`: of each lane the first few due jobs and the first few fresh ones; a flood behind them is not read. Fresh
///   ones are found by themselves, for thousands of retries may be due before them.
/// - `kinds`: the place of a job among the fresh or the late of its tenant, those that are held counted.
/// - `places`: a tenant's stages share its room, oldest first. Late ones beyond their part of it are left where they are.
/// - `ranks`: a tenant's only lease, or its only fresh one, is a newcomer.
/// - `queue`: newcomers go first, then who holds the least, then who waits longest.
macro_rules! claim {
    (heads: $heads:literal, choose: $choose:literal) => {
        concat!(
            "WITH RECURSIVE waiting (tenant_id) AS (
               SELECT first.tenant_id FROM (
                 SELECT tenant_id FROM jobs WHERE due_at IS NOT NULL ORDER BY tenant_id LIMIT 1) AS first
               UNION ALL
               SELECT (SELECT j.tenant_id FROM jobs j WHERE j.due_at IS NOT NULL AND j.tenant_id > w.tenant_id
                       ORDER BY j.tenant_id LIMIT 1)
               FROM waiting w WHERE w.tenant_id IS NOT NULL),
             turns AS MATERIALIZED (
               SELECT w.tenant_id, p.state AS psa, CASE WHEN o.falls_back THEN NULL ELSE m.state END AS model,
                 (SELECT count(*) FROM jobs h
                  WHERE h.tenant_id = w.tenant_id AND h.lease_token IS NOT NULL AND h.due_at > $1
                    AND h.lease_token BETWEEN $7 AND $8) AS held,
                 (SELECT count(*) FROM jobs h
                  WHERE h.tenant_id = w.tenant_id AND h.lease_token IS NOT NULL AND h.due_at > $1
                    AND h.lease_token BETWEEN $7 AND $8 AND (h.attempts > 1 OR h.created_at <= $11)) AS held_late
               FROM waiting w
               JOIN tenants o ON o.id = w.tenant_id
               LEFT JOIN psa_connections p ON p.tenant_id = w.tenant_id
               LEFT JOIN model_connections m ON m.tenant_id = w.tenant_id
               WHERE w.tenant_id IS NOT NULL),
             lanes AS (
               SELECT t.tenant_id, t.held, t.held_late, s.stage
               FROM turns t
               CROSS JOIN (SELECT 'read' AS stage UNION ALL SELECT 'score' UNION ALL SELECT 'act') AS s
               WHERE t.held < $4 AND coalesce(CASE WHEN s.stage = 'score' THEN t.model ELSE t.psa END, '') <> 'paused'),
             heads AS (", $heads, "),
             kinds AS (
               SELECT h.*, CASE WHEN fresh THEN held - held_late ELSE held_late END
                 + row_number() OVER (PARTITION BY tenant_id, fresh ORDER BY due_at, id) AS place_of_kind
               FROM heads h),
             places AS (
               SELECT id, due_at, fresh AND place_of_kind = 1 AS is_first_fresh,
                 held + row_number() OVER (PARTITION BY tenant_id ORDER BY due_at, id) AS place
               FROM kinds WHERE fresh OR place_of_kind <= $10),
             ranks AS (
               SELECT id, due_at, CASE WHEN is_first_fresh THEN 1 ELSE place END AS rank FROM places WHERE place <= $4),
             queue AS (
               SELECT id, rank, row_number() OVER (ORDER BY rank, due_at, id) AS turn FROM ranks)
             UPDATE jobs SET lease_token = $2, due_at = $3, attempts = attempts + 1, total_attempts = total_attempts + 1
             WHERE id IN (", $choose, ")
             RETURNING id, tenant_id, psa, stage, delivery_id, external_ticket, ticket_id, analysis_id, replay, attempts, created_at,
               import_id IS NOT NULL OR coalesce((SELECT k.imported FROM tickets k WHERE k.tenant_id = jobs.tenant_id
                 AND k.psa = jobs.psa AND k.external_id = jobs.external_ticket), false) AS past,
               (SELECT d.verified FROM deliveries d
                WHERE d.tenant_id = jobs.tenant_id AND d.id = jobs.delivery_id) AS verified"
        )
    };
}
const CLAIM_SQLITE: &str = claim!(
    heads: "SELECT j.id, l.tenant_id, j.due_at, l.held, l.held_late, j.attempts = 0 AND j.created_at > $11 AS fresh
            FROM lanes l CROSS JOIN jobs j
            WHERE j.id IN (
              SELECT id FROM (SELECT c.id FROM jobs c
                WHERE c.tenant_id = l.tenant_id AND c.stage = l.stage AND c.due_at IS NOT NULL AND c.due_at <= $1
                ORDER BY c.due_at LIMIT $6)
              UNION
              SELECT id FROM (SELECT c.id FROM jobs c
                WHERE c.tenant_id = l.tenant_id AND c.stage = l.stage AND c.attempts = 0 AND c.created_at > $11
                  AND c.due_at IS NOT NULL AND c.due_at <= $1
                ORDER BY c.created_at LIMIT $6))",
    choose: "SELECT id FROM queue WHERE turn <= $5 AND (turn <= $5 - $9 OR rank = 1)"
);
// The condition on due_at is judged again on the locked row: another node may have claimed it since the snapshot.
const CLAIM_POSTGRES: &str = claim!(
    heads: "SELECT j.id, l.tenant_id, j.due_at, l.held, l.held_late, j.attempts = 0 AND j.created_at > $11 AS fresh
            FROM lanes l CROSS JOIN LATERAL (
              (SELECT c.id, c.due_at, c.attempts, c.created_at FROM jobs c
               WHERE c.tenant_id = l.tenant_id AND c.stage = l.stage AND c.due_at <= $1
               ORDER BY c.due_at LIMIT $6)
              UNION
              (SELECT c.id, c.due_at, c.attempts, c.created_at FROM jobs c
               WHERE c.tenant_id = l.tenant_id AND c.stage = l.stage AND c.attempts = 0 AND c.created_at > $11
                 AND c.due_at <= $1
               ORDER BY c.created_at LIMIT $6)) AS j",
    choose: "SELECT id FROM jobs WHERE due_at <= $1
               AND id IN (SELECT id FROM queue WHERE turn <= $5 AND (turn <= $5 - $9 OR rank = 1))
             FOR UPDATE SKIP LOCKED"
);

/// What one claim is bound to.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    pub(super) now: DateTime<Utc>,
    pub(super) node: Node,
    pub(super) token: Uuid,
    pub(super) until: DateTime<Utc>,
    pub(super) limit: u32,
    pub(super) share: Share,
}

impl Claim {
    pub(super) async fn carry_out(self, tx: &mut Tx) -> Result<Vec<JobRow>> {
        let Self { now, node, token, until, limit, share } = self;
        let (least, greatest) = node.tokens();
        let (limit, most) = (i64::from(limit), i64::from(share.most));
        let (late, reserved) = (i64::from(share.late), i64::from(share.reserved));
        let text = sql!(tx, sqlite: CLAIM_SQLITE, postgres: CLAIM_POSTGRES);
        let heads = most.min(limit);
        fetch_all!(
            tx,
            JobRow,
            text,
            now,
            token,
            until,
            most,
            limit,
            heads,
            least,
            greatest,
            reserved,
            late,
            now - FRESH
        )
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct JobRow {
    id: Uuid,
    tenant_id: Uuid,
    psa: String,
    stage: String,
    delivery_id: Option<Uuid>,
    external_ticket: String,
    ticket_id: Option<Uuid>,
    analysis_id: Option<Uuid>,
    replay: bool,
    past: bool,
    attempts: i64,
    created_at: DateTime<Utc>,
    verified: Option<bool>,
}

impl JobRow {
    pub(super) fn leased(self, token: Uuid) -> Result<Job> {
        Ok(Job {
            lease: Lease { job: self.id.into(), token },
            tenant: self.tenant_id.into(),
            psa: rows::read_instance("jobs", &self.psa)?,
            stage: Stage::read("jobs", "stage", &self.stage)?,
            delivery: self.delivery_id.map(DeliveryId),
            external_ticket: self.external_ticket,
            ticket: self.ticket_id.map(TicketId),
            analysis: self.analysis_id.map(AnalysisId),
            replay: self.replay,
            past: self.past,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            created_at: self.created_at,
            verified: self.verified.unwrap_or(true),
        })
    }
}
