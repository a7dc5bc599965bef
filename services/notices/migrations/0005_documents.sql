-- Tender documents: their format and checksum; the register of downloads; mails to those who asked to be told.
-- halles: compatible
-- migrate:up
ALTER TABLE document
    ADD COLUMN format text,
    ADD COLUMN crc32  bigint CHECK (crc32 BETWEEN 0 AND 4294967295);
COMMENT ON COLUMN document.format IS 'Told by its content; none for those of before this column.';
COMMENT ON COLUMN document.crc32  IS 'For archives; taken at the first one for those of before this column.';

CREATE TABLE registrant (
    registrant_id  uuid        PRIMARY KEY,
    procedure_id   uuid        NOT NULL REFERENCES procedure,
    organisation   text,
    person         text,
    company        text        NOT NULL CHECK (length(company) <= 300),
    name           text        NOT NULL CHECK (length(name) <= 300),
    email          text        CHECK (length(email) <= 254 AND email !~ '[[:cntrl:][:space:]]'),
    consent        boolean     NOT NULL,
    generation     integer     NOT NULL DEFAULT 1,
    registered_at  timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL,
    CHECK (email IS NOT NULL OR NOT consent),
    CHECK ((organisation IS NULL) = (person IS NULL)),
    UNIQUE (procedure_id, organisation, person)
);
COMMENT ON TABLE  registrant            IS 'Who takes the documents of a procedure under a name. Personal data: read by the buyer alone, erased after a time.';
COMMENT ON COLUMN registrant.person     IS 'The token''s sub, for those who came with a token; none for those of the form.';
COMMENT ON COLUMN registrant.consent    IS 'To be told of changes and answers, by mail.';
COMMENT ON COLUMN registrant.generation IS 'Grows when consent is given again: older links no longer work.';
CREATE INDEX registrant_told ON registrant (procedure_id, lower(email)) WHERE consent;

CREATE TABLE download (
    download_id    uuid        PRIMARY KEY,
    procedure_id   uuid        NOT NULL REFERENCES procedure,
    registrant_id  uuid        NOT NULL REFERENCES registrant ON DELETE CASCADE,
    name           text,
    version        integer     NOT NULL,
    sha256         text        NOT NULL,
    at             timestamptz NOT NULL
);
COMMENT ON TABLE  download         IS 'The register of downloads (registre des retraits): the identified ones; others leave no trace.';
COMMENT ON COLUMN download.name    IS 'The document; none for the archive of all.';
COMMENT ON COLUMN download.version IS 'Of the document; of the archive, how many versions of documents had been published.';
COMMENT ON COLUMN download.sha256  IS 'Of the document; of the archive, its tag: what was taken can be told from later ones.';
CREATE INDEX download_register ON download (procedure_id, at, download_id);
CREATE INDEX download_registrant ON download (registrant_id);

CREATE TABLE mail (
    mail_id        uuid        PRIMARY KEY,
    registrant_id  uuid        NOT NULL REFERENCES registrant ON DELETE CASCADE,
    kind           text        NOT NULL CHECK (kind IN ('change', 'answer')),
    subject_id     uuid        NOT NULL,
    subject_version integer    NOT NULL,
    state          text        NOT NULL CHECK (state IN ('due', 'sent', 'suppressed', 'refused', 'failed')),
    reason         text,
    created_at     timestamptz NOT NULL,
    sent_at        timestamptz,
    UNIQUE (registrant_id, kind, subject_id, subject_version),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
COMMENT ON TABLE  mail            IS 'One mail about a change or an answer. No address, no content: both are read when it leaves.';
COMMENT ON COLUMN mail.subject_id IS 'The change notice, or the question answered.';

-- migrate:down
DROP TABLE mail;
DROP TABLE download;
DROP TABLE registrant;
ALTER TABLE document DROP COLUMN crc32, DROP COLUMN format;
