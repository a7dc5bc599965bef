-- add_version --
INSERT INTO company_file (company, version, declared, provided, provider, provided_at, saved_at, saved_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- last_version --
SELECT sequence, company, version, declared, provided, provider, provided_at, saved_at
  FROM company_file
 WHERE company = $1
 ORDER BY version DESC
 LIMIT 1

-- versions --
SELECT sequence, company, version, declared, provided, provider, provided_at, saved_at
  FROM company_file
 WHERE company = $1
   AND ($2::integer IS NULL OR version < $2)
 ORDER BY version DESC
 LIMIT $3

-- hold --
-- One writer a company, the first version too.
SELECT pg_advisory_xact_lock(hashtextextended('company_file ' || $1, 0))

-- erase --
DELETE FROM company_file
 WHERE company = $1
