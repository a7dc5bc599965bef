-- Rounds: a consultation of its own for each later call of a procedure, for those invited; what was selected, and why.
-- halles: compatible
-- migrate:up
ALTER TABLE consultation ADD COLUMN principal uuid REFERENCES consultation;
COMMENT ON COLUMN consultation.principal IS 'Of a round: the procedure whose published notice it goes on from.';

CREATE TABLE procedure_phase (
    procedure uuid PRIMARY KEY REFERENCES consultation,
    phase     text NOT NULL
);
COMMENT ON TABLE procedure_phase IS 'Where a procedure of several rounds is; none: at its beginning. The graph is services/bids/rounds/states.py.';

CREATE TABLE selection (
    id         uuid        PRIMARY KEY,
    procedure  uuid        NOT NULL REFERENCES consultation,
    decided_at timestamptz NOT NULL,
    decided_by text        NOT NULL,
    decision   jsonb       NOT NULL
);
COMMENT ON COLUMN selection.decision IS 'Criteria, number, and for each candidate and lot: selected or not, why.';
CREATE INDEX selection_procedure ON selection (procedure, decided_at);

CREATE TABLE selected (
    procedure    uuid    NOT NULL REFERENCES consultation,
    organisation text    NOT NULL,
    lot          text    NOT NULL,
    name         text    NOT NULL,
    selected     boolean NOT NULL,
    selection    uuid    NOT NULL REFERENCES selection,
    PRIMARY KEY (procedure, organisation, lot)
);

CREATE TABLE round (
    id        uuid        PRIMARY KEY REFERENCES consultation,
    sequence  bigint      GENERATED ALWAYS AS IDENTITY,
    principal uuid        NOT NULL REFERENCES consultation,
    number    integer     NOT NULL CHECK (number >= 1),
    kind      text        NOT NULL CHECK (kind IN ('tender', 'negotiation', 'final', 'subsequent', 'specific')),
    opened_at timestamptz NOT NULL,
    opened_by text        NOT NULL,
    terms     text        NOT NULL,
    UNIQUE (principal, number)
);
COMMENT ON COLUMN round.terms IS 'What every one of those invited is told: the same text (art. L3 CCP).';

CREATE TABLE round_invited (
    round        uuid   NOT NULL REFERENCES round,
    organisation text   NOT NULL,
    name         text   NOT NULL,
    lots         text[] NOT NULL CHECK (cardinality(lots) > 0),
    letter       uuid   NOT NULL,
    PRIMARY KEY (round, organisation)
);
COMMENT ON TABLE round_invited IS 'Who may deposit: known to the buyer, and each to itself alone.';
CREATE INDEX round_invited_organisation ON round_invited (organisation, round);

-- migrate:down
DROP TABLE round_invited;
DROP TABLE round;
DROP TABLE selected;
DROP TABLE selection;
DROP TABLE procedure_phase;
ALTER TABLE consultation DROP COLUMN principal;
