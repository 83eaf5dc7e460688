-- What a tenant has set up. Secrets are sealed; the settings beside them hold none.
CREATE TABLE psa_connections (
  tenant_id uuid NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  settings text NOT NULL,
  sealed bytea NOT NULL,
  state text NOT NULL CHECK (state IN ('untested', 'working', 'paused')),
  state_since timestamptz,
  state_reason text,
  revision bigint NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE model_connections (
  tenant_id uuid NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  settings text NOT NULL,
  sealed bytea,
  state text NOT NULL CHECK (state IN ('untested', 'working', 'paused')),
  state_since timestamptz,
  state_reason text,
  revision bigint NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE hooks (
  tenant_id uuid NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  key_sha256 bytea NOT NULL UNIQUE,
  sealed_key bytea NOT NULL,
  sealed_secret bytea NOT NULL,
  rotated_at timestamptz NOT NULL
);

CREATE TABLE lookups (
  tenant_id uuid NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
  psa text NOT NULL,
  value text NOT NULL,
  fetched_at timestamptz NOT NULL
);

CREATE TABLE policies (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  version bigint NOT NULL,
  body text NOT NULL,
  saved_at timestamptz NOT NULL,
  saved_by text NOT NULL,
  PRIMARY KEY (tenant_id, version)
);

CREATE TABLE prompts (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  version bigint NOT NULL,
  body text NOT NULL,
  saved_at timestamptz NOT NULL,
  saved_by text NOT NULL,
  PRIMARY KEY (tenant_id, version)
);
