-- The file of a company, filled once and used for every bid.
-- migrate:up
CREATE TABLE company_file (
    sequence    bigint      GENERATED ALWAYS AS IDENTITY,
    company     text        NOT NULL,
    version     integer     NOT NULL CHECK (version >= 1),
    declared    jsonb       NOT NULL,
    provided    jsonb,
    provider    text,
    provided_at timestamptz,
    saved_at    timestamptz NOT NULL,
    saved_by    text        NOT NULL,
    PRIMARY KEY (company, version),
    CHECK ((provided IS NULL) = (provided_at IS NULL) AND (provided IS NULL) = (provider IS NULL))
);
COMMENT ON TABLE  company_file          IS 'Each version that a company saved; erased as a whole when the company asks.';
COMMENT ON COLUMN company_file.declared IS 'As the company says.';
COMMENT ON COLUMN company_file.provided IS 'As the provider of official data says, with its name and the hour.';

-- migrate:down
DROP TABLE company_file;
