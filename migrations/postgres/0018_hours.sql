-- The hour of taken_in_at in the tenant's zone at that time, beside its day. NULL: from before this migration, until the
-- workspace is recounted.
ALTER TABLE tickets ADD COLUMN hour bigint;
-- Sums over tickets by day and hour: when tickets turn sour. Always what adding up the tickets with an hour would give.
CREATE TABLE hour_tallies (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  day date NOT NULL,
  hour bigint NOT NULL,
  analysed bigint NOT NULL,
  negative bigint NOT NULL,
  neutral bigint NOT NULL,
  positive bigint NOT NULL,
  sentiment_sum bigint NOT NULL,
  updated bigint NOT NULL,
  escalated bigint NOT NULL,
  PRIMARY KEY (tenant_id, day, hour)
);
ALTER TABLE hour_tallies ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON hour_tallies USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));

-- A client's number means something only within one ticketing system: the columns named client_id hold `halopsa/7` since.
UPDATE tickets SET client_id = psa || '/' || client_id WHERE client_id IS NOT NULL;
UPDATE tallies SET client_id = coalesce(
  (SELECT t.psa FROM tickets t WHERE t.tenant_id = tallies.tenant_id AND t.client_id IN (
     SELECT i.psa || '/' || tallies.client_id FROM psa_instances i WHERE i.tenant_id = tallies.tenant_id)
   ORDER BY t.taken_in_at DESC LIMIT 1),
  (SELECT c.psa FROM psa_connections c WHERE c.tenant_id = tallies.tenant_id), 'autotask') || '/' || client_id
WHERE client_id <> '';
