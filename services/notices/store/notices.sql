-- notice_insert --
-- `document` is made from the texts, with and without accents; the content comes as the text that pydantic writes at once.
INSERT INTO notice (notice_id, procedure_id, organisation, state, version, kind, content, warnings, source, created_at,
                    published_at, sent_at, procedure_type, deadline, cpv, departments, document)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9, $10, $11, $12, $13, $14, $15, $16, text_vector($17, $18, $19, $20))
ON CONFLICT (notice_id) DO NOTHING
RETURNING notice_id

-- notice_save --
UPDATE notice
   SET state = $2, version = $3, content = $4, published_at = $5, sent_at = $6, procedure_type = $7, deadline = $8,
       cpv = $9, departments = $10, document = text_vector($11, $12, $13, $14), withheld = $15, whole = $16, reveal_at = $17
 WHERE notice_id = $1

-- notice_date_sending --
UPDATE notice SET sent_at = $2 WHERE notice_id = $1

-- notices_to_reveal --
-- Those with a withheld value whose day of disclosure came, the longest due first.
SELECT notice_id
  FROM notice
 WHERE reveal_at <= $1
 ORDER BY reveal_at
 LIMIT $2

-- notice_lock --
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, published_at,
       sent_at, withheld, whole
  FROM notice
 WHERE notice_id = $1
   FOR UPDATE

-- notice_get --
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, published_at,
       sent_at, withheld, whole
  FROM notice
 WHERE notice_id = $1

-- notices_known --
SELECT notice_id, procedure_id
  FROM notice
 WHERE notice_id = ANY ($1)

-- version_add --
INSERT INTO notice_version (notice_id, version, state, content, recorded_at)
VALUES ($1, $2, $3, $4, $5)

-- versions_first --
-- Of notices that were just written: their content need not come twice.
INSERT INTO notice_version (notice_id, version, state, content, recorded_at)
SELECT notice_id, version, state, content, COALESCE(published_at, created_at)
  FROM notice
 WHERE notice_id = ANY ($1)

-- versions --
-- The states of a notice up to an instant, those of the draft where $2 says so, from a version on.
SELECT version, state, content, recorded_at
  FROM notice_version
 WHERE notice_id = $1 AND (state = 'published' OR $2) AND recorded_at <= $3 AND version >= $4
 ORDER BY version
 LIMIT $5

-- drafts --
-- A buyer's own notices that are not public, of some consultations where $5 names them, and those shared with it ($6), newest first.
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, published_at,
       sent_at, withheld, whole
  FROM notice
 WHERE ((organisation = $1 AND ($5::uuid[] IS NULL OR procedure_id = ANY($5))) OR procedure_id = ANY($6::uuid[]))
   AND state <> 'published'
   AND ($2::timestamptz IS NULL OR (created_at, notice_id) < ($2, $3::uuid))
 ORDER BY created_at DESC, notice_id DESC
 LIMIT $4
