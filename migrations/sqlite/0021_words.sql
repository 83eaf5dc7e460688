-- Tickets are found by their words. The index holds no text, only which words stand in which ticket; each ticket's words
-- begin with one that names its tenant, so that a search reads no other tenant's. Places grow with the time a ticket was
-- taken in, so that what is found comes in the order of the list: microseconds since 1970 times 1024, and a count.
CREATE TABLE ticket_words (
  place INTEGER PRIMARY KEY,
  tenant_id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,
  UNIQUE (tenant_id, ticket_id),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
) STRICT;
-- Words come folded and parted by spaces: this tokenizer keeps them as they are. Beginnings have lists of their own, as
-- otherwise each search would join the lists of all words that begin like it.
CREATE VIRTUAL TABLE ticket_words_index USING fts5 (
  words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii', prefix = '2 3 4 5 6 7 8'
);
CREATE TRIGGER ticket_words_gone AFTER DELETE ON ticket_words BEGIN
  DELETE FROM ticket_words_index WHERE rowid = old.place;
END;

-- Tickets from before whose words are still to be put down, which is done while workspaces are tidied: soon.
CREATE TABLE ticket_words_due (
  tenant_id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, ticket_id),
  FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO ticket_words_due (tenant_id, ticket_id) SELECT tenant_id, id FROM tickets;
UPDATE tenants SET tidy_at = NULL;
