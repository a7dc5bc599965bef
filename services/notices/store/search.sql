-- text_query --
SELECT text_query($1)::text

-- search --
-- Published notices, newest first, after a position; absent criteria are NULL. For criteria that most notices meet.
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, published_at,
       sent_at
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
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, notice.published_at,
       sent_at
  FROM page
  JOIN notice USING (notice_id)
 ORDER BY notice.published_at DESC, notice_id DESC
