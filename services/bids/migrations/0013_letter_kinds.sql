-- Letters of more kinds (receipts, incidents); the code names them, the address of a buyer's own letters is its buyer.
-- halles: compatible
-- migrate:up
ALTER TABLE letter DROP CONSTRAINT IF EXISTS letter_kind_check;

-- migrate:down
ALTER TABLE letter ADD CONSTRAINT letter_kind_check CHECK (kind IN ('award', 'rejection', 'notification')) NOT VALID;
