-- add_document --
INSERT INTO company_document (document_id, version, company, kind, label, valid_until, name, media_type, size, sha256, key,
                              added_at, added_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- document --
SELECT *
  FROM company_document
 WHERE company = $1
   AND document_id = $2
   AND ($3::integer IS NULL OR version = $3)
 ORDER BY version DESC
 LIMIT 1

-- documents --
-- The last version of each, or all of them.
SELECT *
  FROM company_document AS each
 WHERE company = $1
   AND ($2::boolean OR version = (SELECT max(version) FROM company_document WHERE document_id = each.document_id))
   AND ($3::uuid IS NULL OR (document_id, version) > ($3, $4))
 ORDER BY document_id, version
 LIMIT $5

-- count_versions --
SELECT count(*)
  FROM company_document
 WHERE company = $1

-- erase_document --
DELETE FROM company_document
 WHERE company = $1
   AND ($2::uuid IS NULL OR document_id = $2)
RETURNING key
