-- Resumable uploads (tus 1.0.0): what came of each file, in parts; who receives now; the shares of segments sealed here.
-- migrate:up
ALTER TABLE bid ADD COLUMN sealed_by text NOT NULL DEFAULT 'bidder' CHECK (sealed_by IN ('bidder', 'platform'));
COMMENT ON COLUMN bid.sealed_by IS 'bidder: what is uploaded is ciphertext; platform: plaintext, sealed before it is kept.';

ALTER TABLE bid_file ADD COLUMN upload uuid;
COMMENT ON COLUMN bid_file.upload IS 'The last complete upload: its parts, in order, are the file.';
COMMENT ON COLUMN bid_file.size   IS 'Announced bytes to upload.';
ALTER TABLE bid_file DROP COLUMN storage_key;

CREATE TABLE upload (
    id            uuid        PRIMARY KEY,
    bid           uuid        NOT NULL REFERENCES bid,
    file          integer     NOT NULL CHECK (file >= 1),
    kind          text        NOT NULL CHECK (kind IN ('whole', 'partial', 'final')),
    length        bigint      NOT NULL CHECK (length >= 0),
    received      bigint      NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND length),
    part          integer     NOT NULL CHECK (part >= 1),
    metadata      text        NOT NULL DEFAULT '',
    concat        text,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    completed_at  timestamptz,
    epoch         bigint      NOT NULL DEFAULT 0,
    held_until    timestamptz,
    wanted        boolean     NOT NULL DEFAULT false
);
COMMENT ON TABLE  upload               IS 'One tus upload of a file of a bid, or of a part of it (concatenation).';
COMMENT ON COLUMN upload.received      IS 'The offset: bytes received and durable, as the client counts them.';
COMMENT ON COLUMN upload.part          IS 'What its segments are sealed under: the number of the file; of a partial upload, one of its own in the bid.';
COMMENT ON COLUMN upload.metadata      IS 'The Upload-Metadata header, checked.';
COMMENT ON COLUMN upload.concat        IS 'The Upload-Concat header.';
COMMENT ON COLUMN upload.epoch         IS 'Counts the leases: who holds an older one can write nothing more.';
COMMENT ON COLUMN upload.held_until    IS 'Real time until which a process receives; renewed while it does.';
COMMENT ON COLUMN upload.wanted        IS 'Somebody else waits: whoever receives saves what it has and releases.';
CREATE INDEX upload_file ON upload (bid, file);
CREATE INDEX upload_expiry ON upload (expires_at) WHERE completed_at IS NULL;

CREATE TABLE upload_part (
    upload      uuid    NOT NULL REFERENCES upload ON DELETE CASCADE,
    place       integer NOT NULL CHECK (place >= 1),
    part        integer NOT NULL CHECK (part >= 1),
    segment     integer NOT NULL CHECK (segment >= 1),
    size        bigint  NOT NULL CHECK (size >= 0),
    stored      bigint  NOT NULL CHECK (stored >= 0),
    sha256      text    NOT NULL,
    storage_key text    NOT NULL,
    sealed      jsonb,
    PRIMARY KEY (upload, place)
);
COMMENT ON TABLE  upload_part         IS 'What one request, or 64 MiB of it, brought: written once, never changed.';
COMMENT ON COLUMN upload_part.part    IS 'With the segment, what it was sealed under; kept when uploads are joined.';
COMMENT ON COLUMN upload_part.size    IS 'Bytes as the client counts them.';
COMMENT ON COLUMN upload_part.stored  IS 'Bytes of ciphertext kept.';
COMMENT ON COLUMN upload_part.sha256  IS 'Of the ciphertext kept.';
COMMENT ON COLUMN upload_part.sealed  IS 'Sealed by the platform: the commitment to the key and the sealed shares.';
CREATE INDEX upload_part_key ON upload_part (storage_key);

-- migrate:down
DROP TABLE upload_part;
DROP TABLE upload;
ALTER TABLE bid_file ADD COLUMN storage_key text;
ALTER TABLE bid_file DROP COLUMN upload;
ALTER TABLE bid DROP COLUMN sealed_by;
