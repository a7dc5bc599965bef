-- circuit --
SELECT organisation, version, steps, updated_at
  FROM circuit
 WHERE organisation = $1;

-- save_circuit --
INSERT INTO circuit (organisation, version, steps, updated_by, updated_at)
VALUES ($1, 1, $2, $3, $4)
ON CONFLICT (organisation) DO UPDATE
   SET version = circuit.version + 1,
       steps = EXCLUDED.steps,
       updated_by = EXCLUDED.updated_by,
       updated_at = EXCLUDED.updated_at
RETURNING organisation, version, steps, updated_at;

-- add_request --
INSERT INTO request (request_id, organisation, procedure, subject_id, title, state, version,
                     submitted, document, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- request --
SELECT request_id, organisation, procedure, subject_id, title, state, version, submitted, document,
       reason, verification, created_at, closed_at
  FROM request
 WHERE request_id = $1;

-- lock_request --
SELECT request_id, organisation, procedure, subject_id, title, state, version, submitted, document,
       reason, verification, created_at, closed_at
  FROM request
 WHERE request_id = $1
   FOR UPDATE;

-- lock_alive --
-- The request of a subject that is not closed, if there is one.
SELECT request_id, organisation, procedure, subject_id, title, state, version, submitted, document,
       reason, verification, created_at, closed_at
  FROM request
 WHERE subject_id = $1
   AND state IN ('received', 'blocked', 'open', 'completing')
   FOR UPDATE;

-- steps --
SELECT request_id, number, action, person, function, done_at, done_by
  FROM step
 WHERE request_id = ANY($1::uuid[])
 ORDER BY request_id, number;

-- history --
SELECT at, event, step, detail
  FROM history
 WHERE request_id = $1
 ORDER BY id;

-- save_request --
UPDATE request
   SET state = $2, version = $3, document = $4, reason = $5, verification = $6, closed_at = $7
 WHERE request_id = $1;

-- save_step --
INSERT INTO step (request_id, number, action, person, function, done_at, done_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (request_id, number) DO UPDATE
   SET done_at = EXCLUDED.done_at, done_by = EXCLUDED.done_by;

-- add_history --
INSERT INTO history (request_id, at, event, step, detail)
VALUES ($1, $2, $3, $4, $5);

-- page --
-- Newest first, of an organisation ($1): of its consultations ($2, null: all), and of others' ($3). Each filter is off when
-- null; $6: the persons one of whose turn it is.
SELECT r.request_id, r.organisation, r.procedure, r.subject_id, r.title, r.state, r.version, r.submitted, r.document,
       r.reason, r.verification, r.created_at, r.closed_at
  FROM request r
 WHERE ((r.organisation = $1 AND ($2::uuid[] IS NULL OR r.procedure = ANY($2))) OR r.procedure = ANY($3::uuid[]))
   AND ($4::text IS NULL OR r.state = $4)
   AND ($5::uuid IS NULL OR r.subject_id = $5)
   AND ($6::text[] IS NULL OR (r.state = 'open' AND (
           SELECT s.person
             FROM step s
            WHERE s.request_id = r.request_id AND s.done_at IS NULL
            ORDER BY s.number
            LIMIT 1) = ANY($6)))
   AND ($7::timestamptz IS NULL OR (r.created_at, r.request_id) < ($7, $8::uuid))
 ORDER BY r.created_at DESC, r.request_id DESC
 LIMIT $9;

-- add_preparation --
INSERT INTO preparation (preparation_id, request_id, number, person, base_sha256, document_key, digest,
                         place_start, place_end, attributes, certificate, chain, algorithm, prepared_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- last_preparation --
SELECT preparation_id, request_id, number, person, base_sha256, document_key, digest,
       place_start, place_end, attributes, certificate, chain, algorithm, signature
  FROM preparation
 WHERE request_id = $1 AND number = $2 AND person = $3
 ORDER BY prepared_at DESC, preparation_id
 LIMIT 1;

-- preparation --
SELECT preparation_id, request_id, number, person, base_sha256, document_key, digest,
       place_start, place_end, attributes, certificate, chain, algorithm, signature
  FROM preparation
 WHERE preparation_id = $1;

-- keep_signature --
UPDATE preparation
   SET signature = $2
 WHERE preparation_id = $1;
