-- What notices say, which of them wait to be matched, which searches changed: workers match in slots, from memory.
-- The table `anchor` is read and written no more; it is dropped in a later release, when no older worker runs any more.
-- halles: compatible
-- migrate:up
CREATE TABLE criteria_change (
    change_id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    criteria_id  uuid        NOT NULL,
    changed_by   xid8        NOT NULL DEFAULT pg_current_xact_id(),
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE  criteria_change            IS 'Criteria that somebody began or ceased to search for lately: what workers read again.';
COMMENT ON COLUMN criteria_change.changed_by IS 'A reader goes on from the oldest transaction that was open at its last look: none that commits late is missed.';
CREATE INDEX criteria_change_by ON criteria_change (changed_by);
CREATE INDEX criteria_change_at ON criteria_change (changed_at);

CREATE FUNCTION search_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO criteria_change (criteria_id) VALUES (OLD.criteria_id);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.criteria_id <> OLD.criteria_id) THEN
        INSERT INTO criteria_change (criteria_id) VALUES (NEW.criteria_id);
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER search_changed AFTER INSERT OR DELETE ON search
    FOR EACH ROW EXECUTE FUNCTION search_changed();
CREATE TRIGGER search_wanted_otherwise AFTER UPDATE OF criteria_id, paused ON search
    FOR EACH ROW WHEN (OLD.criteria_id <> NEW.criteria_id OR OLD.paused <> NEW.paused) EXECUTE FUNCTION search_changed();

ALTER TABLE notice ADD COLUMN about uuid;
COMMENT ON COLUMN notice.about IS 'The notice that an answer is about; null for notices. Answers are told as notices are, under an identity of their own.';

CREATE TABLE notice_said (
    notice_id     uuid        PRIMARY KEY REFERENCES notice ON DELETE CASCADE,
    version       integer     NOT NULL,
    phase         text        NOT NULL,
    published_at  timestamptz NOT NULL,
    said          jsonb       NOT NULL,
    features      integer[]
);
COMMENT ON TABLE  notice_said          IS 'What searches are held against: the words, codes, places and value of a notice.';
COMMENT ON COLUMN notice_said.features IS 'CRC-32 of what a search may require of it, for previews; null once it is too old for them.';
CREATE INDEX notice_said_features ON notice_said USING gin (features);
CREATE INDEX notice_said_published ON notice_said (published_at, notice_id);

CREATE TABLE to_match (
    notice_id  uuid        PRIMARY KEY REFERENCES notice ON DELETE CASCADE,
    version    integer     NOT NULL,
    done       integer     NOT NULL DEFAULT 0,
    queued_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE  to_match      IS 'Notices that not all searches were held against yet.';
COMMENT ON COLUMN to_match.done IS 'One bit for each slot whose searches were; the row goes with the last one.';

CREATE TABLE early_answer (
    answer_id     uuid        PRIMARY KEY,
    procedure     uuid        NOT NULL,
    version       integer     NOT NULL,
    published_at  timestamptz NOT NULL
);
COMMENT ON TABLE early_answer IS 'Answers that came before any notice of their procedure.';

-- migrate:down
DROP TABLE early_answer;
DROP TABLE to_match;
DROP TABLE notice_said;
DELETE FROM feedback WHERE notice_id IN (SELECT notice_id FROM notice WHERE kind = 'answer');
DELETE FROM digest_entry WHERE notice_id IN (SELECT notice_id FROM notice WHERE kind = 'answer');
DELETE FROM match WHERE notice_id IN (SELECT notice_id FROM notice WHERE kind = 'answer');
DELETE FROM notice WHERE kind = 'answer';
ALTER TABLE notice DROP COLUMN about;
DROP TRIGGER search_wanted_otherwise ON search;
DROP TRIGGER search_changed ON search;
DROP FUNCTION search_changed();
DROP TABLE criteria_change;
