-- standing --
-- Whether roles of an organisation are recorded, and those that a person holds there at an instant, of all of it or of a consultation.
SELECT EXISTS (SELECT 1 FROM ruled_organisation WHERE organisation = $1) AS ruled,
       ARRAY(SELECT DISTINCT role
               FROM role_record
              WHERE organisation = $1 AND person = $2 AND (procedure_id IS NULL OR procedure_id = $3)
                AND revoked_at IS NULL AND valid_from <= $4 AND (valid_until IS NULL OR valid_until > $4)) AS roles

-- consultations --
-- The consultations of an organisation in which a person holds a role at an instant.
SELECT DISTINCT procedure_id
  FROM role_record
 WHERE organisation = $1 AND person = $2 AND procedure_id IS NOT NULL
   AND revoked_at IS NULL AND valid_from <= $3 AND (valid_until IS NULL OR valid_until > $3)

-- is_member --
SELECT EXISTS (SELECT 1
                 FROM role_record
                WHERE person = $1 AND organisation = $2
                  AND revoked_at IS NULL AND valid_from <= $3 AND (valid_until IS NULL OR valid_until > $3))

-- begin_rule --
INSERT INTO ruled_organisation (organisation, since)
VALUES ($1, $2)
ON CONFLICT (organisation) DO NOTHING
RETURNING organisation

-- lock_rule --
SELECT organisation FROM ruled_organisation WHERE organisation = $1 FOR UPDATE

-- record_add --
INSERT INTO role_record (record_id, organisation, person, role, capacity, procedure_id, delegated_from, function, valid_from,
                         valid_until, granted_by, granted_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- record_revoke --
UPDATE role_record
   SET revoked_by = $2, revoked_at = $3, version = $4
 WHERE record_id = $1

-- record_get --
SELECT record_id, organisation, person, role, capacity, procedure_id, delegated_from, function, valid_from, valid_until,
       granted_by, granted_at, revoked_by, revoked_at, version
  FROM role_record
 WHERE record_id = $1

-- records_of_person --
-- Of an organisation, or of all of them ($2 NULL).
SELECT record_id, organisation, person, role, capacity, procedure_id, delegated_from, function, valid_from, valid_until,
       granted_by, granted_at, revoked_by, revoked_at, version
  FROM role_record
 WHERE person = $1 AND ($2::text IS NULL OR organisation = $2) AND revoked_at IS NULL
   AND (valid_until IS NULL OR valid_until > $3)
 ORDER BY organisation, granted_at, record_id

-- delegated --
SELECT record_id, organisation, person, role, capacity, procedure_id, delegated_from, function, valid_from, valid_until,
       granted_by, granted_at, revoked_by, revoked_at, version
  FROM role_record
 WHERE delegated_from = $1 AND revoked_at IS NULL AND valid_until > $2

-- keepers --
-- The administrators of the whole organisation without end.
SELECT count(*)
  FROM role_record
 WHERE organisation = $1 AND role = 'administrator' AND procedure_id IS NULL AND valid_until IS NULL
   AND revoked_at IS NULL AND valid_from <= $2

-- records --
-- Those of an organisation, oldest first; of a consultation, of a person, live at an instant, where asked.
SELECT record_id, organisation, person, role, capacity, procedure_id, delegated_from, function, valid_from, valid_until,
       granted_by, granted_at, revoked_by, revoked_at, version
  FROM role_record
 WHERE organisation = $1
   AND ($2::uuid IS NULL OR procedure_id = $2)
   AND ($3::text IS NULL OR person = $3)
   AND ($4::timestamptz IS NULL
        OR (revoked_at IS NULL AND valid_from <= $4 AND (valid_until IS NULL OR valid_until > $4)))
   AND ($5::timestamptz IS NULL OR (granted_at, record_id) > ($5, $6::uuid))
 ORDER BY granted_at, record_id
 LIMIT $7
