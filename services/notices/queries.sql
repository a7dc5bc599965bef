-- procedure_ensure --
-- The procedure of a notice, made when it is new.
INSERT INTO procedure (procedure_id, organisation, state, version, title, created_at)
VALUES ($1, $2, 'draft', 1, $3, $4)
ON CONFLICT (procedure_id) DO NOTHING

-- procedure_lock --
SELECT procedure_id, organisation, state, version, title, formal, deadline, notice_id, lots, created_at, closed_at
  FROM procedure
 WHERE procedure_id = $1
   FOR UPDATE

-- procedure_get --
SELECT procedure_id, organisation, state, version, title, formal, deadline, notice_id, lots, created_at, closed_at
  FROM procedure
 WHERE procedure_id = $1

-- procedure_save --
UPDATE procedure
   SET state = $2, version = $3, title = $4, formal = $5, deadline = $6, notice_id = $7, lots = $8, closed_at = $9
 WHERE procedure_id = $1

-- procedures_due --
-- Open procedures whose deadline passed, oldest first; safe with any number of workers.
SELECT procedure_id, organisation, state, version, title, formal, deadline, notice_id, lots, created_at, closed_at
  FROM procedure
 WHERE state = 'open' AND deadline <= $1
 ORDER BY deadline
 LIMIT $2
   FOR UPDATE SKIP LOCKED

-- procedure_notices --
SELECT notice_id, kind, state, published_at, content ->> 'title' AS title
  FROM notice
 WHERE procedure_id = $1 AND (state = 'published' OR $2)
 ORDER BY coalesce(published_at, created_at), notice_id

-- notice_insert --
-- `document` is made from the texts, with and without accents.
INSERT INTO notice (notice_id, procedure_id, organisation, state, version, kind, content, warnings, source, created_at,
                    published_at, procedure_type, deadline, cpv, departments, document)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, text_vector($16, $17, $18, $19))
ON CONFLICT (notice_id) DO NOTHING
RETURNING notice_id

-- notice_save --
UPDATE notice
   SET state = $2, version = $3, content = $4, published_at = $5, procedure_type = $6, deadline = $7, cpv = $8,
       departments = $9, document = text_vector($10, $11, $12, $13)
 WHERE notice_id = $1

-- notice_lock --
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, published_at
  FROM notice
 WHERE notice_id = $1
   FOR UPDATE

-- notice_get --
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, published_at
  FROM notice
 WHERE notice_id = $1

-- version_add --
INSERT INTO notice_version (notice_id, version, state, content, recorded_at)
VALUES ($1, $2, $3, $4, $5)

-- versions --
SELECT version, state, content, recorded_at
  FROM notice_version
 WHERE notice_id = $1 AND (state = 'published' OR $2) AND recorded_at <= $3
 ORDER BY version

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

-- text_query --
SELECT text_query($1)::text

-- search --
-- Published notices, newest first, after a position; absent criteria are NULL. For criteria that most notices meet.
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, published_at
  FROM notice
 WHERE state = 'published'
   AND ($4::timestamptz IS NULL OR deadline >= $4)
   AND ($5::timestamptz IS NULL OR deadline <= $5)
   AND ($6::text[] IS NULL OR kind = ANY($6))
   AND ($7::text IS NULL OR organisation = $7)
   AND ($8::text IS NULL OR procedure_type = $8)
   AND ($9::uuid IS NULL OR procedure_id = $9)
   AND ($10::timestamptz IS NULL OR (published_at, notice_id) < ($10, $11::uuid))
   AND $1::text IS NULL AND $2::text[] IS NULL AND $3::text[] IS NULL
 ORDER BY published_at DESC, notice_id DESC
 LIMIT $12

-- search_selective --
-- The same with words, CPV branches or departments: what matches is found by its own index first. Otherwise the planner
-- reads the newest notices one by one, in the hope of finding the page soon: all of them, for a rare word.
WITH matching AS MATERIALIZED (
    SELECT notice_id, published_at
      FROM notice
     WHERE state = 'published'
       AND ($1::text IS NULL OR document @@ $1::text::tsquery)
       AND ($2::text[] IS NULL OR cpv && $2)
       AND ($3::text[] IS NULL OR departments && $3)
       AND ($4::timestamptz IS NULL OR deadline >= $4)
       AND ($5::timestamptz IS NULL OR deadline <= $5)
       AND ($6::text[] IS NULL OR kind = ANY($6))
       AND ($7::text IS NULL OR organisation = $7)
       AND ($8::text IS NULL OR procedure_type = $8)
       AND ($9::uuid IS NULL OR procedure_id = $9)
       AND ($10::timestamptz IS NULL OR (published_at, notice_id) < ($10, $11::uuid))
), page AS (
    SELECT notice_id, published_at
      FROM matching
     ORDER BY published_at DESC, notice_id DESC
     LIMIT $12
)
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, notice.published_at
  FROM page
  JOIN notice USING (notice_id)
 ORDER BY notice.published_at DESC, notice_id DESC

-- drafts --
-- A buyer's own notices, drafts first, newest first.
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, published_at
  FROM notice
 WHERE organisation = $1 AND state = 'draft'
   AND ($2::timestamptz IS NULL OR (created_at, notice_id) < ($2, $3::uuid))
 ORDER BY created_at DESC, notice_id DESC
 LIMIT $4

-- timeline_add --
INSERT INTO timeline (event_id, procedure_id, type, occurred_at, audience, organisation, buyer, buyer_after, summary,
                      summary_en, reference)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (event_id) DO NOTHING

-- timeline --
-- What a reader ($2, NULL for anybody) may read of a procedure, in order.
SELECT entry.event_id, entry.position, entry.type, entry.occurred_at, entry.audience, entry.summary, entry.summary_en,
       entry.reference
  FROM timeline AS entry
 WHERE entry.procedure_id = $1
   AND (entry.audience = 'public'
        OR entry.organisation = $2
        OR (entry.buyer = $2
            AND EXISTS (SELECT 1
                          FROM timeline AS later
                         WHERE later.procedure_id = entry.procedure_id AND later.type = entry.buyer_after)))
   AND ($3::timestamptz IS NULL OR (entry.occurred_at, entry.position) > ($3, $4::bigint))
 ORDER BY entry.occurred_at, entry.position
 LIMIT $5
