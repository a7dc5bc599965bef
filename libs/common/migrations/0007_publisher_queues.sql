-- The queues a service's events go to: which are missing, and what those that came back still lack.
-- halles: compatible
-- migrate:up
CREATE TABLE publisher_queue (
    queue       text        PRIMARY KEY,
    since       bigint      NOT NULL,
    missing     boolean     NOT NULL DEFAULT false,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    named_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE  publisher_queue            IS 'The queues this service''s events go to, as its publishers saw them last.';
COMMENT ON COLUMN publisher_queue.since      IS 'Events up to this position were published before the queue was known: none of its business.';
COMMENT ON COLUMN publisher_queue.missing    IS 'The broker does not have it: nothing is published to it until it was published again what it lacks.';
COMMENT ON COLUMN publisher_queue.changed_at IS 'Since when it is missing, or there.';
COMMENT ON COLUMN publisher_queue.named_at   IS 'When a publisher last began with a topology that has it; a day without, and it is forgotten.';

CREATE TABLE publisher_again (
    shard  integer NOT NULL REFERENCES publisher,
    queue  text    NOT NULL,
    after  bigint  NOT NULL,
    upto   bigint  NOT NULL CHECK (upto > after),
    PRIMARY KEY (shard, queue)
);
COMMENT ON TABLE publisher_again IS 'What is published again to queues that lost it: events behind `after`, up to `upto`, for these queues only.';

-- The last position numbered before an instant. Positions grow with time, so a few looks at the primary key find it.
CREATE FUNCTION event_before(instant timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low    bigint := 0;
    high   bigint;
    middle bigint;
    moment timestamptz;
BEGIN
    SELECT position INTO high FROM event_head;
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT numbered_at INTO moment FROM event WHERE position <= middle ORDER BY position DESC LIMIT 1;
        IF moment >= instant THEN
            high := middle - 1;
        ELSE -- none: it is in the archive only
            low := middle;
        END IF;
        moment := NULL;
    END LOOP;
    RETURN low;
END;
$$;

-- migrate:down
DROP FUNCTION event_before(timestamptz);
DROP TABLE publisher_again;
DROP TABLE publisher_queue;
