-- Acts and exemptions found by their consultation, for those who read some consultations only.
-- halles: compatible
-- migrate:up transaction:false
DROP INDEX CONCURRENTLY IF EXISTS act_procedure;
CREATE INDEX CONCURRENTLY act_procedure ON act (procedure);
DROP INDEX CONCURRENTLY IF EXISTS exemption_procedure;
CREATE INDEX CONCURRENTLY exemption_procedure ON exemption (procedure);
DROP INDEX CONCURRENTLY IF EXISTS exemption_page;
CREATE INDEX CONCURRENTLY exemption_page ON exemption (organisation, decided_at DESC, exemption_id DESC);

-- migrate:down
DROP INDEX exemption_page;
DROP INDEX exemption_procedure;
DROP INDEX act_procedure;
