-- What the timer looks for: the next deadline, of a lot or of the whole procedure.
-- halles: compatible
-- migrate:up transaction:false
DROP INDEX CONCURRENTLY IF EXISTS procedure_next_deadline;
CREATE INDEX CONCURRENTLY procedure_next_deadline ON procedure ((coalesce(next_deadline, deadline))) WHERE state = 'open';

DROP INDEX CONCURRENTLY IF EXISTS procedure_due;

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY IF EXISTS procedure_due;
CREATE INDEX CONCURRENTLY procedure_due ON procedure (deadline) WHERE state = 'open' AND deadline IS NOT NULL;

DROP INDEX CONCURRENTLY IF EXISTS procedure_next_deadline;
