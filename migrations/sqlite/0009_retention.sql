-- What is old goes, in small pieces. How many days a workspace keeps texts (NULL: as many as the instance does), and
-- when it is looked through next (NULL: at once).
ALTER TABLE tenants ADD COLUMN retention_days INTEGER;
ALTER TABLE tenants ADD COLUMN tidy_at TEXT;
-- The row and its scores stay when the text goes.
ALTER TABLE tickets ADD COLUMN text_removed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tickets_texts ON tickets (tenant_id, taken_in_at, id) WHERE NOT text_removed;
-- Removing a delivery asks whether a job needs it, and so does the list of what waits.
CREATE INDEX jobs_delivery ON jobs (tenant_id, delivery_id);
-- One client's way through the days; and, by skipping, the list of clients.
CREATE INDEX tallies_client ON tallies (tenant_id, client_id, day);
-- The median reads nothing but the index.
DROP INDEX tickets_day;
CREATE INDEX tickets_day ON tickets (tenant_id, day, finished_at, duration_ms) WHERE duration_ms IS NOT NULL;
