-- What the bench's handlers and writers write.
-- migrate:up
CREATE TABLE effect (
    key    uuid    NOT NULL,
    place  bigint  NOT NULL,
    PRIMARY KEY (key, place)
);
CREATE TABLE cause (
    key    uuid    NOT NULL,
    place  bigint  NOT NULL,
    PRIMARY KEY (key, place)
);

-- migrate:down
DROP TABLE cause;
DROP TABLE effect;
