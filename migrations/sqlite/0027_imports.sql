-- The newest import of past tickets of a workspace: tickets from before it was connected, read and scored in shadow.
CREATE TABLE imports (
  tenant_id BLOB NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  id BLOB NOT NULL,
  psa TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('listing', 'listed', 'running', 'paused', 'done', 'cancelled')),
  -- Why it stands still, or did not get on the last time.
  reason TEXT,
  -- Created from then on, and before then.
  since TEXT NOT NULL,
  until TEXT NOT NULL,
  -- Where the PSA's list goes on.
  list_cursor TEXT,
  -- What a person allows: so many tickets, the newest first, and so many millionths of a dollar.
  most_tickets INTEGER,
  most_cost INTEGER,
  asked_at TEXT NOT NULL,
  ended_at TEXT,
  -- When it is gone on with; while that is done: when another may. NULL: nothing is to be done.
  due_at TEXT,
  -- When tickets were last taken in, and how long that has been going on, milliseconds.
  stepped_at TEXT,
  ran_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX imports_due ON imports (due_at) WHERE due_at IS NOT NULL;

-- Every ticket that its list named, and what became of it.
CREATE TABLE import_tickets (
  tenant_id BLOB NOT NULL REFERENCES imports (tenant_id) ON DELETE CASCADE,
  external_ticket TEXT NOT NULL,
  created_at TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'known', 'taken', 'scored', 'left', 'failed')),
  tokens_in INTEGER NOT NULL DEFAULT 0,
  tokens_out INTEGER NOT NULL DEFAULT 0,
  -- Why it failed.
  reason TEXT,
  -- Millionths of a dollar; NULL: nobody had said what the model costs.
  cost INTEGER,
  PRIMARY KEY (tenant_id, external_ticket)
) STRICT, WITHOUT ROWID;
CREATE INDEX import_tickets_newest ON import_tickets (tenant_id, state, created_at);

-- Whose import it is of; NULL: a webhook or a sweep brought it.
ALTER TABLE jobs ADD COLUMN import_id BLOB;
CREATE INDEX jobs_import ON jobs (tenant_id, external_ticket) WHERE import_id IS NOT NULL;
-- From before the workspace was connected: never acted on.
ALTER TABLE tickets ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;
