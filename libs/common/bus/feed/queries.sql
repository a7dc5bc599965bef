-- The SQL of the feed.

-- feed --
-- What a caller may be told, by the place it is told at: the event's own position, or for what its buyer may know only
-- later, the position of the event that opens it. $1, $2: the last place given (place, position); $3: span looked at;
-- $4: types for all; $5, $6: the caller's organisation and the types told to the organisation they concern;
-- $7, $8: types told to the buyer after another type of the same procedure, and that type; $9: limit.
-- `upto` is a subquery, not a join: only so does an index end the scan there, however long the log goes on. Each part
-- has its own limit: where much is told, the scan ends once a page is full.
-- One snapshot for all: `floor` is what was already archived when these rows were read.
WITH state AS (
    SELECT position AS head,
           coalesce((SELECT max(ends) - 1 FROM event_part WHERE dropped_at IS NOT NULL), 0) AS floor
      FROM event_head
), span AS (
    SELECT head, floor, least(head, greatest($1::bigint, floor) + $3::bigint) AS upto FROM state
), gated AS (
    SELECT type, gate FROM unnest($7::text[], $8::text[]) AS g (type, gate)
), told AS (
    (SELECT e.position AS place, e.position, e.body
       FROM event AS e
      WHERE e.position BETWEEN $1 AND (SELECT upto FROM span)
        AND (e.position, e.position) > ($1::bigint, $2::bigint)
        AND (e.type = ANY ($4) OR (e.organisation = $5 AND e.type = ANY ($6)))
      ORDER BY e.position
      LIMIT $9)
     UNION ALL
    (SELECT e.position AS place, e.position, e.body
       FROM event AS e
       JOIN gated USING (type)
      WHERE e.position BETWEEN $1 AND (SELECT upto FROM span)
        AND (e.position, e.position) > ($1::bigint, $2::bigint)
        AND e.buyer = $5 AND e.organisation <> $5
        AND EXISTS (SELECT FROM event_known AS o
                     WHERE o.procedure = e.procedure AND o.type = gated.gate
                       AND o.organisation = $5 AND o.position < e.position)
      ORDER BY e.position
      LIMIT $9)
     UNION ALL
    (SELECT o.position AS place, e.position, e.body
       FROM gated
       JOIN event AS o ON o.type = gated.gate
       JOIN event_known AS e ON e.procedure = o.procedure AND e.type = gated.type AND e.position < o.position
      WHERE o.position BETWEEN $1 AND (SELECT upto FROM span)
        AND (o.position, e.position) > ($1::bigint, $2::bigint)
        AND o.organisation = $5 AND e.buyer = $5 AND e.organisation <> $5
        AND NOT EXISTS (SELECT FROM event_known AS p
                         WHERE p.procedure = o.procedure AND p.type = o.type
                           AND p.organisation = $5 AND p.position < o.position)
      ORDER BY o.position, e.position
      LIMIT $9)
)
SELECT span.head, span.floor, span.upto, page.place, page.position, page.body
  FROM span
  LEFT JOIN (SELECT place, position, body FROM told ORDER BY place, position LIMIT $9) AS page ON true
 ORDER BY page.place, page.position;

-- head --
SELECT position FROM event_head;

-- news --
-- Whom the events behind a position may concern.
SELECT position, type, organisation, buyer FROM event WHERE position > $1 ORDER BY position LIMIT $2;
