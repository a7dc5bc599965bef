-- migrate:up
-- The answers of POSTs asked with an Idempotency-Key, kept to be replayed byte for byte.
CREATE TABLE idempotency (
    principal   text        NOT NULL,
    key         text        NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
    fingerprint bytea       NOT NULL,
    status      smallint    NOT NULL CHECK (status BETWEEN 200 AND 599),
    headers     jsonb       NOT NULL,
    body        bytea       NOT NULL,
    kept_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_kept_at ON idempotency (kept_at);

-- migrate:down
DROP TABLE idempotency;
