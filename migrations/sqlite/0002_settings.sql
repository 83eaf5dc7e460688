-- What a tenant has set up. Secrets are sealed; the settings beside them hold none.
CREATE TABLE psa_connections (
  tenant_id BLOB NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  settings TEXT NOT NULL,
  sealed BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('untested', 'working', 'paused')),
  state_since TEXT,
  state_reason TEXT,
  revision INTEGER NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE model_connections (
  tenant_id BLOB NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  settings TEXT NOT NULL,
  sealed BLOB,
  state TEXT NOT NULL CHECK (state IN ('untested', 'working', 'paused')),
  state_since TEXT,
  state_reason TEXT,
  revision INTEGER NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE hooks (
  tenant_id BLOB NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  key_sha256 BLOB NOT NULL UNIQUE,
  sealed_key BLOB NOT NULL,
  sealed_secret BLOB NOT NULL,
  rotated_at TEXT NOT NULL
) STRICT;

CREATE TABLE lookups (
  tenant_id BLOB NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  psa TEXT NOT NULL,
  value TEXT NOT NULL,
  fetched_at TEXT NOT NULL
) STRICT;

CREATE TABLE policies (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  saved_at TEXT NOT NULL,
  saved_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id, version)
) STRICT;

CREATE TABLE prompts (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  saved_at TEXT NOT NULL,
  saved_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id, version)
) STRICT;
