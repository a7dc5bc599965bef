-- Shares that an absent officer sealed again to his deputy, kept for him by the platform.
-- halles: compatible
-- migrate:up
CREATE TABLE resealed (
    opening           uuid        NOT NULL REFERENCES opening,
    officer           text        NOT NULL,
    deputy            text        NOT NULL,
    deputy_key_sha256 text        NOT NULL,
    resealed_at       timestamptz NOT NULL,
    deposited_at      timestamptz NOT NULL,
    paper             jsonb,
    PRIMARY KEY (opening, officer)
);
COMMENT ON TABLE  resealed             IS 'The last one of each officer; earlier ones are facts of the evidence.';
COMMENT ON COLUMN resealed.resealed_at IS 'As the officer''s own clock says.';
COMMENT ON COLUMN resealed.paper       IS 'As his tool signed it; forgotten when the opening is completed, or replaced.';

-- migrate:down
DROP TABLE resealed;
