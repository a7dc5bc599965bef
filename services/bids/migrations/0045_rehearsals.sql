-- Rehearsals: consultations where everybody tries out a deposit and an opening; officers who tried their keys in time.
-- halles: compatible
-- migrate:up
CREATE TABLE rehearsal (
    procedure  uuid        PRIMARY KEY REFERENCES consultation,
    started_at timestamptz NOT NULL
);
COMMENT ON TABLE rehearsal IS 'Consultations that are rehearsals: never published, never awarded.';

CREATE TABLE officer_rehearsal (
    procedure   uuid        NOT NULL REFERENCES consultation,
    fingerprint text        NOT NULL,
    officer     text        NOT NULL,
    statement   jsonb       NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (procedure, fingerprint, officer)
);
COMMENT ON TABLE  officer_rehearsal           IS 'Officers whose key opened a challenge before the deadline, for a key set.';
COMMENT ON COLUMN officer_rehearsal.statement IS 'As their tool signed it.';

CREATE TABLE rehearsal_reminder (
    procedure uuid        NOT NULL REFERENCES consultation,
    days      integer     NOT NULL CHECK (days > 0),
    sent_at   timestamptz NOT NULL,
    PRIMARY KEY (procedure, days)
);
COMMENT ON TABLE rehearsal_reminder IS 'Reminders sent to the buyer, once for each number of days before the deadline.';

-- migrate:down
DROP TABLE rehearsal_reminder;
DROP TABLE officer_rehearsal;
DROP TABLE rehearsal;
