-- The SQL of the publisher.

-- shards --
SELECT shard FROM publisher ORDER BY shard;

-- join_shares --
-- Held by every process that may publish, so that each knows how many there are. $1: the lock's class.
SELECT pg_advisory_lock_shared($1, -1);

-- shares --
-- How many may publish, and the shards that somebody leads. Of this database: each service has its own.
SELECT count(*) FILTER (WHERE mode = 'ShareLock')::int                                   AS members,
       coalesce(array_agg(objid::int) FILTER (WHERE mode = 'ExclusiveLock'), '{}')::int[] AS led
  FROM pg_locks
 WHERE locktype = 'advisory' AND granted AND classid = $1::bigint::oid
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database());

-- take_shard --
SELECT pg_try_advisory_lock($1, $2);

-- leave_shard --
SELECT pg_advisory_unlock($1, $2);

-- take_over --
UPDATE publisher SET epoch = epoch + 1 WHERE shard = ANY ($1::int[]) RETURNING shard, epoch, position;

-- window --
-- The next events of some shards, each behind its own position. $1: read from; $2: how many positions at most;
-- $3, $4: shards and how far each went; $5: number of all shards. The hash of the key is the same for ever: one that
-- changed would let a shard pass over events of another.
-- Both ends of the span are plain parameters: what is read does not grow with the backlog. The hash is computed once a
-- row, whatever the plan: joined to the shards, a long log made PostgreSQL choose a nested loop and hash eight times.
-- Behind so many bytes ($6), bodies are left out: the reader ends there.
SELECT least(head.position, $1::bigint + $2::bigint) AS upto,
       page.position, page.event_id, page.type, page.key, CASE WHEN page.before < $6::bigint THEN page.body END AS body,
       page.behind, page.shard
  FROM event_head AS head
  LEFT JOIN (
       SELECT e.position, e.event_id, e.type, e.key, e.body, of.shard,
              sum(octet_length(e.body)) OVER (ORDER BY e.position) - octet_length(e.body) AS before,
              EXISTS (SELECT FROM set_aside AS s WHERE s.shard = of.shard AND s.key = e.key) AS behind
         FROM event AS e
        CROSS JOIN LATERAL (SELECT get_byte(sha256(convert_to(e.key, 'UTF8')), 0) % $5::int AS shard OFFSET 0) AS of
        WHERE e.position > $1 AND e.position <= $1 + $2
          AND e.position > ($4::bigint[])[array_position($3::int[], of.shard)]) AS page ON true
 ORDER BY page.position;

-- advance --
-- Nothing moves where another leads now: the caller counts the rows.
UPDATE publisher AS p SET position = greatest(p.position, $3)
  FROM unnest($1::int[], $2::bigint[]) AS mine (shard, epoch)
 WHERE p.shard = mine.shard AND p.epoch = mine.epoch;

-- still_leader --
SELECT count(*) FROM (SELECT FROM publisher AS p
                        JOIN unnest($1::int[], $2::bigint[]) AS mine (shard, epoch) USING (shard, epoch)
                         FOR UPDATE OF p) AS led;

-- led --
SELECT count(*) FROM publisher JOIN unnest($1::int[], $2::bigint[]) AS mine (shard, epoch) USING (shard, epoch);

-- set_aside --
INSERT INTO set_aside (shard, position, key, body, reason, attempts, due_at)
SELECT get_byte(sha256(convert_to(key, 'UTF8')), 0) % $1::int, position, key, body, reason, 1,
       now() + interval '5 seconds'
  FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) AS e (position, key, body, reason)
ON CONFLICT (position) DO NOTHING;

-- aside_due --
-- The first event of each key whose turn has come; $3: bytes at most, but for the last one. Not what is ahead of its shard,
-- which went back in the log then: earlier events of its key are still to come.
SELECT position, (body::json ->> 'id')::uuid AS event_id, body::json ->> 'type' AS type, key, body
  FROM (SELECT position, key, body, sum(octet_length(body)) OVER (ORDER BY position) - octet_length(body) AS before
          FROM (SELECT DISTINCT ON (key) position, key, body, due_at
                  FROM set_aside AS s
                 WHERE shard = ANY ($1::int[])
                   AND position <= (SELECT p.position FROM publisher AS p WHERE p.shard = s.shard)
                 ORDER BY key, position) AS first
         WHERE due_at <= now()) AS due
 WHERE before < $3::bigint
 ORDER BY position
 LIMIT $2;

-- aside_done --
DELETE FROM set_aside WHERE position = ANY ($1::bigint[]);

-- aside_next --
-- The next event of a key need not wait for its own delay.
UPDATE set_aside SET due_at = now() WHERE shard = ANY ($1::int[]) AND key = ANY ($2::text[]);

-- aside_again --
UPDATE set_aside AS s
   SET attempts = attempts + 1, reason = again.reason,
       due_at = now() + least(interval '5 seconds' * power(2, least(attempts, 8)), interval '10 minutes')
  FROM unnest($1::bigint[], $2::text[]) AS again (position, reason)
 WHERE s.position = again.position;
