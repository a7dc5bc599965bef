-- Retention: destructions proposed when bids were kept long enough, confirmed by an administrator, done with a record; holds.
-- halles: compatible
-- migrate:up
CREATE TABLE destruction (
    id           uuid        PRIMARY KEY,
    sequence     bigint      GENERATED ALWAYS AS IDENTITY,
    procedure    uuid        NOT NULL UNIQUE REFERENCES consultation,
    buyer        text        NOT NULL,
    kept_until   timestamptz NOT NULL,
    reason       text        NOT NULL,
    proposed_at  timestamptz NOT NULL,
    state        text        NOT NULL DEFAULT 'proposed',
    confirmed_at timestamptz,
    confirmed_by text,
    done_at      timestamptz,
    record       jsonb,
    record_sha256 text
);
COMMENT ON TABLE  destruction        IS 'Of the contents of the bids of a consultation; rows, hashes, receipts and evidence stay.';
COMMENT ON COLUMN destruction.record IS 'What was destroyed, when: the hash of each file.';
CREATE INDEX destruction_buyer ON destruction (buyer, sequence);

CREATE TABLE retention_hold (
    procedure uuid        PRIMARY KEY REFERENCES consultation,
    reason    text        NOT NULL,
    set_at    timestamptz NOT NULL,
    set_by    text        NOT NULL
);
COMMENT ON TABLE retention_hold IS 'An appeal, or something else, for which nothing may be destroyed.';

-- migrate:down
DROP TABLE retention_hold;
DROP TABLE destruction;
