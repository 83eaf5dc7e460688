-- While the model is out, the built-in analyser may read instead: the choice, and which tickets it read.
ALTER TABLE tenants ADD COLUMN falls_back boolean NOT NULL DEFAULT false;
ALTER TABLE tickets ADD COLUMN degraded boolean NOT NULL DEFAULT false;
CREATE INDEX tickets_degraded ON tickets (tenant_id, taken_in_at, id) WHERE degraded;
