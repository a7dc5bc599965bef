-- Documents of the file of a company: certificates, insurances, references; attached once, copied into bids.
-- migrate:up
CREATE TABLE company_document (
    document_id uuid        NOT NULL,
    version     integer     NOT NULL CHECK (version >= 1),
    company     text        NOT NULL,
    kind        text        NOT NULL,
    label       text        NOT NULL DEFAULT '' CHECK (length(label) <= 200),
    valid_until date,
    name        text        NOT NULL,
    media_type  text        NOT NULL,
    size        bigint      NOT NULL,
    sha256      text        NOT NULL,
    key         text        NOT NULL,
    added_at    timestamptz NOT NULL,
    added_by    text        NOT NULL,
    PRIMARY KEY (document_id, version)
);
CREATE INDEX company_document_page ON company_document (company, document_id, version);
COMMENT ON TABLE company_document IS 'The company alone reads it; a bid holds a sealed copy. Erased, content and row, when the company asks.';

-- migrate:down
DROP TABLE company_document;
