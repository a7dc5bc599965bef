-- Applications to a dynamic purchasing system at any time: windows that follow each other until the end of the system.
-- halles: compatible
-- migrate:up
ALTER TABLE round ADD COLUMN until timestamptz;
COMMENT ON COLUMN round.until IS 'Of applications to a dynamic purchasing system: when the system ends; the next window opens by itself before.';
ALTER TABLE round DROP CONSTRAINT IF EXISTS round_kind_check;

-- migrate:down
ALTER TABLE round ADD CONSTRAINT round_kind_check
    CHECK (kind IN ('tender', 'negotiation', 'final', 'subsequent', 'specific', 'application')) NOT VALID;
ALTER TABLE round DROP COLUMN until;
