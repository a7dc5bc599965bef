-- Rebuilding a read model beside the one that is read: live messages wait, the new one takes its place at once.
-- halles: compatible
-- migrate:up
CREATE FUNCTION rebuild_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('halles.rebuild', true) IS DISTINCT FROM NEW.consumer THEN
        -- "cannot connect now": consumers take it for a dependency that is down, pause, and burn no attempt
        RAISE EXCEPTION '% is being rebuilt', NEW.consumer USING ERRCODE = '57P03';
    END IF;
    RETURN NEW;
END;
$$;

-- From here on the queue's messages wait: what it handled, and nothing else, is in its inbox. Safe to repeat.
CREATE FUNCTION rebuild_begin(queue text, shadow text, tables text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'inbox'::regclass AND tgname = shadow) THEN
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT ON inbox FOR EACH ROW WHEN (NEW.consumer = %L)'
                       ' EXECUTE FUNCTION rebuild_guard()', shadow, queue);
    END IF;
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', shadow);
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I.replayed'
                   ' (message_id uuid PRIMARY KEY, recorded_at timestamptz NOT NULL)', shadow);
    FOREACH name IN ARRAY tables LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I.%I (LIKE public.%I INCLUDING ALL)', shadow, name, name);
    END LOOP;
END;
$$;

-- Readers see the old rows, then the new ones. What was replayed is in the inbox: it is not handled again.
CREATE FUNCTION rebuild_swap(queue text, shadow text, tables text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name    text;
    columns text;
    counter record;
BEGIN
    PERFORM set_config('halles.rebuild', queue, true);
    FOREACH name IN ARRAY tables LOOP
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
          FROM pg_attribute
         WHERE attrelid = format('public.%I', name)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
        EXECUTE format('LOCK TABLE public.%I IN SHARE ROW EXCLUSIVE MODE', name);
        EXECUTE format('DELETE FROM public.%I', name);
        EXECUTE format('INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %I.%I',
                       name, columns, columns, shadow, name);
        FOR counter IN SELECT attname FROM pg_attribute
                        WHERE attrelid = format('public.%I', name)::regclass AND attidentity <> '' LOOP
            EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), coalesce(max(%I), 0) + 1, false) FROM public.%I',
                           format('public.%I', name), counter.attname, counter.attname, name);
        END LOOP;
    END LOOP;
    EXECUTE format('INSERT INTO inbox (consumer, message_id) SELECT %L, message_id FROM %I.replayed'
                   ' WHERE recorded_at > now() - interval ''14 days'' ON CONFLICT DO NOTHING', queue, shadow);
    EXECUTE format('DROP SCHEMA %I CASCADE', shadow);
END;
$$;

-- The queue's messages go on; a rebuild that was not swapped in is forgotten.
CREATE FUNCTION rebuild_end(shadow text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', shadow);
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON inbox', shadow);
END;
$$;

-- migrate:down
DROP FUNCTION rebuild_end(text);
DROP FUNCTION rebuild_swap(text, text, text[]);
DROP FUNCTION rebuild_begin(text, text, text[]);
DROP FUNCTION rebuild_guard();
