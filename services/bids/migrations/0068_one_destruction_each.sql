-- One destruction of the bids of a consultation, and one of the papers of each contract.
-- halles: compatible
-- migrate:up transaction:false
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS destruction_of_bids ON destruction (procedure) WHERE contract IS NULL;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS destruction_of_contract ON destruction (contract) WHERE contract IS NOT NULL;
ALTER TABLE destruction DROP CONSTRAINT IF EXISTS destruction_procedure_key;

-- migrate:down transaction:false
ALTER TABLE destruction ADD CONSTRAINT destruction_procedure_key UNIQUE (procedure);
DROP INDEX CONCURRENTLY IF EXISTS destruction_of_contract;
DROP INDEX CONCURRENTLY IF EXISTS destruction_of_bids;
