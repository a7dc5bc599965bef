-- keep --
-- The newest state of a record; an older one that comes late changes nothing.
INSERT INTO company_user (record_id, company, person, role, since, ended_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (record_id) DO UPDATE
   SET ended_at = excluded.ended_at, version = excluded.version
 WHERE company_user.version < excluded.version

-- standing --
-- Whether any user of a company was ever recorded, and what a person is for it now.
SELECT EXISTS (SELECT 1 FROM company_user WHERE company = $1) AS ruled,
       (SELECT role
          FROM company_user
         WHERE company = $1 AND person = $2 AND ended_at IS NULL
         ORDER BY since DESC
         LIMIT 1) AS role
