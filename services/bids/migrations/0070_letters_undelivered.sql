-- The mail that tells of a letter did not arrive: who wrote the letter sees it.
-- halles: compatible
-- migrate:up
ALTER TABLE letter ADD COLUMN undelivered_at timestamptz;
ALTER TABLE letter ADD COLUMN undelivered_state text;
COMMENT ON COLUMN letter.undelivered_at    IS 'When the mail that tells of it was known not to arrive; null again once one is taken.';
COMMENT ON COLUMN letter.undelivered_state IS 'As the alerts service says: undeliverable (no address), suppressed, refused, failed, bounced.';

-- migrate:down
ALTER TABLE letter DROP COLUMN undelivered_state, DROP COLUMN undelivered_at;
