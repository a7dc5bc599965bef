-- A procedure has openings by stages: one at a time is under way, several are completed.
-- migrate:up transaction:false
CREATE UNIQUE INDEX CONCURRENTLY opening_under_way ON opening (procedure) WHERE state IN ('started', 'opening');
CREATE INDEX CONCURRENTLY opening_procedure ON opening (procedure, started_at);
DROP INDEX CONCURRENTLY opening_one;

-- migrate:down transaction:false
CREATE UNIQUE INDEX CONCURRENTLY opening_one ON opening (procedure) WHERE state <> 'replaced';
DROP INDEX CONCURRENTLY opening_procedure;
DROP INDEX CONCURRENTLY opening_under_way;
