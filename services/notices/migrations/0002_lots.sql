-- The life of each lot, suspensions, and every state of a procedure as of any date.
-- halles: compatible
-- migrate:up
ALTER TABLE procedure DROP CONSTRAINT procedure_state_check;
ALTER TABLE procedure ADD CONSTRAINT procedure_state_check CHECK (state IN
    ('draft', 'planned', 'open', 'suspended', 'closed', 'unsuccessful', 'abandoned', 'awarded', 'signed', 'notified', 'modified'));
ALTER TABLE procedure
    ADD COLUMN lot_states    jsonb,
    ADD COLUMN text_id       uuid,
    ADD COLUMN suspended_at  timestamptz,
    ADD COLUMN standing      boolean NOT NULL DEFAULT false,
    ADD COLUMN next_deadline timestamptz;
COMMENT ON COLUMN procedure.lot_states    IS 'Each lot: state, deadline, why it failed; NULL as long as only the code before this wrote the row.';
COMMENT ON COLUMN procedure.text_id       IS 'The notice whose text holds, corrections included.';
COMMENT ON COLUMN procedure.standing      IS 'Contracts are awarded while it stays open: no deadline, or a system that takes candidates all along.';
COMMENT ON COLUMN procedure.next_deadline IS 'When the timer has something to close next; the deadline where it is NULL.';
UPDATE procedure SET text_id = notice_id;

CREATE TABLE procedure_version (
    procedure_id  uuid        NOT NULL REFERENCES procedure,
    version       integer     NOT NULL,
    state         text        NOT NULL,
    public_state  text        NOT NULL,
    title         text        NOT NULL,
    deadline      timestamptz,
    lots          jsonb       NOT NULL,
    text_id       uuid        REFERENCES notice,
    recorded_at   timestamptz NOT NULL,
    PRIMARY KEY (procedure_id, version)
);
COMMENT ON TABLE procedure_version IS 'Every state a procedure went through, with the notice whose text held: what bidders saw, as of any date.';
INSERT INTO procedure_version (procedure_id, version, state, public_state, title, deadline, lots, text_id, recorded_at)
SELECT procedure_id, version, state, CASE WHEN state = 'awarded' THEN 'closed' ELSE state END, title, deadline,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('lot_id', name, 'state', state, 'deadline', deadline, 'reason', NULL,
                                                     'explanation', NULL, 'told', state = 'notified')), '[]')
          FROM unnest(lots) AS name),
       notice_id, coalesce(closed_at, created_at)
  FROM procedure
 WHERE state <> 'draft';

-- migrate:down
DROP TABLE procedure_version;
ALTER TABLE procedure
    DROP COLUMN lot_states,
    DROP COLUMN text_id,
    DROP COLUMN suspended_at,
    DROP COLUMN standing,
    DROP COLUMN next_deadline;
UPDATE procedure SET state = CASE WHEN state = 'signed' THEN 'awarded' WHEN state = 'modified' THEN 'notified' ELSE 'closed' END
 WHERE state IN ('suspended', 'unsuccessful', 'abandoned', 'signed', 'modified');
ALTER TABLE procedure DROP CONSTRAINT procedure_state_check;
ALTER TABLE procedure ADD CONSTRAINT procedure_state_check CHECK (state IN
    ('draft', 'planned', 'open', 'closed', 'awarded', 'notified'));
