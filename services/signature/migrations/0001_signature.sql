-- migrate:up
CREATE TABLE circuit (
    organisation text PRIMARY KEY,
    version      integer NOT NULL CHECK (version > 0),
    steps        jsonb NOT NULL,
    updated_by   text NOT NULL,
    updated_at   timestamptz NOT NULL
);

CREATE TABLE request (
    request_id   uuid PRIMARY KEY,
    organisation text NOT NULL,
    procedure    uuid,
    subject_id   uuid NOT NULL,
    title        text NOT NULL,
    state        text NOT NULL CHECK (state IN
                 ('received', 'blocked', 'open', 'completing', 'completed', 'refused', 'superseded')),
    version      integer NOT NULL CHECK (version > 0),
    submitted    jsonb NOT NULL,
    document     jsonb NOT NULL,
    reason       text,
    verification jsonb,
    created_at   timestamptz NOT NULL,
    closed_at    timestamptz
);
COMMENT ON COLUMN request.submitted IS 'reference of the document as it came';
COMMENT ON COLUMN request.document IS 'reference of the document with the signatures made so far';
-- A document is in one circuit at a time.
CREATE UNIQUE INDEX request_alive ON request (subject_id)
    WHERE state IN ('received', 'blocked', 'open', 'completing');
CREATE INDEX request_page ON request (organisation, created_at DESC, request_id DESC);

CREATE TABLE step (
    request_id uuid NOT NULL REFERENCES request,
    number     integer NOT NULL CHECK (number > 0),
    action     text NOT NULL CHECK (action IN ('visa', 'signature')),
    person     text NOT NULL,
    function   text NOT NULL,
    done_at    timestamptz,
    PRIMARY KEY (request_id, number)
);
CREATE INDEX step_waiting ON step (person) WHERE done_at IS NULL;

CREATE TABLE preparation (
    preparation_id uuid PRIMARY KEY,
    request_id     uuid NOT NULL,
    number         integer NOT NULL,
    person         text NOT NULL,
    base_sha256    text NOT NULL,
    document_key   text NOT NULL,
    digest         bytea NOT NULL,
    place_start    integer NOT NULL,
    place_end      integer NOT NULL,
    attributes     bytea NOT NULL,
    certificate    bytea NOT NULL,
    chain          bytea[] NOT NULL,
    algorithm      text NOT NULL,
    signature      bytea,
    prepared_at    timestamptz NOT NULL,
    FOREIGN KEY (request_id, number) REFERENCES step
);
COMMENT ON TABLE preparation IS 'bytes given to one person to sign, for one step of one document; the last one counts';
CREATE INDEX preparation_of ON preparation (request_id, number, person, prepared_at DESC);

CREATE TABLE history (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES request,
    at         timestamptz NOT NULL,
    event      text NOT NULL,
    step       integer,
    detail     text
);
CREATE INDEX history_of ON history (request_id, id);

-- migrate:down
DROP TABLE history, preparation, step, request, circuit;
