-- The evaluation of opened bids: methods, judgements, marks, scorings, requests to bidders; each step is a row, none is changed.
-- halles: compatible
-- migrate:up
CREATE SEQUENCE evaluation_step;
COMMENT ON SEQUENCE evaluation_step IS 'Tells which step came after which, in one consultation and across tables.';

CREATE TABLE scoring_method (
    procedure uuid        NOT NULL REFERENCES consultation,
    lot       text        NOT NULL,
    step      bigint      PRIMARY KEY DEFAULT nextval('evaluation_step'),
    method    jsonb       NOT NULL,
    set_at    timestamptz NOT NULL,
    set_by    text        NOT NULL
);
CREATE INDEX scoring_method_lot ON scoring_method (procedure, lot, step);

CREATE TABLE judgement (
    procedure  uuid        NOT NULL REFERENCES consultation,
    lot        text        NOT NULL,
    bid        uuid        NOT NULL REFERENCES bid,
    step       bigint      PRIMARY KEY DEFAULT nextval('evaluation_step'),
    verdict    text        NOT NULL,
    reason     text        NOT NULL,
    judged_at  timestamptz NOT NULL,
    judged_by  text        NOT NULL
);
COMMENT ON TABLE judgement IS 'Whether a bid is admissible for a lot, and why not; the last one holds.';
CREATE INDEX judgement_lot ON judgement (procedure, lot, bid, step);

CREATE TABLE evaluator_marks (
    procedure uuid        NOT NULL REFERENCES consultation,
    lot       text        NOT NULL,
    evaluator text        NOT NULL,
    step      bigint      PRIMARY KEY DEFAULT nextval('evaluation_step'),
    marks     jsonb       NOT NULL,
    given_at  timestamptz NOT NULL
);
COMMENT ON TABLE evaluator_marks IS 'The marks of one evaluator for all bids of a lot; the last ones hold.';
CREATE INDEX evaluator_marks_lot ON evaluator_marks (procedure, lot, evaluator, step);

CREATE TABLE scoring (
    id        uuid        PRIMARY KEY,
    procedure uuid        NOT NULL REFERENCES consultation,
    lot       text        NOT NULL,
    version   integer     NOT NULL CHECK (version >= 1),
    step      bigint      NOT NULL DEFAULT nextval('evaluation_step'),
    content   jsonb       NOT NULL,
    scored_at timestamptz NOT NULL,
    scored_by text        NOT NULL,
    UNIQUE (procedure, lot, version)
);
COMMENT ON COLUMN scoring.content IS 'The method, the figures and marks it rests on, points with their arithmetic, ranks, flags.';

CREATE TABLE bidder_request (
    id          uuid        PRIMARY KEY,
    version     integer     NOT NULL DEFAULT 1 CHECK (version >= 1),
    procedure   uuid        NOT NULL REFERENCES consultation,
    lot         text        NOT NULL,
    bid         uuid        NOT NULL REFERENCES bid,
    bidder      text        NOT NULL,
    kind        text        NOT NULL,
    text        text        NOT NULL,
    asked_at    timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,
    letter      uuid        NOT NULL,
    state       text        NOT NULL DEFAULT 'sent',
    answer      text,
    documents   jsonb       NOT NULL DEFAULT '[]',
    answered_at timestamptz,
    reason      text,
    settled_at  timestamptz
);
CREATE INDEX bidder_request_lot ON bidder_request (procedure, lot, asked_at, id);
CREATE UNIQUE INDEX bidder_request_pending ON bidder_request (procedure, lot, bid, kind) WHERE state IN ('sent', 'answered');

ALTER TABLE award ADD COLUMN decided_by text;

-- migrate:down
ALTER TABLE award DROP COLUMN decided_by;
DROP TABLE bidder_request;
DROP TABLE scoring;
DROP TABLE evaluator_marks;
DROP TABLE judgement;
DROP TABLE scoring_method;
DROP SEQUENCE evaluation_step;
