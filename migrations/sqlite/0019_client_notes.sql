-- What a workspace wants to remember of a client for the next business review.
CREATE TABLE client_notes (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  client_id TEXT NOT NULL,
  text TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id, client_id)
) STRICT, WITHOUT ROWID;
