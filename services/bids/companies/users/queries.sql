-- hold --
-- One change of the users of a company at a time, the first one too.
SELECT pg_advisory_xact_lock(hashtextextended('company_user ' || $1, 0))

-- add_user --
INSERT INTO company_user (record_id, company, person, role, since, function, given_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- end_user --
UPDATE company_user
   SET ended_at = $2, ended_by = $3, version = version + 1
 WHERE record_id = $1
   AND ended_at IS NULL
RETURNING *

-- is_ruled --
SELECT EXISTS (SELECT 1 FROM company_user WHERE company = $1)

-- live_user --
SELECT *
  FROM company_user
 WHERE record_id = $1
   AND ended_at IS NULL

-- user_of --
SELECT *
  FROM company_user
 WHERE company = $1
   AND person = $2
   AND ended_at IS NULL

-- administrator --
SELECT *
  FROM company_user
 WHERE company = $1
   AND role = 'administrator'
   AND ended_at IS NULL

-- users --
SELECT *
  FROM company_user
 WHERE company = $1
   AND (NOT $2::boolean OR ended_at IS NULL)
   AND ($3::timestamptz IS NULL OR (since, record_id) > ($3, $4))
 ORDER BY since, record_id
 LIMIT $5

-- companies_of --
SELECT *
  FROM company_user
 WHERE person = $1
   AND ended_at IS NULL
   AND ($2::timestamptz IS NULL OR (since, record_id) > ($2, $3))
 ORDER BY since, record_id
 LIMIT $4

-- add_invitation --
INSERT INTO company_invitation (invitation_id, company, role, function, email, token_sha256, invited_by, invited_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- invited_since --
SELECT count(*)
  FROM company_invitation
 WHERE company = $1
   AND invited_at > $2

-- invitation --
SELECT *
  FROM company_invitation
 WHERE invitation_id = $1

-- invitation_of_token --
SELECT *
  FROM company_invitation
 WHERE token_sha256 = $1
   AND outcome IS NULL
   AND expires_at > $2

-- invitations --
SELECT *
  FROM company_invitation
 WHERE company = $1
   AND ($2::timestamptz IS NULL OR (invited_at, invitation_id) > ($2, $3))
 ORDER BY invited_at, invitation_id
 LIMIT $4

-- end_invitation --
-- The address has served: it is kept no longer.
UPDATE company_invitation
   SET outcome = $2, ended_at = $3, email = NULL
 WHERE invitation_id = $1
   AND outcome IS NULL
RETURNING invitation_id

-- expire_invitations --
UPDATE company_invitation
   SET outcome = 'expired', ended_at = expires_at, email = NULL
 WHERE outcome IS NULL
   AND expires_at <= $1
RETURNING invitation_id

-- mailed --
UPDATE company_invitation
   SET mail = $2
 WHERE invitation_id = $1
