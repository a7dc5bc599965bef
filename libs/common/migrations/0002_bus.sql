-- The message backbone: the same in every service's database.
-- migrate:up
CREATE TABLE outbox (
    id            bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    event_id      uuid        NOT NULL,
    type          text        NOT NULL,
    key           text        NOT NULL,
    organisation  text        NOT NULL,
    buyer         text,
    procedure     uuid,
    recorded_at   timestamptz NOT NULL,
    body          text        NOT NULL
);
COMMENT ON TABLE  outbox      IS 'Events of committed transactions that have no position yet. Small: the numberer empties it.';
COMMENT ON COLUMN outbox.key  IS 'Ordering key: the aggregate.';
COMMENT ON COLUMN outbox.body IS 'The CloudEvent, as on the wire but for its `sequence`.';

CREATE TABLE event (
    position      bigint      NOT NULL,
    event_id      uuid        NOT NULL,
    type          text        NOT NULL,
    key           text        NOT NULL,
    organisation  text        NOT NULL,
    buyer         text,
    procedure     uuid,
    recorded_at   timestamptz NOT NULL,
    numbered_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    body          text        NOT NULL,
    PRIMARY KEY (position)
) PARTITION BY RANGE (position);
COMMENT ON TABLE  event          IS 'The log of what this service published. Positions have no gap; a row is never changed.';
COMMENT ON COLUMN event.position IS 'Given after commit by the one numberer: no row ever appears behind a reader.';
COMMENT ON COLUMN event.body     IS 'The CloudEvent as on the wire, `sequence` included.';
CREATE INDEX event_procedure ON event (procedure, type, position);

CREATE TABLE event_head (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    position  bigint  NOT NULL
);
COMMENT ON TABLE event_head IS 'The last position given.';
INSERT INTO event_head (position) VALUES (0);

-- One table for each million positions, so that retention drops whole tables.
CREATE FUNCTION event_make_room(upto bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    width CONSTANT bigint := 1000000;
    part  bigint := upto / width;
BEGIN
    IF to_regclass(format('event_%s', part)) IS NULL THEN
        -- attached rather than created as a partition: readers of the log are not locked out
        EXECUTE format('CREATE TABLE event_%s (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
        EXECUTE format('ALTER TABLE event ATTACH PARTITION event_%s FOR VALUES FROM (%s) TO (%s)',
                       part, part * width, (part + 1) * width);
    END IF;
END;
$$;
SELECT event_make_room(0);

CREATE TABLE publisher (
    shard     integer PRIMARY KEY,
    position  bigint  NOT NULL DEFAULT 0,
    epoch     bigint  NOT NULL DEFAULT 0
);
COMMENT ON TABLE  publisher          IS 'How far each publisher went.';
COMMENT ON COLUMN publisher.position IS 'Everything up to it is confirmed by the broker, set aside, or for nobody.';
COMMENT ON COLUMN publisher.epoch    IS 'Grows with each leader: one that was replaced cannot move the position any more.';
INSERT INTO publisher (shard) VALUES (0);

CREATE TABLE set_aside (
    position  bigint      PRIMARY KEY,
    shard     integer     NOT NULL REFERENCES publisher,
    key       text        NOT NULL,
    body      text        NOT NULL,
    reason    text        NOT NULL,
    attempts  integer     NOT NULL DEFAULT 0,
    due_at    timestamptz NOT NULL DEFAULT now(),
    since     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE set_aside IS 'Events the broker refused or could not route, with the later ones of their key; tried again.';
CREATE INDEX set_aside_key ON set_aside (shard, key, position);

CREATE TABLE inbox (
    consumer    text        NOT NULL,
    message_id  uuid        NOT NULL,
    handled_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
COMMENT ON TABLE inbox IS 'What each consumer handled: a second delivery changes nothing. Kept 14 days.';
CREATE INDEX inbox_handled ON inbox USING brin (handled_at);

CREATE TABLE parked (
    id           bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    queue        text        NOT NULL,
    key          text,
    message_id   uuid,
    type         text,
    body         bytea       NOT NULL,
    state        text        NOT NULL CHECK (state IN ('retrying', 'held', 'parked', 'discarded')),
    attempts     integer     NOT NULL DEFAULT 0,
    reason       text        NOT NULL,
    detail       text        NOT NULL DEFAULT '',
    due_at       timestamptz,
    swept_at     timestamptz,
    first_at     timestamptz NOT NULL DEFAULT now(),
    changed_at   timestamptz NOT NULL DEFAULT now(),
    resolved_by  text
);
COMMENT ON TABLE  parked          IS 'Messages that failed, with the later ones of their key, in order.';
COMMENT ON COLUMN parked.key      IS 'Ordering key; none when the message could not be read.';
COMMENT ON COLUMN parked.state    IS 'retrying: tried again at due_at; held: behind one of its key; parked: waits for an operator.';
COMMENT ON COLUMN parked.swept_at IS 'Taken from here by a consumer, for want of a timer.';
COMMENT ON COLUMN parked.reason   IS 'Class of the failure: not-json, unknown-type, wrong-schema, handler, behind...';
CREATE INDEX parked_active ON parked (queue, key, id) WHERE state IN ('retrying', 'held', 'parked');
CREATE INDEX parked_due ON parked (queue, due_at) WHERE state = 'retrying';
CREATE UNIQUE INDEX parked_once ON parked (queue, message_id) WHERE state IN ('retrying', 'held', 'parked');

-- migrate:down
DROP TABLE parked;
DROP TABLE inbox;
DROP TABLE set_aside;
DROP TABLE publisher;
DROP FUNCTION event_make_room(bigint);
DROP TABLE event_head;
DROP TABLE event;
DROP TABLE outbox;
