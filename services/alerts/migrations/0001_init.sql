-- Saved searches, their matches, mails to people, webhooks to partners.
-- migrate:up
CREATE TABLE contact (
    organisation  text        PRIMARY KEY,
    contact_id    uuid        NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    email         text        NOT NULL CHECK (length(email) <= 254 AND email !~ '[[:cntrl:][:space:]]'),
    language      text        NOT NULL CHECK (language IN ('fr', 'en')),
    alerts        boolean     NOT NULL DEFAULT true,
    generation    integer     NOT NULL DEFAULT 1,
    changed_at    timestamptz NOT NULL
);
COMMENT ON TABLE  contact            IS 'Where an organisation''s mails go. The only place that holds an address.';
COMMENT ON COLUMN contact.alerts     IS 'False after an unsubscription; transactional mails still go.';
COMMENT ON COLUMN contact.generation IS 'Grows when alerts are asked for again: older unsubscription links no longer work.';

CREATE TABLE criteria (
    criteria_id  uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    digest       bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    definition   jsonb       NOT NULL,
    summary      text        NOT NULL,
    summary_en   text        NOT NULL,
    created_at   timestamptz NOT NULL
);
COMMENT ON TABLE criteria IS 'Distinct criteria: equal searches of different people are one row, matched once a notice.';

CREATE TABLE anchor (
    key          text NOT NULL,
    criteria_id  uuid NOT NULL REFERENCES criteria (criteria_id) ON DELETE CASCADE,
    PRIMARY KEY (key, criteria_id)
);
COMMENT ON TABLE anchor IS 'Inverted index: the rarest required term of each criteria; * for those without any.';

CREATE TABLE search (
    search_id     uuid        PRIMARY KEY,
    organisation  text        NOT NULL,
    name          text        NOT NULL,
    criteria_id   uuid        NOT NULL REFERENCES criteria (criteria_id),
    created_at    timestamptz NOT NULL
);
CREATE INDEX search_organisation ON search (organisation, created_at, search_id);
CREATE INDEX search_criteria ON search (criteria_id);

CREATE TABLE notice (
    notice_id     uuid        PRIMARY KEY,
    version       integer     NOT NULL,
    procedure     uuid,
    kind          text        NOT NULL,
    title         text        NOT NULL,
    buyer_name    text        NOT NULL,
    cpv           text[]      NOT NULL,
    departments   text[]      NOT NULL,
    deadline      timestamptz,
    published_at  timestamptz NOT NULL
);
COMMENT ON TABLE notice IS 'What mails and filters need of a published notice: its public state.';
CREATE INDEX notice_procedure ON notice (procedure);

CREATE TABLE match (
    criteria_id     uuid        NOT NULL REFERENCES criteria (criteria_id) ON DELETE CASCADE,
    notice_id       uuid        NOT NULL REFERENCES notice (notice_id),
    notice_version  integer     NOT NULL,
    reasons         jsonb       NOT NULL,
    matched_at      timestamptz NOT NULL,
    PRIMARY KEY (criteria_id, notice_id)
);
CREATE INDEX match_notice ON match (notice_id);
CREATE INDEX match_recent ON match (criteria_id, matched_at, notice_id);

CREATE TABLE mail (
    mail_id       uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation  text        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('alert', 'letter')),
    subject_id    uuid        NOT NULL,
    procedure     uuid,
    sender        text,
    subject       text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('due', 'sent', 'undeliverable', 'suppressed', 'refused', 'failed')),
    reason        text,
    requeued      integer     NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL,
    sent_at       timestamptz,
    UNIQUE (organisation, kind, subject_id),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
COMMENT ON TABLE  mail            IS 'One mail: an alert about a notice, or word of a letter that waits. No address, no content.';
COMMENT ON COLUMN mail.subject_id IS 'The notice or the letter: one mail each for an organisation, whatever number of searches matched.';
COMMENT ON COLUMN mail.sender     IS 'The buyer that is told when it cannot be delivered, where it may know of the mail.';
CREATE INDEX mail_organisation ON mail (organisation, created_at, mail_id);
CREATE INDEX mail_undelivered ON mail (created_at, mail_id) WHERE state IN ('undeliverable', 'refused', 'failed');

CREATE TABLE endpoint (
    webhook_id       uuid        PRIMARY KEY,
    organisation     text        NOT NULL,
    url              text        NOT NULL,
    types            text[]      NOT NULL,
    cpv              text[]      NOT NULL,
    departments      text[]      NOT NULL,
    state            text        NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled')),
    disabled_reason  text,
    created_at       timestamptz NOT NULL
);
COMMENT ON TABLE endpoint IS 'A partner''s webhook. Its secret is derived from the platform''s, never stored.';
CREATE INDEX endpoint_organisation ON endpoint (organisation, created_at, webhook_id);

CREATE TABLE outgoing (
    event_id    uuid        PRIMARY KEY,
    type        text        NOT NULL,
    body        text        NOT NULL,
    created_at  timestamptz NOT NULL
);
COMMENT ON TABLE outgoing IS 'A public event, byte for byte as every attempt sends it.';

CREATE TABLE delivery (
    delivery_id  uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id   uuid        NOT NULL REFERENCES endpoint (webhook_id) ON DELETE CASCADE,
    event_id     uuid        NOT NULL REFERENCES outgoing (event_id),
    state        text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts     integer     NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,
    UNIQUE (webhook_id, event_id)
);

CREATE TABLE attempt (
    attempt_id    bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    delivery_id   uuid        NOT NULL REFERENCES delivery (delivery_id) ON DELETE CASCADE,
    number        integer     NOT NULL,
    at            timestamptz NOT NULL,
    status        integer,
    error         text,
    milliseconds  integer     NOT NULL,
    UNIQUE (delivery_id, number)
);

-- migrate:down
DROP TABLE attempt;
DROP TABLE delivery;
DROP TABLE outgoing;
DROP TABLE endpoint;
DROP TABLE mail;
DROP TABLE match;
DROP TABLE notice;
DROP TABLE search;
DROP TABLE anchor;
DROP TABLE criteria;
DROP TABLE contact;
