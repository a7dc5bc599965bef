-- The way of a notice to its publication: checked, sent, rejected; and what becomes of it at each channel.
-- halles: compatible
-- migrate:up
ALTER TABLE notice DROP CONSTRAINT notice_state_check;
ALTER TABLE notice ADD CONSTRAINT notice_state_check
    CHECK (state IN ('draft', 'checked', 'sent', 'rejected', 'published'));
ALTER TABLE notice ADD COLUMN sent_at timestamptz;
COMMENT ON COLUMN notice.sent_at IS 'When it was handed over to its channels: minimum periods run from there. NULL: on the platform alone.';

CREATE TABLE publication (
    publication_id  uuid        PRIMARY KEY,
    notice_id       uuid        NOT NULL REFERENCES notice,
    channel         text        NOT NULL,
    attempt         integer     NOT NULL CHECK (attempt >= 1),
    state           text        NOT NULL
                    CHECK (state IN ('waiting', 'queued', 'sent', 'received', 'accepted', 'rejected', 'published', 'stopped')),
    version         integer     NOT NULL CHECK (version >= 1),
    envelope        text        NOT NULL UNIQUE,
    planned_at      timestamptz NOT NULL,
    held_until      timestamptz,
    queued_at       timestamptz,
    sent_at         timestamptz,
    received_at     timestamptz,
    accepted_at     timestamptz,
    closed_at       timestamptz,
    receipt         text,
    number          text,
    published_on    date,
    link            text,
    reasons         jsonb       NOT NULL DEFAULT '[]',
    asked           integer     NOT NULL DEFAULT 0,
    UNIQUE (notice_id, channel, attempt),
    CHECK ((state = 'published') = (published_on IS NOT NULL))
);
COMMENT ON TABLE  publication            IS 'A notice at one of its channels: JOUE, BOAMP, legal-notice papers, the platform itself (profile).';
COMMENT ON COLUMN publication.attempt    IS 'Which sending to that channel: another one follows a rejection.';
COMMENT ON COLUMN publication.envelope   IS 'Our name of the sending: the channel knows a repetition by it.';
COMMENT ON COLUMN publication.held_until IS 'When time alone lets it go (48 h after the JOUE confirmed receipt, for one).';
COMMENT ON COLUMN publication.asked      IS 'How often its channel was asked what became of it.';
CREATE INDEX publication_held ON publication (held_until) WHERE state = 'waiting' AND held_until IS NOT NULL;
CREATE INDEX publication_open ON publication (channel, state) WHERE state IN ('queued', 'sent', 'received', 'accepted');

-- migrate:down
DROP TABLE publication;
ALTER TABLE notice DROP COLUMN sent_at;
ALTER TABLE notice DROP CONSTRAINT notice_state_check;
ALTER TABLE notice ADD CONSTRAINT notice_state_check CHECK (state IN ('draft', 'published'));
