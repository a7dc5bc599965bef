-- The roles that the notices service records, as each service that asks for them heard of them. A read model.
-- halles: compatible
-- migrate:up
CREATE TABLE granted_role (
    record_id     uuid         PRIMARY KEY,
    organisation  text         NOT NULL,
    person        text         NOT NULL,
    role          text         NOT NULL,
    procedure_id  uuid,
    valid_from    timestamptz  NOT NULL,
    valid_until   timestamptz,
    revoked_at    timestamptz,
    version       integer      NOT NULL
);
CREATE INDEX granted_role_person ON granted_role (person, organisation);
CREATE INDEX granted_role_organisation ON granted_role (organisation);

-- migrate:down
DROP TABLE granted_role;
