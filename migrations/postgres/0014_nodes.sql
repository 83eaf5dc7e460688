-- The processes that work on tickets, so that together they keep to what a PSA allows.
CREATE TABLE nodes (
  id uuid NOT NULL PRIMARY KEY,
  -- By the database's clock where it has one.
  seen_at timestamptz NOT NULL
);
