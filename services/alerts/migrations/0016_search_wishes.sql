-- A link that stops one search acts on the wish it was written under: who resumes the search is safe from older links.
-- halles: compatible
-- migrate:up
ALTER TABLE search ADD COLUMN generation integer NOT NULL DEFAULT 1;
COMMENT ON COLUMN search.generation IS 'Grows when the search is resumed: older links that stop it no longer act.';

-- migrate:down
ALTER TABLE search DROP COLUMN generation;
