-- migrate:up
CREATE TABLE effect (
    id     bigint  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    mark   text    NOT NULL,
    key    uuid    NOT NULL,
    place  integer NOT NULL
);
COMMENT ON TABLE effect IS 'No constraint forbids a second effect: the bus must.';
CREATE TABLE view (
    key      uuid    PRIMARY KEY,
    version  integer NOT NULL,
    seen     integer NOT NULL
);
CREATE TABLE poison (
    key  uuid PRIMARY KEY
);
COMMENT ON TABLE poison IS 'Aggregates whose events kill the process that handles them.';

-- migrate:down
DROP TABLE poison;
DROP TABLE view;
DROP TABLE effect;
