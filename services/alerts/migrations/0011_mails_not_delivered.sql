-- What the operator and senders look through: mails that reached nobody.
-- halles: compatible
-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY IF NOT EXISTS mail_not_delivered ON mail (created_at, mail_id)
 WHERE state IN ('undeliverable', 'refused', 'failed', 'bounced') OR (state = 'suppressed' AND priority = 0);
DROP INDEX CONCURRENTLY IF EXISTS mail_undelivered;

-- migrate:down transaction:false
CREATE INDEX CONCURRENTLY IF NOT EXISTS mail_undelivered ON mail (created_at, mail_id) WHERE state IN ('undeliverable', 'refused', 'failed');
DROP INDEX CONCURRENTLY IF EXISTS mail_not_delivered;
