-- Tickets nobody has tried yet, by when they came: a claim finds them although thousands of second attempts are due first.
CREATE INDEX jobs_fresh ON jobs (tenant_id, stage, created_at) WHERE attempts = 0 AND due_at IS NOT NULL;
