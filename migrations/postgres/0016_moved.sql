-- Each ticketing system calls an address of its own. This is the one of a system that is not connected now.
ALTER TABLE psa_instances ADD COLUMN hook_sha256 bytea;
ALTER TABLE psa_instances ADD COLUMN hook_key bytea;
ALTER TABLE psa_instances ADD COLUMN hook_secret bytea;
ALTER TABLE psa_instances ADD COLUMN hook_rotated_at timestamptz;
CREATE UNIQUE INDEX psa_instances_hook ON psa_instances (hook_sha256) WHERE hook_sha256 IS NOT NULL;
-- From when on and until when it was swept before it was left.
ALTER TABLE psa_instances ADD COLUMN swept_since timestamptz;
ALTER TABLE psa_instances ADD COLUMN swept_through timestamptz;
-- It turned out to be this one at another address; its number is not given away again.
ALTER TABLE psa_instances ADD COLUMN merged_into text;
