-- After the opening no plaintext is kept: the ciphertext stays, its secrets are wrapped under a key of the opening.
-- migrate:up
ALTER TABLE opening ADD COLUMN wrapped_key bytea;
COMMENT ON COLUMN opening.wrapped_key IS 'Its key, wrapped by the key vault: what unwraps it is not in the database. NULL: destroyed, or not asked yet.';

ALTER TABLE opening ADD COLUMN report_paper jsonb;
COMMENT ON COLUMN opening.report_paper IS 'Its report as a PDF under the platform''s seal, drawn up once: a document reference.';

-- The code before this one still writes it during a roll; nothing reads it any more.
ALTER TABLE opened_file ALTER COLUMN storage_key DROP NOT NULL;
ALTER TABLE opened_file ADD COLUMN secrets bytea NOT NULL DEFAULT '';
ALTER TABLE opened_file ADD COLUMN scan text NOT NULL DEFAULT 'unscanned' CHECK (scan IN ('clean', 'infected', 'unscanned'));
ALTER TABLE opened_file ADD COLUMN threat text;
ALTER TABLE opened_file ADD CONSTRAINT opened_file_threat CHECK ((scan = 'infected') = (threat IS NOT NULL));
COMMENT ON TABLE  opened_file         IS 'What an opening found, for authorised members of the buyer only; its bytes are decrypted as they are served.';
COMMENT ON COLUMN opened_file.secrets IS 'Of its segments, in order, sealed under the key of the opening.';
COMMENT ON COLUMN opened_file.scan    IS 'What the malware scanner said at the opening; what is infected is in quarantine.';

-- migrate:down
ALTER TABLE opened_file DROP COLUMN threat;
ALTER TABLE opened_file DROP COLUMN scan;
ALTER TABLE opened_file DROP COLUMN secrets;
UPDATE opened_file SET storage_key = '' WHERE storage_key IS NULL;
ALTER TABLE opened_file ALTER COLUMN storage_key SET NOT NULL;
ALTER TABLE opening DROP COLUMN report_paper;
ALTER TABLE opening DROP COLUMN wrapped_key;
