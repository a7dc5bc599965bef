-- search --
-- Published notices, newest first, after a position; absent criteria are NULL. For criteria that most notices meet.
SELECT notice_id
  FROM notice
 WHERE state = 'published'
   AND ($4::timestamptz IS NULL OR deadline >= $4)
   AND ($5::timestamptz IS NULL OR deadline <= $5)
   AND ($6::text[] IS NULL OR kind = ANY($6))
   AND ($7::text[] IS NULL OR organisation = ANY($7))
   AND ($8::text[] IS NULL OR procedure_type = ANY($8))
   AND ($9::uuid[] IS NULL OR procedure_id = ANY($9))
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
       AND ($7::text[] IS NULL OR organisation = ANY($7))
       AND ($8::text[] IS NULL OR procedure_type = ANY($8))
       AND ($9::uuid[] IS NULL OR procedure_id = ANY($9))
       AND ($10::timestamptz IS NULL OR (published_at, notice_id) < ($10, $11::uuid))
)
SELECT notice_id
  FROM matching
 ORDER BY published_at DESC, notice_id DESC
 LIMIT $12

-- notices --
SELECT notice_id, procedure_id, organisation, state, version, content, warnings, source, created_at, published_at, sent_at,
       deadline, withheld, whole
  FROM notice
 WHERE notice_id = ANY($1) AND state = 'published'

-- rows --
-- What is indexed of these published notices, or of so many behind an identifier, in the order of their identifiers. A
-- procedure is where the public knows it to be; of one written before its states were kept, no award is told.
SELECT notice_id, procedure_id, organisation, published_at, deadline, content,
       coalesce((SELECT public_state
                   FROM procedure_version AS recorded
                  WHERE recorded.procedure_id = notice.procedure_id
                  ORDER BY recorded.version DESC
                  LIMIT 1),
                (SELECT CASE WHEN state IN ('draft', 'planned', 'open') THEN state ELSE 'closed' END
                   FROM procedure
                  WHERE procedure.procedure_id = notice.procedure_id)) AS procedure_state
  FROM notice
 WHERE state = 'published'
   AND notice_id = ANY(coalesce($1::uuid[],
                                ARRAY(SELECT notice_id
                                        FROM notice
                                       WHERE state = 'published' AND ($2::uuid IS NULL OR notice_id > $2)
                                       ORDER BY notice_id
                                       LIMIT $3)))
 ORDER BY notice_id

-- horizon --
-- The oldest transaction that is not over: what every later look has to go on from.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint

-- changes --
-- What changed in transactions that were not over at the last look, but what was read already; and the new horizon.
SELECT horizon::text::bigint AS horizon, change_id, notice_id, changed_by::text::bigint AS changed_by
  FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS horizon) AS now
  LEFT JOIN LATERAL (
        SELECT change_id, notice_id, changed_by
          FROM notice_change
         WHERE changed_by >= $1::text::xid8 AND change_id <> ALL($2::bigint[])
         LIMIT $3) AS change ON true

-- forget_changes --
DELETE FROM notice_change WHERE changed_at < now() - $1::interval

-- buyer_names --
-- How the buyers call themselves in their newest notice.
SELECT organisation, name
  FROM unnest($1::text[]) AS wanted (organisation)
 CROSS JOIN LATERAL (
        SELECT content -> 'buyer' ->> 'name' AS name
          FROM notice
         WHERE notice.organisation = wanted.organisation AND state = 'published'
         ORDER BY published_at DESC, notice_id DESC
         LIMIT 1) AS newest
