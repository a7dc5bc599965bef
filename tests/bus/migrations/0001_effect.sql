-- What the handlers of the bus tests leave behind.
-- migrate:up
CREATE TABLE effect (
    id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    queue  text   NOT NULL,
    key    uuid   NOT NULL,
    place  integer NOT NULL
);

-- migrate:down
DROP TABLE effect;
