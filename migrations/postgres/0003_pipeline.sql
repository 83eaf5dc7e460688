-- What arrived and who works on it. Written at the door, so every index here is paid for by each webhook.
CREATE TABLE deliveries (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  -- Begins with the time of arrival: its order is the order of the list.
  id uuid NOT NULL,
  psa text NOT NULL,
  dedupe_key text NOT NULL,
  state text NOT NULL CHECK (state IN ('queued', 'ignored', 'done', 'dead')),
  reason text,
  external_ticket text,
  repeats bigint NOT NULL,
  attempts bigint NOT NULL,
  verified boolean NOT NULL,
  received_at timestamptz NOT NULL,
  headers text NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, dedupe_key)
);
CREATE INDEX deliveries_ticket ON deliveries (tenant_id, external_ticket) WHERE external_ticket IS NOT NULL;
CREATE INDEX deliveries_dead ON deliveries (tenant_id, id) WHERE state = 'dead';

-- The tickets taken in. Inserting here is what decides that a ticket is analysed, and it happens once.
CREATE TABLE intake (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  psa text NOT NULL,
  external_ticket text NOT NULL,
  delivery_id uuid NOT NULL,
  taken_in_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, psa, external_ticket)
);

-- One row per ticket under way or given up. Finished ones are deleted.
CREATE TABLE jobs (
  id uuid NOT NULL PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  psa text NOT NULL,
  external_ticket text NOT NULL,
  stage text NOT NULL CHECK (stage IN ('read', 'score', 'act')),
  delivery_id uuid,
  ticket_id uuid,
  analysis_id uuid,
  replay boolean NOT NULL,
  -- A person asked to analyse the ticket again while this job was leased: when it ends it starts over.
  again boolean NOT NULL,
  -- When it may be claimed: the ticket's place in the line, the time of the next attempt, or the end of the lease.
  -- NULL: dead.
  due_at timestamptz,
  lease_token uuid,
  -- Claims of this stage, and of all stages.
  attempts bigint NOT NULL,
  total_attempts bigint NOT NULL,
  cause text,
  created_at timestamptz NOT NULL,
  FOREIGN KEY (tenant_id, delivery_id) REFERENCES deliveries (tenant_id, id) ON DELETE CASCADE
);
-- One job per ticket, dead or alive: two can never be leased together.
CREATE UNIQUE INDEX jobs_ticket ON jobs (tenant_id, psa, external_ticket);
CREATE INDEX jobs_due ON jobs (tenant_id, stage, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_leased ON jobs (tenant_id, due_at) WHERE lease_token IS NOT NULL;
