-- How far the PSA's own list of new tickets was read, one row a connection.
CREATE TABLE sweeps (
  tenant_id uuid NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  psa text NOT NULL,
  -- Tickets created before are left alone. NULL: from the first sweep on.
  since timestamptz,
  -- What was created until then was asked for.
  through timestamptz,
  -- A list that was not read to its end: when it was begun, and where to go on.
  list_begun_at timestamptz,
  list_cursor text,
  -- When the next one is due; while one is under way: when another may take it.
  due_at timestamptz NOT NULL,
  -- Sweeps in a row that found nothing missing.
  quiet bigint NOT NULL DEFAULT 0,
  swept_at timestamptz,
  -- Why the last one failed.
  problem text,
  -- Whether the PSA's webhook is on, as the PSA says. NULL: it does not say.
  hook text CHECK (hook IN ('on', 'off', 'absent')),
  hook_since timestamptz
);
CREATE INDEX sweeps_due ON sweeps (due_at);
INSERT INTO sweeps (tenant_id, psa, due_at)
SELECT tenant_id, settings::json ->> 'kind', updated_at FROM psa_connections;

-- The tickets that the PSA says were created. Whether a webhook told of one is what intake says.
CREATE TABLE swept_tickets (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  psa text NOT NULL,
  external_ticket text NOT NULL,
  -- Another name that a webhook may have given it.
  number text,
  created_at timestamptz NOT NULL,
  -- Of its creation, in the tenant's zone as it was then.
  day date NOT NULL,
  found_at timestamptz NOT NULL,
  -- It was not taken in yet, as far as the last sweep saw.
  open boolean NOT NULL,
  PRIMARY KEY (tenant_id, psa, external_ticket)
);
CREATE INDEX swept_tickets_day ON swept_tickets (tenant_id, day);
CREATE INDEX swept_tickets_open ON swept_tickets (tenant_id, created_at) WHERE open;

-- Found by a sweep, not told by a webhook.
ALTER TABLE deliveries ADD COLUMN by_sweep boolean NOT NULL DEFAULT false;
ALTER TABLE intake ADD COLUMN by_sweep boolean NOT NULL DEFAULT false;

ALTER TABLE sweeps ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON sweeps USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));
ALTER TABLE swept_tickets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON swept_tickets USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));
