-- record --
INSERT INTO evidence_fact (id, procedure, bid, kind, at, content)
VALUES ($1, $2, $3, $4, $5, $6)

-- ring --
-- Reaches the others with the commit.
SELECT pg_notify('evidence', '')

-- lock_head --
SELECT number, hash
  FROM evidence_head
   FOR UPDATE

-- move_head --
UPDATE evidence_head
   SET number = $1, hash = $2

-- waiting --
SELECT id, procedure, bid, kind, at, content, batch, position
  FROM evidence_fact
 WHERE batch IS NULL
 ORDER BY sequence
 LIMIT $1

-- due --
SELECT EXISTS (SELECT
                 FROM evidence_fact
                WHERE batch IS NULL
                  AND (kind <> ALL($1) OR recorded_at < now() - interval '10 minutes'))

-- add_batch --
INSERT INTO evidence_batch (id, number, seed, leaves, previous, root, head, closed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- place_facts --
UPDATE evidence_fact AS fact
   SET batch = $1, position = placed.position
  FROM unnest($2::uuid[], $3::integer[]) AS placed (id, position)
 WHERE fact.id = placed.id

-- stamp_batch --
UPDATE evidence_batch
   SET token = $2, stamped_at = $3
 WHERE id = $1
   AND token IS NULL

-- unstamped --
-- Real time: those whose closer had its time to stamp them.
SELECT id, number, seed, leaves, previous, root, head, closed_at, token, stamped_at
  FROM evidence_batch
 WHERE token IS NULL
   AND recorded_at < now() - interval '20 seconds'
 ORDER BY number
 LIMIT $1

-- stamped_facts --
SELECT fact.id
  FROM evidence_fact AS fact
  JOIN evidence_batch AS batch ON batch.id = fact.batch
 WHERE fact.id = ANY($1)
   AND batch.token IS NOT NULL

-- find_fact --
SELECT id, procedure, bid, kind, at, content, batch, position
  FROM evidence_fact
 WHERE id = $1

-- batches --
SELECT id, number, seed, leaves, previous, root, head, closed_at, token, stamped_at
  FROM evidence_batch
 WHERE id = ANY($1)
