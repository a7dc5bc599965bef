-- Contracts of framework agreements with several holders, until one award notice tells of all of them.
-- migrate:up
CREATE TABLE held_contract (
    contract_id     uuid        PRIMARY KEY,
    procedure_id    uuid        NOT NULL REFERENCES procedure,
    lot_id          text        NOT NULL,
    contract        jsonb       NOT NULL,
    notified_at     timestamptz NOT NULL,
    told            boolean     NOT NULL DEFAULT false
);
CREATE INDEX held_contract_lot ON held_contract (procedure_id, lot_id);
COMMENT ON TABLE held_contract IS 'Notified contracts of lots with several; told: an award notice tells of it.';

-- migrate:down
DROP TABLE held_contract;
