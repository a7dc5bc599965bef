-- What holds of the roles a service heard of: a delegation no longer than the role it came from; joint purchases. Read models.
-- halles: compatible
-- migrate:up
ALTER TABLE granted_role ADD COLUMN delegated_from uuid;

-- A delegation told before the role it came from, or after its end, gives nothing.
CREATE VIEW held_role AS
SELECT held.organisation,
       held.person,
       held.role,
       held.procedure_id,
       source.person                                AS stands_in_for,
       greatest(held.valid_from, source.valid_from) AS valid_from,
       least(held.valid_until, source.valid_until)  AS valid_until
  FROM granted_role AS held
  LEFT JOIN granted_role AS source ON source.record_id = held.delegated_from
 WHERE held.revoked_at IS NULL
   AND (held.delegated_from IS NULL OR (source.record_id IS NOT NULL AND source.revoked_at IS NULL));

CREATE TABLE known_joint_purchase (
    joint_id     uuid         PRIMARY KEY,
    coordinator  text         NOT NULL,
    members      text[]       NOT NULL,
    procedures   uuid[]       NOT NULL,
    valid_until  timestamptz,
    ended_at     timestamptz,
    version      integer      NOT NULL
);
COMMENT ON COLUMN known_joint_purchase.members IS 'those that joined by their own word, and have not left';
CREATE INDEX known_joint_purchase_members ON known_joint_purchase USING gin (members);

-- migrate:down
DROP TABLE known_joint_purchase;
DROP VIEW held_role;
ALTER TABLE granted_role DROP COLUMN delegated_from;
