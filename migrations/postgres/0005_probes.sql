-- A paused connection is tried again by itself: when next, and how many tries in a row were refused.
ALTER TABLE psa_connections ADD COLUMN retry_at timestamptz;
ALTER TABLE psa_connections ADD COLUMN retries bigint NOT NULL DEFAULT 0;
UPDATE psa_connections SET retry_at = coalesce(state_since, updated_at) WHERE state = 'paused';
CREATE INDEX psa_connections_paused ON psa_connections (retry_at) WHERE state = 'paused';

ALTER TABLE model_connections ADD COLUMN retry_at timestamptz;
ALTER TABLE model_connections ADD COLUMN retries bigint NOT NULL DEFAULT 0;
UPDATE model_connections SET retry_at = coalesce(state_since, updated_at) WHERE state = 'paused';
CREATE INDEX model_connections_paused ON model_connections (retry_at) WHERE state = 'paused';
