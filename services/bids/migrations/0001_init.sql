-- Consultations, sealed bids, openings, awards, letters, contracts.
-- migrate:up
CREATE TABLE consultation (
    procedure    uuid        PRIMARY KEY,
    version      integer     NOT NULL DEFAULT 1 CHECK (version >= 1),
    buyer        text        NOT NULL,
    deadline     timestamptz NOT NULL,
    notice       jsonb       NOT NULL,
    keys         jsonb       NOT NULL,
    opened_at    timestamptz NOT NULL
);
COMMENT ON TABLE  consultation        IS 'A published contract notice that takes electronic bids.';
COMMENT ON COLUMN consultation.notice IS 'The last published notice: title, lots, buyer, deadline.';
COMMENT ON COLUMN consultation.keys   IS 'The key set of the opening officers, fixed at the first publication.';
CREATE INDEX consultation_buyer ON consultation (buyer);

CREATE TABLE bid (
    id              uuid        PRIMARY KEY,
    sequence        bigint      GENERATED ALWAYS AS IDENTITY,
    version         integer     NOT NULL DEFAULT 1 CHECK (version >= 1),
    procedure       uuid        NOT NULL REFERENCES consultation,
    depositor       text        NOT NULL,
    depositor_name  text        NOT NULL,
    lots            text[]      NOT NULL CHECK (cardinality(lots) > 0),
    state           text        NOT NULL CHECK (state IN ('draft', 'deposited', 'withdrawn', 'superseded',
                                                          'set_aside', 'opened', 'unreadable')),
    created_at      timestamptz NOT NULL,
    received_at     timestamptz,
    deposit_order   bigint,
    envelope        jsonb,
    envelope_sha256 text,
    CHECK ((state = 'draft') = (received_at IS NULL)),
    CHECK ((received_at IS NULL) = (envelope IS NULL))
);
COMMENT ON TABLE  bid                IS 'A bid. Until the opening nobody but its depositor learns that it exists.';
COMMENT ON COLUMN bid.received_at    IS 'End of the upload, to the second: the hour that counts.';
COMMENT ON COLUMN bid.envelope       IS 'What the platform sees: ciphertext lengths and hashes, sealed shares, commitments.';
COMMENT ON COLUMN bid.deposit_order  IS 'Tells deposits of one second apart.';
CREATE INDEX bid_procedure ON bid (procedure);
CREATE INDEX bid_depositor ON bid (depositor, sequence);
CREATE SEQUENCE deposit_order;

CREATE TABLE bid_file (
    bid         uuid    NOT NULL REFERENCES bid,
    number      integer NOT NULL CHECK (number >= 1),
    name        text    NOT NULL,
    size        bigint  NOT NULL CHECK (size >= 0),
    storage_key text,
    sha256      text,
    uploaded_at timestamptz,
    PRIMARY KEY (bid, number)
);
COMMENT ON COLUMN bid_file.size        IS 'Announced bytes of ciphertext.';
COMMENT ON COLUMN bid_file.sha256      IS 'Of the ciphertext received.';
COMMENT ON COLUMN bid_file.storage_key IS 'Of the last complete upload.';

CREATE TABLE attempt (
    id          uuid        PRIMARY KEY,
    bid         uuid        NOT NULL REFERENCES bid,
    procedure   uuid        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('upload', 'deposit', 'withdrawal')),
    file        integer,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    bytes       bigint      NOT NULL DEFAULT 0,
    outcome     text        NOT NULL CHECK (outcome IN ('running', 'complete', 'refused', 'interrupted')),
    reason      text
);
COMMENT ON TABLE  attempt          IS 'The evidence: each attempt, its first and last byte (CE 23 September 2021, 449250).';
COMMENT ON COLUMN attempt.ended_at IS 'Domain time of the last byte received.';
CREATE INDEX attempt_bid ON attempt (bid, started_at);
CREATE INDEX attempt_procedure ON attempt (procedure, started_at);

CREATE TABLE receipt (
    id          uuid        PRIMARY KEY,
    bid         uuid        NOT NULL REFERENCES bid,
    act         text        NOT NULL CHECK (act IN ('deposit', 'withdrawal')),
    statement   jsonb       NOT NULL,
    sha256      text        NOT NULL,
    token       bytea,
    stamped_at  timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (bid, act)
);
COMMENT ON COLUMN receipt.token IS 'RFC 3161 token over sha256; none yet while the authorities are away.';
CREATE INDEX receipt_pending ON receipt (recorded_at) WHERE token IS NULL;

CREATE TABLE opening (
    id           uuid        PRIMARY KEY,
    version      integer     NOT NULL DEFAULT 1 CHECK (version >= 1),
    procedure    uuid        NOT NULL REFERENCES consultation,
    state        text        NOT NULL CHECK (state IN ('started', 'replaced', 'completed')),
    statement    jsonb       NOT NULL,
    token        bytea       NOT NULL,
    stamped_at   timestamptz NOT NULL,
    started_at   timestamptz NOT NULL,
    completed_at timestamptz,
    report       jsonb,
    report_sha256 text
);
CREATE UNIQUE INDEX opening_one ON opening (procedure) WHERE state <> 'replaced';

CREATE TABLE presence (
    opening      uuid        NOT NULL REFERENCES opening,
    officer      text        NOT NULL,
    presented_at timestamptz NOT NULL,
    shares       jsonb,
    PRIMARY KEY (opening, officer)
);
COMMENT ON COLUMN presence.shares IS 'The opened shares; forgotten when the opening is completed.';

CREATE TABLE opened_file (
    opening     uuid    NOT NULL REFERENCES opening,
    bid         uuid    NOT NULL REFERENCES bid,
    number      integer NOT NULL,
    name        text    NOT NULL,
    media_type  text    NOT NULL,
    size        bigint  NOT NULL,
    sha256      text    NOT NULL,
    storage_key text    NOT NULL,
    PRIMARY KEY (opening, bid, number)
);
COMMENT ON TABLE opened_file IS 'Plaintext after the opening: for authorised members of the buyer only.';

CREATE TABLE award (
    id               uuid        PRIMARY KEY,
    version          integer     NOT NULL DEFAULT 1 CHECK (version >= 1),
    procedure        uuid        NOT NULL REFERENCES consultation,
    lot              text        NOT NULL,
    bid              uuid        NOT NULL REFERENCES bid,
    decision         jsonb       NOT NULL,
    decided_at       timestamptz NOT NULL,
    standstill_until timestamptz,
    standstill_reason text       NOT NULL,
    UNIQUE (procedure, lot)
);

CREATE TABLE letter (
    id            uuid        PRIMARY KEY,
    sequence      bigint      GENERATED ALWAYS AS IDENTITY,
    procedure     uuid        NOT NULL REFERENCES consultation,
    lot           text        NOT NULL,
    buyer         text        NOT NULL,
    addressee     text        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('award', 'rejection', 'notification')),
    subject       text        NOT NULL,
    content       jsonb       NOT NULL,
    storage_key   text        NOT NULL,
    sha256        text        NOT NULL,
    sent_at       timestamptz NOT NULL,
    first_read_at timestamptz,
    read_by       text
);
CREATE INDEX letter_addressee ON letter (addressee, sequence);
CREATE INDEX letter_buyer ON letter (buyer, sequence);

CREATE TABLE contract (
    id               uuid        PRIMARY KEY,
    sequence         bigint      GENERATED ALWAYS AS IDENTITY,
    version          integer     NOT NULL DEFAULT 1 CHECK (version >= 1),
    procedure        uuid        NOT NULL REFERENCES consultation,
    award            uuid        NOT NULL UNIQUE REFERENCES award,
    buyer            text        NOT NULL,
    winner           text        NOT NULL,
    number           text        NOT NULL CHECK (length(number) BETWEEN 1 AND 16),
    state            text        NOT NULL CHECK (state IN ('prepared', 'winner_signed', 'submitted', 'signed',
                                                           'cleared', 'notified', 'acknowledged')),
    content          jsonb       NOT NULL,
    standstill_until timestamptz,
    prepared         jsonb       NOT NULL,
    winner_signed    jsonb,
    signed           jsonb,
    clearance        text,
    submitted_at     timestamptz,
    signed_at        timestamptz,
    notified_at      timestamptz,
    acknowledged_at  timestamptz,
    UNIQUE (buyer, number)
);
COMMENT ON COLUMN contract.content       IS 'messages.bids.Contract as decided at award.';
COMMENT ON COLUMN contract.prepared      IS 'Reference of the acte d''engagement as generated.';
COMMENT ON COLUMN contract.winner_signed IS 'Reference of the PDF that the winner signed.';
COMMENT ON COLUMN contract.signed        IS 'Reference of the PDF that both parties signed.';
CREATE INDEX contract_procedure ON contract (procedure, sequence);
CREATE INDEX contract_winner ON contract (winner, sequence);

-- migrate:down
DROP TABLE contract;
DROP TABLE letter;
DROP TABLE award;
DROP TABLE opened_file;
DROP TABLE presence;
DROP TABLE opening;
DROP TABLE receipt;
DROP TABLE attempt;
DROP TABLE bid_file;
DROP SEQUENCE deposit_order;
DROP TABLE bid;
DROP TABLE consultation;
