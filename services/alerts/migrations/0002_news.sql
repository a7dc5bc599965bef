-- Procedures that organisations follow; changes and answers told to them, and to those who deposited.
-- halles: compatible
-- migrate:up
CREATE TABLE follow (
    organisation  text        NOT NULL,
    procedure     uuid        NOT NULL,
    since         timestamptz NOT NULL,
    PRIMARY KEY (organisation, procedure)
);
COMMENT ON TABLE follow IS 'Procedures that an organisation asked to be told of. Known to it alone.';
CREATE INDEX follow_procedure ON follow (procedure);

CREATE TABLE news (
    news_id      uuid        PRIMARY KEY,
    procedure    uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('change', 'answer')),
    question     text,
    told         text        NOT NULL,
    occurred_at  timestamptz NOT NULL
);
COMMENT ON TABLE  news         IS 'A change of a procedure, or a public answer: what a mail of it says.';
COMMENT ON COLUMN news.news_id IS 'Made of what it is about and its version: whoever tells of it names the same.';

ALTER TABLE mail DROP CONSTRAINT mail_kind_check;
ALTER TABLE mail ADD CONSTRAINT mail_kind_check CHECK (kind IN ('alert', 'letter', 'news'));
ALTER TABLE mail ADD COLUMN needed boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN mail.needed IS 'News of a procedure that the addressee answered: it goes whatever became of their alerts.';

-- migrate:down
DELETE FROM mail WHERE kind = 'news';
ALTER TABLE mail DROP COLUMN needed;
ALTER TABLE mail DROP CONSTRAINT mail_kind_check;
ALTER TABLE mail ADD CONSTRAINT mail_kind_check CHECK (kind IN ('alert', 'letter'));
DROP TABLE news;
DROP TABLE follow;
