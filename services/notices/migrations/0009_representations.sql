-- What readers get of a published notice, written once: reading it is one row.
-- halles: compatible
-- migrate:up
CREATE TABLE representation (
    notice_id  uuid   PRIMARY KEY REFERENCES notice ON DELETE CASCADE,
    form       text   NOT NULL,
    tag        text   NOT NULL,
    body       bytea  NOT NULL
);
COMMENT ON TABLE  representation      IS 'A published notice as the API answers it; whatever changes the notice removes the row.';
COMMENT ON COLUMN representation.form IS 'Digest of the code that wrote it: another release writes its own.';
ALTER TABLE representation ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE FUNCTION forget_representation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM representation WHERE notice_id = coalesce(NEW.notice_id, OLD.notice_id);
    RETURN NULL;
END;
$$;
CREATE TRIGGER notice_forget_representation
    AFTER UPDATE OF state, version, content, warnings, source, created_at, published_at, sent_at ON notice
    FOR EACH ROW EXECUTE FUNCTION forget_representation();
CREATE TRIGGER document_forget_representation AFTER INSERT OR DELETE ON document
    FOR EACH ROW EXECUTE FUNCTION forget_representation();

-- migrate:down
DROP TRIGGER document_forget_representation ON document;
DROP TRIGGER notice_forget_representation ON notice;
DROP FUNCTION forget_representation();
DROP TABLE representation;
