-- A search goes by the deadline that counts now: that of the procedure, which corrections and resumptions put off.
-- halles: compatible
-- migrate:up
CREATE FUNCTION procedure_deadline_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE notice
       SET deadline = NEW.deadline
     WHERE procedure_id = NEW.procedure_id AND state = 'published' AND kind IN ('contract', 'change')
       AND deadline IS DISTINCT FROM NEW.deadline;
    RETURN NULL;
END;
$$;
CREATE TRIGGER procedure_deadline_changed AFTER UPDATE OF deadline ON procedure
    FOR EACH ROW WHEN (OLD.deadline IS DISTINCT FROM NEW.deadline AND NEW.deadline IS NOT NULL)
    EXECUTE FUNCTION procedure_deadline_changed();
COMMENT ON COLUMN notice.deadline IS 'The one that counts now, for searches; what the notice itself says is in its content.';

-- migrate:down
COMMENT ON COLUMN notice.deadline IS NULL;
DROP TRIGGER procedure_deadline_changed ON procedure;
DROP FUNCTION procedure_deadline_changed();
