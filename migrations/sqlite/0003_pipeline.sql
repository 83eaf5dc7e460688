-- What arrived and who works on it. Written at the door, so every index here is paid for by each webhook.
CREATE TABLE deliveries (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  -- Begins with the time of arrival: its order is the order of the list.
  id BLOB NOT NULL,
  psa TEXT NOT NULL,
  dedupe_key TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'ignored', 'done', 'dead')),
  reason TEXT,
  external_ticket TEXT,
  repeats INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  verified INTEGER NOT NULL,
  received_at TEXT NOT NULL,
  headers TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, dedupe_key)
) STRICT;
CREATE INDEX deliveries_ticket ON deliveries (tenant_id, external_ticket) WHERE external_ticket IS NOT NULL;
CREATE INDEX deliveries_dead ON deliveries (tenant_id, id) WHERE state = 'dead';

-- The tickets taken in. Inserting here is what decides that a ticket is analysed, and it happens once.
CREATE TABLE intake (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  psa TEXT NOT NULL,
  external_ticket TEXT NOT NULL,
  delivery_id BLOB NOT NULL,
  taken_in_at TEXT NOT NULL,
  PRIMARY KEY (tenant_id, psa, external_ticket)
) STRICT, WITHOUT ROWID;

-- One row per ticket under way or given up. Finished ones are deleted.
CREATE TABLE jobs (
  id BLOB NOT NULL PRIMARY KEY,
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  psa TEXT NOT NULL,
  external_ticket TEXT NOT NULL,
  stage TEXT NOT NULL CHECK (stage IN ('read', 'score', 'act')),
  delivery_id BLOB,
  ticket_id BLOB,
  analysis_id BLOB,
  replay INTEGER NOT NULL,
  -- A person asked to analyse the ticket again while this job was leased: when it ends it starts over.
  again INTEGER NOT NULL,
  -- When it may be claimed: the ticket's place in the line, the time of the next attempt, or the end of the lease.
  -- NULL: dead.
  due_at TEXT,
  lease_token BLOB,
  -- Claims of this stage, and of all stages.
  attempts INTEGER NOT NULL,
  total_attempts INTEGER NOT NULL,
  cause TEXT,
  created_at TEXT NOT NULL,
  FOREIGN KEY (tenant_id, delivery_id) REFERENCES deliveries (tenant_id, id) ON DELETE CASCADE
) STRICT;
-- One job per ticket, dead or alive: two can never be leased together.
CREATE UNIQUE INDEX jobs_ticket ON jobs (tenant_id, psa, external_ticket);
CREATE INDEX jobs_due ON jobs (tenant_id, stage, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_leased ON jobs (tenant_id, due_at) WHERE lease_token IS NOT NULL;
