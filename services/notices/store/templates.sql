-- template_add --
INSERT INTO template (template_id, organisation, name, content, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organisation, name) DO NOTHING
RETURNING template_id

-- template_get --
SELECT template_id, organisation, name, content, created_at FROM template WHERE template_id = $1 AND organisation = $2

-- template_remove --
DELETE FROM template WHERE template_id = $1 AND organisation = $2 RETURNING template_id

-- templates --
SELECT template_id, organisation, name, content, created_at
  FROM template
 WHERE organisation = $1 AND ($2::text IS NULL OR name > $2)
 ORDER BY name
 LIMIT $3
