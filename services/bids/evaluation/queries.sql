-- add_method --
INSERT INTO scoring_method (procedure, lot, method, set_at, set_by)
VALUES ($1, $2, $3, $4, $5)

-- method --
SELECT method, step, set_at
  FROM scoring_method
 WHERE procedure = $1
   AND lot = $2
 ORDER BY step DESC
 LIMIT 1

-- add_judgement --
INSERT INTO judgement (procedure, lot, bid, verdict, reason, judged_at, judged_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- judgements --
-- The last one of each bid.
SELECT DISTINCT ON (bid) bid, verdict, reason, judged_at, step
  FROM judgement
 WHERE procedure = $1
   AND lot = $2
 ORDER BY bid, step DESC

-- add_marks --
INSERT INTO evaluator_marks (procedure, lot, evaluator, marks, given_at)
VALUES ($1, $2, $3, $4, $5)

-- marks --
-- The last ones of each evaluator.
SELECT DISTINCT ON (evaluator) evaluator, marks, given_at, step
  FROM evaluator_marks
 WHERE procedure = $1
   AND lot = $2
 ORDER BY evaluator, step DESC

-- add_scoring --
INSERT INTO scoring (id, procedure, lot, version, content, scored_at, scored_by)
SELECT $1, $2, $3, coalesce(max(version), 0) + 1, $4, $5, $6
  FROM scoring
 WHERE procedure = $2
   AND lot = $3
RETURNING version

-- scorings --
SELECT id, lot, version, step, content, scored_at
  FROM scoring
 WHERE procedure = $1
   AND lot = $2
   AND ($3::integer IS NULL OR version < $3)
 ORDER BY version DESC
 LIMIT $4

-- last_step --
-- Of what a scoring rests on.
SELECT greatest(
         (SELECT max(step) FROM scoring_method WHERE procedure = $1 AND lot = $2),
         (SELECT max(step) FROM judgement WHERE procedure = $1 AND lot = $2),
         (SELECT max(step) FROM evaluator_marks WHERE procedure = $1 AND lot = $2))

-- add_request --
INSERT INTO bidder_request (id, procedure, lot, bid, bidder, kind, text, asked_at, due_at, letter)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- find_request --
SELECT id, version, procedure, lot, bid, bidder, kind, text, asked_at, due_at, letter, state, answer, documents, answered_at,
       reason, settled_at
  FROM bidder_request
 WHERE id = $1

-- lock_request --
SELECT id, version, procedure, lot, bid, bidder, kind, text, asked_at, due_at, letter, state, answer, documents, answered_at,
       reason, settled_at
  FROM bidder_request
 WHERE id = $1
   FOR UPDATE

-- request_of_letter --
SELECT id, version, procedure, lot, bid, bidder, kind, text, asked_at, due_at, letter, state, answer, documents, answered_at,
       reason, settled_at
  FROM bidder_request
 WHERE letter = $1

-- requests_of_lot --
SELECT id, version, procedure, lot, bid, bidder, kind, text, asked_at, due_at, letter, state, answer, documents, answered_at,
       reason, settled_at
  FROM bidder_request
 WHERE procedure = $1
   AND lot = $2
 ORDER BY asked_at, id

-- save_request --
UPDATE bidder_request
   SET version = version + 1, state = $2, answer = $3, documents = $4, answered_at = $5, reason = $6, settled_at = $7
 WHERE id = $1
RETURNING version

-- decision_of_lot --
-- Where several were chosen, the row of the first in rank: each holds the whole decision.
SELECT id, bid, decision, decided_at, standstill_until, standstill_reason
  FROM award
 WHERE procedure = $1
   AND lot = $2
   AND bid = (decision ->> 'bid')::uuid

-- note_decider --
UPDATE award
   SET decided_by = $2
 WHERE id = $1
