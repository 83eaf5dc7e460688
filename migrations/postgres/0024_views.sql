-- Lists of tickets that people keep under a name: filters, order and columns as they stand in the address.
CREATE TABLE ticket_views (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name text NOT NULL,
  query text NOT NULL,
  shared boolean NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ticket_views_of ON ticket_views (user_id);
ALTER TABLE ticket_views ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON ticket_views USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));
