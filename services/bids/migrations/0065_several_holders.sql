-- Several holders of one framework agreement: an award for each, in one decision.
-- halles: compatible
-- migrate:up transaction:false
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS award_chosen ON award (procedure, lot, bid);
ALTER TABLE award DROP CONSTRAINT IF EXISTS award_procedure_lot_key;

-- migrate:down transaction:false
ALTER TABLE award ADD CONSTRAINT award_procedure_lot_key UNIQUE (procedure, lot);
DROP INDEX IF EXISTS award_chosen;
