-- The ticketing systems a workspace was ever connected to. A ticket's number means something only within one of them, so
-- the columns named psa hold this word since: the product for its first instance, product:2 for the second.
CREATE TABLE psa_instances (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  psa TEXT NOT NULL,
  -- The newest that led there, without the secret.
  settings TEXT NOT NULL,
  PRIMARY KEY (tenant_id, psa)
) STRICT, WITHOUT ROWID;
INSERT INTO psa_instances (tenant_id, psa, settings) SELECT tenant_id, json_extract(settings, '$.kind'), settings FROM psa_connections;

-- The one that is connected now.
ALTER TABLE psa_connections ADD COLUMN psa TEXT NOT NULL DEFAULT '';
UPDATE psa_connections SET psa = json_extract(settings, '$.kind');
