-- What workers claim from.
-- halles: compatible
-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY IF NOT EXISTS mail_due ON mail (priority, created_at, mail_id) WHERE state = 'due';

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY IF EXISTS mail_due;
