-- Deliveries to partners are a queue of their own: no job each. Endpoints have buyers, a rate, a kind of signature, secrets that follow
-- one another, a health.
-- halles: compatible
-- migrate:up
ALTER TABLE endpoint ADD COLUMN buyers text[] NOT NULL DEFAULT '{}';
ALTER TABLE endpoint ADD COLUMN per_second integer NOT NULL DEFAULT 50;
ALTER TABLE endpoint ADD COLUMN signature text NOT NULL DEFAULT 'v1';
ALTER TABLE endpoint ADD COLUMN generation integer NOT NULL DEFAULT 1;
ALTER TABLE endpoint ADD COLUMN previous_until timestamptz;
ALTER TABLE endpoint ADD COLUMN failures integer NOT NULL DEFAULT 0;
ALTER TABLE endpoint ADD COLUMN failing_since timestamptz;
ALTER TABLE endpoint ADD COLUMN failed_at timestamptz;
ALTER TABLE endpoint ADD COLUMN warned boolean NOT NULL DEFAULT false;
ALTER TABLE endpoint ADD COLUMN held_until timestamptz;
ALTER TABLE endpoint ADD COLUMN recovery uuid;
ALTER TABLE endpoint ADD CONSTRAINT endpoint_per_second CHECK (per_second BETWEEN 1 AND 1000) NOT VALID;
ALTER TABLE endpoint VALIDATE CONSTRAINT endpoint_per_second;
ALTER TABLE endpoint ADD CONSTRAINT endpoint_signature CHECK (signature IN ('v1', 'v1a')) NOT VALID;
ALTER TABLE endpoint VALIDATE CONSTRAINT endpoint_signature;
COMMENT ON COLUMN endpoint.signature      IS 'Standard Webhooks: v1 is HMAC-SHA256, v1a is Ed25519.';
COMMENT ON COLUMN endpoint.generation     IS 'Which secret is good: it is derived from the platform''s, never stored.';
COMMENT ON COLUMN endpoint.previous_until IS 'Until then the secret before signs too.';
COMMENT ON COLUMN endpoint.failures       IS 'Attempts that failed since the last one that did not.';
COMMENT ON COLUMN endpoint.failing_since  IS 'Since when every attempt fails.';
COMMENT ON COLUMN endpoint.held_until     IS 'Domain time before which it gets nothing: it asked for that, or fails again and again.';
COMMENT ON COLUMN endpoint.recovery       IS 'The recovery that goes on; one that is asked for later ends it.';

ALTER TABLE outgoing ADD COLUMN cpv text[] NOT NULL DEFAULT '{}';
ALTER TABLE outgoing ADD COLUMN departments text[] NOT NULL DEFAULT '{}';
ALTER TABLE outgoing ADD COLUMN buyer text;
ALTER TABLE outgoing ADD COLUMN key text;
ALTER TABLE outgoing ADD COLUMN test boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN outgoing.key IS 'Events with the same key reach an endpoint in order: the procedure, else the aggregate.';

CREATE SEQUENCE delivery_position;
ALTER TABLE delivery ADD COLUMN position bigint NOT NULL DEFAULT 0;
ALTER TABLE delivery ALTER COLUMN position SET DEFAULT nextval('delivery_position');
ALTER TABLE delivery ADD COLUMN key text;
ALTER TABLE delivery ADD COLUMN due_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE delivery ADD COLUMN not_before timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE delivery ADD COLUMN lease uuid;
ALTER TABLE delivery ADD COLUMN begun integer NOT NULL DEFAULT 0;
ALTER TABLE delivery SET (fillfactor = 80);
COMMENT ON COLUMN delivery.position   IS 'The order in which deliveries were asked for.';
COMMENT ON COLUMN delivery.due_at     IS 'Domain time before which it is not tried.';
COMMENT ON COLUMN delivery.not_before IS 'Real time: the end of a lease.';
COMMENT ON COLUMN delivery.begun      IS 'Attempts before its schedule began anew: it was sent again by hand.';

ALTER TABLE attempt ADD COLUMN answer text;
COMMENT ON COLUMN attempt.answer IS 'The beginning of what the endpoint said, without what looks like a secret.';

-- migrate:down
ALTER TABLE attempt DROP COLUMN answer;
ALTER TABLE delivery RESET (fillfactor);
ALTER TABLE delivery DROP COLUMN begun;
ALTER TABLE delivery DROP COLUMN lease;
ALTER TABLE delivery DROP COLUMN not_before;
ALTER TABLE delivery DROP COLUMN due_at;
ALTER TABLE delivery DROP COLUMN key;
ALTER TABLE delivery DROP COLUMN position;
DROP SEQUENCE delivery_position;
ALTER TABLE outgoing DROP COLUMN test;
ALTER TABLE outgoing DROP COLUMN key;
ALTER TABLE outgoing DROP COLUMN buyer;
ALTER TABLE outgoing DROP COLUMN departments;
ALTER TABLE outgoing DROP COLUMN cpv;
ALTER TABLE endpoint DROP COLUMN recovery;
ALTER TABLE endpoint DROP COLUMN held_until;
ALTER TABLE endpoint DROP COLUMN warned;
ALTER TABLE endpoint DROP COLUMN failed_at;
ALTER TABLE endpoint DROP COLUMN failing_since;
ALTER TABLE endpoint DROP COLUMN failures;
ALTER TABLE endpoint DROP COLUMN previous_until;
ALTER TABLE endpoint DROP COLUMN generation;
ALTER TABLE endpoint DROP COLUMN signature;
ALTER TABLE endpoint DROP COLUMN per_second;
ALTER TABLE endpoint DROP COLUMN buyers;
