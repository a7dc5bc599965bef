-- joint_save --
INSERT INTO joint_purchase (joint_id, coordinator, title, version, created_at, valid_until, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (joint_id) DO UPDATE SET version = excluded.version, ended_at = excluded.ended_at

-- member_save --
INSERT INTO joint_member (joint_id, organisation, invited_at, accepted_at, left_at)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (joint_id, organisation, invited_at) DO UPDATE
   SET accepted_at = excluded.accepted_at, left_at = excluded.left_at

-- sharing_save --
INSERT INTO joint_procedure (joint_id, procedure_id, added_at, removed_at)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (joint_id, procedure_id, added_at) DO UPDATE SET removed_at = excluded.removed_at

-- joint_lock --
SELECT joint_id, coordinator, title, version, created_at, valid_until, ended_at
  FROM joint_purchase
 WHERE joint_id = $1
   FOR UPDATE

-- joint_of --
-- Those that an organisation coordinates or is invited to, newest first.
SELECT joint_id, coordinator, title, version, created_at, valid_until, ended_at
  FROM joint_purchase
 WHERE (coordinator = $1
        OR joint_id IN (SELECT joint_id FROM joint_member WHERE organisation = $1 AND left_at IS NULL))
   AND ($2::timestamptz IS NULL OR (created_at, joint_id) < ($2, $3::uuid))
   AND ($5::uuid IS NULL OR joint_id = $5)
 ORDER BY created_at DESC, joint_id DESC
 LIMIT $4

-- members --
SELECT joint_id, organisation, invited_at, accepted_at, left_at
  FROM joint_member
 WHERE joint_id = ANY($1::uuid[])
 ORDER BY invited_at, organisation

-- sharings --
SELECT joint_id, procedure_id, added_at, removed_at
  FROM joint_procedure
 WHERE joint_id = ANY($1::uuid[])
 ORDER BY added_at, procedure_id

-- shared_with --
-- The consultations that a member reads at an instant: all of them, or one where $3 names it.
SELECT procedure_id
  FROM joint_procedure AS shared
  JOIN joint_purchase USING (joint_id)
  JOIN joint_member AS member USING (joint_id)
 WHERE member.organisation = $1 AND member.accepted_at IS NOT NULL AND member.left_at IS NULL
   AND shared.removed_at IS NULL AND ($3::uuid IS NULL OR shared.procedure_id = $3)
   AND ended_at IS NULL AND (valid_until IS NULL OR valid_until > $2)
