-- publication_add --
INSERT INTO publication (publication_id, notice_id, channel, attempt, envelope, planned_at, state, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- publication_save --
UPDATE publication
   SET state = $2, version = $3, held_until = $4, queued_at = $5, sent_at = $6, received_at = $7, accepted_at = $8,
       closed_at = $9, receipt = $10, number = $11, published_on = $12, link = $13, reasons = $14, asked = $15
 WHERE publication_id = $1

-- publications --
-- Of a notice, the last of each channel last. Changes are made under the lock of the notice.
SELECT publication_id, notice_id, channel, attempt, envelope, planned_at, state, version, held_until, queued_at, sent_at,
       received_at, accepted_at, closed_at, receipt, number, published_on, link, reasons, asked
  FROM publication
 WHERE notice_id = $1
 ORDER BY planned_at, channel, attempt

-- publication_get --
SELECT publication_id, notice_id, channel, attempt, envelope, planned_at, state, version, held_until, queued_at, sent_at,
       received_at, accepted_at, closed_at, receipt, number, published_on, link, reasons, asked
  FROM publication
 WHERE publication_id = $1

-- notices_due --
-- Notices that time alone lets go now, the longest held first.
SELECT notice_id
  FROM publication
 WHERE state = 'waiting' AND held_until <= $1
 GROUP BY notice_id
 ORDER BY min(held_until)
 LIMIT $2

-- publications_open --
-- How many notices each channel is yet to take or to answer, and since when the oldest waits.
SELECT channel, state, count(*) AS publications, min(coalesce(sent_at, queued_at)) AS oldest
  FROM publication
 WHERE state IN ('queued', 'sent', 'received', 'accepted')
 GROUP BY channel, state
