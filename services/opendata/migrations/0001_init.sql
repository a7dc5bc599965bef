-- Essential data of notified contracts, and OCDS releases of procedures.
-- migrate:up
CREATE TABLE contract (
    contract_id     uuid        PRIMARY KEY,
    version         integer     NOT NULL CHECK (version >= 1),
    state           text        NOT NULL CHECK (state IN ('pending', 'published', 'not_applicable')),
    uid             text        NOT NULL,
    buyer           text        NOT NULL,
    winners         text[]      NOT NULL,
    procedure       uuid        NOT NULL,
    contract        jsonb       NOT NULL,
    problems        jsonb       NOT NULL DEFAULT '[]',
    warnings        jsonb       NOT NULL DEFAULT '[]',
    reason          text,
    reason_en       text,
    record          jsonb,
    validated_with  text,
    notified_at     timestamptz NOT NULL,
    published_at    timestamptz,
    CHECK ((state = 'published') = (record IS NOT NULL)),
    CHECK ((state = 'published') = (published_at IS NOT NULL)),
    CHECK ((state = 'not_applicable') = (reason IS NOT NULL))
);
COMMENT ON TABLE  contract        IS 'A notified contract and its essential data (DECP); nothing is here before the notification.';
COMMENT ON COLUMN contract.uid    IS 'SIRET of the buyer and its contract number: unique among what is published.';
COMMENT ON COLUMN contract.record IS 'The official record, as published: never rewritten.';
CREATE UNIQUE INDEX contract_uid ON contract (uid) WHERE state = 'published';
CREATE INDEX contract_listed ON contract (state, notified_at, contract_id);
CREATE INDEX contract_buyer ON contract (buyer, state, notified_at, contract_id);
CREATE INDEX contract_winners ON contract USING gin (winners);
CREATE INDEX contract_procedure ON contract (procedure);

CREATE TABLE process (
    ocid       text        PRIMARY KEY,
    procedure  uuid        NOT NULL UNIQUE,
    releases   integer     NOT NULL DEFAULT 0,
    last_date  timestamptz
);
COMMENT ON TABLE process IS 'A contracting process; its row is locked to number and date its releases.';

CREATE TABLE release (
    position        bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    release_id      text        NOT NULL UNIQUE,
    ocid            text        NOT NULL REFERENCES process (ocid),
    buyer           text        NOT NULL,
    date            timestamptz NOT NULL,
    body            jsonb       NOT NULL,
    validated_with  text        NOT NULL,
    UNIQUE (ocid, date)
);
COMMENT ON TABLE release IS 'An OCDS release, as published: never rewritten.';
CREATE INDEX release_buyer ON release (buyer, position);

-- migrate:down
DROP TABLE release;
DROP TABLE process;
DROP TABLE contract;
