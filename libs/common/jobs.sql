-- write --
INSERT INTO job (kind, key, payload, due_at, cause, traceparent)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (kind, key) DO NOTHING;

-- wake --
SELECT pg_notify('job', '');

-- claim --
-- Due jobs of the kinds we know, as many of each as there is room for ($3), oldest first, leased to us; safe with any
-- number of workers. A lease still there when it has run out is that of a worker that died.
WITH due AS MATERIALIZED (
    SELECT mine.id
      FROM unnest($2::text[], $3::integer[]) AS known (kind, room)
     CROSS JOIN LATERAL (
           SELECT id, due_at, created_at
             FROM job
            WHERE kind = known.kind AND state = 'waiting' AND due_at <= $1 AND not_before <= now()
            ORDER BY due_at, created_at
            LIMIT greatest(known.room, 0)
              FOR UPDATE SKIP LOCKED) AS mine
     ORDER BY mine.due_at, mine.created_at
     LIMIT $4
)
UPDATE job
   SET lease = gen_random_uuid(), not_before = now() + $5,
       attempts = attempts + 1, crashes = crashes + (lease IS NOT NULL)::integer
  FROM due
 WHERE job.id = due.id
RETURNING job.id, kind, key, payload, attempts, crashes, cause, traceparent, lease;

-- keep --
UPDATE job
   SET not_before = now() + $2
 WHERE lease = ANY ($1::uuid[]) AND state = 'waiting';

-- finish --
UPDATE job
   SET state = 'done', lease = NULL, last_error = NULL, finished_at = now()
 WHERE id = $1 AND lease = $2 AND state = 'waiting';

-- postpone --
-- The delay is only ever lengthened: workers that failed together do not come back together.
UPDATE job
   SET lease = NULL, not_before = now() + $3::interval * (1 + random() * 0.2), last_error = $4
 WHERE id = $1 AND lease = $2 AND state = 'waiting';

-- bury --
UPDATE job
   SET state = 'dead', lease = NULL, last_error = $3, finished_at = now()
 WHERE id = $1 AND lease = $2 AND state = 'waiting';

-- hand_back --
UPDATE job
   SET lease = NULL, not_before = now(), attempts = attempts - 1
 WHERE id = $1 AND lease = $2 AND state = 'waiting';

-- prune --
DELETE FROM job
 WHERE id = ANY (ARRAY (SELECT id
                          FROM job
                         WHERE state = 'done' AND finished_at < now() - $1::interval
                         ORDER BY finished_at
                         LIMIT $2
                           FOR UPDATE SKIP LOCKED));

-- count --
SELECT state, count(*) AS jobs
  FROM job
 WHERE state <> 'done'
 GROUP BY state;

-- oldest --
-- How long the oldest job that could be done waits for a worker: neither before its time, nor in a backoff, nor in hand.
SELECT coalesce(max(least(extract(epoch FROM now() - not_before), extract(epoch FROM $1 - due_at))), 0)::float8
  FROM job
 WHERE state = 'waiting' AND due_at <= $1 AND not_before <= now();

-- page --
SELECT id, kind, key, state, attempts, crashes, due_at, not_before, lease IS NOT NULL AS running, last_error,
       created_at, finished_at
  FROM job
 WHERE state = $1 AND ($2::text IS NULL OR kind = $2) AND (created_at, id) > ($3::timestamptz, $4::uuid)
 ORDER BY created_at, id
 LIMIT $5;

-- find --
SELECT id, kind, key, state, attempts, crashes, due_at, not_before, lease IS NOT NULL AS running, last_error,
       created_at, finished_at
  FROM job
 WHERE id = $1;

-- revive_many --
-- Those that died before $1, the oldest first.
UPDATE job
   SET state = 'waiting', attempts = 0, crashes = 0, not_before = now(), finished_at = NULL
 WHERE id = ANY (ARRAY (SELECT id
                          FROM job
                         WHERE state = 'dead' AND finished_at <= $1 AND ($2::text IS NULL OR kind = $2)
                         ORDER BY finished_at
                         LIMIT $3
                           FOR UPDATE SKIP LOCKED))
RETURNING id;

-- now --
SELECT now();

-- revive --
UPDATE job
   SET state = 'waiting', attempts = 0, crashes = 0, not_before = now(), finished_at = NULL
 WHERE id = $1 AND state = 'dead'
RETURNING kind, key;
