-- Tenants, the people who sign in, and what guards the door.
CREATE TABLE tenants (
  id uuid NOT NULL PRIMARY KEY,
  name text NOT NULL,
  time_zone text NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE users (
  id uuid NOT NULL PRIMARY KEY,
  email text NOT NULL UNIQUE,
  name text NOT NULL,
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE members (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'dispatcher', 'viewer')),
  since timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE api_tokens (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL,
  sha256 bytea NOT NULL UNIQUE,
  last4 text NOT NULL,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);

-- Failed sign-ins, by address and by where they came from.
CREATE TABLE attempts (
  id uuid NOT NULL PRIMARY KEY,
  key text NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX attempts_key ON attempts (key, at);
CREATE INDEX attempts_at ON attempts (at);

-- By the SHA-256 of the cookie's value: who reads this table can sign in as nobody.
CREATE TABLE sessions (
  sha256 bytea NOT NULL PRIMARY KEY,
  data text NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Who changed what. The id begins with the time, so its order is the order of events.
CREATE TABLE audit (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  what text NOT NULL,
  detail text NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
