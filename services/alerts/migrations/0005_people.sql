-- People: an address and its confirmation suffice for alerts. Their searches, follows, what they mute and say of matches.
-- A search belongs to an organisation, whose members share it, or to one person; the code before knows the first kind only.
-- halles: compatible
-- migrate:up
CREATE TABLE subscriber (
    subscriber_id  uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    email          text        NOT NULL CHECK (length(email) <= 254 AND email !~ '[[:cntrl:][:space:]]'),
    language       text        NOT NULL DEFAULT 'fr' CHECK (language IN ('fr', 'en')),
    zone           text        NOT NULL DEFAULT 'Europe/Paris' CHECK (length(zone) <= 64),
    digest_hour    smallint    NOT NULL DEFAULT 7 CHECK (digest_hour BETWEEN 0 AND 23),
    working_days   boolean     NOT NULL DEFAULT true,
    organisation   text,
    account        text,
    confirmed_at   timestamptz,
    alerts         boolean     NOT NULL DEFAULT true,
    generation     integer     NOT NULL DEFAULT 1,
    paused_until   timestamptz,
    created_at     timestamptz NOT NULL,
    CHECK ((organisation IS NULL) = (account IS NULL))
);
COMMENT ON TABLE  subscriber              IS 'An address that alerts go to, and when. One a person, with or without an account.';
COMMENT ON COLUMN subscriber.digest_hour  IS 'Hour of the day, in the zone, at which digests leave.';
COMMENT ON COLUMN subscriber.account      IS 'The token''s `sub` of the person, who acts for the organisation; none: no account.';
COMMENT ON COLUMN subscriber.confirmed_at IS 'Since when the address is known to want alerts. Never: only an organisation named it as its own.';
COMMENT ON COLUMN subscriber.alerts       IS 'False after an unsubscription from everything. The searches are kept for a change of mind.';
COMMENT ON COLUMN subscriber.generation   IS 'Grows when alerts are asked for again or links are renewed: older links no longer act.';
CREATE UNIQUE INDEX subscriber_email ON subscriber (lower(email));
CREATE UNIQUE INDEX subscriber_account ON subscriber (account, organisation) WHERE account IS NOT NULL;

INSERT INTO subscriber (email, language, created_at)
SELECT DISTINCT ON (lower(email)) email, language, changed_at
  FROM contact
 ORDER BY lower(email), changed_at;

CREATE TABLE request (
    request_id     uuid        PRIMARY KEY,
    subscriber_id  uuid        NOT NULL REFERENCES subscriber ON DELETE CASCADE,
    purpose        text        NOT NULL CHECK (purpose IN ('subscribe', 'follow', 'account', 'link', 'erase')),
    wish           jsonb       NOT NULL,
    language       text        NOT NULL CHECK (language IN ('fr', 'en')),
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    used_at        timestamptz
);
COMMENT ON TABLE  request      IS 'What somebody asked for in the name of an address: it is done when the link of the mail is used, once, in time.';
COMMENT ON COLUMN request.wish IS 'The search to save, the procedure to follow, the account to bind.';
CREATE INDEX request_subscriber ON request (subscriber_id, created_at);
CREATE INDEX request_expired ON request (expires_at);

CREATE TABLE muted (
    organisation   text,
    subscriber_id  uuid        REFERENCES subscriber ON DELETE CASCADE,
    kind           text        NOT NULL CHECK (kind IN ('notice', 'buyer')),
    subject        text        NOT NULL,
    since          timestamptz NOT NULL,
    CHECK (num_nonnulls(organisation, subscriber_id) = 1),
    UNIQUE (organisation, kind, subject),
    UNIQUE (subscriber_id, kind, subject)
);
COMMENT ON TABLE  muted         IS 'What an organisation or a person wants no alert about.';
COMMENT ON COLUMN muted.subject IS 'kind notice: its procedure, else the notice itself, so that its changes are silent too. kind buyer: the organisation.';

CREATE TABLE feedback (
    search_id  uuid        NOT NULL REFERENCES search ON DELETE CASCADE,
    notice_id  uuid        NOT NULL REFERENCES notice,
    relevant   boolean     NOT NULL,
    given_at   timestamptz NOT NULL,
    PRIMARY KEY (search_id, notice_id)
);
COMMENT ON TABLE feedback IS 'What the owner of a search says of a notice that it found: more, or less, like this.';
CREATE INDEX feedback_notice ON feedback (notice_id);

ALTER TABLE search ALTER COLUMN organisation DROP NOT NULL;
ALTER TABLE search ADD COLUMN subscriber_id uuid;
ALTER TABLE search ADD COLUMN frequency text NOT NULL DEFAULT 'at_once';
ALTER TABLE search ADD COLUMN paused boolean NOT NULL DEFAULT false;
ALTER TABLE search ADD COLUMN feed integer NOT NULL DEFAULT 0;
ALTER TABLE search ADD CONSTRAINT search_frequency CHECK (frequency IN ('at_once', 'daily', 'weekly')) NOT VALID;
ALTER TABLE search ADD CONSTRAINT search_owner CHECK (num_nonnulls(organisation, subscriber_id) = 1) NOT VALID;
ALTER TABLE search ADD CONSTRAINT search_subscriber FOREIGN KEY (subscriber_id) REFERENCES subscriber ON DELETE CASCADE NOT VALID;
COMMENT ON COLUMN search.organisation IS 'Whose members share it; its mails go to the contact of the organisation. None: it is one person''s.';
COMMENT ON COLUMN search.frequency    IS 'When its matches are told. The default is what searches did before they could choose.';
COMMENT ON COLUMN search.feed         IS 'Which address of its feeds is good; each new one ends those before. 0: none was asked for.';

ALTER TABLE follow ADD COLUMN subscriber_id uuid;
ALTER TABLE follow ADD CONSTRAINT follow_subscriber FOREIGN KEY (subscriber_id) REFERENCES subscriber ON DELETE CASCADE NOT VALID;

ALTER TABLE mail ALTER COLUMN organisation DROP NOT NULL;
ALTER TABLE mail ADD COLUMN subscriber_id uuid;
ALTER TABLE mail ADD CONSTRAINT mail_subscriber FOREIGN KEY (subscriber_id) REFERENCES subscriber ON DELETE CASCADE NOT VALID;
COMMENT ON COLUMN mail.subscriber_id IS 'The person it goes to; none: the contact of the organisation.';

ALTER TABLE notice ADD COLUMN IF NOT EXISTS buyer text;
COMMENT ON COLUMN notice.buyer IS 'The organisation that buys; null for notices kept before it was.';

CREATE VIEW addressee AS
SELECT search_id, criteria_id, search.name, frequency, search.created_at, person.subscriber_id, NULL::text AS organisation
  FROM search
  JOIN subscriber AS person ON person.subscriber_id = search.subscriber_id
 WHERE confirmed_at IS NOT NULL AND alerts AND NOT paused
 UNION ALL
SELECT search_id, criteria_id, search.name, frequency, search.created_at, person.subscriber_id, search.organisation
  FROM search
  JOIN contact ON contact.organisation = search.organisation
  JOIN subscriber AS person ON lower(person.email) = lower(contact.email)
 WHERE contact.alerts AND NOT paused;
COMMENT ON VIEW addressee IS 'Who wants to be told of what a search finds: its person, or whoever reads the contact address of its organisation.';

-- migrate:down
DROP VIEW addressee;
DELETE FROM mail WHERE organisation IS NULL;
ALTER TABLE mail DROP COLUMN subscriber_id;
ALTER TABLE mail ALTER COLUMN organisation SET NOT NULL;
ALTER TABLE follow DROP COLUMN subscriber_id;
DELETE FROM search WHERE organisation IS NULL;
ALTER TABLE search DROP COLUMN subscriber_id, DROP COLUMN frequency, DROP COLUMN paused, DROP COLUMN feed;
ALTER TABLE search ALTER COLUMN organisation SET NOT NULL;
ALTER TABLE notice DROP COLUMN IF EXISTS buyer;
DROP TABLE feedback;
DROP TABLE muted;
DROP TABLE request;
DROP TABLE subscriber;
