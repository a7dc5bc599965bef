-- The SQL of the message backbone.

-- write --
-- Events in the order they were emitted; the identity grows in that order.
INSERT INTO outbox (event_id, type, key, organisation, buyer, procedure, recorded_at, body)
SELECT event_id, type, key, organisation, buyer, procedure, recorded_at, body
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[], $8::text[])
       WITH ORDINALITY AS e (event_id, type, key, organisation, buyer, procedure, recorded_at, body, place)
 ORDER BY place;

-- notify_outbox --
SELECT pg_notify('outbox', '');

-- claim --
-- One round trip before each handler: is an earlier message of the key in trouble, was this one handled already?
-- The row of the inbox is inserted here, in the handler's transaction: a second delivery waits for it, then finds it.
WITH mine AS (
    SELECT id, state, due_at
      FROM parked
     WHERE queue = $1 AND message_id = $2 AND state IN ('retrying', 'held', 'parked')
), ahead AS (
    SELECT id
      FROM parked
     WHERE queue = $1 AND key = $3 AND state IN ('retrying', 'held', 'parked')
       AND id < coalesce((SELECT id FROM mine), 9223372036854775807)
     LIMIT 1
), done AS (
    SELECT 1 FROM inbox WHERE consumer = $1 AND message_id = $2
), blocked AS (
    SELECT 1 FROM ahead
     UNION ALL
    SELECT 1 FROM mine WHERE state = 'parked' OR (state = 'retrying' AND due_at > now() + interval '1 second')
), first AS (
    INSERT INTO inbox (consumer, message_id)
    SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM blocked)
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT EXISTS (SELECT FROM first)   AS first,
       EXISTS (SELECT FROM done)    AS done,
       EXISTS (SELECT FROM blocked) AS blocked,
       EXISTS (SELECT FROM mine)    AS mine;

-- claim_batch --
-- The same for many messages of a queue: which are handled here for the first time, which keys are in trouble (and are
-- left alone). Ids sorted: two batches that have some in common wait for each other in the same order.
WITH troubled AS (
    SELECT DISTINCT key
      FROM parked
     WHERE queue = $1 AND key = ANY ($3::text[]) AND state IN ('retrying', 'held', 'parked')
), first AS (
    INSERT INTO inbox (consumer, message_id)
    SELECT $1, id
      FROM unnest($2::uuid[], $3::text[]) AS given (id, key)
     WHERE NOT EXISTS (SELECT FROM troubled WHERE troubled.key = given.key)
     ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING message_id
)
SELECT array(SELECT message_id FROM first) AS first, array(SELECT key FROM troubled) AS troubled;

-- hold --
-- Behind an earlier message of its key: parked with it when that one is parked. That one is locked meanwhile: an operator
-- who replays or discards it at this very moment sees this one too, or this one sees that it may go.
WITH head AS MATERIALIZED (
    SELECT id FROM parked WHERE queue = $1 AND key = $2 AND state = 'parked' ORDER BY id LIMIT 1 FOR SHARE
)
INSERT INTO parked (queue, key, message_id, type, body, state, reason)
SELECT $1, $2, $3, $4, $5, CASE WHEN EXISTS (SELECT FROM head) THEN 'parked' ELSE 'held' END, 'behind'
ON CONFLICT (queue, message_id) WHERE state IN ('retrying', 'held', 'parked') DO NOTHING;

-- fail --
-- Counts an attempt and gives the next state; $8: delays in seconds, none left: parked.
INSERT INTO parked AS p (queue, key, message_id, type, body, reason, detail, attempts, state, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1,
        CASE WHEN cardinality($8::float8[]) = 0 THEN 'parked' ELSE 'retrying' END,
        now() + make_interval(secs => ($8::float8[])[1]))
ON CONFLICT (queue, message_id) WHERE state IN ('retrying', 'held', 'parked') DO UPDATE
   SET attempts   = p.attempts + 1,
       reason     = excluded.reason,
       detail     = excluded.detail,
       changed_at = now(),
       swept_at   = NULL,
       due_at     = now() + make_interval(secs => ($8::float8[])[p.attempts + 1]),
       state      = CASE WHEN p.attempts + 1 > cardinality($8::float8[]) THEN 'parked' ELSE 'retrying' END
RETURNING id, state, attempts;

-- park --
-- At once, whatever the attempts: trying again cannot help.
INSERT INTO parked AS p (queue, key, message_id, type, body, reason, detail, attempts, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 'parked')
ON CONFLICT (queue, message_id) WHERE state IN ('retrying', 'held', 'parked') DO UPDATE
   SET attempts = p.attempts + 1, reason = excluded.reason, detail = excluded.detail,
       changed_at = now(), due_at = NULL, state = 'parked'
RETURNING id;

-- park_followers --
UPDATE parked SET state = 'parked', changed_at = now()
 WHERE queue = $1 AND key = $2 AND state = 'held';

-- forget --
-- It went through at last.
DELETE FROM parked WHERE queue = $1 AND message_id = $2 AND state IN ('retrying', 'held', 'parked');

-- next_held --
-- The first message of a key that waits behind nothing any more.
SELECT body
  FROM (SELECT body, state
          FROM parked
         WHERE queue = $1 AND key = $2 AND state IN ('retrying', 'held', 'parked')
         ORDER BY id
         LIMIT 1) AS head
 WHERE state = 'held';

-- due --
-- What no timer brought back: lost timers, replays, messages whose head was discarded. Marked, so that what waits in
-- a lane is not taken again and again.
UPDATE parked SET swept_at = now()
 WHERE id IN (SELECT id
                FROM parked AS p
               WHERE queue = ANY ($1)
                 AND (   (state = 'retrying' AND due_at + make_interval(secs => $2) <= now())
                      OR (state = 'held' AND (due_at <= now() OR changed_at < now() - interval '2 seconds')))
                 AND (swept_at IS NULL OR swept_at < now() - interval '30 seconds')
                 AND NOT EXISTS (SELECT FROM parked AS q
                                  WHERE q.queue = p.queue AND q.key = p.key AND q.id < p.id
                                    AND q.state IN ('retrying', 'held', 'parked'))
               ORDER BY id
               LIMIT $3
                 FOR UPDATE SKIP LOCKED)
RETURNING queue, body;

-- count_parked --
SELECT queue, state, count(*) AS messages
  FROM parked
 WHERE state IN ('retrying', 'held', 'parked')
 GROUP BY queue, state;

-- lead --
-- Of this database: each service has its own. Tried again and again rather than waited for: a statement that waits
-- for hours would hold back vacuum.
SELECT pg_try_advisory_lock(hashtext($1));

-- end_when_silent --
-- Of this session: outside a transaction, and inside one.
SELECT set_config('idle_session_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $1, false);

-- make_room --
SELECT event_make_room(position + $1) FROM event_head;

-- number --
-- All rows seen here are committed: one that commits later gets a later position, whatever its id. $2: up to this id
-- there is nothing (see Floor). Told: how many, the last one, the oldest transaction that was not over yet, our own.
WITH batch AS (
    DELETE FROM outbox
     WHERE id IN (SELECT id FROM outbox WHERE id > $2 ORDER BY id LIMIT $1)
    RETURNING id, event_id, type, key, organisation, buyer, procedure, recorded_at, body
), head AS (
    UPDATE event_head SET position = position + (SELECT count(*) FROM batch)
     WHERE EXISTS (SELECT FROM batch)
    RETURNING position
), placed AS (
    SELECT batch.*, head.position - count(*) OVER () + row_number() OVER (ORDER BY id) AS place
      FROM batch, head
), moved AS (
    INSERT INTO event (position, event_id, type, key, organisation, buyer, procedure, recorded_at, body)
    SELECT place, event_id, type, key, organisation, buyer, procedure, recorded_at,
           left(body, -1) || ',"sequence":"' || place || '"}'
      FROM placed
    RETURNING 1
)
SELECT number, CASE WHEN number > 0 THEN pg_notify('event', '') END AS told,
       (SELECT max(id) FROM batch) AS last,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
       CASE WHEN number > 0 THEN pg_current_xact_id()::text::bigint END AS mine
  FROM (SELECT count(*) AS number FROM moved) AS counted;

-- drawn --
-- The last id given to a row, committed or not.
SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('outbox', 'id')::regclass), 0);
