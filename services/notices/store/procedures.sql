-- procedure_ensure --
-- The procedure of a notice, made when it is new.
INSERT INTO procedure (procedure_id, organisation, state, version, title, created_at)
VALUES ($1, $2, 'draft', 1, $3, $4)
ON CONFLICT (procedure_id) DO NOTHING

-- procedure_lock --
SELECT procedure_id, organisation, state, version, title, formal, deadline, notice_id, text_id, lots, lot_states,
       created_at, closed_at, suspended_at, standing
  FROM procedure
 WHERE procedure_id = $1
   FOR UPDATE

-- procedure_get --
SELECT procedure_id, organisation, state, version, title, formal, deadline, notice_id, text_id, lots, lot_states,
       created_at, closed_at, suspended_at, standing
  FROM procedure
 WHERE procedure_id = $1

-- procedure_save --
-- The procedure, and the version it is at from now on.
WITH saved AS (
    UPDATE procedure
       SET state = $2, version = $3, title = $4, formal = $5, deadline = $6, notice_id = $7, lots = $8, closed_at = $9,
           lot_states = $10, text_id = $11, suspended_at = $12, standing = $13, next_deadline = $14
     WHERE procedure_id = $1
)
INSERT INTO procedure_version (procedure_id, version, state, public_state, title, deadline, lots, text_id, recorded_at)
VALUES ($1, $3, $2, $15, $4, $6, $10, $11, $16)

-- procedures_due --
-- Open procedures that have something to close, oldest first; safe with any number of workers.
SELECT procedure_id, organisation, state, version, title, formal, deadline, notice_id, text_id, lots, lot_states,
       created_at, closed_at, suspended_at, standing
  FROM procedure
 WHERE state = 'open' AND coalesce(next_deadline, deadline) <= $1
 ORDER BY coalesce(next_deadline, deadline)
 LIMIT $2
   FOR UPDATE SKIP LOCKED

-- procedure_notices --
-- The notices of a procedure after a position, oldest first, drafts too where $2 says so.
SELECT notice_id, kind, state, published_at, content ->> 'title' AS title, coalesce(published_at, created_at) AS at
  FROM notice
 WHERE procedure_id = $1
   AND (state = 'published' OR $2)
   AND ($3::timestamptz IS NULL OR (coalesce(published_at, created_at), notice_id) > ($3, $4::uuid))
 ORDER BY coalesce(published_at, created_at), notice_id
 LIMIT $5

-- procedure_versions --
-- The states of a procedure up to an instant, from a version on.
SELECT version, state, public_state, title, deadline, lots, text_id, recorded_at
  FROM procedure_version
 WHERE procedure_id = $1 AND recorded_at <= $2 AND version >= $3
 ORDER BY version
 LIMIT $4

-- procedure_version_at --
-- The state of a procedure at an instant.
SELECT version, state, public_state, title, deadline, lots, text_id, recorded_at
  FROM procedure_version
 WHERE procedure_id = $1 AND recorded_at <= $2
 ORDER BY version DESC
 LIMIT 1

-- contract_notices --
-- The public notices of a procedure that tell of the contract of a lot, as their buyer wrote them, oldest first; whether what
-- they withhold lets the public read them whole. Not those of a notice itself ($3).
SELECT notice_id, coalesce(whole, content) AS content, whole IS NULL AS is_whole
  FROM notice
 WHERE procedure_id = $1
   AND state = 'published'
   AND notice_id <> $3
   AND coalesce(whole, content) @> jsonb_build_object('results', jsonb_build_array(jsonb_build_object('lot_id', $2::text)))
   AND kind IN ('award', 'change')
 ORDER BY published_at, notice_id

-- procedure_texts --
SELECT notice_id, content
  FROM notice
 WHERE notice_id = ANY($1::uuid[])
