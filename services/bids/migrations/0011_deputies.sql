-- An officer's shares may be presented by a deputy, to whom he sealed them again.
-- halles: compatible
-- migrate:up
ALTER TABLE presence ADD COLUMN deputy text;
COMMENT ON COLUMN presence.deputy IS 'Who presented himself in the place of the officer, who had sealed his shares to him.';

-- migrate:down
ALTER TABLE presence DROP COLUMN deputy;
