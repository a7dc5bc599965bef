-- What buyers say of themselves, who may do what for them, joint purchases, templates: dated records, never deleted.
-- halles: compatible
-- migrate:up
CREATE TABLE organisation (
    organisation  text         PRIMARY KEY,
    version       integer      NOT NULL CHECK (version >= 1),
    details       jsonb        NOT NULL,
    updated_at    timestamptz  NOT NULL
);
COMMENT ON TABLE organisation IS 'What the administrator of a buyer says of it; without a row, its last notice is read.';

CREATE TABLE ruled_organisation (
    organisation  text         PRIMARY KEY,
    since         timestamptz  NOT NULL
);
COMMENT ON TABLE ruled_organisation IS 'Organisations whose roles are recorded: records alone say who may do what. Its row is the lock of a change of roles.';

CREATE TABLE role_record (
    record_id      uuid         PRIMARY KEY,
    organisation   text         NOT NULL REFERENCES ruled_organisation,
    person         text         NOT NULL CHECK (length(person) BETWEEN 1 AND 255),
    role           text         NOT NULL CHECK (role IN ('administrator', 'writer', 'publisher', 'opening-officer', 'evaluator',
                                                         'signatory', 'reader')),
    capacity       text         NOT NULL CHECK (capacity IN ('member', 'guest', 'delegate')),
    procedure_id   uuid         REFERENCES procedure,
    delegated_from uuid         REFERENCES role_record,
    function       text         NOT NULL DEFAULT '' CHECK (length(function) <= 100),
    valid_from     timestamptz  NOT NULL,
    valid_until    timestamptz,
    granted_by     text         NOT NULL,
    granted_at     timestamptz  NOT NULL,
    revoked_by     text,
    revoked_at     timestamptz,
    version        integer      NOT NULL CHECK (version >= 1),
    CHECK (valid_until > valid_from),
    CHECK (capacity = 'member' OR (valid_until IS NOT NULL AND role <> 'administrator')),
    CHECK ((capacity = 'delegate') = (delegated_from IS NOT NULL)),
    CHECK ((revoked_by IS NULL) = (revoked_at IS NULL))
);
COMMENT ON TABLE  role_record              IS 'A role of a person, from an instant to another; a change is a new record.';
COMMENT ON COLUMN role_record.person       IS 'The sub of the token: no name is kept.';
COMMENT ON COLUMN role_record.procedure_id IS 'The consultation it is limited to; NULL: all of the organisation.';
COMMENT ON COLUMN role_record.function     IS 'What the person is there for (architect, deputy): a function, no name.';
CREATE INDEX role_record_person ON role_record (person, organisation);
CREATE INDEX role_record_organisation ON role_record (organisation, granted_at, record_id);
CREATE INDEX role_record_delegated ON role_record (delegated_from) WHERE delegated_from IS NOT NULL;

CREATE TABLE joint_purchase (
    joint_id     uuid         PRIMARY KEY,
    coordinator  text         NOT NULL,
    title        text         NOT NULL,
    version      integer      NOT NULL CHECK (version >= 1),
    created_at   timestamptz  NOT NULL,
    valid_until  timestamptz,
    ended_at     timestamptz
);
COMMENT ON TABLE joint_purchase IS 'A groupement de commandes (L2113-6 CCP): its coordinator runs the consultations, its members read them.';
CREATE INDEX joint_purchase_coordinator ON joint_purchase (coordinator);

CREATE TABLE joint_member (
    joint_id      uuid         NOT NULL REFERENCES joint_purchase,
    organisation  text         NOT NULL,
    invited_at    timestamptz  NOT NULL,
    accepted_at   timestamptz,
    left_at       timestamptz,
    PRIMARY KEY (joint_id, organisation, invited_at)
);
CREATE UNIQUE INDEX joint_member_once ON joint_member (joint_id, organisation) WHERE left_at IS NULL;
CREATE INDEX joint_member_organisation ON joint_member (organisation);

CREATE TABLE joint_procedure (
    joint_id      uuid         NOT NULL REFERENCES joint_purchase,
    procedure_id  uuid         NOT NULL REFERENCES procedure,
    added_at      timestamptz  NOT NULL,
    removed_at    timestamptz,
    PRIMARY KEY (joint_id, procedure_id, added_at)
);
CREATE UNIQUE INDEX joint_procedure_once ON joint_procedure (joint_id, procedure_id) WHERE removed_at IS NULL;
CREATE INDEX joint_procedure_procedure ON joint_procedure (procedure_id);

CREATE TABLE template (
    template_id   uuid         PRIMARY KEY,
    organisation  text         NOT NULL,
    name          text         NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    content       jsonb        NOT NULL,
    created_at    timestamptz  NOT NULL,
    UNIQUE (organisation, name)
);
COMMENT ON TABLE template IS 'A notice kept to begin others from: no date, no key.';

-- migrate:down
DROP TABLE template;
DROP TABLE joint_procedure;
DROP TABLE joint_member;
DROP TABLE joint_purchase;
DROP TABLE role_record;
DROP TABLE ruled_organisation;
DROP TABLE organisation;
