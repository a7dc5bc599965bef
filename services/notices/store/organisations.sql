-- details --
SELECT details, version, updated_at FROM organisation WHERE organisation = $1

-- details_keep --
-- Version 1 where nothing was kept; nothing is written where another version than $2 is there.
INSERT INTO organisation (organisation, version, details, updated_at)
SELECT $1, 1, $3, $4
 WHERE $2 = 0 OR EXISTS (SELECT 1 FROM organisation WHERE organisation = $1)
    ON CONFLICT (organisation) DO UPDATE
   SET version = organisation.version + 1, details = excluded.details, updated_at = excluded.updated_at
 WHERE organisation.version = $2
RETURNING version

-- last_notice --
-- What the last public notice says of its buyer.
SELECT content -> 'buyer' AS buyer, content -> 'contact' AS contact
  FROM notice
 WHERE organisation = $1 AND state = 'published'
 ORDER BY published_at DESC, notice_id DESC
 LIMIT 1

-- last_buyer --
-- What the organisation's last notice says of it, public or not: for the organisation itself.
SELECT content -> 'buyer' AS buyer
  FROM notice
 WHERE organisation = $1
 ORDER BY published_at DESC NULLS FIRST, notice_id DESC
 LIMIT 1

-- counts --
SELECT count(*) FILTER (WHERE kind = 'planning') AS planning,
       count(*) FILTER (WHERE kind = 'contract') AS contract,
       count(*) FILTER (WHERE kind = 'award') AS award,
       count(*) FILTER (WHERE kind = 'change') AS change,
       max(published_at) AS last_published_at
  FROM notice
 WHERE organisation = $1 AND state = 'published'

-- open_procedures --
-- By deadline, those without one last; found through the notices of the buyer, which have an index.
SELECT procedure_id, title, deadline, notice_id
  FROM procedure
 WHERE procedure_id = ANY(ARRAY(SELECT DISTINCT procedure_id
                                  FROM notice
                                 WHERE organisation = $1 AND state = 'published' AND kind = 'contract'))
   AND organisation = $1 AND state = 'open' AND (deadline IS NULL OR deadline > $2)
   AND ($3::timestamptz IS NULL OR (coalesce(deadline, timestamptz '9999-12-31 00:00:00+00'), procedure_id) > ($3, $4::uuid))
 ORDER BY coalesce(deadline, timestamptz '9999-12-31 00:00:00+00'), procedure_id
 LIMIT $5

-- count_open --
SELECT count(*)
  FROM procedure
 WHERE procedure_id = ANY(ARRAY(SELECT DISTINCT procedure_id
                                  FROM notice
                                 WHERE organisation = $1 AND state = 'published' AND kind = 'contract'))
   AND organisation = $1 AND state = 'open' AND (deadline IS NULL OR deadline > $2)

-- awards --
-- The newest first.
SELECT notice_id, procedure_id, content ->> 'title' AS title, content -> 'results' AS results, published_at
  FROM notice
 WHERE organisation = $1 AND state = 'published' AND kind = 'award'
   AND ($2::timestamptz IS NULL OR (published_at, notice_id) < ($2, $3::uuid))
 ORDER BY published_at DESC, notice_id DESC
 LIMIT $4
