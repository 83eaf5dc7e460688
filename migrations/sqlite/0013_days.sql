-- Sums over tickets by day, whosever they are: a trend of a quarter reads ninety rows, however many clients there are.
-- Always what adding up tallies would give.
CREATE TABLE day_tallies (
  tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  day TEXT NOT NULL,
  analysed INTEGER NOT NULL,
  negative INTEGER NOT NULL,
  neutral INTEGER NOT NULL,
  positive INTEGER NOT NULL,
  sentiment_sum INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  escalated INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, day)
) STRICT, WITHOUT ROWID;
INSERT INTO day_tallies (tenant_id, day, analysed, negative, neutral, positive, sentiment_sum, updated, escalated)
SELECT tenant_id, day, sum(analysed), sum(negative), sum(neutral), sum(positive), sum(sentiment_sum), sum(updated), sum(escalated)
FROM tallies GROUP BY tenant_id, day;
