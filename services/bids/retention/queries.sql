-- due --
-- Five calendar years after the last signature (R2184-12 CCP), once every contract of the procedure is signed; without any contract,
-- after the deadline. Nothing while a lot awaits its award, or a hold is set. Rounds wait for their procedure, and it for them.
SELECT c.procedure, c.buyer, count(k.id) AS contracts,
       coalesce(max(k.signed_at), greatest(c.deadline, n.deadline)) AS counted_from
  FROM consultation AS c
  LEFT JOIN procedure_note AS n ON n.procedure = coalesce(c.principal, c.procedure)
  LEFT JOIN contract AS k ON k.procedure = coalesce(c.principal, c.procedure)
 WHERE NOT EXISTS (SELECT FROM destruction AS d WHERE d.procedure = c.procedure AND d.contract IS NULL)
   AND NOT EXISTS (SELECT FROM retention_hold AS h WHERE h.procedure IN (c.procedure, c.principal))
   AND NOT EXISTS (SELECT FROM contract AS u
                    WHERE u.procedure = coalesce(c.principal, c.procedure) AND u.signed_at IS NULL)
   AND EXISTS (SELECT FROM bid AS b WHERE b.procedure = c.procedure AND b.received_at IS NOT NULL)
   AND (SELECT count(*) FROM jsonb_array_elements(c.notice->'lots') AS told
         WHERE told->>'lot_id' <> ALL(coalesce(n.abandoned, '{}') || coalesce(n.failed, '{}'))
           AND NOT EXISTS (SELECT FROM award AS a
                             JOIN consultation AS decided ON decided.procedure = a.procedure
                            WHERE coalesce(decided.principal, decided.procedure) = coalesce(c.principal, c.procedure)
                              AND a.lot = told->>'lot_id')) = 0
 GROUP BY c.procedure, c.buyer, c.deadline, n.deadline
HAVING coalesce(max(k.signed_at), greatest(c.deadline, n.deadline)) + interval '5 years' <= $1
 ORDER BY counted_from, c.procedure
 LIMIT $2

-- due_contracts --
-- Papers of contracts, so many calendar years after the day on which performance ended.
SELECT e.contract, k.procedure, k.buyer, e.ended_on, e.years,
       (e.ended_on + make_interval(years => e.years) + interval '1 day') AT TIME ZONE 'Europe/Paris' AS kept_until
  FROM performance_end AS e
  JOIN contract AS k ON k.id = e.contract
 WHERE NOT EXISTS (SELECT FROM destruction AS d WHERE d.contract = e.contract)
   AND NOT EXISTS (SELECT FROM retention_hold AS h WHERE h.procedure = k.procedure)
   AND (e.ended_on + make_interval(years => e.years) + interval '1 day') AT TIME ZONE 'Europe/Paris' <= $1
 ORDER BY e.ended_on, e.contract
 LIMIT $2

-- propose --
INSERT INTO destruction (id, procedure, contract, buyer, kept_until, reason, proposed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING

-- of_buyer --
SELECT id, sequence, procedure, contract, buyer, kept_until, reason, proposed_at, state, confirmed_at, done_at, record,
       record_sha256, visa
  FROM destruction
 WHERE buyer = $1
   AND ($2::bigint IS NULL OR sequence < $2)
 ORDER BY sequence DESC
 LIMIT $3

-- lock --
SELECT id, sequence, procedure, contract, buyer, kept_until, reason, proposed_at, state, confirmed_at, done_at, record,
       record_sha256, visa
  FROM destruction
 WHERE id = $1
   FOR UPDATE

-- stamp_visa --
UPDATE destruction SET visa = $2 WHERE id = $1

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
-- A hold on a procedure is one on its rounds.
SELECT h.reason
  FROM consultation AS c
  JOIN retention_hold AS h ON h.procedure IN (c.procedure, c.principal)
 WHERE c.procedure = $1
 LIMIT 1

-- stored --
SELECT u.bid, u.file, p.sha256, p.stored AS size, p.storage_key
  FROM upload_part AS p
  JOIN upload AS u ON u.id = p.upload
  JOIN bid AS b ON b.id = u.bid
 WHERE b.procedure = $1
 ORDER BY u.bid, u.file, p.place

-- answered --
-- Documents of answers, and the files of letters, each once.
SELECT DISTINCT ON (storage_key) storage_key, sha256, size
  FROM (SELECT document ->> 'key' AS storage_key, document ->> 'sha256' AS sha256, (document ->> 'size')::bigint AS size
          FROM bidder_request AS r
         CROSS JOIN jsonb_array_elements(r.documents) AS document
         WHERE r.procedure = $1
         UNION ALL
        SELECT storage_key, sha256, size
          FROM letter_attachment
         WHERE procedure = $1) AS document
 ORDER BY storage_key

-- forget_keys --
UPDATE opening SET wrapped_key = NULL WHERE procedure = $1

-- papers --
-- Each form of a contract: generated, signed by its winner, signed by both.
SELECT k.number, k.prepared, k.winner_signed, k.signed FROM contract AS k WHERE k.id = $1

-- put_off --
UPDATE destruction SET state = 'proposed', confirmed_at = NULL, confirmed_by = NULL WHERE id = $1

-- tell_end --
INSERT INTO performance_end (contract, ended_on, years, told_at, told_by)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (contract) DO UPDATE
   SET ended_on = excluded.ended_on, years = excluded.years, told_at = excluded.told_at, told_by = excluded.told_by

-- lock_of_contract --
SELECT state FROM destruction WHERE contract = $1 FOR UPDATE

-- withdraw --
-- The end of performance was corrected: what was proposed on the former one is no more.
DELETE FROM destruction WHERE contract = $1 AND state = 'proposed'
