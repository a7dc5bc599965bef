-- What the index of each api process follows: which notices changed, in which transaction; words asked without accents.
-- halles: compatible
-- migrate:up
CREATE TABLE notice_change (
    change_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice_id   uuid        NOT NULL,
    changed_by  xid8        NOT NULL DEFAULT pg_current_xact_id(),
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE  notice_change            IS 'Notices whose public state changed lately: what an index that follows has to read again.';
COMMENT ON COLUMN notice_change.changed_by IS 'A reader goes on from the oldest transaction that was open at its last look: none that commits late is missed.';
CREATE INDEX notice_change_by ON notice_change (changed_by);
CREATE INDEX notice_change_at ON notice_change (changed_at);

CREATE FUNCTION notice_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_OP <> 'DELETE' AND NEW.state = 'published') OR (TG_OP <> 'INSERT' AND OLD.state = 'published') THEN
        INSERT INTO notice_change (notice_id) VALUES (CASE WHEN TG_OP = 'DELETE' THEN OLD.notice_id ELSE NEW.notice_id END);
        PERFORM pg_notify('notice_change', '');
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER notice_changed AFTER INSERT OR UPDATE OR DELETE ON notice
    FOR EACH ROW EXECUTE FUNCTION notice_changed();

CREATE FUNCTION procedure_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notice_change (notice_id)
    SELECT notice_id FROM notice WHERE procedure_id = NEW.procedure_id AND state = 'published';
    IF FOUND THEN
        PERFORM pg_notify('notice_change', '');
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION procedure_changed() IS 'The phase of a notice is that of its procedure.';
CREATE TRIGGER procedure_changed AFTER UPDATE ON procedure
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION procedure_changed();

CREATE OR REPLACE FUNCTION three_ways(words text, folded text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
    -- French stems without their accents, then French stems of the words without accents: what the index of a process holds.
    -- Five places after each, so that no phrase runs from the end of one into the beginning of the next
    SELECT replace(replace(translate(to_tsvector('french', words)::text, 'àâäáãåçéèêëíìîïñóòôöõøúùûüýÿ', 'aaaaaaceeeeiiiinoooooouuuuyy'),
                           'œ', 'oe'), 'æ', 'ae')::tsvector
        || to_tsvector('simple', 'zzgap zzgap zzgap zzgap zzgap')
        || to_tsvector('french', folded) || to_tsvector('simple', 'zzgap zzgap zzgap zzgap zzgap');
$$;

-- migrate:down
CREATE OR REPLACE FUNCTION three_ways(words text, folded text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
    SELECT to_tsvector('simple', folded) || to_tsvector('simple', 'zzgap zzgap zzgap zzgap zzgap')
        || to_tsvector('french', words) || to_tsvector('simple', 'zzgap zzgap zzgap zzgap zzgap')
        || to_tsvector('french', folded) || to_tsvector('simple', 'zzgap zzgap zzgap zzgap zzgap');
$$;
DROP TRIGGER procedure_changed ON procedure;
DROP FUNCTION procedure_changed();
DROP TRIGGER notice_changed ON notice;
DROP FUNCTION notice_changed();
DROP TABLE notice_change;
