-- Correspondence: letters between a buyer and a company, both ways, with attachments and the proof of each step.
-- halles: compatible
-- migrate:up
ALTER TABLE letter ADD COLUMN sender text;
ALTER TABLE letter ADD COLUMN in_reply_to uuid REFERENCES letter;
ALTER TABLE letter ADD COLUMN answer_due_at timestamptz;
ALTER TABLE letter ADD COLUMN delivered_at timestamptz;
ALTER TABLE letter ADD COLUMN delivered_by text;
ALTER TABLE letter ADD COLUMN reminded_at timestamptz;
ALTER TABLE letter ADD COLUMN fact uuid;
COMMENT ON COLUMN letter.sender       IS 'The company that wrote; null: the buyer, or the platform.';
COMMENT ON COLUMN letter.delivered_by IS 'The first proof of delivery. mail: the mail server took the notice of it; inbox: it was shown.';
COMMENT ON COLUMN letter.fact         IS 'The evidence of its sending: hashed, chained, time-stamped.';

CREATE TABLE letter_attachment (
    id           uuid        PRIMARY KEY,
    procedure    uuid        NOT NULL REFERENCES consultation,
    organisation text        NOT NULL,
    name         text        NOT NULL,
    media_type   text        NOT NULL,
    size         bigint      NOT NULL CHECK (size >= 0),
    sha256       text        NOT NULL,
    storage_key  text        NOT NULL,
    uploaded_at  timestamptz NOT NULL
);
COMMENT ON COLUMN letter_attachment.organisation IS 'Who uploaded it: it alone may send it.';

CREATE TABLE letter_enclosure (
    letter     uuid    NOT NULL REFERENCES letter,
    place      integer NOT NULL CHECK (place >= 1),
    attachment uuid    NOT NULL REFERENCES letter_attachment,
    PRIMARY KEY (letter, place)
);
COMMENT ON TABLE letter_enclosure IS 'What a letter holds: the same file goes to all the addressees of a message.';

-- migrate:down
DROP TABLE letter_enclosure;
DROP TABLE letter_attachment;
ALTER TABLE letter DROP COLUMN fact, DROP COLUMN reminded_at, DROP COLUMN delivered_by, DROP COLUMN delivered_at,
    DROP COLUMN answer_due_at, DROP COLUMN in_reply_to, DROP COLUMN sender;
