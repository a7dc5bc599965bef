-- Thousands of parked messages at once, before any statistics: no plan may read them all for each of them.
-- halles: compatible
-- migrate:up transaction:false
-- What the sweeper looks for every second, found without reading what is parked or was discarded.
DROP INDEX CONCURRENTLY IF EXISTS parked_waiting;
CREATE INDEX CONCURRENTLY parked_waiting ON parked (queue, id) WHERE state IN ('retrying', 'held');

-- As parked_once, turned round: with the queue first the planner took it to look for a key, and read the whole queue.
DROP INDEX CONCURRENTLY IF EXISTS parked_one;
CREATE UNIQUE INDEX CONCURRENTLY parked_one ON parked (message_id, queue) WHERE state IN ('retrying', 'held', 'parked');
DROP INDEX CONCURRENTLY IF EXISTS parked_once;

-- migrate:down
CREATE UNIQUE INDEX parked_once ON parked (queue, message_id) WHERE state IN ('retrying', 'held', 'parked');
DROP INDEX parked_one;
DROP INDEX parked_waiting;
