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
