-- keep --
-- The newest state of a record; an older one that comes late changes nothing.
INSERT INTO granted_role (record_id, organisation, person, role, procedure_id, valid_from, valid_until, revoked_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (record_id) DO UPDATE
   SET revoked_at = excluded.revoked_at, valid_until = excluded.valid_until, version = excluded.version
 WHERE granted_role.version < excluded.version

-- standing --
-- Whether any role of an organisation was ever recorded, and those that a person holds there at an instant.
SELECT EXISTS (SELECT 1 FROM granted_role WHERE organisation = $1) AS ruled,
       ARRAY(SELECT DISTINCT role
               FROM granted_role
              WHERE organisation = $1 AND person = $2 AND (procedure_id IS NULL OR procedure_id = $3)
                AND revoked_at IS NULL AND valid_from <= $4 AND (valid_until IS NULL OR valid_until > $4)) AS roles

-- is_member --
-- Of the whole organisation: here a list shows all that is the organisation's.
SELECT EXISTS (SELECT 1
                 FROM granted_role
                WHERE person = $1 AND organisation = $2 AND procedure_id IS NULL
                  AND revoked_at IS NULL AND valid_from <= $3 AND (valid_until IS NULL OR valid_until > $3))
