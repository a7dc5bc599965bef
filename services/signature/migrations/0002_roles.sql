-- Who did a step, where another person stood in for the one it names; and requests found by their consultation.
-- halles: compatible
-- migrate:up transaction:false
ALTER TABLE step ADD COLUMN IF NOT EXISTS done_by text;
DROP INDEX CONCURRENTLY IF EXISTS request_procedure;
CREATE INDEX CONCURRENTLY request_procedure ON request (procedure);

-- migrate:down
DROP INDEX request_procedure;
ALTER TABLE step DROP COLUMN done_by;
