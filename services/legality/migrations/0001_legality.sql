-- migrate:up
CREATE TABLE authority (
    organisation   text PRIMARY KEY,
    version        integer NOT NULL CHECK (version > 0),
    department     text NOT NULL CHECK (department ~ '^[09][0-9][AB0-9]$'),
    arrondissement text NOT NULL CHECK (arrondissement ~ '^[0-9]$'),
    nature         text NOT NULL CHECK (nature ~ '^[0-9]{2}$'),
    email          text,
    updated_by     text NOT NULL,
    updated_at     timestamptz NOT NULL
);
COMMENT ON TABLE authority IS 'what the State knows of a buyer, where the buyer said it';

CREATE TABLE numbering (
    siren text NOT NULL,
    year  integer NOT NULL,
    last  integer NOT NULL CHECK (last > 0),
    PRIMARY KEY (siren, year)
);
COMMENT ON TABLE numbering IS 'last number given to an act: without gaps, in the transaction that makes the act';

CREATE TABLE envelope_counter (
    day  date PRIMARY KEY,
    last integer NOT NULL CHECK (last > 0)
);

CREATE TABLE act (
    act_id           uuid PRIMARY KEY,
    organisation     text NOT NULL,
    procedure        uuid,
    subject_id       uuid NOT NULL UNIQUE,
    state            text NOT NULL CHECK (state IN
                     ('prepared', 'blocked', 'packaged', 'transmitted', 'acknowledged', 'rejected')),
    version          integer NOT NULL CHECK (version > 0),
    siren            text NOT NULL,
    number           text NOT NULL CHECK (number ~ '^[A-Z0-9_]{1,15}$'),
    object           text NOT NULL CHECK (length(object) BETWEEN 1 AND 500),
    decided_on       date NOT NULL,
    signed_at        timestamptz NOT NULL,
    buyer_name       text NOT NULL,
    buyer_department text,
    grounds          text NOT NULL,
    pieces           jsonb NOT NULL,
    nature           integer NOT NULL,
    matters          integer[] NOT NULL,
    act_identifier   text,
    envelope         text UNIQUE,
    archive          jsonb,
    validated_with   text,
    transmitted_at   timestamptz,
    received_on      date,
    acknowledged_at  timestamptz,
    reason           text,
    created_at       timestamptz NOT NULL,
    UNIQUE (siren, decided_on, nature, number)
);
CREATE INDEX act_page ON act (organisation, created_at DESC, act_id DESC);
CREATE INDEX act_identified ON act (act_identifier);

CREATE TABLE act_history (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act_id uuid NOT NULL REFERENCES act,
    at     timestamptz NOT NULL,
    event  text NOT NULL,
    detail text
);
CREATE INDEX act_history_of ON act_history (act_id, id);

CREATE TABLE exemption (
    exemption_id uuid PRIMARY KEY,
    organisation text NOT NULL,
    procedure    uuid,
    subject_id   uuid NOT NULL UNIQUE,
    reason       text NOT NULL,
    decided_at   timestamptz NOT NULL
);

CREATE TABLE state_return (
    return_id   uuid PRIMARY KEY,
    sha256      text NOT NULL UNIQUE,
    name        text NOT NULL,
    document    jsonb NOT NULL,
    received_at timestamptz NOT NULL
);
COMMENT ON TABLE state_return IS 'each return of the State as it came, whatever it is: none is ever dropped';

CREATE TABLE state_message (
    message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    return_id  uuid NOT NULL REFERENCES state_return,
    act_id     uuid REFERENCES act,
    file       text NOT NULL,
    element    text NOT NULL,
    code       text,
    content    jsonb NOT NULL,
    outcome    text NOT NULL CHECK (outcome IN ('applied', 'kept', 'unmatched', 'unreadable'))
);
CREATE INDEX state_message_of_act ON state_message (act_id);
CREATE INDEX state_message_of_return ON state_message (return_id);

CREATE TABLE classification (
    siren   text PRIMARY KEY,
    dated   date NOT NULL,
    told_at timestamptz NOT NULL
);
COMMENT ON TABLE classification IS 'date of the classification in force for an authority, as the State last told it';

-- migrate:down
DROP TABLE classification, state_message, state_return, exemption, act_history, act, envelope_counter, numbering,
           authority;
