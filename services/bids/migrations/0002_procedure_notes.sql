-- What the notices service tells of a procedure beside its notices: suspended, put off, lots that lead to no contract.
-- halles: compatible
-- migrate:up
CREATE TABLE procedure_note (
    procedure  uuid        PRIMARY KEY,
    version    integer     NOT NULL DEFAULT 0,
    suspended  boolean     NOT NULL DEFAULT false,
    deadline   timestamptz,
    abandoned  text[]      NOT NULL DEFAULT '{}',
    failed     text[]      NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE  procedure_note           IS 'A projection; apart from the consultation, as its event may come before the notice.';
COMMENT ON COLUMN procedure_note.version   IS 'Of the procedure, when it was last suspended or resumed: older events change nothing.';
COMMENT ON COLUMN procedure_note.abandoned IS 'The lots given up: everybody knows.';
COMMENT ON COLUMN procedure_note.failed    IS 'The lots without acceptable bid: their buyer knows, until an award notice says it.';

-- migrate:down
DROP TABLE procedure_note;
