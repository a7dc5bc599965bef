-- Users of companies: who may act for one, in which role, from when to when; and the invitations that make them.
-- migrate:up
CREATE TABLE company_user (
    record_id   uuid        PRIMARY KEY,
    company     text        NOT NULL,
    person      text        NOT NULL,
    role        text        NOT NULL CHECK (role IN ('administrator', 'depositor', 'reader')),
    since       timestamptz NOT NULL,
    ended_at    timestamptz,
    version     integer     NOT NULL DEFAULT 1,
    function    text        NOT NULL DEFAULT '' CHECK (length(function) <= 100),
    given_by    text        NOT NULL,
    ended_by    text,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX company_user_once ON company_user (company, person) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX company_user_administrator ON company_user (company) WHERE role = 'administrator' AND ended_at IS NULL;
CREATE INDEX company_user_page ON company_user (company, since, record_id);
CREATE INDEX company_user_person ON company_user (person, since, record_id) WHERE ended_at IS NULL;
COMMENT ON TABLE  company_user        IS 'Never changed nor deleted, only ended: who acted for a company on a day can be shown years later.';
COMMENT ON COLUMN company_user.person IS 'The sub of the token: no name, no address.';

CREATE TABLE company_invitation (
    invitation_id uuid        PRIMARY KEY,
    company       text        NOT NULL,
    role          text        NOT NULL CHECK (role IN ('depositor', 'reader')),
    function      text        NOT NULL DEFAULT '' CHECK (length(function) <= 100),
    email         text,
    token_sha256  bytea       NOT NULL UNIQUE,
    invited_by    text        NOT NULL,
    invited_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    outcome       text        CHECK (outcome IN ('accepted', 'revoked', 'expired')),
    ended_at      timestamptz,
    mail          text        CHECK (mail IN ('sent', 'refused', 'failed')),
    CHECK ((outcome IS NULL) = (ended_at IS NULL) AND (outcome IS NULL OR email IS NULL))
);
CREATE INDEX company_invitation_page ON company_invitation (company, invited_at, invitation_id);
CREATE INDEX company_invitation_open ON company_invitation (expires_at) WHERE outcome IS NULL;
COMMENT ON COLUMN company_invitation.email        IS 'Erased when the invitation ends.';
COMMENT ON COLUMN company_invitation.token_sha256 IS 'The token itself is in the mail alone.';

-- migrate:down
DROP TABLE company_invitation;
DROP TABLE company_user;
