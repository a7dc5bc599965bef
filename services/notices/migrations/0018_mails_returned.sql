-- A mail that was handed over may come back.
-- halles: compatible
-- migrate:up
ALTER TABLE mail DROP CONSTRAINT mail_state_check;
ALTER TABLE mail ADD CONSTRAINT mail_state_check CHECK
    (state IN ('due', 'sent', 'suppressed', 'refused', 'failed', 'bounced')) NOT VALID;

-- migrate:down
UPDATE mail SET state = 'refused' WHERE state = 'bounced';
ALTER TABLE mail DROP CONSTRAINT mail_state_check;
ALTER TABLE mail ADD CONSTRAINT mail_state_check CHECK
    (state IN ('due', 'sent', 'suppressed', 'refused', 'failed'));
