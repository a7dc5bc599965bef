-- keep --
-- The newest state of a record; an older one that comes late changes nothing.
INSERT INTO granted_role (record_id, organisation, person, role, procedure_id, valid_from, valid_until, revoked_at, version,
                          delegated_from)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (record_id) DO UPDATE
   SET revoked_at = excluded.revoked_at, valid_until = excluded.valid_until, version = excluded.version,
       delegated_from = excluded.delegated_from
 WHERE granted_role.version < excluded.version

-- keep_joint --
INSERT INTO known_joint_purchase (joint_id, coordinator, members, procedures, valid_until, ended_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (joint_id) DO UPDATE
   SET members = excluded.members, procedures = excluded.procedures, valid_until = excluded.valid_until,
       ended_at = excluded.ended_at, version = excluded.version
 WHERE known_joint_purchase.version < excluded.version

-- standing --
-- Whether any role of an organisation was ever recorded, and those that a person holds there at an instant, in all of it
-- or in a consultation of it.
SELECT EXISTS (SELECT 1 FROM granted_role WHERE organisation = $1) AS ruled,
       ARRAY(SELECT DISTINCT role
               FROM held_role
              WHERE organisation = $1 AND person = $2 AND (procedure_id IS NULL OR procedure_id = $3)
                AND valid_from <= $4 AND (valid_until IS NULL OR valid_until > $4)) AS roles

-- scope --
-- As `standing`, of a whole organisation; the consultations of it in which the person holds a role; those of others that it
-- reads as a member of joint purchases.
SELECT EXISTS (SELECT 1 FROM granted_role WHERE organisation = $1) AS ruled,
       ARRAY(SELECT DISTINCT role
               FROM held_role
              WHERE organisation = $1 AND person = $2 AND procedure_id IS NULL
                AND valid_from <= $3 AND (valid_until IS NULL OR valid_until > $3)) AS roles,
       ARRAY(SELECT DISTINCT procedure_id
               FROM held_role
              WHERE organisation = $1 AND person = $2 AND procedure_id IS NOT NULL
                AND valid_from <= $3 AND (valid_until IS NULL OR valid_until > $3)) AS consultations,
       ARRAY(SELECT DISTINCT procedure_id
               FROM known_joint_purchase, unnest(procedures) AS procedure_id
              WHERE members @> ARRAY[$1] AND ended_at IS NULL AND (valid_until IS NULL OR valid_until > $3)) AS shared

-- stands_in_for --
-- The persons whose roles of these names were delegated to a person, as far as they hold in a consultation at an instant.
SELECT DISTINCT stands_in_for
  FROM held_role
 WHERE organisation = $1 AND person = $2 AND (procedure_id IS NULL OR procedure_id = $3) AND role = ANY($5)
   AND stands_in_for IS NOT NULL AND valid_from <= $4 AND (valid_until IS NULL OR valid_until > $4)

-- is_shared --
-- Whether a buyer ($1) reads a consultation of another ($2) at an instant, as a member of a joint purchase.
SELECT EXISTS (SELECT 1
                 FROM known_joint_purchase
                WHERE members @> ARRAY[$1::text] AND coordinator = $2 AND procedures @> ARRAY[$3::uuid]
                  AND ended_at IS NULL AND (valid_until IS NULL OR valid_until > $4))

-- is_member --
SELECT EXISTS (SELECT 1
                 FROM held_role
                WHERE person = $1 AND organisation = $2
                  AND valid_from <= $3 AND (valid_until IS NULL OR valid_until > $3))
