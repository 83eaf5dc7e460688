-- A system that moved is known by the addresses it had, too (a list of settings without secrets): going back to one is
-- going back to it.
ALTER TABLE psa_instances ADD COLUMN former text NOT NULL DEFAULT '[]';
-- It is said to have moved to where it is now, and did not let us in there yet: the address may be a mistake.
ALTER TABLE psa_instances ADD COLUMN unproven boolean NOT NULL DEFAULT false;
