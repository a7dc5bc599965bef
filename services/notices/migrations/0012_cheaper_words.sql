-- Words are searched in the index of each api process: the one here answers while that is built, and need not be made at once.
-- halles: compatible
-- migrate:up
ALTER INDEX notice_document SET (fastupdate = on, gin_pending_list_limit = 1024);

-- migrate:down
ALTER INDEX notice_document SET (fastupdate = off);
ALTER INDEX notice_document RESET (gin_pending_list_limit);
