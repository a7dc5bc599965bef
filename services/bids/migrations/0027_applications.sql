-- What a bidder says of his bid before he deposits it: documents by kind, group, subcontractors.
-- migrate:up
CREATE TABLE application (
    bid     uuid        PRIMARY KEY REFERENCES bid ON DELETE CASCADE,
    content jsonb       NOT NULL,
    said_at timestamptz NOT NULL
);
COMMENT ON TABLE  application         IS 'The bidder''s own words on his bid, fixed by the deposit; nothing of it is read in the sealed files.';
COMMENT ON COLUMN application.content IS 'Kinds and validity of documents, group of companies, subcontractors.';

-- migrate:down
DROP TABLE application;
