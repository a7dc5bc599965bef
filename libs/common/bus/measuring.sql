-- What the database of a service says of its backbone: cheap, whatever waits.

-- outbox --
-- Counted up to a bound: an outage of hours must not be made worse by looking at it. Ids are close to the order of writing.
SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT 100000) AS first)                                AS pending,
       coalesce((SELECT extract(epoch FROM now() - recorded_at) FROM outbox ORDER BY id LIMIT 1), 0)::float8 AS oldest;

-- shards --
SELECT p.shard, (SELECT position FROM event_head) - p.position               AS lag,
       (SELECT count(*) FROM set_aside AS s WHERE s.shard = p.shard)         AS aside
  FROM publisher AS p;

-- queues --
SELECT queue, missing FROM publisher_queue;

-- leaders --
-- Advisory locks of this database. $1: the numberer's, of one 64-bit key; $2: the class of the shards' locks.
SELECT count(*) FILTER (WHERE objsubid = 1 AND classid::bigint = (hashtext($1)::bigint >> 32) & 4294967295
                          AND objid::bigint = hashtext($1)::bigint & 4294967295)::int                    AS numberers,
       count(*) FILTER (WHERE objsubid = 2 AND classid::bigint = $2 AND mode = 'ExclusiveLock')::int     AS shards
  FROM pg_locks
 WHERE locktype = 'advisory' AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database());

-- connections --
-- Of all services on this server: sessions that are somebody's, and how many there may be.
SELECT count(usesysid)::int AS used,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most
  FROM pg_stat_activity;
