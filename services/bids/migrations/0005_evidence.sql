-- The evidence: facts written with what they tell, gathered in time-stamped batches that form a chain.
-- halles: compatible
-- migrate:up
CREATE TABLE evidence_batch (
    id          uuid        PRIMARY KEY,
    number      bigint      NOT NULL UNIQUE CHECK (number >= 1),
    seed        bytea       NOT NULL CHECK (length(seed) = 32),
    leaves      bytea       NOT NULL CHECK (length(leaves) > 0 AND length(leaves) % 32 = 0),
    previous    bytea       NOT NULL CHECK (length(previous) = 32),
    root        bytea       NOT NULL CHECK (length(root) = 32),
    head        bytea       NOT NULL CHECK (length(head) = 32),
    closed_at   timestamptz NOT NULL,
    token       bytea,
    stamped_at  timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((token IS NULL) = (stamped_at IS NULL))
);
COMMENT ON COLUMN evidence_batch.seed   IS 'Makes the leaves that fill the tree, so that its size does not tell how many facts there were.';
COMMENT ON COLUMN evidence_batch.leaves IS 'Hashes of 32 bytes, in order, the filling ones included.';
COMMENT ON COLUMN evidence_batch.head   IS 'SHA-256 of the head before and the root.';
COMMENT ON COLUMN evidence_batch.token  IS 'RFC 3161 token over head; none yet while the authorities are away.';
CREATE INDEX evidence_batch_unstamped ON evidence_batch (number) WHERE token IS NULL;

CREATE TABLE evidence_fact (
    id          uuid        PRIMARY KEY,
    sequence    bigint      GENERATED ALWAYS AS IDENTITY,
    procedure   uuid,
    bid         uuid,
    kind        text        NOT NULL,
    at          timestamptz NOT NULL,
    content     jsonb       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    batch       uuid        REFERENCES evidence_batch,
    position    integer,
    CHECK ((batch IS NULL) = (position IS NULL))
);
COMMENT ON TABLE  evidence_fact             IS 'Never changed, but for its place in a batch.';
COMMENT ON COLUMN evidence_fact.at          IS 'Domain time.';
COMMENT ON COLUMN evidence_fact.recorded_at IS 'Real time.';
CREATE INDEX evidence_fact_waiting ON evidence_fact (sequence) WHERE batch IS NULL;
CREATE INDEX evidence_fact_bid ON evidence_fact (bid, sequence) WHERE bid IS NOT NULL;
CREATE INDEX evidence_fact_procedure ON evidence_fact (procedure, sequence) WHERE procedure IS NOT NULL;
CREATE INDEX evidence_fact_platform ON evidence_fact (at) WHERE procedure IS NULL;

CREATE TABLE evidence_head (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    number bigint  NOT NULL,
    hash   bytea   NOT NULL CHECK (length(hash) = 32)
);
COMMENT ON TABLE evidence_head IS 'The end of the chain; locked while a batch is linked to it.';
INSERT INTO evidence_head (number, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

ALTER TABLE receipt ADD COLUMN fact uuid REFERENCES evidence_fact;
COMMENT ON COLUMN receipt.fact IS 'The fact whose batch stamps the receipt.';

-- migrate:down
ALTER TABLE receipt DROP COLUMN fact;
DROP TABLE evidence_head;
DROP TABLE evidence_fact;
DROP TABLE evidence_batch;
