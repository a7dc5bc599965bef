-- Decisions on late bids and on copies, and copies registered by hand.
-- migrate:up
CREATE TABLE backup_copy (
    id             uuid        PRIMARY KEY,
    sequence       bigint      GENERATED ALWAYS AS IDENTITY,
    procedure      uuid        NOT NULL REFERENCES consultation,
    purpose        text        NOT NULL CHECK (purpose IN ('backup', 'bid')),
    medium         text        NOT NULL CHECK (medium IN ('paper', 'usb', 'electronic')),
    depositor      text        NOT NULL,
    depositor_name text        NOT NULL,
    lots           text[]      NOT NULL CHECK (cardinality(lots) > 0),
    received_at    timestamptz NOT NULL,
    registered_at  timestamptz NOT NULL,
    registered_by  text        NOT NULL,
    bid            uuid        REFERENCES bid,
    ground         text        CHECK (ground IN ('malware', 'late', 'incomplete', 'unreadable', 'admitted')),
    opened_at      timestamptz,
    opened_by      text,
    destroyed_at   timestamptz,
    destroyed_by   text,
    fate           text        CHECK (fate IN ('unopened', 'set_aside')),
    CHECK ((opened_at IS NULL) = (ground IS NULL)),
    CHECK ((destroyed_at IS NULL) = (fate IS NULL))
);
COMMENT ON TABLE  backup_copy             IS 'What came by another way than the platform: backup copies, and bids on paper or a medium.';
COMMENT ON COLUMN backup_copy.purpose     IS 'backup: of an electronic bid (order ECOM1831545A); bid: the bid itself came by another channel.';
COMMENT ON COLUMN backup_copy.received_at IS 'As the person who took it says; registered_at is the platform''s own hour.';
COMMENT ON COLUMN backup_copy.bid         IS 'The electronic bid in whose place it was opened.';
CREATE INDEX backup_copy_procedure ON backup_copy (procedure, sequence);

CREATE TABLE admission (
    id         uuid        PRIMARY KEY,
    sequence   bigint      GENERATED ALWAYS AS IDENTITY,
    procedure  uuid        NOT NULL REFERENCES consultation,
    bid        uuid        REFERENCES bid,
    copy       uuid        REFERENCES backup_copy,
    decision   text        NOT NULL CHECK (decision IN ('admitted', 'refused')),
    reason     text        NOT NULL,
    facts      uuid[]      NOT NULL,
    fact       uuid        NOT NULL,
    decided_at timestamptz NOT NULL,
    decided_by text        NOT NULL,
    CHECK ((bid IS NULL) <> (copy IS NULL))
);
COMMENT ON TABLE  admission       IS 'A reasoned decision of the buyer; the last one on a bid or a copy holds.';
COMMENT ON COLUMN admission.facts IS 'The facts of the evidence that it rests on.';
COMMENT ON COLUMN admission.fact  IS 'The fact that proves the decision itself.';
CREATE INDEX admission_procedure ON admission (procedure, sequence);

-- migrate:down
DROP TABLE admission;
DROP TABLE backup_copy;
