-- A bid holds several envelopes, the unit of sealing, standing and opening; openings by stages; versions of the key set.
-- migrate:up
ALTER TABLE bid DROP COLUMN envelope;
ALTER TABLE bid ADD COLUMN deposit_sha256 text;
UPDATE bid SET deposit_sha256 = envelope_sha256;
ALTER TABLE bid ADD COLUMN key_fingerprint text NOT NULL DEFAULT '';
ALTER TABLE bid ALTER COLUMN key_fingerprint DROP DEFAULT;
COMMENT ON COLUMN bid.deposit_sha256  IS 'Of the RFC 8785 array of the hashes of its envelopes.';
COMMENT ON COLUMN bid.key_fingerprint IS 'Of the key set that was in force when it was prepared: what it is sealed to.';

CREATE TABLE envelope (
    bid        uuid    NOT NULL REFERENCES bid,
    number     integer NOT NULL CHECK (number >= 1),
    kind       text    NOT NULL CHECK (kind IN ('application', 'offer')),
    lots       text[]  NOT NULL CHECK (cardinality(lots) > 0),
    state      text    NOT NULL DEFAULT 'announced' CHECK (state IN ('announced', 'sealed', 'opened', 'unreadable')),
    content    jsonb,
    sha256     text,
    PRIMARY KEY (bid, number),
    CHECK ((state = 'announced') = (content IS NULL)),
    CHECK ((content IS NULL) = (sha256 IS NULL))
);
COMMENT ON TABLE  envelope         IS 'Announced with the bid, sealed when it is deposited, opened by an opening that names it.';
COMMENT ON COLUMN envelope.content IS 'Its public paper: ciphertext lengths and hashes, sealed shares, commitments.';

ALTER TABLE bid_file ADD COLUMN envelope integer NOT NULL DEFAULT 1;
ALTER TABLE bid_file ALTER COLUMN envelope DROP DEFAULT;
ALTER TABLE bid_file ADD CONSTRAINT bid_file_envelope FOREIGN KEY (bid, envelope) REFERENCES envelope NOT VALID;

CREATE TABLE key_set (
    procedure    uuid        NOT NULL REFERENCES consultation,
    version      integer     NOT NULL CHECK (version >= 1),
    fingerprint  text        NOT NULL,
    keys         jsonb       NOT NULL,
    published_at timestamptz NOT NULL,
    token        bytea,
    stamped_at   timestamptz,
    PRIMARY KEY (procedure, version),
    UNIQUE (procedure, fingerprint),
    CHECK ((token IS NULL) = (stamped_at IS NULL))
);
COMMENT ON TABLE  key_set       IS 'Every key set that was published for a consultation; the last one takes new bids.';
COMMENT ON COLUMN key_set.token IS 'RFC 3161 token over the fingerprint; none yet while the authorities are away.';
INSERT INTO key_set (procedure, version, fingerprint, keys, published_at)
SELECT procedure, 1, keys->>'fingerprint', keys, opened_at FROM consultation;

ALTER TABLE opening ADD COLUMN stage text NOT NULL DEFAULT 'offers' CHECK (stage IN ('applications', 'offers'));
ALTER TABLE opening ALTER COLUMN stage DROP DEFAULT;
ALTER TABLE opening ADD COLUMN key_fingerprint text NOT NULL DEFAULT '';
ALTER TABLE opening ALTER COLUMN key_fingerprint DROP DEFAULT;
ALTER TABLE opening DROP CONSTRAINT opening_state_check;
ALTER TABLE opening ADD CONSTRAINT opening_state_check
    CHECK (state IN ('started', 'replaced', 'opening', 'completed'));

CREATE TABLE opening_work (
    opening  uuid    NOT NULL REFERENCES opening,
    bid      uuid    NOT NULL,
    envelope integer NOT NULL,
    done_at  timestamptz,
    outcome  jsonb,
    PRIMARY KEY (opening, bid, envelope),
    FOREIGN KEY (bid, envelope) REFERENCES envelope,
    CHECK ((done_at IS NULL) = (outcome IS NULL))
);
COMMENT ON TABLE  opening_work         IS 'What the worker has to open, and what came of it: the progress of an opening.';
COMMENT ON COLUMN opening_work.outcome IS 'The files found, or why the envelope cannot be read, whose doing that is, and the proof.';

-- migrate:down
DROP TABLE opening_work;
ALTER TABLE opening DROP CONSTRAINT opening_state_check;
ALTER TABLE opening ADD CONSTRAINT opening_state_check CHECK (state IN ('started', 'replaced', 'completed'));
ALTER TABLE opening DROP COLUMN key_fingerprint;
ALTER TABLE opening DROP COLUMN stage;
DROP TABLE key_set;
ALTER TABLE bid_file DROP COLUMN envelope;
DROP TABLE envelope;
ALTER TABLE bid DROP COLUMN key_fingerprint;
ALTER TABLE bid DROP COLUMN deposit_sha256;
ALTER TABLE bid ADD COLUMN envelope jsonb;
