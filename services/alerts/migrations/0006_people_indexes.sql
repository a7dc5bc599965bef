-- One mail, one follow and a list of searches for each person; the key of follows without their primary key, for those of no organisation.
-- halles: compatible
-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY IF NOT EXISTS search_subscriber ON search (subscriber_id, created_at, search_id) WHERE subscriber_id IS NOT NULL;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS mail_person ON mail (subscriber_id, kind, subject_id);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS follow_organisation ON follow (organisation, procedure);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS follow_person ON follow (subscriber_id, procedure);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY IF EXISTS follow_person;
DROP INDEX CONCURRENTLY IF EXISTS follow_organisation;
DROP INDEX CONCURRENTLY IF EXISTS mail_person;
DROP INDEX CONCURRENTLY IF EXISTS search_subscriber;
