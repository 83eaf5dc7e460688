-- The ticketing systems a workspace was ever connected to. A ticket's number means something only within one of them, so
-- the columns named psa hold this word since: the product for its first instance, product:2 for the second.
CREATE TABLE psa_instances (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  psa text NOT NULL,
  -- The newest that led there, without the secret.
  settings text NOT NULL,
  PRIMARY KEY (tenant_id, psa)
);
INSERT INTO psa_instances (tenant_id, psa, settings) SELECT tenant_id, settings::json ->> 'kind', settings FROM psa_connections;

-- The one that is connected now.
ALTER TABLE psa_connections ADD COLUMN psa text NOT NULL DEFAULT '';
UPDATE psa_connections SET psa = settings::json ->> 'kind';

ALTER TABLE psa_instances ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON psa_instances USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));
