-- The notices whose withheld values are to be disclosed.
-- halles: compatible
-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY IF NOT EXISTS notice_reveal ON notice (reveal_at) WHERE reveal_at IS NOT NULL;

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY IF EXISTS notice_reveal;
