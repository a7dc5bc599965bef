-- Receipts are proved by facts (0005): their own time stamps go.
-- migrate:up
DROP INDEX receipt_pending;
ALTER TABLE receipt DROP COLUMN token, DROP COLUMN stamped_at;

-- migrate:down
ALTER TABLE receipt ADD COLUMN token bytea, ADD COLUMN stamped_at timestamptz;
CREATE INDEX receipt_pending ON receipt (recorded_at) WHERE token IS NULL;
