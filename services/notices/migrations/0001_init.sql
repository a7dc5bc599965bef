-- Notices, their documents and versions, procedures, timeline; French full text with core PostgreSQL only.
-- migrate:up
CREATE TABLE procedure (
    procedure_id  uuid        PRIMARY KEY,
    organisation  text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('draft', 'planned', 'open', 'closed', 'awarded', 'notified')),
    version       integer     NOT NULL CHECK (version >= 1),
    title         text        NOT NULL,
    formal        boolean     NOT NULL DEFAULT false,
    deadline      timestamptz,
    notice_id     uuid,
    lots          text[]      NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL,
    closed_at     timestamptz
);
COMMENT ON TABLE  procedure           IS 'A consultation (eForms BT-04).';
COMMENT ON COLUMN procedure.notice_id IS 'The contract notice that opened it.';
CREATE INDEX procedure_due ON procedure (deadline) WHERE state = 'open' AND deadline IS NOT NULL;

CREATE TABLE notice (
    notice_id       uuid        PRIMARY KEY,
    procedure_id    uuid        NOT NULL REFERENCES procedure,
    organisation    text        NOT NULL,
    state           text        NOT NULL CHECK (state IN ('draft', 'published')),
    version         integer     NOT NULL CHECK (version >= 1),
    kind            text        NOT NULL CHECK (kind IN ('planning', 'contract', 'award', 'change')),
    content         jsonb       NOT NULL,
    warnings        jsonb       NOT NULL DEFAULT '[]',
    source          jsonb,
    created_at      timestamptz NOT NULL,
    published_at    timestamptz,
    procedure_type  text        NOT NULL,
    deadline        timestamptz,
    cpv             text[]      NOT NULL,
    departments     text[]      NOT NULL,
    document        tsvector    NOT NULL,
    CHECK ((state = 'published') = (published_at IS NOT NULL))
);
COMMENT ON COLUMN notice.source   IS 'The raw eForms XML in storage: nothing of it is lost.';
COMMENT ON COLUMN notice.cpv      IS 'Every prefix of 2 to 8 digits of every CPV code: a branch of the tree is one element.';
COMMENT ON COLUMN notice.document IS 'French stems, stems without accents and plain words without accents (see search.py).';
CREATE INDEX notice_procedure ON notice (procedure_id, published_at);
CREATE INDEX notice_newest ON notice (published_at DESC, notice_id DESC) WHERE state = 'published';
CREATE INDEX notice_buyer ON notice (organisation, published_at DESC, notice_id DESC);
CREATE INDEX notice_deadline ON notice (deadline) WHERE state = 'published';
CREATE INDEX notice_document ON notice USING gin (document) WITH (fastupdate = off);
CREATE INDEX notice_cpv ON notice USING gin (cpv) WITH (fastupdate = off);
CREATE INDEX notice_departments ON notice USING gin (departments) WITH (fastupdate = off);

CREATE TABLE notice_version (
    notice_id    uuid        NOT NULL REFERENCES notice,
    version      integer     NOT NULL,
    state        text        NOT NULL,
    content      jsonb       NOT NULL,
    recorded_at  timestamptz NOT NULL,
    PRIMARY KEY (notice_id, version)
);
COMMENT ON TABLE notice_version IS 'Every state a notice went through, readable as of any date.';

CREATE TABLE document (
    notice_id   uuid        NOT NULL REFERENCES notice,
    name        text        NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    version     integer     NOT NULL CHECK (version >= 1),
    key         text        NOT NULL,
    media_type  text        NOT NULL,
    size        bigint      NOT NULL CHECK (size >= 0),
    sha256      text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    stored_at   timestamptz NOT NULL,
    PRIMARY KEY (notice_id, name, version)
);
COMMENT ON TABLE document IS 'Tender documents (DCE); a new upload under the same name is a new version, the old one is kept.';

CREATE TABLE timeline (
    event_id       uuid        PRIMARY KEY,
    position       bigint      GENERATED ALWAYS AS IDENTITY,
    procedure_id   uuid        NOT NULL,
    type           text        NOT NULL,
    occurred_at    timestamptz NOT NULL,
    audience       text        NOT NULL CHECK (audience IN ('public', 'organisation')),
    organisation   text        NOT NULL,
    buyer          text,
    buyer_after    text,
    summary        text        NOT NULL,
    summary_en     text        NOT NULL,
    reference      uuid        NOT NULL
);
COMMENT ON TABLE  timeline             IS 'What happened to a procedure, from the events of every service. A read model.';
COMMENT ON COLUMN timeline.buyer_after IS 'The buyer reads the entry once an event of this type is in the same procedure.';
CREATE INDEX timeline_procedure ON timeline (procedure_id, occurred_at, position);

CREATE FUNCTION words_query(words text, folded text) RETURNS tsquery LANGUAGE sql IMMUTABLE AS $$
    -- any of: the French stem, the stem without accents, the plain word without accents; NULL for stop words alone
    SELECT CASE WHEN numnode(plainto_tsquery('french', words)) = 0 THEN NULL
                ELSE plainto_tsquery('french', words) || plainto_tsquery('french', folded) || plainto_tsquery('simple', folded)
           END;
$$;

CREATE FUNCTION phrase_query(words text, folded text) RETURNS tsquery LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN numnode(plainto_tsquery('simple', folded)) = 0 THEN NULL
                ELSE phraseto_tsquery('french', words) || phraseto_tsquery('french', folded) || phraseto_tsquery('simple', folded)
           END;
$$;

CREATE FUNCTION text_query(terms jsonb) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE AS $$
-- terms: [{"words", "folded", "phrase", "negative"}]; all must hold. NULL when nothing is left of them.
DECLARE
    term jsonb;
    part tsquery;
    whole tsquery;
BEGIN
    FOR term IN SELECT * FROM jsonb_array_elements(terms) LOOP
        IF (term ->> 'phrase')::boolean THEN
            part := phrase_query(term ->> 'words', term ->> 'folded');
        ELSE
            part := words_query(term ->> 'words', term ->> 'folded');
        END IF;
        CONTINUE WHEN part IS NULL OR numnode(part) = 0;
        IF (term ->> 'negative')::boolean THEN
            part := !! part;
        END IF;
        whole := CASE WHEN whole IS NULL THEN part ELSE whole && part END;
    END LOOP;
    RETURN whole;
END;
$$;

CREATE FUNCTION three_ways(words text, folded text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
    -- five places after each, so that no phrase runs from the end of one into the beginning of the next
    SELECT to_tsvector('simple', folded) || to_tsvector('simple', 'zzgap zzgap zzgap zzgap zzgap')
        || to_tsvector('french', words) || to_tsvector('simple', 'zzgap zzgap zzgap zzgap zzgap')
        || to_tsvector('french', folded) || to_tsvector('simple', 'zzgap zzgap zzgap zzgap zzgap');
$$;

CREATE FUNCTION text_vector(title text, title_folded text, body text, body_folded text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
    SELECT ts_delete(setweight(three_ways(title, title_folded), 'A') || setweight(three_ways(body, body_folded), 'C'), 'zzgap');
$$;

-- migrate:down
DROP FUNCTION text_vector(text, text, text, text);
DROP FUNCTION three_ways(text, text);
DROP FUNCTION text_query(jsonb);
DROP FUNCTION phrase_query(text, text);
DROP FUNCTION words_query(text, text);
DROP TABLE timeline;
DROP TABLE document;
DROP TABLE notice_version;
DROP TABLE notice;
DROP TABLE procedure;
