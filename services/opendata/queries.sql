-- insert_contract --
INSERT INTO contract (contract_id, version, state, uid, buyer, winners, procedure, contract, problems, warnings,
                      reason, reason_en, record, validated_with, notified_at, published_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (contract_id) DO NOTHING;

-- update_contract --
UPDATE contract
   SET version = $2, state = $3, contract = $4, problems = $5, warnings = $6, record = $7, validated_with = $8, published_at = $9
 WHERE contract_id = $1;

-- lock_contract --
SELECT contract_id, version, state, uid, buyer, procedure, contract, problems, warnings, reason, reason_en, record,
       validated_with, notified_at, published_at
  FROM contract
 WHERE contract_id = $1
   FOR UPDATE;

-- uid_taken --
SELECT EXISTS (SELECT 1 FROM contract WHERE uid = $1 AND state = 'published' AND contract_id <> $2);

-- page --
SELECT contract_id, version, state, uid, buyer, procedure, contract, problems, warnings, reason, reason_en, record,
       validated_with, notified_at, published_at
  FROM contract
 WHERE state = $1
   AND ($2::text IS NULL OR buyer = $2)
   AND ($3::text IS NULL OR winners @> ARRAY[$3])
   AND ($4::uuid IS NULL OR procedure = $4)
   AND (notified_at, contract_id) > ($5::timestamptz, $6::uuid)
 ORDER BY notified_at, contract_id
 LIMIT $7;

-- unpublished --
-- Of a buyer ($1): of its consultations ($2, null: all), and of others' ($3).
SELECT contract_id, version, state, uid, buyer, procedure, contract, problems, warnings, reason, reason_en, record,
       validated_with, notified_at, published_at
  FROM contract
 WHERE ((buyer = $1 AND ($2::uuid[] IS NULL OR procedure = ANY($2))) OR procedure = ANY($3::uuid[]))
   AND state IN ('pending', 'not_applicable') AND (notified_at, contract_id) > ($4::timestamptz, $5::uuid)
 ORDER BY notified_at, contract_id
 LIMIT $6;

-- by_uid --
SELECT contract_id, version, state, uid, buyer, procedure, contract, problems, warnings, reason, reason_en, record,
       validated_with, notified_at, published_at
  FROM contract
 WHERE uid = $1 AND state = 'published';

-- records --
SELECT record, notified_at, contract_id
  FROM contract
 WHERE state = 'published' AND ($1::text IS NULL OR buyer = $1)
   AND (notified_at, contract_id) > ($2, $3)
 ORDER BY notified_at, contract_id
 LIMIT $4;

-- open_process --
INSERT INTO process (ocid, procedure)
VALUES ($1, $2)
ON CONFLICT DO NOTHING;

-- lock_process --
SELECT releases, last_date
  FROM process
 WHERE ocid = $1
   FOR UPDATE;

-- advance_process --
UPDATE process
   SET releases = $2, last_date = $3
 WHERE ocid = $1;

-- insert_release --
INSERT INTO release (release_id, ocid, buyer, date, body, validated_with)
VALUES ($1, $2, $3, $4, $5, $6);

-- releases --
SELECT position, date, body, validated_with
  FROM release
 WHERE position > $1 AND ($2::text IS NULL OR buyer = $2)
 ORDER BY position
 LIMIT $3;

-- releases_of --
SELECT position, date, body, validated_with
  FROM release
 WHERE ocid = $1
 ORDER BY date;
