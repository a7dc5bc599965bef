-- timeline_add --
INSERT INTO timeline (event_id, procedure_id, type, occurred_at, audience, organisation, buyer, buyer_after, summary,
                      summary_en, reference)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (event_id) DO NOTHING

-- timeline --
-- What a reader ($2, NULL for anybody) may read of a procedure, in order.
SELECT entry.event_id, entry.position, entry.type, entry.occurred_at, entry.audience, entry.summary, entry.summary_en,
       entry.reference
  FROM timeline AS entry
 WHERE entry.procedure_id = $1
   AND (entry.audience = 'public'
        OR entry.organisation = $2
        OR (entry.buyer = $2
            AND EXISTS (SELECT 1
                          FROM timeline AS later
                         WHERE later.procedure_id = entry.procedure_id AND later.type = entry.buyer_after)))
   AND ($3::timestamptz IS NULL OR (entry.occurred_at, entry.position) > ($3, $4::bigint))
 ORDER BY entry.occurred_at, entry.position
 LIMIT $5
