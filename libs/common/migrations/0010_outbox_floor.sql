-- Below which id nothing can appear in the outbox any more: known only if no id is drawn before its transaction has a number.
-- halles: compatible
-- migrate:up
CREATE FUNCTION outbox_numbered_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN NULL;
END;
$$;
CREATE TRIGGER outbox_numbered_first BEFORE INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_numbered_first();
COMMENT ON TRIGGER outbox_numbered_first ON outbox IS 'The transaction gets its number before an id is drawn (see Floor, numberer.py).';

-- migrate:down
DROP TRIGGER outbox_numbered_first ON outbox;
DROP FUNCTION outbox_numbered_first();
