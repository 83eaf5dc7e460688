-- What people say of a score. One word for each score of an analysis; the newest holds.
CREATE TABLE feedback (
  tenant_id BLOB NOT NULL,
  analysis_id BLOB NOT NULL,
  dimension TEXT NOT NULL CHECK (dimension IN ('sentiment', 'urgency', 'impact')),
  verdict TEXT NOT NULL CHECK (verdict IN ('right', 'too_high', 'too_low')),
  said_at TEXT NOT NULL,
  said_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id, analysis_id, dimension),
  FOREIGN KEY (tenant_id, analysis_id) REFERENCES analyses (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
