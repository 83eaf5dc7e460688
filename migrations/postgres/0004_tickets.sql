-- Tickets as the lists show them; the long texts are in ticket_bodies, so that neither lists nor changes of state carry them.
CREATE TABLE tickets (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  psa text NOT NULL,
  external_id text NOT NULL,
  number text NOT NULL,
  title text NOT NULL,
  client_id text,
  client_name text,
  board_name text,
  taken_in_at timestamptz NOT NULL,
  -- The day of taken_in_at in the tenant's zone at that time.
  day date NOT NULL,
  analysed_at timestamptz,
  finished_at timestamptz,
  -- From taken_in_at to the last note, or to the analysis where nothing was written.
  duration_ms bigint,
  state text NOT NULL CHECK (state IN ('reading', 'analysed', 'shadowed', 'acting', 'acted', 'skipped', 'failed')),
  reason text,
  mode text,
  label text,
  sentiment bigint,
  urgency bigint,
  impact bigint,
  updated boolean NOT NULL,
  escalated boolean NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, psa, external_id)
);
CREATE INDEX tickets_list ON tickets (tenant_id, taken_in_at, id);
CREATE INDEX tickets_state ON tickets (tenant_id, state, taken_in_at, id);
CREATE INDEX tickets_label ON tickets (tenant_id, label, taken_in_at, id);
CREATE INDEX tickets_client ON tickets (tenant_id, client_id, taken_in_at, id);
CREATE INDEX tickets_escalated ON tickets (tenant_id, taken_in_at, id) WHERE escalated;
CREATE INDEX tickets_day ON tickets (tenant_id, day, finished_at) WHERE duration_ms IS NOT NULL;

CREATE TABLE ticket_bodies (
  tenant_id uuid NOT NULL,
  ticket_id uuid NOT NULL,
  author_name text NOT NULL,
  text_remarks text NOT NULL,
  ticket text NOT NULL,
  text text NOT NULL,
  PRIMARY KEY (tenant_id, ticket_id),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE analyses (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  ticket_id uuid NOT NULL,
  at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('scored', 'skipped')),
  reason text,
  policy_version bigint NOT NULL,
  assessment text,
  plan text,
  provenance text NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX analyses_ticket ON analyses (tenant_id, ticket_id, id);

-- The ledger. One row per ticket and key is what makes each effect happen once.
CREATE TABLE actions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  ticket_id uuid NOT NULL,
  analysis_id uuid NOT NULL,
  position bigint NOT NULL,
  key text NOT NULL,
  action text NOT NULL,
  state text NOT NULL CHECK (state IN ('shadow', 'planned', 'in_flight', 'done', 'refused', 'superseded')),
  effects text NOT NULL,
  detail text,
  reference text NOT NULL,
  receipt text,
  attempts bigint NOT NULL,
  decided_at timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, ticket_id, key),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
);

-- A ticket's timeline.
CREATE TABLE events (
  tenant_id uuid NOT NULL,
  ticket_id uuid NOT NULL,
  at timestamptz NOT NULL,
  id uuid NOT NULL,
  what text NOT NULL,
  detail text NOT NULL,
  PRIMARY KEY (tenant_id, ticket_id, at, id),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
);

-- Sums over tickets by day and client; '' is no client. Always what adding up the rows of tickets would give.
CREATE TABLE tallies (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  day date NOT NULL,
  client_id text NOT NULL,
  client_name text NOT NULL,
  analysed bigint NOT NULL,
  negative bigint NOT NULL,
  neutral bigint NOT NULL,
  positive bigint NOT NULL,
  sentiment_sum bigint NOT NULL,
  updated bigint NOT NULL,
  escalated bigint NOT NULL,
  PRIMARY KEY (tenant_id, day, client_id)
);
