-- question_add --
INSERT INTO question (question_id, procedure_id, version, state, organisation, person, name, asked, asked_at, late)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- question_save --
UPDATE question
   SET version = $2, state = $3, question = $4, answer = $5, first_answered_at = $6, answered_at = $7
 WHERE question_id = $1

-- question_lock --
SELECT question_id, procedure_id, version, state, organisation, person, name, asked, asked_at, late, question, answer,
       first_answered_at, answered_at
  FROM question
 WHERE question_id = $1
   FOR UPDATE

-- question_get --
SELECT question_id, procedure_id, version, state, organisation, person, name, asked, asked_at, late, question, answer,
       first_answered_at, answered_at
  FROM question
 WHERE question_id = $1

-- questions_received --
-- Those of a procedure, oldest first.
SELECT question_id, procedure_id, version, state, organisation, person, name, asked, asked_at, late, question, answer,
       first_answered_at, answered_at
  FROM question
 WHERE procedure_id = $1 AND (asked_at, question_id) > ($2::timestamptz, $3::uuid)
 ORDER BY asked_at, question_id
 LIMIT $4

-- questions_public --
-- Those of a procedure that are answered, in the order of their first answer: nothing of when they were asked.
SELECT question_id, procedure_id, version, state, organisation, person, name, asked, asked_at, late, question, answer,
       first_answered_at, answered_at
  FROM question
 WHERE procedure_id = $1 AND state = 'answered' AND (first_answered_at, question_id) > ($2::timestamptz, $3::uuid)
 ORDER BY first_answered_at, question_id
 LIMIT $4

-- questions_own --
-- Those of an organisation, newest first.
SELECT question_id, procedure_id, version, state, organisation, person, name, asked, asked_at, late, question, answer,
       first_answered_at, answered_at
  FROM question
 WHERE organisation = $1 AND (asked_at, question_id) < ($2::timestamptz, $3::uuid)
 ORDER BY asked_at DESC, question_id DESC
 LIMIT $4

-- questions_count --
SELECT count(*)
  FROM question
 WHERE procedure_id = $1 AND organisation = $2

-- closing_get --
SELECT closes_at
  FROM question_closing
 WHERE procedure_id = $1

-- closing_set --
INSERT INTO question_closing (procedure_id, closes_at, set_at)
VALUES ($1, $2, $3)
ON CONFLICT (procedure_id) DO UPDATE
   SET closes_at = EXCLUDED.closes_at, set_at = EXCLUDED.set_at

-- closing_forget --
DELETE FROM question_closing
 WHERE procedure_id = $1

-- forget_old --
-- Who asked, so long after the deadline; the questions stay. What they wrote themselves goes with their name.
UPDATE question
   SET organisation = NULL, person = NULL, name = NULL, asked = coalesce(question, '')
 WHERE question_id = ANY (ARRAY (SELECT question_id
                                   FROM question
                                   JOIN procedure USING (procedure_id)
                                  WHERE question.organisation IS NOT NULL
                                    AND greatest(coalesce(deadline, asked_at), asked_at) < $1
                                  LIMIT $2))
