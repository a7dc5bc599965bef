-- keep_notice --
-- An older version never replaces a newer one; gives nothing then.
INSERT INTO notice (notice_id, version, procedure, kind, title, buyer_name, cpv, departments, deadline, published_at, buyer, about)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (notice_id) DO UPDATE
   SET version = EXCLUDED.version, kind = EXCLUDED.kind, title = EXCLUDED.title, buyer_name = EXCLUDED.buyer_name,
       cpv = EXCLUDED.cpv, departments = EXCLUDED.departments, deadline = EXCLUDED.deadline, buyer = EXCLUDED.buyer
 WHERE notice.version < EXCLUDED.version
RETURNING notice_id;

-- keep_said --
INSERT INTO notice_said (notice_id, version, phase, published_at, said, features)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (notice_id) DO UPDATE
   SET version = EXCLUDED.version, phase = EXCLUDED.phase, said = EXCLUDED.said, features = EXCLUDED.features;

-- have_matched --
-- A newer version is held against all searches again.
INSERT INTO to_match (notice_id, version)
VALUES ($1, $2)
ON CONFLICT (notice_id) DO UPDATE
   SET version = EXCLUDED.version, done = 0;

-- wake_matching --
SELECT pg_notify('matching', '');

-- last_notice --
-- What an answer is about: the last notice of its procedure, its award if there is no other.
SELECT notice_id, procedure, title, buyer_name, cpv, departments, deadline, buyer, said
  FROM notice
  JOIN notice_said USING (notice_id)
 WHERE procedure = $1 AND about IS NULL
 ORDER BY kind = 'award', notice.published_at DESC, notice_id
 LIMIT 1;

-- keep_early --
INSERT INTO early_answer (answer_id, procedure, version, published_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (answer_id) DO UPDATE
   SET version = greatest(early_answer.version, EXCLUDED.version);

-- take_early --
-- Early answers of which a notice has come since.
DELETE FROM early_answer
 WHERE answer_id IN (SELECT answer_id
                       FROM early_answer
                      WHERE EXISTS (SELECT 1
                                      FROM notice
                                      JOIN notice_said USING (notice_id)
                                     WHERE notice.procedure = early_answer.procedure AND about IS NULL)
                      LIMIT $1
                        FOR UPDATE SKIP LOCKED)
RETURNING answer_id, procedure, version, published_at;

-- waiting --
-- Notices that some of these slots ($1, a bit each) were not held against yet, oldest first.
SELECT notice_id, to_match.version, notice.procedure, kind, title, buyer, phase, deadline, notice_said.published_at, said
  FROM to_match
  JOIN notice USING (notice_id)
  JOIN notice_said USING (notice_id)
 WHERE done & $1::integer <> $1
 ORDER BY queued_at, notice_id
 LIMIT $2;

-- lock_waiting --
-- The slots that were held against a notice, nothing when another version came or all were. Others wait for our end.
SELECT done
  FROM to_match
 WHERE notice_id = $1 AND version = $2
   FOR UPDATE;

-- mark_matched --
UPDATE to_match
   SET done = $2
 WHERE notice_id = $1;

-- forget_waiting --
DELETE FROM to_match
 WHERE notice_id = $1;

-- oldest_waiting --
SELECT count(*) AS notices, coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8 AS seconds
  FROM to_match;

-- keep_matches --
-- Of criteria that are still there; those known stay as they are.
INSERT INTO match (criteria_id, notice_id, notice_version, reasons, matched_at)
SELECT criteria_id, $2::uuid, $3::integer, reasons::jsonb, $5::timestamptz
  FROM unnest($1::uuid[], $4::text[]) AS found (criteria_id, reasons)
  JOIN criteria USING (criteria_id)
ON CONFLICT DO NOTHING;

-- searched_between --
-- Criteria that somebody searches for, of a span of identifiers: a slot is the first digit of them.
SELECT criteria_id, definition::text AS definition
  FROM criteria
 WHERE criteria_id > $1 AND criteria_id <= $2
   AND EXISTS (SELECT 1 FROM search WHERE search.criteria_id = criteria.criteria_id AND NOT paused)
 ORDER BY criteria_id
 LIMIT $3;

-- searched_among --
SELECT criteria_id, definition::text AS definition
  FROM criteria
 WHERE criteria_id = ANY ($1::uuid[])
   AND EXISTS (SELECT 1 FROM search WHERE search.criteria_id = criteria.criteria_id AND NOT paused);

-- horizon --
-- The oldest transaction that is not over: what every later look has to go on from.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- changes --
-- What changed in transactions that were not over at the last look, but what was read already; and the new horizon.
SELECT horizon::text::bigint AS horizon, change_id, criteria_id, changed_by::text::bigint AS changed_by
  FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS horizon) AS now
  LEFT JOIN LATERAL (
        SELECT change_id, criteria_id, changed_by
          FROM criteria_change
         WHERE changed_by >= $1::text::xid8 AND change_id <> ALL ($2::bigint[])
         LIMIT $3) AS change ON true;

-- forget_changes --
DELETE FROM criteria_change
 WHERE changed_at < clock_timestamp() - $1::interval;

-- newest_said --
SELECT phase, published_at, NULL::timestamptz AS deadline, said
  FROM notice_said
 ORDER BY published_at DESC
 LIMIT $1;

-- previewed --
-- Notices since a time that have a feature of each of three groups, newest first.
SELECT notice_id, coalesce(about, notice_id) AS shown, procedure, title, buyer_name, departments, deadline, phase,
       notice_said.published_at, said
  FROM notice_said
  JOIN notice USING (notice_id)
 WHERE notice_said.published_at >= $1 AND phase = ANY ($2::text[])
   AND features && $3::integer[] AND features && $4::integer[] AND features && $5::integer[]
 ORDER BY notice_said.published_at DESC, notice_id DESC
 LIMIT $6;

-- previewed_since --
SELECT notice_id, coalesce(about, notice_id) AS shown, procedure, title, buyer_name, departments, deadline, phase,
       notice_said.published_at, said
  FROM notice_said
  JOIN notice USING (notice_id)
 WHERE notice_said.published_at >= $1 AND phase = ANY ($2::text[])
 ORDER BY notice_said.published_at DESC, notice_id DESC
 LIMIT $3;

-- forget_features --
-- Of notices that are too old for previews.
UPDATE notice_said
   SET features = NULL
 WHERE notice_id IN (SELECT notice_id FROM notice_said WHERE published_at < $1 AND features IS NOT NULL LIMIT $2);

-- forget_notices --
-- Notices that ended before a time, with what they matched, but those of procedures that somebody follows.
WITH old AS MATERIALIZED (
    SELECT notice_id
      FROM notice
     WHERE published_at < $1 AND (deadline IS NULL OR deadline < $1)
       AND NOT EXISTS (SELECT 1 FROM follow WHERE follow.procedure = notice.procedure)
     LIMIT $2
       FOR UPDATE SKIP LOCKED
), opinions AS (
    DELETE FROM feedback USING old WHERE feedback.notice_id = old.notice_id
), entries AS (
    DELETE FROM digest_entry USING old WHERE digest_entry.notice_id = old.notice_id
), matches AS (
    DELETE FROM match USING old WHERE match.notice_id = old.notice_id
)
DELETE FROM notice USING old WHERE notice.notice_id = old.notice_id;

-- forget_early --
DELETE FROM early_answer
 WHERE published_at < $1;
