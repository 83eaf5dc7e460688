-- When it first let us in. One that never did may have been a mistake; one that did is a system with tickets of its own.
ALTER TABLE psa_instances ADD COLUMN worked_at TEXT;
UPDATE psa_instances SET worked_at = (SELECT c.state_since FROM psa_connections c
  WHERE c.tenant_id = psa_instances.tenant_id AND c.psa = psa_instances.psa AND c.state = 'working');
