-- What the service knows of the users of companies, by the events of the bids service.
-- migrate:up
CREATE TABLE company_user (
    record_id   uuid        PRIMARY KEY,
    company     text        NOT NULL,
    person      text        NOT NULL,
    role        text        NOT NULL,
    since       timestamptz NOT NULL,
    ended_at    timestamptz,
    version     integer     NOT NULL
);
CREATE INDEX company_user_company ON company_user (company, person);
COMMENT ON TABLE company_user IS 'A read model: bids keeps the records.';

-- migrate:down
DROP TABLE company_user;
