-- A second wall between tenants: even a statement that forgets its tenant sees and changes only the rows of the one it
-- runs for. Every transaction says whose it is with SET LOCAL undertone.tenant: an id, or 'every' for what by its nature
-- crosses tenants. Where nothing is said (NULL, and '' once it has been said before), nothing is visible.
--
-- A later table with a tenant_id needs two lines in its migration (a test names them):
--   ALTER TABLE x ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
--   CREATE POLICY tenancy ON x USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));

CREATE FUNCTION undertone_every_tenant() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT coalesce(current_setting('undertone.tenant', true) = 'every', false) $$;

CREATE FUNCTION undertone_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(nullif(current_setting('undertone.tenant', true), ''), 'every')::uuid $$;

-- FORCE: the program owns its tables, and an owner is otherwise let through. The sub-selects are answered once a
-- statement, not once a row. A policy without WITH CHECK judges what is written as it judges what is read.
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['members', 'api_tokens', 'audit', 'psa_connections', 'model_connections', 'hooks', 'lookups',
    'policies', 'prompts', 'deliveries', 'intake', 'jobs', 'tickets', 'ticket_bodies', 'analyses', 'actions', 'events', 'tallies']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenancy ON %I USING '
      '((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()))', name);
  END LOOP;
END $$;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON tenants USING ((SELECT undertone_every_tenant()) OR id = (SELECT undertone_tenant()));
