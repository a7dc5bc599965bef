-- add_copy --
INSERT INTO backup_copy (id, procedure, purpose, medium, depositor, depositor_name, lots, received_at, registered_at,
                         registered_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- find_copy --
SELECT id, sequence, procedure, purpose, medium, depositor, depositor_name, lots, received_at, registered_at, bid, ground,
       opened_at, destroyed_at, fate
  FROM backup_copy
 WHERE id = $1

-- lock_copy --
SELECT id, sequence, procedure, purpose, medium, depositor, depositor_name, lots, received_at, registered_at, bid, ground,
       opened_at, destroyed_at, fate
  FROM backup_copy
 WHERE id = $1
   FOR UPDATE

-- copies_of --
SELECT id, sequence, procedure, purpose, medium, depositor, depositor_name, lots, received_at, registered_at, bid, ground,
       opened_at, destroyed_at, fate
  FROM backup_copy
 WHERE procedure = $1
   AND ($2::bigint IS NULL OR sequence > $2)
 ORDER BY sequence
 LIMIT $3

-- open_copy --
UPDATE backup_copy
   SET ground = $2, bid = $3, opened_at = $4, opened_by = $5
 WHERE id = $1

-- destroy_copy --
UPDATE backup_copy
   SET fate = $2, destroyed_at = $3, destroyed_by = $4
 WHERE id = $1

-- add_admission --
INSERT INTO admission (id, procedure, bid, copy, decision, reason, facts, fact, decided_at, decided_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- admissions_of --
SELECT id, sequence, procedure, bid, copy, decision, reason, facts, fact, decided_at
  FROM admission
 WHERE procedure = $1
   AND ($2::bigint IS NULL OR sequence > $2)
 ORDER BY sequence
 LIMIT $3

-- admitted_of --
-- Bids and copies of which the last decision admits them.
SELECT subject
  FROM (SELECT DISTINCT ON (coalesce(bid, copy)) coalesce(bid, copy) AS subject, decision
          FROM admission
         WHERE procedure = $1
         ORDER BY coalesce(bid, copy), sequence DESC) AS last
 WHERE decision = 'admitted'

-- first_byte --
SELECT min(at)
  FROM evidence_fact
 WHERE bid = $1
   AND kind = 'upload_started'
