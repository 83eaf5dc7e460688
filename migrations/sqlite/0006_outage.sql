-- While the model is out, the built-in analyser may read instead: the choice, and which tickets it read.
ALTER TABLE tenants ADD COLUMN falls_back INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tickets ADD COLUMN degraded INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tickets_degraded ON tickets (tenant_id, taken_in_at, id) WHERE degraded;
