-- What was said of scores, the newest first.
CREATE INDEX feedback_said ON feedback (tenant_id, said_at, analysis_id, dimension);
