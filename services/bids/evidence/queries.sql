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

-- facts_of_bid --
-- Those of the bid, and what happened to its consultation.
SELECT id, procedure, bid, kind, at, content, batch, position
  FROM evidence_fact
 WHERE procedure = $1
   AND (bid = $2 OR bid IS NULL)
 ORDER BY sequence

-- facts_of_procedure --
SELECT id, procedure, bid, kind, at, content, batch, position
  FROM evidence_fact
 WHERE procedure = $1
 ORDER BY sequence

-- heartbeats --
-- One a minute, of whichever process.
SELECT DISTINCT ON (date_trunc('minute', at)) id, procedure, bid, kind, at, content, batch, position
  FROM evidence_fact
 WHERE procedure IS NULL
   AND kind = 'heartbeat'
   AND at BETWEEN $1 AND $2
 ORDER BY date_trunc('minute', at), at, sequence

-- incidents_between --
SELECT id, procedure, bid, kind, at, content, batch, position
  FROM evidence_fact
 WHERE procedure IS NULL
   AND kind = 'incident'
   AND (content ->> 'begins')::timestamptz <= $2
   AND ((content ->> 'ends') IS NULL OR (content ->> 'ends')::timestamptz >= $1)
 ORDER BY sequence

-- incidents --
SELECT id, procedure, bid, kind, at, content, batch, position, sequence
  FROM evidence_fact
 WHERE procedure IS NULL
   AND kind = 'incident'
   AND ($1::bigint IS NULL OR sequence < $1)
 ORDER BY sequence DESC
 LIMIT $2

-- incidents_of --
SELECT id, procedure, bid, kind, at, content, batch, position
  FROM evidence_fact
 WHERE procedure = $1
   AND kind = 'incident'
 ORDER BY sequence

-- last_hour --
SELECT max(at)
  FROM evidence_fact
 WHERE bid = $1

-- concerned --
SELECT id, depositor, depositor_name
  FROM bid
 WHERE id = ANY($1)
 ORDER BY sequence

-- consultations_near --
SELECT c.procedure, greatest(c.deadline, n.deadline) AS deadline
  FROM consultation AS c
  LEFT JOIN procedure_note AS n USING (procedure)
 WHERE greatest(c.deadline, n.deadline) BETWEEN $1 AND $2
 ORDER BY deadline, c.procedure

-- head --
SELECT number, hash
  FROM evidence_head

-- batches_after --
SELECT id, number, seed, leaves, previous, root, head, closed_at, token, stamped_at
  FROM evidence_batch
 WHERE number > $1
 ORDER BY number
 LIMIT $2

-- facts_of_batch --
SELECT id, procedure, bid, kind, at, content, batch, position
  FROM evidence_fact
 WHERE batch = $1
