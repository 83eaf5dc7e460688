-- Sums over tickets by day, whosever they are: a trend of a quarter reads ninety rows, however many clients there are.
-- Always what adding up tallies would give.
CREATE TABLE day_tallies (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  day date NOT NULL,
  analysed bigint NOT NULL,
  negative bigint NOT NULL,
  neutral bigint NOT NULL,
  positive bigint NOT NULL,
  sentiment_sum bigint NOT NULL,
  updated bigint NOT NULL,
  escalated bigint NOT NULL,
  PRIMARY KEY (tenant_id, day)
);
INSERT INTO day_tallies (tenant_id, day, analysed, negative, neutral, positive, sentiment_sum, updated, escalated)
SELECT tenant_id, day, sum(analysed), sum(negative), sum(neutral), sum(positive), sum(sentiment_sum), sum(updated), sum(escalated)
FROM tallies GROUP BY tenant_id, day;

ALTER TABLE day_tallies ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON day_tallies USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));
