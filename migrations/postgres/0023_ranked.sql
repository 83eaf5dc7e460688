-- Lists with the highest scores first, and the newest of each.
CREATE INDEX tickets_sentiment ON tickets (tenant_id, sentiment, taken_in_at, id) WHERE sentiment IS NOT NULL;
CREATE INDEX tickets_urgency ON tickets (tenant_id, urgency, taken_in_at, id) WHERE urgency IS NOT NULL;
CREATE INDEX tickets_impact ON tickets (tenant_id, impact, taken_in_at, id) WHERE impact IS NOT NULL;
