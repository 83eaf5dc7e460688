-- A system that moved is believed to be at an address once its newest tickets were seen there. So an address is never a
-- mistake that must be mended, and where a system was is nothing it is known by: `former` and `unproven` of psa_instances
-- are written no more. They stay for processes of the release before.
UPDATE psa_instances SET former = '[]', unproven = 0;
