-- Tickets are found by their words. A row holds no text, only which words stand in a ticket; one of them is none of its
-- text: the tenant with the day it was taken in. A search asks for days too, the newest first, so that it reads of a
-- frequent word no more than a page needs, and no other tenant's at all.
CREATE TABLE ticket_words (
  tenant_id uuid NOT NULL,
  ticket_id uuid NOT NULL,
  taken_in_at timestamptz NOT NULL,
  words tsvector NOT NULL,
  PRIMARY KEY (tenant_id, ticket_id),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ticket_words_found ON ticket_words USING gin (words);
ALTER TABLE ticket_words ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON ticket_words USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));

-- The words a search asks for, which it says with set_config('undertone.words', …, true); otherwise all there are.
--
-- Row security judges rows before any condition that might tell of them, and @@ is such a one: in a WHERE it would be
-- asked of every row of the tenant, index or not. As a rule of row security itself it may use the index; restrictive
-- rules are asked first.
CREATE FUNCTION undertone_words() RETURNS tsquery LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT coalesce(nullif(current_setting('undertone.words', true), ''), '!''?''')::tsquery $$;
CREATE POLICY asked_for ON ticket_words AS RESTRICTIVE FOR SELECT USING (words @@ (SELECT undertone_words()));

-- Tickets from before whose words are still to be put down, which is done while workspaces are tidied: soon.
CREATE TABLE ticket_words_due (
  tenant_id uuid NOT NULL,
  ticket_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, ticket_id),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE ticket_words_due ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenancy ON ticket_words_due USING ((SELECT undertone_every_tenant()) OR tenant_id = (SELECT undertone_tenant()));
INSERT INTO ticket_words_due (tenant_id, ticket_id) SELECT tenant_id, id FROM tickets;
UPDATE tenants SET tidy_at = NULL;
