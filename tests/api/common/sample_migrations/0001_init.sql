-- migrate:up
CREATE TABLE note (
    note_id      uuid        PRIMARY KEY,
    organisation text        NOT NULL,
    title        text        NOT NULL,
    version      integer     NOT NULL,
    created_at   timestamptz NOT NULL
);
-- migrate:down
DROP TABLE note;
