-- How far the PSA's own list of new tickets was read, one row a connection.
CREATE TABLE sweeps (
  tenant_id BLOB NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  psa TEXT NOT NULL,
  -- Tickets created before are left alone. NULL: from the first sweep on.
  since TEXT,
  -- What was created until then was asked for.
  through TEXT,
  -- A list that was not read to its end: when it was begun, and where to go on.
  list_begun_at TEXT,
  list_cursor TEXT,
  -- When the next one is due; while one is under way: when another may take it.
  due_at TEXT NOT NULL,
  -- Sweeps in a row that found nothing missing.
  quiet INTEGER NOT NULL DEFAULT 0,
  swept_at TEXT,
  -- Why the last one failed.
  problem TEXT,
  -- Whether the PSA's webhook is on, as the PSA says. NULL: it does not say.
  hook TEXT CHECK (hook IN ('on', 'off', 'absent')),
  hook_since TEXT
) STRICT;
CREATE INDEX sweeps_due ON sweeps (due_at);
INSERT INTO sweeps (tenant_id, psa, due_at)
SELECT tenant_id, json_extract(settings, '$.kind'), updated_at FROM psa_connections;

-- The tickets that the PSA says were created. Whether a webhook told of one is what intake says.
CREATE TABLE swept_tickets (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  psa TEXT NOT NULL,
  external_ticket TEXT NOT NULL,
  -- Another name that a webhook may have given it.
  number TEXT,
  created_at TEXT NOT NULL,
  -- Of its creation, in the tenant's zone as it was then.
  day TEXT NOT NULL,
  found_at TEXT NOT NULL,
  -- It was not taken in yet, as far as the last sweep saw.
  open INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, psa, external_ticket)
) STRICT, WITHOUT ROWID;
CREATE INDEX swept_tickets_day ON swept_tickets (tenant_id, day);
CREATE INDEX swept_tickets_open ON swept_tickets (tenant_id, created_at) WHERE open;

-- Found by a sweep, not told by a webhook.
ALTER TABLE deliveries ADD COLUMN by_sweep INTEGER NOT NULL DEFAULT 0;
ALTER TABLE intake ADD COLUMN by_sweep INTEGER NOT NULL DEFAULT 0;
