-- Partitions of the event log as data: made ahead, archived in object storage, dropped; what must outlive them.
-- halles: compatible
-- migrate:up
LOCK TABLE event_head IN ACCESS EXCLUSIVE MODE; -- no numberer makes a partition meanwhile

CREATE TABLE event_part (
    starts      bigint      PRIMARY KEY,
    ends        bigint      NOT NULL UNIQUE CHECK (ends > starts),
    name        text        NOT NULL UNIQUE,
    made_at     timestamptz NOT NULL DEFAULT now(),
    written_at  timestamptz,
    dropped_at  timestamptz,
    CHECK (dropped_at IS NULL OR written_at IS NOT NULL)
);
COMMENT ON TABLE  event_part            IS 'The partitions of the event log, those that were dropped included.';
COMMENT ON COLUMN event_part.starts     IS 'First position.';
COMMENT ON COLUMN event_part.ends       IS 'Position after the last one.';
COMMENT ON COLUMN event_part.written_at IS 'All its events are in verified files of the archive.';
COMMENT ON COLUMN event_part.dropped_at IS 'Its events are in the archive only.';

INSERT INTO event_part (starts, ends, name)
SELECT number * 1000000, (number + 1) * 1000000, name
  FROM (SELECT relid::text AS name, substr(relid::text, 7)::bigint AS number
          FROM pg_partition_tree('event')
         WHERE isleaf) AS present;

CREATE TABLE event_archive (
    name         text        PRIMARY KEY,
    audience     text        NOT NULL CHECK (audience IN ('public', 'internal')),
    part         bigint      NOT NULL REFERENCES event_part,
    first        bigint      NOT NULL,
    last         bigint      NOT NULL CHECK (last >= first),
    events       bigint      NOT NULL,
    from_time    timestamptz NOT NULL,
    to_time      timestamptz NOT NULL,
    size         bigint      NOT NULL,
    sha256       text        NOT NULL,
    storage_key  text        NOT NULL,
    written_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (audience, first)
);
COMMENT ON TABLE  event_archive           IS 'Files of the archive, written and read back: JSON Lines, gzip.';
COMMENT ON COLUMN event_archive.first     IS 'First position it covers; the public file of a range leaves out the others'' events.';
COMMENT ON COLUMN event_archive.from_time IS 'When its first event was numbered.';

CREATE TABLE event_kept (
    position      bigint      PRIMARY KEY,
    type          text        NOT NULL,
    organisation  text        NOT NULL,
    buyer         text,
    procedure     uuid,
    body          text        NOT NULL
);
COMMENT ON TABLE event_kept IS 'Events of dropped partitions that a buyer may still have to be told, and those that open them.';
CREATE INDEX event_kept_procedure ON event_kept (procedure, type, position);

CREATE VIEW event_known AS
SELECT position, type, organisation, buyer, procedure, body FROM event
 UNION ALL
SELECT position, type, organisation, buyer, procedure, body FROM event_kept;

CREATE FUNCTION event_new_part(first bigint, past bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part CONSTANT text := format('event_from_%s', first);
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
    -- attached rather than created as a partition: readers of the log are not locked out
    EXECUTE format('ALTER TABLE event ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', part, first, past);
    INSERT INTO event_part (starts, ends, name) VALUES (first, past, part);
END;
$$;

CREATE OR REPLACE FUNCTION event_make_room(upto bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    width CONSTANT bigint := 1000000;
    first bigint;
    past  bigint;
BEGIN
    IF upto < (SELECT max(ends) FROM event_part) THEN
        RETURN;
    END IF;
    LOCK TABLE event_part IN SHARE ROW EXCLUSIVE MODE;
    LOOP
        SELECT max(ends) INTO first FROM event_part;
        EXIT WHEN upto < first;
        past := (first / width + 1) * width;
        PERFORM event_new_part(first, past);
    END LOOP;
END;
$$;

-- The partition that is being filled ends at the last position given: so that events leave by their age even where a
-- million of them takes years. The numberer waits meanwhile; the caller sets lock_timeout.
CREATE FUNCTION event_cut() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
    cut  event_part;
BEGIN
    LOCK TABLE event_part IN SHARE ROW EXCLUSIVE MODE; -- in the order of event_make_room
    LOCK TABLE event IN ACCESS EXCLUSIVE MODE;
    SELECT position INTO last FROM event_head;
    SELECT * INTO cut FROM event_part WHERE last >= greatest(starts, 1) AND last < ends - 1 AND dropped_at IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE event DETACH PARTITION %I', cut.name);
    EXECUTE format('ALTER TABLE event ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', cut.name, cut.starts, last + 1);
    UPDATE event_part SET ends = last + 1 WHERE starts = cut.starts;
    PERFORM event_new_part(last + 1, cut.ends);
END;
$$;

-- The oldest partition leaves the log. Readers see it whole or not at all: DROP waits for them, in a moment.
CREATE FUNCTION event_drop(first bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part event_part;
BEGIN
    LOCK TABLE event_part IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO STRICT part FROM event_part
     WHERE starts = (SELECT min(starts) FROM event_part WHERE dropped_at IS NULL)
       AND starts = first AND written_at IS NOT NULL;
    EXECUTE format('DROP TABLE %I', part.name);
    UPDATE event_part SET dropped_at = now() WHERE starts = first;
END;
$$;

-- Emptied all day long: without this its pages grow between two vacuums.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
                        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 5000);

-- migrate:down
ALTER TABLE outbox RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
                          autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold);
DROP FUNCTION event_drop(bigint);
DROP FUNCTION event_cut();
DROP VIEW event_known;
DROP TABLE event_kept;
DROP TABLE event_archive;
CREATE OR REPLACE FUNCTION event_make_room(upto bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF upto >= (SELECT max(ends) FROM event_part) THEN
        RAISE EXCEPTION 'the log was cut: forward only';
    END IF;
END;
$$;
DROP FUNCTION event_new_part(bigint, bigint);
DROP TABLE event_part;
