-- What becomes of a procedure is news too: lots given up, results.
-- halles: compatible
-- migrate:up
ALTER TABLE news DROP CONSTRAINT news_kind_check;
ALTER TABLE news ADD CONSTRAINT news_kind_check CHECK (kind IN ('change', 'answer', 'abandonment', 'award')) NOT VALID;
ALTER TABLE news VALIDATE CONSTRAINT news_kind_check;

-- migrate:down
DELETE FROM news WHERE kind IN ('abandonment', 'award');
ALTER TABLE news DROP CONSTRAINT news_kind_check;
ALTER TABLE news ADD CONSTRAINT news_kind_check CHECK (kind IN ('change', 'answer'));
