-- Tenants, the people who sign in, and what guards the door.
CREATE TABLE tenants (
  id BLOB NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE users (
  id BLOB NOT NULL PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE members (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'dispatcher', 'viewer')),
  since TEXT NOT NULL,
  PRIMARY KEY (tenant_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_user ON members (user_id);

CREATE TABLE api_tokens (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id BLOB NOT NULL,
  name TEXT NOT NULL,
  sha256 BLOB NOT NULL UNIQUE,
  last4 TEXT NOT NULL,
  created_at TEXT NOT NULL,
  last_used_at TEXT,
  PRIMARY KEY (tenant_id, id)
) STRICT;

-- Failed sign-ins, by address and by where they came from.
CREATE TABLE attempts (
  id BLOB NOT NULL PRIMARY KEY,
  key TEXT NOT NULL,
  at TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_key ON attempts (key, at);
CREATE INDEX attempts_at ON attempts (at);

-- By the SHA-256 of the cookie's value: who reads this table can sign in as nobody.
CREATE TABLE sessions (
  sha256 BLOB NOT NULL PRIMARY KEY,
  data TEXT NOT NULL,
  expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Who changed what. The id begins with the time, so its order is the order of events.
CREATE TABLE audit (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id BLOB NOT NULL,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  what TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT;
