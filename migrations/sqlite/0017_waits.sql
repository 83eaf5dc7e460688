-- It waits for the other side to come back, and not for a time of its own: what came back is told to it at once.
ALTER TABLE jobs ADD COLUMN for_outage INTEGER NOT NULL DEFAULT 0;
