-- What a workspace wants to remember of a client for the next business review.
CREATE TABLE client_notes (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  client_id text NOT NULL,
  text text NOT NULL,
  updated_at timestamptz NOT NULL,
  updated_by text NOT NULL,
  PRIMARY KEY (tenant_id, client_id)
);
ALTER TABLE client_notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON client_notes USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));
