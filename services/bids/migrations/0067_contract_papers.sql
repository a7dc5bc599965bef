-- Contract papers: when performance ended and how long they are kept from then; what the archivist decided of a destruction.
-- halles: compatible
-- migrate:up
CREATE TABLE performance_end (
    contract uuid        PRIMARY KEY REFERENCES contract,
    ended_on date        NOT NULL,
    years    integer     NOT NULL CHECK (years IN (5, 10)),
    told_at  timestamptz NOT NULL,
    told_by  text        NOT NULL
);
COMMENT ON TABLE performance_end IS 'As the buyer says: the papers of the contract are kept so many years from that day (R2184-13 CCP).';

ALTER TABLE destruction ADD COLUMN contract uuid REFERENCES contract;
ALTER TABLE destruction ADD COLUMN visa jsonb;
COMMENT ON COLUMN destruction.contract IS 'Of the papers of a contract; null: of the bids of the consultation.';
COMMENT ON COLUMN destruction.visa     IS 'What the director of the archives decided, when, under which reference (R212-14 code du patrimoine).';

-- migrate:down
ALTER TABLE destruction DROP COLUMN visa;
ALTER TABLE destruction DROP COLUMN contract;
DROP TABLE performance_end;
