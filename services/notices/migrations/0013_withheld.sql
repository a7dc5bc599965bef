-- What a notice keeps from the public until a day (BT-195 to BT-198): `content` is what the public reads, `whole` what the buyer wrote.
-- halles: compatible
-- migrate:up
ALTER TABLE notice ADD COLUMN withheld  jsonb       NOT NULL DEFAULT '[]';
ALTER TABLE notice ADD COLUMN whole     jsonb;
ALTER TABLE notice ADD COLUMN reveal_at timestamptz;
COMMENT ON COLUMN notice.withheld  IS 'What is withheld at present, with its day of disclosure.';
COMMENT ON COLUMN notice.whole     IS 'The content with what is withheld, for its buyer; NULL where nothing is.';
COMMENT ON COLUMN notice.reveal_at IS 'When the next of them is disclosed.';

-- migrate:down
ALTER TABLE notice DROP COLUMN reveal_at;
ALTER TABLE notice DROP COLUMN whole;
ALTER TABLE notice DROP COLUMN withheld;
