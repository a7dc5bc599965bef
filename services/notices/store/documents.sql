-- documents --
-- The last version of each document.
SELECT DISTINCT ON (name) notice_id, name, version, key, media_type, size, sha256, stored_at, format, crc32
  FROM document
 WHERE notice_id = $1
 ORDER BY name, version DESC

-- documents_of --
SELECT DISTINCT ON (notice_id, name) notice_id, name, version, key, media_type, size, sha256, stored_at, format, crc32
  FROM document
 WHERE notice_id = ANY($1::uuid[])
 ORDER BY notice_id, name, version DESC

-- document_versions --
SELECT notice_id, name, version, key, media_type, size, sha256, stored_at, format, crc32
  FROM document
 WHERE notice_id = $1
 ORDER BY name, version

-- document_add --
INSERT INTO document (notice_id, name, version, key, media_type, size, sha256, stored_at, format, crc32)
SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7, $8, $9
  FROM document
 WHERE notice_id = $1 AND name = $2
RETURNING notice_id, name, version, key, media_type, size, sha256, stored_at, format, crc32

-- document_remove --
DELETE FROM document
 WHERE notice_id = $1 AND name = $2

-- document_crc32 --
UPDATE document
   SET crc32 = $2
 WHERE sha256 = $1 AND crc32 IS NULL

-- published_documents --
-- Every version that was public, the first one first: one a notice, the last of its draft. A later notice of the procedure
-- with a document of the same name replaces it.
SELECT name, row_number() OVER (PARTITION BY name ORDER BY published_at, notice_id)::integer AS version,
       notice_id, key, media_type, size, sha256, stored_at, format, crc32, published_at
  FROM (SELECT DISTINCT ON (notice_id, name) document.*, published_at
          FROM notice
          JOIN document USING (notice_id)
         WHERE procedure_id = $1 AND published_at IS NOT NULL
         ORDER BY notice_id, name, document.version DESC) AS published
 ORDER BY name, version
