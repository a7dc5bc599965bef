-- What workers claim from, what keeps the order of a notice, what recoveries walk and pruning removes.
-- halles: compatible
-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY IF NOT EXISTS delivery_due ON delivery (webhook_id, due_at, position) WHERE state = 'waiting';
CREATE INDEX CONCURRENTLY IF NOT EXISTS delivery_order ON delivery (webhook_id, key, position) WHERE state = 'waiting';
CREATE INDEX CONCURRENTLY IF NOT EXISTS delivery_listed ON delivery (webhook_id, position);
CREATE INDEX CONCURRENTLY IF NOT EXISTS delivery_event ON delivery (event_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS outgoing_since ON outgoing (created_at, event_id);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY IF EXISTS outgoing_since;
DROP INDEX CONCURRENTLY IF EXISTS delivery_event;
DROP INDEX CONCURRENTLY IF EXISTS delivery_listed;
DROP INDEX CONCURRENTLY IF EXISTS delivery_order;
DROP INDEX CONCURRENTLY IF EXISTS delivery_due;
