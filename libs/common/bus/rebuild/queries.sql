-- The SQL of exports and rebuilds. `replayed` is in the schema of the rebuild, first of the session's search path.

-- archived --
SELECT first, last, storage_key
  FROM event_archive
 WHERE audience = 'internal' AND first > $1
 ORDER BY first;

-- floor --
SELECT coalesce(max(ends) - 1, 0) FROM event_part WHERE dropped_at IS NOT NULL;

-- live --
SELECT body FROM event WHERE position > $1 AND type = ANY ($2) ORDER BY position;

-- alone --
SELECT pg_try_advisory_lock(hashtext($1));

-- patience --
SELECT set_config('lock_timeout', '5s', false);

-- path --
SELECT set_config('search_path', $1 || ', public', false);

-- begin --
SELECT rebuild_begin($1, $2, $3);

-- new_ones --
SELECT given.id
  FROM unnest($2::uuid[]) AS given (id)
 WHERE NOT EXISTS (SELECT FROM replayed AS r WHERE r.message_id = given.id)
   AND NOT EXISTS (SELECT FROM parked AS p
                    WHERE p.queue = $1 AND p.message_id = given.id AND p.state = 'discarded');

-- replayed --
INSERT INTO replayed (message_id, recorded_at)
SELECT id, recorded_at FROM unnest($1::uuid[], $2::timestamptz[]) AS given (id, recorded_at)
ON CONFLICT DO NOTHING;

-- missing --
-- Handled by the live consumer, but not in the exports.
SELECT count(*)
  FROM inbox AS i
 WHERE i.consumer = $1
   AND NOT EXISTS (SELECT FROM replayed AS r WHERE r.message_id = i.message_id)
   AND NOT EXISTS (SELECT FROM parked AS p
                    WHERE p.queue = $1 AND p.message_id = i.message_id AND p.state = 'discarded');

-- swap --
SELECT rebuild_swap($1, $2, $3);

-- end --
SELECT rebuild_end($1);
