-- insert_endpoint --
INSERT INTO endpoint (webhook_id, organisation, url, types, cpv, departments, buyers, per_second, signature, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- endpoints --
SELECT webhook_id, organisation, url, types, cpv, departments, buyers, per_second, signature, generation, previous_until, state,
       disabled_reason, failures, failing_since, failed_at, warned, held_until, created_at
  FROM endpoint
 WHERE organisation = $1 AND (created_at, webhook_id) > ($2::timestamptz, $3::uuid)
 ORDER BY created_at, webhook_id
 LIMIT $4;

-- endpoint --
SELECT webhook_id, organisation, url, types, cpv, departments, buyers, per_second, signature, generation, previous_until, state,
       disabled_reason, failures, failing_since, failed_at, warned, held_until, created_at
  FROM endpoint
 WHERE webhook_id = $1;

-- lock_endpoint --
SELECT webhook_id
  FROM endpoint
 WHERE webhook_id = $1
   FOR NO KEY UPDATE;

-- change_endpoint --
UPDATE endpoint
   SET url = $2, types = $3, cpv = $4, departments = $5, buyers = $6, per_second = $7, generation = $8, previous_until = $9
 WHERE webhook_id = $1;

-- enable_endpoint --
UPDATE endpoint
   SET state = 'enabled', disabled_reason = NULL, failures = 0, failing_since = NULL, failed_at = NULL, warned = false,
       held_until = NULL
 WHERE webhook_id = $1;

-- disable_endpoint --
UPDATE endpoint
   SET state = 'disabled', disabled_reason = $2
 WHERE webhook_id = $1;

-- count_endpoints --
SELECT count(*)
  FROM endpoint
 WHERE organisation = $1;

-- delete_endpoint --
DELETE FROM endpoint
 WHERE webhook_id = $1 AND organisation = $2;

-- enabled_endpoints --
SELECT webhook_id, organisation, url, types, cpv, departments, buyers, per_second, signature, generation, previous_until, state,
       disabled_reason, failures, failing_since, failed_at, warned, held_until, created_at
  FROM endpoint
 WHERE state = 'enabled' AND (types = '{}' OR $1 = ANY (types))
 ORDER BY webhook_id;

-- lock_endpoints --
-- How endpoints fare, held for a change; in one order, so that two workers never wait for each other.
SELECT webhook_id, failures, failing_since, failed_at, warned, held_until, state
  FROM endpoint
 WHERE webhook_id = ANY ($1::uuid[])
 ORDER BY webhook_id
   FOR NO KEY UPDATE;

-- set_health --
UPDATE endpoint
   SET failures = health.failures, failing_since = health.failing_since, failed_at = health.failed_at, warned = health.warned,
       held_until = health.held_until
  FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::timestamptz[], $5::boolean[], $6::timestamptz[])
       AS health (webhook_id, failures, failing_since, failed_at, warned, held_until)
 WHERE endpoint.webhook_id = health.webhook_id;

-- facts_of_procedure --
SELECT cpv, departments, buyer
  FROM notice
 WHERE procedure = $1 AND about IS NULL
 ORDER BY published_at DESC
 LIMIT 1;

-- keep_outgoing --
INSERT INTO outgoing (event_id, type, body, created_at, cpv, departments, buyer, key, test)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING;

-- outgoing_since --
-- A page of the events since an instant, but tests.
SELECT event_id, type, key, cpv, departments, buyer, created_at
  FROM outgoing
 WHERE (created_at, event_id) > ($1::timestamptz, $2::uuid) AND NOT test
 ORDER BY created_at, event_id
 LIMIT $3;

-- queue_deliveries --
INSERT INTO delivery (webhook_id, event_id, key, created_at, due_at)
SELECT webhook_id, $2::uuid, $3::text, $4::timestamptz, $4::timestamptz
  FROM unnest($1::uuid[]) AS webhook_id
ON CONFLICT DO NOTHING;

-- requeue_deliveries --
-- Events on their way to an endpoint again, in this order: those it never got, or all. None twice while it waits.
INSERT INTO delivery (webhook_id, event_id, key, created_at, due_at)
SELECT $1::uuid, wanted.event_id, wanted.key, $4::timestamptz, $4::timestamptz
  FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY AS wanted (event_id, key, place)
 ORDER BY place
ON CONFLICT (webhook_id, event_id) DO UPDATE
   SET state = 'waiting', begun = delivery.attempts, due_at = EXCLUDED.due_at, position = EXCLUDED.position, key = EXCLUDED.key
 WHERE delivery.state = 'failed' OR (delivery.state = 'delivered' AND $5::boolean);

-- wake_deliveries --
SELECT pg_notify('delivery', '');

-- claim_deliveries --
-- What each endpoint may have now, the oldest first, leased to us; of events with one key the first only. Endpoints come in any
-- order, so that none is always the last. $4, $5, $6: what those that we are busy with have in hand, and may still get by their rate.
WITH lane AS MATERIALIZED (
    SELECT webhook_id, least(CASE WHEN failures = 0 THEN $3::integer ELSE 1 END - coalesce(in_hand, 0), coalesce(allowed, per_second)) AS room
      FROM endpoint
      LEFT JOIN unnest($4::uuid[], $5::integer[], $6::integer[]) AS busy (webhook_id, in_hand, allowed) USING (webhook_id)
     WHERE state = 'enabled' AND (held_until IS NULL OR held_until <= $1)
     ORDER BY random()
), due AS MATERIALIZED (
    SELECT next.delivery_id
      FROM lane
     CROSS JOIN LATERAL (SELECT delivery_id
                           FROM delivery
                          WHERE webhook_id = lane.webhook_id AND state = 'waiting' AND due_at <= $1 AND not_before <= now()
                            AND NOT EXISTS (SELECT 1
                                              FROM delivery AS earlier
                                             WHERE earlier.webhook_id = delivery.webhook_id AND earlier.key = delivery.key
                                               AND earlier.position < delivery.position AND earlier.state = 'waiting')
                          ORDER BY due_at, position
                          LIMIT lane.room
                            FOR UPDATE SKIP LOCKED) AS next
     WHERE room > 0
     LIMIT $2
), claimed AS (
    UPDATE delivery
       SET lease = $7, not_before = now() + $8
      FROM due
     WHERE delivery.delivery_id = due.delivery_id
    RETURNING delivery.delivery_id, webhook_id, event_id, attempts, begun, position
)
SELECT delivery_id, event_id, attempts, begun, webhook_id
  FROM claimed
 ORDER BY position;

-- claimed_endpoints --
SELECT webhook_id, organisation, url, types, cpv, departments, buyers, per_second, signature, generation, previous_until, state,
       disabled_reason, failures, failing_since, failed_at, warned, held_until, created_at
  FROM endpoint
 WHERE webhook_id = ANY ($1::uuid[]);

-- bodies --
SELECT event_id, body
  FROM outgoing
 WHERE event_id = ANY ($1::uuid[]);

-- close_deliveries --
-- What became of attempts in our hands; a delivery that another worker took over is left to it.
WITH done AS (
    UPDATE delivery
       SET state = fate.state, attempts = fate.number, due_at = coalesce(fate.due_at, delivery.due_at), lease = NULL, not_before = '-infinity'
      FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::timestamptz[], $5::integer[], $6::text[], $7::integer[], $8::text[])
           AS fate (delivery_id, state, number, due_at, status, error, milliseconds, answer)
     WHERE delivery.delivery_id = fate.delivery_id AND lease = $9 AND delivery.state = 'waiting'
    RETURNING delivery.delivery_id, number, status, error, milliseconds, answer
), kept AS (
    INSERT INTO attempt (delivery_id, number, at, status, error, milliseconds, answer)
    SELECT delivery_id, number, $10::timestamptz, status, error, milliseconds, answer
      FROM done
    ON CONFLICT DO NOTHING
)
SELECT delivery_id
  FROM done;

-- release_deliveries --
UPDATE delivery
   SET lease = NULL, not_before = '-infinity'
 WHERE delivery_id = ANY ($1::uuid[]) AND lease = $2;

-- attempts --
-- Newest first.
SELECT attempt_id, event_id, type, number, at, status, error, milliseconds, answer, delivery.state
  FROM delivery
  JOIN attempt USING (delivery_id)
  JOIN outgoing USING (event_id)
 WHERE webhook_id = $1 AND attempt_id < $2
 ORDER BY attempt_id DESC
 LIMIT $3;

-- deliveries --
-- Newest first.
SELECT event_id, type, delivery.state, attempts, delivery.created_at, due_at, test, position
  FROM delivery
  JOIN outgoing USING (event_id)
 WHERE webhook_id = $1 AND position < $2 AND ($4::text IS NULL OR delivery.state = $4)
 ORDER BY position DESC
 LIMIT $3;

-- one_delivery --
SELECT event_id, type, delivery.state, attempts, delivery.created_at, due_at, test, position
  FROM delivery
  JOIN outgoing USING (event_id)
 WHERE webhook_id = $1 AND event_id = $2;

-- one_outgoing --
SELECT event_id, type, key, cpv, departments, buyer, created_at
  FROM outgoing
 WHERE event_id = $1 AND NOT test;

-- begin_recovery --
UPDATE endpoint
   SET recovery = $2
 WHERE webhook_id = $1;

-- recovered_endpoint --
-- The endpoint of a recovery that goes on; none where another one was asked for since, or it is disabled.
SELECT webhook_id, organisation, url, types, cpv, departments, buyers, per_second, signature, generation, previous_until, state,
       disabled_reason, failures, failing_since, failed_at, warned, held_until, created_at
  FROM endpoint
 WHERE webhook_id = $1 AND recovery = $2 AND state = 'enabled';

-- waiting_deliveries --
-- What could leave to endpoints that fare well: how many, and since when the oldest; all that waits.
SELECT count(*) FILTER (WHERE could) AS due,
       coalesce(extract(epoch FROM $1 - min(greatest(delivery.created_at, due_at)) FILTER (WHERE could)), 0)::float8 AS seconds,
       count(*) FILTER (WHERE NOT could) AS later
  FROM delivery
  JOIN endpoint USING (webhook_id)
 CROSS JOIN LATERAL (SELECT due_at <= $1 AND not_before <= now() AND failures = 0 AND (held_until IS NULL OR held_until <= $1)
                            AND NOT EXISTS (SELECT 1
                                              FROM delivery AS earlier
                                             WHERE earlier.webhook_id = delivery.webhook_id AND earlier.key = delivery.key
                                               AND earlier.position < delivery.position AND earlier.state = 'waiting') AS could) AS way
 WHERE delivery.state = 'waiting' AND endpoint.state = 'enabled';

-- endpoint_states --
SELECT CASE WHEN state = 'disabled' THEN 'disabled' WHEN failures > 0 THEN 'failing' ELSE 'well' END AS state, count(*) AS endpoints
  FROM endpoint
 GROUP BY 1;

-- forget_attempts --
DELETE FROM attempt
 WHERE attempt_id IN (SELECT attempt_id
                        FROM (SELECT attempt_id, at FROM attempt ORDER BY attempt_id LIMIT $2) AS oldest
                       WHERE at < $1);

-- forget_outgoing --
-- Events from before, and what became of them; what still waits for an endpoint that is disabled goes too.
WITH old AS MATERIALIZED (
    SELECT event_id
      FROM outgoing
     WHERE created_at < $1
     ORDER BY created_at, event_id
     LIMIT $2
), forgotten AS (
    DELETE FROM delivery
     USING old
     WHERE delivery.event_id = old.event_id
)
DELETE FROM outgoing
 USING old
 WHERE outgoing.event_id = old.event_id;
