-- Jobs and the audit journal: the same in every service's database.
-- migrate:up
CREATE TABLE job (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    kind         text        NOT NULL,
    key          text        NOT NULL,
    payload      jsonb       NOT NULL,
    cause        jsonb,
    traceparent  text,
    state        text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'dead')),
    attempts     integer     NOT NULL DEFAULT 0,
    crashes      integer     NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL,
    not_before   timestamptz NOT NULL DEFAULT now(),
    lease        uuid,
    last_error   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    UNIQUE (kind, key)
);
COMMENT ON TABLE  job            IS 'An effect to do outside the database: mail, webhook, time stamp, transmission.';
COMMENT ON COLUMN job.key        IS 'Identity of the effect at its receiver, the same at each attempt.';
COMMENT ON COLUMN job.cause      IS 'The event it comes from, without its data: what its completion emits is correlated with it.';
COMMENT ON COLUMN job.crashes    IS 'Workers that died while doing it.';
COMMENT ON COLUMN job.due_at     IS 'Domain time: not to be done before.';
COMMENT ON COLUMN job.not_before IS 'Real time: end of the backoff, or of the present lease.';
COMMENT ON COLUMN job.lease      IS 'Who does it now; a worker that lost its lease cannot mark it done.';
CREATE INDEX job_waiting ON job (due_at, created_at) WHERE state = 'waiting';
CREATE INDEX job_dead ON job (finished_at) WHERE state = 'dead';
CREATE INDEX job_done ON job (finished_at) WHERE state = 'done';

CREATE TABLE journal_pending (
    id            bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at            timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    actor         text,
    organisation  text,
    action        text        NOT NULL,
    subject       text        NOT NULL,
    event_id      uuid
);
COMMENT ON TABLE  journal_pending    IS 'Entries of committed transactions that are not chained yet.';
COMMENT ON COLUMN journal_pending.at IS 'Domain time.';

CREATE TABLE journal (
    position      bigint      PRIMARY KEY,
    at            timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL,
    actor         text,
    organisation  text,
    action        text        NOT NULL,
    subject       text        NOT NULL,
    event_id      uuid,
    hash          bytea       NOT NULL CHECK (octet_length(hash) = 32)
);
COMMENT ON TABLE  journal      IS 'Who did what, for which organisation, when. Ids only. Each entry is chained to the one before.';
COMMENT ON COLUMN journal.hash IS 'SHA-256 of the RFC 8785 form of the entry with the hash of the one before.';
CREATE INDEX journal_subject ON journal (subject, position);

CREATE TABLE journal_head (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    position  bigint  NOT NULL,
    hash      bytea   NOT NULL CHECK (octet_length(hash) = 32)
);
COMMENT ON TABLE journal_head IS 'The last chained entry; its lock lets one chainer work at a time.';
INSERT INTO journal_head (position, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only';
END;
$$;
CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

-- migrate:down
DROP TABLE journal_head;
DROP TABLE journal;
DROP TABLE journal_pending;
DROP FUNCTION journal_is_append_only();
DROP TABLE job;
