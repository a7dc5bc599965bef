-- due --
-- Five calendar years after the last signature (R2184-12 CCP), once every contract of the procedure is signed; without any contract,
-- after the deadline. Nothing while a lot awaits its award, or a hold is set.
SELECT c.procedure, c.buyer, count(k.id) AS contracts,
       coalesce(max(k.signed_at), greatest(c.deadline, n.deadline)) AS counted_from
  FROM consultation AS c
  LEFT JOIN procedure_note AS n USING (procedure)
  LEFT JOIN contract AS k ON k.procedure = c.procedure
 WHERE NOT EXISTS (SELECT FROM destruction AS d WHERE d.procedure = c.procedure)
   AND NOT EXISTS (SELECT FROM retention_hold AS h WHERE h.procedure = c.procedure)
   AND NOT EXISTS (SELECT FROM contract AS u WHERE u.procedure = c.procedure AND u.signed_at IS NULL)
   AND EXISTS (SELECT FROM bid AS b WHERE b.procedure = c.procedure AND b.received_at IS NOT NULL)
   AND (SELECT count(*) FROM jsonb_array_elements(c.notice->'lots') AS told
         WHERE told->>'lot_id' <> ALL(coalesce(n.abandoned, '{}') || coalesce(n.failed, '{}'))
           AND NOT EXISTS (SELECT FROM award AS a WHERE a.procedure = c.procedure AND a.lot = told->>'lot_id')) = 0
 GROUP BY c.procedure, c.buyer, c.deadline, n.deadline
HAVING coalesce(max(k.signed_at), greatest(c.deadline, n.deadline)) + interval '5 years' <= $1
 ORDER BY counted_from, c.procedure
 LIMIT $2

-- propose --
INSERT INTO destruction (id, procedure, buyer, kept_until, reason, proposed_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING

-- of_buyer --
SELECT id, sequence, procedure, buyer, kept_until, reason, proposed_at, state, confirmed_at, done_at, record, record_sha256
  FROM destruction
 WHERE buyer = $1
   AND ($2::bigint IS NULL OR sequence < $2)
 ORDER BY sequence DESC
 LIMIT $3

-- lock --
SELECT id, sequence, procedure, buyer, kept_until, reason, proposed_at, state, confirmed_at, done_at, record, record_sha256
  FROM destruction
 WHERE id = $1
   FOR UPDATE

-- confirm --
UPDATE destruction
   SET state = 'confirmed', confirmed_at = $2, confirmed_by = $3
 WHERE id = $1

-- done --
UPDATE destruction
   SET state = 'done', done_at = $2, record = $3, record_sha256 = $4
 WHERE id = $1

-- set_hold --
INSERT INTO retention_hold (procedure, reason, set_at, set_by)
VALUES ($1, $2, $3, $4)
ON CONFLICT (procedure) DO UPDATE SET reason = excluded.reason, set_at = excluded.set_at, set_by = excluded.set_by

-- lift_hold --
DELETE FROM retention_hold WHERE procedure = $1 RETURNING procedure

-- hold --
SELECT reason FROM retention_hold WHERE procedure = $1

-- stored --
SELECT u.bid, u.file, p.sha256, p.stored AS size, p.storage_key
  FROM upload_part AS p
  JOIN upload AS u ON u.id = p.upload
  JOIN bid AS b ON b.id = u.bid
 WHERE b.procedure = $1
 ORDER BY u.bid, u.file, p.place

-- answered --
SELECT id, bid, documents FROM bidder_request WHERE procedure = $1 ORDER BY id

-- forget_keys --
UPDATE opening SET wrapped_key = NULL WHERE procedure = $1

-- put_off --
UPDATE destruction SET state = 'proposed', confirmed_at = NULL, confirmed_by = NULL WHERE id = $1
