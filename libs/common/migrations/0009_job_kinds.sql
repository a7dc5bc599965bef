-- The next jobs of each kind, however many of another kind wait.
-- halles: compatible
-- migrate:up transaction:false
DROP INDEX CONCURRENTLY IF EXISTS job_waiting_kind;
CREATE INDEX CONCURRENTLY job_waiting_kind ON job (kind, due_at, created_at) WHERE state = 'waiting';

-- migrate:down
DROP INDEX job_waiting_kind;
