-- Questions of companies and their answers, until when they are asked.
-- halles: compatible
-- migrate:up
CREATE TABLE question (
    question_id   uuid        PRIMARY KEY,
    procedure_id  uuid        NOT NULL REFERENCES procedure,
    version       integer     NOT NULL CHECK (version >= 1),
    state         text        NOT NULL CHECK (state IN ('asked', 'answered')),
    organisation  text,
    person        text,
    name          text,
    asked         text        NOT NULL,
    asked_at      timestamptz NOT NULL,
    late          boolean     NOT NULL,
    question      text,
    answer        text,
    first_answered_at timestamptz,
    answered_at   timestamptz,
    CHECK ((state = 'answered') = (answer IS NOT NULL AND question IS NOT NULL)),
    CHECK ((answer IS NULL) = (answered_at IS NULL) AND (answer IS NULL) = (first_answered_at IS NULL))
);
COMMENT ON TABLE  question              IS 'A question of a company. Who asked is known to the buyer and the company, and erased after a time.';
COMMENT ON COLUMN question.asked        IS 'In the company''s words: for the buyer and the company.';
COMMENT ON COLUMN question.question     IS 'In the words that the buyer publishes.';
CREATE INDEX question_received ON question (procedure_id, asked_at, question_id);
CREATE INDEX question_public ON question (procedure_id, first_answered_at, question_id) WHERE state = 'answered';
CREATE INDEX question_own ON question (organisation, asked_at, question_id);

CREATE TABLE question_closing (
    procedure_id  uuid        PRIMARY KEY REFERENCES procedure,
    closes_at     timestamptz NOT NULL,
    set_at        timestamptz NOT NULL
);
COMMENT ON TABLE question_closing IS 'Until when questions are taken, where the buyer says other than the law.';

-- migrate:down
DROP TABLE question_closing;
DROP TABLE question;
