-- Tickets as the lists show them; the long texts are in ticket_bodies, so that neither lists nor changes of state carry them.
CREATE TABLE tickets (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id BLOB NOT NULL,
  psa TEXT NOT NULL,
  external_id TEXT NOT NULL,
  number TEXT NOT NULL,
  title TEXT NOT NULL,
  client_id TEXT,
  client_name TEXT,
  board_name TEXT,
  taken_in_at TEXT NOT NULL,
  -- The day of taken_in_at in the tenant's zone at that time.
  day TEXT NOT NULL,
  analysed_at TEXT,
  finished_at TEXT,
  -- From taken_in_at to the last note, or to the analysis where nothing was written.
  duration_ms INTEGER,
  state TEXT NOT NULL CHECK (state IN ('reading', 'analysed', 'shadowed', 'acting', 'acted', 'skipped', 'failed')),
  reason TEXT,
  mode TEXT,
  label TEXT,
  sentiment INTEGER,
  urgency INTEGER,
  impact INTEGER,
  updated INTEGER NOT NULL,
  escalated INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, psa, external_id)
) STRICT;
CREATE INDEX tickets_list ON tickets (tenant_id, taken_in_at, id);
CREATE INDEX tickets_state ON tickets (tenant_id, state, taken_in_at, id);
CREATE INDEX tickets_label ON tickets (tenant_id, label, taken_in_at, id);
CREATE INDEX tickets_client ON tickets (tenant_id, client_id, taken_in_at, id);
CREATE INDEX tickets_escalated ON tickets (tenant_id, taken_in_at, id) WHERE escalated;
CREATE INDEX tickets_day ON tickets (tenant_id, day, finished_at) WHERE duration_ms IS NOT NULL;

CREATE TABLE ticket_bodies (
  tenant_id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,
  author_name TEXT NOT NULL,
  text_remarks TEXT NOT NULL,
  ticket TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (tenant_id, ticket_id),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE analyses (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,
  at TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('scored', 'skipped')),
  reason TEXT,
  policy_version INTEGER NOT NULL,
  assessment TEXT,
  plan TEXT,
  provenance TEXT NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX analyses_ticket ON analyses (tenant_id, ticket_id, id);

-- The ledger. One row per ticket and key is what makes each effect happen once.
CREATE TABLE actions (
  tenant_id BLOB NOT NULL,
  id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,
  analysis_id BLOB NOT NULL,
  position INTEGER NOT NULL,
  key TEXT NOT NULL,
  action TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('shadow', 'planned', 'in_flight', 'done', 'refused', 'superseded')),
  effects TEXT NOT NULL,
  detail TEXT,
  reference TEXT NOT NULL,
  receipt TEXT,
  attempts INTEGER NOT NULL,
  decided_at TEXT NOT NULL,
  finished_at TEXT,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, ticket_id, key),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- A ticket's timeline.
CREATE TABLE events (
  tenant_id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,
  at TEXT NOT NULL,
  id BLOB NOT NULL,
  what TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (tenant_id, ticket_id, at, id),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Sums over tickets by day and client; '' is no client. Always what adding up the rows of tickets would give.
CREATE TABLE tallies (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  day TEXT NOT NULL,
  client_id TEXT NOT NULL,
  client_name TEXT NOT NULL,
  analysed INTEGER NOT NULL,
  negative INTEGER NOT NULL,
  neutral INTEGER NOT NULL,
  positive INTEGER NOT NULL,
  sentiment_sum INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  escalated INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, day, client_id)
) STRICT, WITHOUT ROWID;
