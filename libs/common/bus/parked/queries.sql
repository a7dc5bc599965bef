-- What operators ask of the parked messages, and do with them.

-- list --
SELECT id, queue, key, message_id, type, state, attempts, reason, detail, due_at, first_at, changed_at
  FROM parked
 WHERE id > $1 AND state = ANY ($2)
   AND ($3::text IS NULL OR queue = $3)
   AND ($4::text IS NULL OR type = $4)
   AND ($5::text IS NULL OR reason = $5)
   AND ($6::text IS NULL OR key = $6)
 ORDER BY id
 LIMIT $7;

-- groups --
SELECT queue, type, reason, state, count(*) AS messages, min(first_at) AS first_at, max(changed_at) AS changed_at
  FROM parked
 WHERE state IN ('retrying', 'held', 'parked')
 GROUP BY queue, type, reason, state
 ORDER BY messages DESC, queue, type, reason, state
 LIMIT $1;

-- read --
SELECT id, queue, key, message_id, type, state, attempts, reason, detail, due_at, first_at, changed_at, body
  FROM parked
 WHERE id = $1;

-- alone --
-- Two operators at once: one after the other.
SELECT pg_advisory_xact_lock(hashtext('halles.parked'));

-- now --
SELECT now();

-- lock --
SELECT id, queue, key, message_id, state, reason FROM parked WHERE id = $1 FOR UPDATE;

-- select --
-- The next ones that failed (not those behind them, unless asked for), among what was parked before $1.
SELECT id, queue, key, message_id
  FROM parked
 WHERE state = 'parked' AND changed_at <= $1
   AND ($2::text IS NULL OR queue = $2)
   AND ($3::text IS NULL OR type = $3)
   AND reason = coalesce($4, reason) AND ($4 IS NOT NULL OR reason <> 'behind')
   AND ($5::text IS NULL OR key = $5)
   AND reason <> ALL ($6::text[])
 ORDER BY id
 LIMIT $7
   FOR UPDATE;

-- lock_keys --
-- Before their rows are changed: whoever holds one more behind them (see `hold`) is done then, and the change finds it.
SELECT p.id
  FROM parked AS p
  JOIN (SELECT DISTINCT queue, key FROM unnest($1::text[], $2::text[]) AS given (queue, key)) AS k USING (queue, key)
 WHERE p.state = 'parked'
 ORDER BY p.id
   FOR UPDATE OF p;

-- replay_keys --
-- Whole keys, in order: those that failed are tried again, those behind follow them. Due at once.
UPDATE parked AS p
   SET state    = CASE WHEN p.reason = 'behind' THEN 'held' ELSE 'retrying' END,
       attempts = 0, changed_at = now(), due_at = '-infinity', swept_at = NULL
  FROM (SELECT DISTINCT queue, key FROM unnest($1::text[], $2::text[]) AS given (queue, key)) AS k
 WHERE p.queue = k.queue AND p.key = k.key AND p.state = 'parked'
RETURNING p.id;

-- replay --
-- Those that have no key, or are not parked but wait for their next attempt.
UPDATE parked
   SET state = 'retrying', attempts = 0, changed_at = now(), due_at = '-infinity', swept_at = NULL
 WHERE id = ANY ($1::bigint[])
   AND (state = 'parked' OR (state = 'retrying' AND due_at > '-infinity'))
RETURNING id;

-- never_handle --
-- A late second delivery of what was discarded must not be handled. Sorted, as consumers do.
INSERT INTO inbox (consumer, message_id)
SELECT queue, message_id FROM unnest($1::text[], $2::uuid[]) AS given (queue, message_id)
 WHERE message_id IS NOT NULL
 ORDER BY queue, message_id
ON CONFLICT DO NOTHING;

-- discard --
UPDATE parked SET state = 'discarded', resolved_by = $2, changed_at = now(), due_at = NULL WHERE id = ANY ($1::bigint[]);

-- release_followers --
-- Those that were parked only because they were behind, and are behind nothing parked any more.
UPDATE parked AS p
   SET state = 'held', changed_at = now(), due_at = '-infinity', swept_at = NULL
  FROM (SELECT DISTINCT queue, key FROM unnest($1::text[], $2::text[]) AS given (queue, key)) AS k
 WHERE p.queue = k.queue AND p.key = k.key AND p.state = 'parked' AND p.reason = 'behind'
   AND NOT EXISTS (SELECT FROM parked AS q
                    WHERE q.queue = p.queue AND q.key = p.key AND q.id < p.id
                      AND q.state = 'parked' AND q.reason <> 'behind');

-- wake --
SELECT pg_notify('parked', '');
