-- Workers are rung when somebody begins or ceases to search for something: a look need not wait for its turn.
-- halles: compatible
-- migrate:up
CREATE FUNCTION criteria_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('matching', '');
    RETURN NULL;
END;
$$;
CREATE TRIGGER criteria_changed AFTER INSERT ON criteria_change
    FOR EACH STATEMENT EXECUTE FUNCTION criteria_changed();

-- migrate:down
DROP TRIGGER criteria_changed ON criteria_change;
DROP FUNCTION criteria_changed();
