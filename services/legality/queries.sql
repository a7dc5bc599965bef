-- authority --
SELECT organisation, version, department, arrondissement, nature, email, updated_at
  FROM authority
 WHERE organisation = $1;

-- save_authority --
INSERT INTO authority (organisation, version, department, arrondissement, nature, email, updated_by, updated_at)
VALUES ($1, 1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (organisation) DO UPDATE
   SET version = authority.version + 1,
       department = EXCLUDED.department,
       arrondissement = EXCLUDED.arrondissement,
       nature = EXCLUDED.nature,
       email = EXCLUDED.email,
       updated_by = EXCLUDED.updated_by,
       updated_at = EXCLUDED.updated_at
RETURNING organisation, version, department, arrondissement, nature, email, updated_at;

-- next_number --
-- The row stays locked until the act is committed: no gap, no number twice.
INSERT INTO numbering (siren, year, last)
VALUES ($1, $2, 1)
ON CONFLICT (siren, year) DO UPDATE
   SET last = numbering.last + 1
RETURNING last;

-- next_envelope --
INSERT INTO envelope_counter (day, last)
VALUES ($1, 1)
ON CONFLICT (day) DO UPDATE
   SET last = envelope_counter.last + 1
RETURNING last;

-- add_act --
INSERT INTO act (act_id, organisation, procedure, subject_id, state, version, siren, number, object, decided_on,
                 signed_at, buyer_name, buyer_department, grounds, pieces, nature, matters, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18);

-- act --
SELECT act_id, organisation, procedure, subject_id, state, version, siren, number, object, decided_on, signed_at,
       buyer_name, buyer_department, grounds, pieces, nature, matters, act_identifier, envelope, archive,
       validated_with, transmitted_at, received_on, acknowledged_at, reason, created_at
  FROM act
 WHERE act_id = $1;

-- lock_act --
SELECT act_id, organisation, procedure, subject_id, state, version, siren, number, object, decided_on, signed_at,
       buyer_name, buyer_department, grounds, pieces, nature, matters, act_identifier, envelope, archive,
       validated_with, transmitted_at, received_on, acknowledged_at, reason, created_at
  FROM act
 WHERE act_id = $1
   FOR UPDATE;

-- act_of_subject --
SELECT act_id
  FROM act
 WHERE subject_id = $1;

-- act_by_identifier --
SELECT act_id
  FROM act
 WHERE act_identifier = $1;

-- act_by_parts --
-- An anomaly names no identifier: authority, number, day and nature of the act (null: not told).
SELECT act_id
  FROM act
 WHERE number = $1
   AND decided_on = $2
   AND ($3::text IS NULL OR siren = $3)
   AND ($4::integer IS NULL OR nature = $4)
 LIMIT 2;

-- act_by_envelope --
SELECT act_id
  FROM act
 WHERE envelope = $1;

-- save_act --
UPDATE act
   SET state = $2, version = $3, act_identifier = $4, envelope = $5, archive = $6, validated_with = $7,
       transmitted_at = $8, received_on = $9, acknowledged_at = $10, reason = $11
 WHERE act_id = $1;

-- add_history --
INSERT INTO act_history (act_id, at, event, detail)
VALUES ($1, $2, $3, $4);

-- history --
SELECT at, event, detail
  FROM act_history
 WHERE act_id = $1
 ORDER BY id;

-- page --
-- Newest first, of an organisation ($1): of its consultations ($2, null: all), and of others' ($3). Each filter is off when
-- null.
SELECT act_id, organisation, procedure, subject_id, state, version, siren, number, object, decided_on, signed_at,
       buyer_name, buyer_department, grounds, pieces, nature, matters, act_identifier, envelope, archive,
       validated_with, transmitted_at, received_on, acknowledged_at, reason, created_at
  FROM act
 WHERE ((organisation = $1 AND ($2::uuid[] IS NULL OR procedure = ANY($2))) OR procedure = ANY($3::uuid[]))
   AND ($4::text IS NULL OR state = $4)
   AND ($5::uuid IS NULL OR subject_id = $5)
   AND ($6::timestamptz IS NULL OR (created_at, act_id) < ($6, $7::uuid))
 ORDER BY created_at DESC, act_id DESC
 LIMIT $8;

-- add_exemption --
INSERT INTO exemption (exemption_id, organisation, procedure, subject_id, reason, decided_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (subject_id) DO NOTHING
RETURNING exemption_id;

-- exemptions --
-- As `page`.
SELECT exemption_id, organisation, procedure, subject_id, reason, decided_at
  FROM exemption
 WHERE ((organisation = $1 AND ($2::uuid[] IS NULL OR procedure = ANY($2))) OR procedure = ANY($3::uuid[]))
   AND ($4::uuid IS NULL OR subject_id = $4)
   AND ($5::timestamptz IS NULL OR (decided_at, exemption_id) < ($5, $6::uuid))
 ORDER BY decided_at DESC, exemption_id DESC
 LIMIT $7;

-- add_return --
INSERT INTO state_return (return_id, sha256, name, document, received_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (sha256) DO NOTHING
RETURNING return_id;

-- return_of_content --
SELECT return_id
  FROM state_return
 WHERE sha256 = $1;

-- add_message --
INSERT INTO state_message (return_id, act_id, file, element, code, content, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- messages_of_return --
SELECT return_id, act_id, file, element, code, content, outcome
  FROM state_message
 WHERE return_id = $1
 ORDER BY message_id;

-- messages_of_act --
SELECT return_id, act_id, file, element, code, content, outcome
  FROM state_message
 WHERE act_id = $1
 ORDER BY message_id;

-- classification --
SELECT dated
  FROM classification
 WHERE siren = $1;

-- save_classification --
INSERT INTO classification (siren, dated, told_at)
VALUES ($1, $2, $3)
ON CONFLICT (siren) DO UPDATE
   SET dated = greatest(classification.dated, EXCLUDED.dated),
       told_at = EXCLUDED.told_at;
