-- The SQL of the queues that a publisher's events go to.

-- named --
-- Those of another topology are forgotten after a day: during a roll two topologies are at work.
UPDATE publisher_queue SET named_at = now() WHERE queue = ANY ($1::text[]);

-- forget --
DELETE FROM publisher_queue WHERE named_at < now() - interval '1 day';

-- known --
SELECT queue, missing FROM publisher_queue;

-- lacking --
SELECT shard, queue, after, upto FROM publisher_again WHERE shard = ANY ($1::int[]);

-- meet --
-- A queue that was never seen lacks nothing of what was published before; the first ones of a service may have held all.
INSERT INTO publisher_queue (queue, since, missing)
SELECT queue, CASE WHEN EXISTS (SELECT FROM publisher_queue) THEN (SELECT min(position) FROM publisher) ELSE 0 END, missing
  FROM unnest($1::text[], $2::boolean[]) AS met (queue, missing)
ON CONFLICT (queue) DO NOTHING;

-- lose --
UPDATE publisher_queue SET missing = true, changed_at = now() WHERE queue = ANY ($1::text[]) AND NOT missing
RETURNING queue;

-- hold_all --
-- Nobody takes over, marks or ends a round of what was set aside meanwhile; plain readers are let through.
LOCK TABLE publisher IN EXCLUSIVE MODE;

-- regain --
UPDATE publisher_queue SET missing = false, changed_at = now() WHERE queue = ANY ($1::text[]) AND missing
RETURNING queue;

-- progress --
-- What was published again already need not be a second time.
UPDATE publisher_again AS a SET after = greatest(a.after, p.position)
  FROM publisher AS p
 WHERE p.shard = a.shard AND p.position < a.upto;

-- again --
-- For each shard: behind the instant ($2), up to where it went. $3: not what is older than the queue's being known.
INSERT INTO publisher_again AS a (shard, queue, after, upto)
SELECT shard, queue, after, upto
  FROM (SELECT p.shard, wanted.queue,
               greatest(p.position, (SELECT max(o.upto) FROM publisher_again AS o WHERE o.shard = p.shard)) AS upto,
               greatest(event_before($2), CASE WHEN $3 THEN q.since END) AS after
          FROM publisher AS p
         CROSS JOIN unnest($1::text[]) AS wanted (queue)
          LEFT JOIN publisher_queue AS q USING (queue)) AS lacked
 WHERE upto > after
ON CONFLICT (shard, queue) DO UPDATE SET after = least(a.after, excluded.after), upto = greatest(a.upto, excluded.upto)
RETURNING shard, queue, after, upto;

-- rewind --
-- A new epoch for all: whoever leads a shard can mark nothing before it has read what is to be published again.
UPDATE publisher AS p
   SET epoch = epoch + 1,
       position = least(position, (SELECT min(after) FROM publisher_again AS a WHERE a.shard = p.shard));

-- due --
UPDATE set_aside SET due_at = now();

-- tell --
SELECT pg_notify('event', '');

-- caught_up --
DELETE FROM publisher_again WHERE shard = ANY ($1::int[]) AND upto <= $2;

-- handled --
SELECT queue FROM unnest($1::text[]) AS mine (queue) WHERE EXISTS (SELECT FROM inbox WHERE consumer = mine.queue);
