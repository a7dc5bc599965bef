-- What the signatures of the files of opened bids are worth.
-- halles: compatible
-- migrate:up
ALTER TABLE opened_file ADD COLUMN signatures jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN opened_file.signatures IS 'Verdict on each signature, as verified at the opening: signers are named here.';

-- migrate:down
ALTER TABLE opened_file DROP COLUMN signatures;
