-- The facts of a batch, for whoever computes the chain again.
-- halles: compatible
-- migrate:up transaction:false
DROP INDEX CONCURRENTLY IF EXISTS evidence_fact_batch;
CREATE INDEX CONCURRENTLY evidence_fact_batch ON evidence_fact (batch) WHERE batch IS NOT NULL;

-- migrate:down
DROP INDEX evidence_fact_batch;
