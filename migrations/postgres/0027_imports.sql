-- The newest import of past tickets of a workspace: tickets from before it was connected, read and scored in shadow.
CREATE TABLE imports (
  tenant_id uuid NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  psa text NOT NULL,
  state text NOT NULL CHECK (state IN ('listing', 'listed', 'running', 'paused', 'done', 'cancelled')),
  -- Why it stands still, or did not get on the last time.
  reason text,
  -- Created from then on, and before then.
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  -- Where the PSA's list goes on.
  list_cursor text,
  -- What a person allows: so many tickets, the newest first, and so many millionths of a dollar.
  most_tickets bigint,
  most_cost bigint,
  asked_at timestamptz NOT NULL,
  ended_at timestamptz,
  -- When it is gone on with; while that is done: when another may. NULL: nothing is to be done.
  due_at timestamptz,
  -- When tickets were last taken in, and how long that has been going on, milliseconds.
  stepped_at timestamptz,
  ran_ms bigint NOT NULL DEFAULT 0
);
CREATE INDEX imports_due ON imports (due_at) WHERE due_at IS NOT NULL;
ALTER TABLE imports ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON imports USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));

-- Every ticket that its list named, and what became of it.
CREATE TABLE import_tickets (
  tenant_id uuid NOT NULL REFERENCES imports (tenant_id) ON DELETE CASCADE,
  external_ticket text NOT NULL,
  created_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('waiting', 'known', 'taken', 'scored', 'left', 'failed')),
  tokens_in bigint NOT NULL DEFAULT 0,
  tokens_out bigint NOT NULL DEFAULT 0,
  -- Why it failed.
  reason text,
  -- Millionths of a dollar; NULL: nobody had said what the model costs.
  cost bigint,
  PRIMARY KEY (tenant_id, external_ticket)
);
CREATE INDEX import_tickets_newest ON import_tickets (tenant_id, state, created_at);
ALTER TABLE import_tickets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON import_tickets USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));

-- Whose import it is of; NULL: a webhook or a sweep brought it.
ALTER TABLE jobs ADD COLUMN import_id uuid;
CREATE INDEX jobs_import ON jobs (tenant_id, external_ticket) WHERE import_id IS NOT NULL;
-- From before the workspace was connected: never acted on.
ALTER TABLE tickets ADD COLUMN imported boolean NOT NULL DEFAULT false;
