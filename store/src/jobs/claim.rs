//! Who works on what next.

use super::{Job, Stage};
use crate::rows::Word;
use crate::{Lease, Result};
use chrono::{DateTime, Utc};
use domain::{AnalysisId, DeliveryId, TicketId};
use uuid::Uuid;

/// The claim, in one statement. `$1` now, `$2` the new lease's token, `$3` its end, `$4` how many of one tenant, `$5` how
/// many in all, `$6` the smaller of the two, `$7` and `$8` the least and the greatest token of this node, `$9` how many are
/// left for tenants that hold none.
///
/// - `waiting`: the tenants that have jobs, found by skipping through the index, not by reading all jobs.
/// - `turns`: how many leases of this node each holds, and how many more it may. Materialised: the counting is not to be
///   repeated per job.
/// - `lanes`: per tenant the stages whose connection is not paused; a model that is may have a stand-in.
/// - `heads`: the first few due jobs of each lane; a flood behind them is not read.
/// - `places`: a tenant's stages share its room, oldest first.
/// - `queue`: who holds the least goes first, then who waits longest.
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
                    AND h.lease_token BETWEEN $7 AND $8) AS held
               FROM waiting w
               JOIN tenants o ON o.id = w.tenant_id
               LEFT JOIN psa_connections p ON p.tenant_id = w.tenant_id
               LEFT JOIN model_connections m ON m.tenant_id = w.tenant_id
               WHERE w.tenant_id IS NOT NULL),
             lanes AS (
               SELECT t.tenant_id, t.held, s.stage
               FROM turns t
               CROSS JOIN (SELECT 'read' AS stage UNION ALL SELECT 'score' UNION ALL SELECT 'act') AS s
               WHERE t.held < $4 AND coalesce(CASE WHEN s.stage = 'score' THEN t.model ELSE t.psa END, '') <> 'paused'),
             heads AS (", $heads, "),
             places AS (
               SELECT id, due_at, held + row_number() OVER (PARTITION BY tenant_id ORDER BY due_at, id) AS place FROM heads),
             queue AS (
               SELECT id, place, row_number() OVER (ORDER BY place, due_at, id) AS turn FROM places WHERE place <= $4)
             UPDATE jobs SET lease_token = $2, due_at = $3, attempts = attempts + 1, total_attempts = total_attempts + 1
             WHERE id IN (", $choose, ")
             RETURNING id, tenant_id, stage, delivery_id, external_ticket, ticket_id, analysis_id, replay, attempts, created_at,
               (SELECT d.verified FROM deliveries d
                WHERE d.tenant_id = jobs.tenant_id AND d.id = jobs.delivery_id) AS verified"
        )
    };
}
pub(super) const CLAIM_SQLITE: &str = claim!(
    heads: "SELECT j.id, l.tenant_id, j.due_at, l.held FROM lanes l CROSS JOIN jobs j
            WHERE j.id IN (
              SELECT c.id FROM jobs c
              WHERE c.tenant_id = l.tenant_id AND c.stage = l.stage AND c.due_at IS NOT NULL AND c.due_at <= $1
              ORDER BY c.due_at LIMIT $6)",
    choose: "SELECT id FROM queue WHERE turn <= $5 AND (turn <= $5 - $9 OR place = 1)"
);
// The condition on due_at is judged again on the locked row: another node may have claimed it since the snapshot.
pub(super) const CLAIM_POSTGRES: &str = claim!(
    heads: "SELECT j.id, l.tenant_id, j.due_at, l.held FROM lanes l CROSS JOIN LATERAL (
              SELECT c.id, c.due_at FROM jobs c
              WHERE c.tenant_id = l.tenant_id AND c.stage = l.stage AND c.due_at <= $1
              ORDER BY c.due_at LIMIT $6) AS j",
    choose: "SELECT id FROM jobs WHERE due_at <= $1
               AND id IN (SELECT id FROM queue WHERE turn <= $5 AND (turn <= $5 - $9 OR place = 1))
             FOR UPDATE SKIP LOCKED"
);

#[derive(sqlx::FromRow)]
pub(super) struct JobRow {
    id: Uuid,
    tenant_id: Uuid,
    stage: String,
    delivery_id: Option<Uuid>,
    external_ticket: String,
    ticket_id: Option<Uuid>,
    analysis_id: Option<Uuid>,
    replay: bool,
    attempts: i64,
    created_at: DateTime<Utc>,
    verified: Option<bool>,
}

impl JobRow {
    pub(super) fn leased(self, token: Uuid) -> Result<Job> {
        Ok(Job {
            lease: Lease { job: self.id.into(), token },
            tenant: self.tenant_id.into(),
            stage: Stage::read("jobs", "stage", &self.stage)?,
            delivery: self.delivery_id.map(DeliveryId),
            external_ticket: self.external_ticket,
            ticket: self.ticket_id.map(TicketId),
            analysis: self.analysis_id.map(AnalysisId),
            replay: self.replay,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            created_at: self.created_at,
            verified: self.verified.unwrap_or(true),
        })
    }
}
