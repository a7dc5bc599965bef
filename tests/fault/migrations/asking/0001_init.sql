-- migrate:up
CREATE TABLE asked (
    mark  text PRIMARY KEY
);
COMMENT ON TABLE asked IS 'The truth: each effect asked for, written in the transaction that emits the event.';

-- migrate:down
DROP TABLE asked;
