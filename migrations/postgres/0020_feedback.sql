-- What people say of a score. One word for each score of an analysis; the newest holds.
CREATE TABLE feedback (
  tenant_id uuid NOT NULL,
  analysis_id uuid NOT NULL,
  dimension text NOT NULL CHECK (dimension IN ('sentiment', 'urgency', 'impact')),
  verdict text NOT NULL CHECK (verdict IN ('right', 'too_high', 'too_low')),
  said_at timestamptz NOT NULL,
  said_by text NOT NULL,
  PRIMARY KEY (tenant_id, analysis_id, dimension),
  FOREIGN KEY (tenant_id, analysis_id) REFERENCES analyses (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE feedback ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON feedback USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));
