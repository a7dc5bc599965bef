-- Mails are a queue of their own, by priority: no job each.
-- halles: compatible
-- migrate:up
ALTER TABLE mail ADD COLUMN topic text;
ALTER TABLE mail ADD COLUMN priority smallint NOT NULL DEFAULT 2;
ALTER TABLE mail ADD COLUMN not_before timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE mail ADD COLUMN due_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE mail ADD COLUMN attempts integer NOT NULL DEFAULT 0;
ALTER TABLE mail ADD COLUMN lease uuid;
ALTER TABLE mail ADD COLUMN cause jsonb;
COMMENT ON COLUMN mail.topic         IS 'What a service mail tells of: its words are in the code.';
COMMENT ON COLUMN mail.priority      IS '0 transactional, 1 change of a followed procedure, 2 alert at once, 3 digest.';
COMMENT ON COLUMN mail.not_before    IS 'Real time: the end of a lease, or of the wait after a failure.';
COMMENT ON COLUMN mail.due_at        IS 'Domain time before which it does not leave.';
COMMENT ON COLUMN mail.cause         IS 'The event that asked for a transactional mail, without its data: what follows names it.';

ALTER TABLE mail DROP CONSTRAINT IF EXISTS mail_kind_check;
ALTER TABLE mail DROP CONSTRAINT mail_state_check;
ALTER TABLE mail ADD CONSTRAINT mail_state_check CHECK
    (state IN ('due', 'sent', 'undeliverable', 'suppressed', 'refused', 'failed', 'bounced')) NOT VALID;
ALTER TABLE mail DROP CONSTRAINT mail_check;
ALTER TABLE mail ADD CONSTRAINT mail_sent_at CHECK
    (CASE WHEN state = 'sent' THEN sent_at IS NOT NULL WHEN state = 'bounced' THEN true ELSE sent_at IS NULL END) NOT VALID;

CREATE TABLE mail_return (
    mail_id  uuid        NOT NULL REFERENCES mail (mail_id) ON DELETE CASCADE,
    kind     text        NOT NULL CHECK (kind IN ('hard', 'soft', 'complaint')),
    digest   bytea       NOT NULL CHECK (octet_length(digest) = 32),
    status   text,
    at       timestamptz NOT NULL,
    PRIMARY KEY (mail_id, kind)
);
COMMENT ON TABLE  mail_return        IS 'What mail servers reported of a mail, once each.';
COMMENT ON COLUMN mail_return.digest IS 'Of the address that it went to, under the platform''s secret: the address itself is not kept.';
CREATE INDEX mail_return_digest ON mail_return (digest, at);

CREATE TABLE suppression (
    digest  bytea       PRIMARY KEY CHECK (octet_length(digest) = 32),
    reason  text        NOT NULL CHECK (reason IN ('hard', 'soft', 'complaint')),
    status  text,
    since   timestamptz NOT NULL
);
COMMENT ON TABLE suppression IS 'Addresses that mails no longer go to, by their digest; giving the address again lifts it.';

-- migrate:down
DROP TABLE suppression;
DROP TABLE mail_return;
DELETE FROM mail WHERE kind NOT IN ('alert', 'letter', 'news');
UPDATE mail SET state = 'refused', sent_at = NULL WHERE state = 'bounced';
ALTER TABLE mail DROP CONSTRAINT mail_sent_at;
ALTER TABLE mail ADD CONSTRAINT mail_check CHECK ((state = 'sent') = (sent_at IS NOT NULL));
ALTER TABLE mail DROP CONSTRAINT mail_state_check;
ALTER TABLE mail ADD CONSTRAINT mail_state_check CHECK
    (state IN ('due', 'sent', 'undeliverable', 'suppressed', 'refused', 'failed'));
ALTER TABLE mail ADD CONSTRAINT mail_kind_check CHECK (kind IN ('alert', 'letter', 'news'));
ALTER TABLE mail DROP COLUMN cause;
ALTER TABLE mail DROP COLUMN lease;
ALTER TABLE mail DROP COLUMN attempts;
ALTER TABLE mail DROP COLUMN due_at;
ALTER TABLE mail DROP COLUMN not_before;
ALTER TABLE mail DROP COLUMN priority;
ALTER TABLE mail DROP COLUMN topic;
