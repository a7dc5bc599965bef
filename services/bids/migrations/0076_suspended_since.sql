-- Since when a procedure is suspended: its rounds get that time back once it goes on.
-- halles: compatible
-- migrate:up
ALTER TABLE procedure_note ADD COLUMN suspended_at timestamptz;
COMMENT ON COLUMN procedure_note.suspended_at IS 'Null while it goes on, and for procedures suspended before this column was there.';

-- migrate:down
ALTER TABLE procedure_note DROP COLUMN suspended_at;
