-- documents --
-- The last version of each document.
SELECT DISTINCT ON (name) name, version, key, media_type, size, sha256, stored_at
  FROM document
 WHERE notice_id = $1
 ORDER BY name, version DESC

-- documents_of --
SELECT DISTINCT ON (notice_id, name) notice_id, name, version, key, media_type, size, sha256, stored_at
  FROM document
 WHERE notice_id = ANY($1::uuid[])
 ORDER BY notice_id, name, version DESC

-- document_add --
INSERT INTO document (notice_id, name, version, key, media_type, size, sha256, stored_at)
SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7
  FROM document
 WHERE notice_id = $1 AND name = $2
RETURNING name, version, key, media_type, size, sha256, stored_at
