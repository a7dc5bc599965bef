-- representation_get --
-- The tag and the bytes of a notice as this release writes it; no bytes for whom has them ($3).
SELECT tag, CASE WHEN tag = ANY($3::text[]) THEN NULL ELSE body END AS body
  FROM representation
 WHERE notice_id = $1 AND form = $2

-- representation_keep --
INSERT INTO representation (notice_id, form, tag, body)
VALUES ($1, $2, $3, $4)
ON CONFLICT (notice_id) DO UPDATE SET form = excluded.form, tag = excluded.tag, body = excluded.body

-- representations_missing --
-- Public notices after a position, newest first, with whether this release has written them.
SELECT notice.notice_id, notice.published_at, coalesce(representation.form = $1, false) AS written
  FROM notice
  LEFT JOIN representation USING (notice_id)
 WHERE notice.published_at IS NOT NULL
   AND ($2::timestamptz IS NULL OR (notice.published_at, notice.notice_id) < ($2, $3::uuid))
 ORDER BY notice.published_at DESC, notice.notice_id DESC
 LIMIT $4
