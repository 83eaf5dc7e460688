-- A system that moved is believed to be at an address once its newest tickets were seen there. So an address is never a
-- mistake that must be mended, and where a system was is nothing it is known by: `former` and `unproven` of psa_instances
-- are written no more. They stay for processes of the release before. One that did not let us in where it was said to be is
-- where it was, unless that is where the workspace is connected.
-- Row security counts for the owner, too.
SET LOCAL undertone.tenant = 'every';
UPDATE psa_instances SET settings = coalesce(former::jsonb -> -1 -> 'settings', former::jsonb -> -1)::text
WHERE unproven AND jsonb_array_length(former::jsonb) > 0 AND NOT EXISTS (
  SELECT 1 FROM psa_connections c WHERE c.tenant_id = psa_instances.tenant_id AND c.psa = psa_instances.psa);
UPDATE psa_instances SET former = '[]', unproven = false;
