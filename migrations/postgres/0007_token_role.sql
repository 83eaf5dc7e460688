-- A token may do what its maker might. Those made before get the lesser of the two roles that could make one.
ALTER TABLE api_tokens ADD COLUMN role text NOT NULL DEFAULT 'admin';
