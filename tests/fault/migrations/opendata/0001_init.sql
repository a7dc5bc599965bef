-- migrate:up
CREATE TABLE thing (
    key      uuid    PRIMARY KEY,
    version  integer NOT NULL
);
CREATE TABLE committed (
    mark    text    PRIMARY KEY,
    key     uuid    NOT NULL,
    place   integer NOT NULL,
    public  boolean NOT NULL
);
COMMENT ON TABLE committed IS 'The truth: written in the transaction that emits the event of the same mark.';

-- migrate:down
DROP TABLE committed;
DROP TABLE thing;
