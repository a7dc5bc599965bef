-- find_consultation --
SELECT c.procedure, c.version, c.buyer, greatest(c.deadline, n.deadline) AS deadline, c.notice, c.keys, c.opened_at,
       coalesce(n.suspended, false) AS suspended, coalesce(n.abandoned, '{}') AS abandoned,
       coalesce(n.failed, '{}') AS failed, c.principal
  FROM consultation AS c
  LEFT JOIN procedure_note AS n ON n.procedure = coalesce(c.principal, c.procedure)
 WHERE c.procedure = $1

-- lock_consultation --
SELECT c.procedure, c.version, c.buyer, greatest(c.deadline, n.deadline) AS deadline, c.notice, c.keys, c.opened_at,
       coalesce(n.suspended, false) AS suspended, coalesce(n.abandoned, '{}') AS abandoned,
       coalesce(n.failed, '{}') AS failed, c.principal
  FROM consultation AS c
  LEFT JOIN procedure_note AS n ON n.procedure = coalesce(c.principal, c.procedure)
 WHERE c.procedure = $1
   FOR UPDATE OF c

-- share_consultation --
-- Deposits share it; an opening takes it alone: none slips in while the bids to open are counted.
SELECT c.procedure, c.version, c.buyer, greatest(c.deadline, n.deadline) AS deadline, c.notice, c.keys, c.opened_at,
       coalesce(n.suspended, false) AS suspended, coalesce(n.abandoned, '{}') AS abandoned,
       coalesce(n.failed, '{}') AS failed, c.principal
  FROM consultation AS c
  LEFT JOIN procedure_note AS n ON n.procedure = coalesce(c.principal, c.procedure)
 WHERE c.procedure = $1
   FOR SHARE OF c

-- add_consultation --
INSERT INTO consultation (procedure, buyer, deadline, notice, keys, opened_at)
VALUES ($1, $2, $3, $4, $5, $6)

-- update_consultation --
UPDATE consultation
   SET version = version + 1, deadline = $2, notice = $3
 WHERE procedure = $1

-- publish_keys --
UPDATE consultation
   SET keys = $2
 WHERE procedure = $1

-- add_key_set --
-- A key set that comes back keeps its version.
INSERT INTO key_set (procedure, version, fingerprint, keys, published_at)
SELECT $1, 1 + count(*), $2, $3, $4
  FROM key_set
 WHERE procedure = $1
ON CONFLICT (procedure, fingerprint) DO NOTHING

-- key_sets --
SELECT version, fingerprint, keys, published_at, token, stamped_at
  FROM key_set
 WHERE procedure = $1
 ORDER BY version

-- stamp_key_set --
UPDATE key_set
   SET token = $3, stamped_at = $4
 WHERE procedure = $1
   AND version = $2
   AND token IS NULL

-- suspended_since --
SELECT suspended_at
  FROM procedure_note
 WHERE procedure = $1
   AND suspended
   AND version < $2
   FOR UPDATE

-- note_suspension --
-- Suspended or resumed: the newest version of the procedure holds; a deadline is only put off.
INSERT INTO procedure_note AS known (procedure, version, suspended, suspended_at, deadline)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (procedure) DO UPDATE
   SET version = excluded.version, suspended = excluded.suspended,
       suspended_at = CASE WHEN excluded.suspended AND known.suspended THEN known.suspended_at ELSE excluded.suspended_at END,
       deadline = greatest(known.deadline, excluded.deadline)
 WHERE known.version < excluded.version

-- note_lot --
INSERT INTO procedure_note AS known (procedure, abandoned, failed)
VALUES ($1, $2, $3)
ON CONFLICT (procedure) DO UPDATE
   SET abandoned = known.abandoned || excluded.abandoned, failed = known.failed || excluded.failed
 WHERE NOT (known.abandoned @> excluded.abandoned AND known.failed @> excluded.failed)

-- add_bid --
INSERT INTO bid (id, procedure, depositor, depositor_name, lots, state, created_at, key_fingerprint, sealed_by)
VALUES ($1, $2, $3, $4, $5, 'draft', $6, $7, $8)

-- add_envelope --
INSERT INTO envelope (bid, number, kind, lots)
VALUES ($1, $2, $3, $4)

-- add_file --
INSERT INTO bid_file (bid, number, name, size, envelope)
VALUES ($1, $2, $3, $4, $5)

-- find_bid --
SELECT id, version, procedure, depositor, depositor_name, lots, state, created_at, received_at, deposit_order,
       deposit_sha256, key_fingerprint, sealed_by
  FROM bid
 WHERE id = $1

-- lock_bid --
SELECT id, version, procedure, depositor, depositor_name, lots, state, created_at, received_at, deposit_order,
       deposit_sha256, key_fingerprint, sealed_by
  FROM bid
 WHERE id = $1
   FOR UPDATE

-- bids_of_depositor --
SELECT id, version, procedure, depositor, depositor_name, lots, state, created_at, received_at, deposit_order,
       deposit_sha256, key_fingerprint, sealed_by
  FROM bid
 WHERE depositor = $1
   AND ($2::uuid IS NULL OR procedure = $2)
   AND ($3::bigint IS NULL OR sequence < $3)
 ORDER BY sequence DESC
 LIMIT $4

-- position_of_bid --
SELECT sequence
  FROM bid
 WHERE id = $1

-- deposited_bids --
-- Every bid of a consultation that was received, whatever became of it.
SELECT id, version, procedure, depositor, depositor_name, lots, state, created_at, received_at, deposit_order,
       deposit_sha256, key_fingerprint, sealed_by
  FROM bid
 WHERE procedure = $1
   AND state <> 'draft'
 ORDER BY received_at, deposit_order

-- files_of_bid --
SELECT number, envelope, name, size, upload, sha256, uploaded_at,
       (SELECT sum(p.stored) FROM upload_part AS p WHERE p.upload = bid_file.upload)::bigint AS stored
  FROM bid_file
 WHERE bid = $1
 ORDER BY number

-- deposit_bid --
UPDATE bid
   SET version = version + 1, state = $2, received_at = $3, deposit_order = nextval('deposit_order'),
       deposit_sha256 = $4
 WHERE id = $1
RETURNING version

-- seal_envelope --
UPDATE envelope
   SET state = 'sealed', content = $3, sha256 = $4
 WHERE bid = $1
   AND number = $2

-- envelopes_of_bid --
SELECT bid, number, kind, lots, state, sha256
  FROM envelope
 WHERE bid = $1
 ORDER BY number

-- envelopes_received --
SELECT envelope.bid, envelope.number, envelope.kind, envelope.lots, envelope.state, envelope.sha256
  FROM envelope
  JOIN bid ON bid.id = envelope.bid
 WHERE bid.procedure = $1
   AND bid.state <> 'draft'
 ORDER BY bid.received_at, bid.deposit_order, envelope.number

-- paper_of_envelope --
SELECT content
  FROM envelope
 WHERE bid = $1
   AND number = $2

-- set_envelope_state --
UPDATE envelope
   SET state = $3
 WHERE bid = $1
   AND number = $2

-- set_bid_state --
UPDATE bid
   SET version = version + 1, state = $2
 WHERE id = $1
RETURNING version

-- attempts --
-- Drawn from the facts: a request of an upload is a fact that begins it, and what the next one of the same upload says of its end.
-- Of a bid, else of a consultation. A request without end, followed by another, ended with its process.
SELECT told.id, told.bid, bid.depositor, (told.content->>'file')::integer AS file, told.at AS started_at,
       CASE told.kind WHEN 'deposited' THEN 'deposit' WHEN 'withdrawn' THEN 'withdrawal' ELSE 'upload' END AS kind,
       CASE WHEN told.kind IN ('deposited', 'withdrawn') THEN told.at
            WHEN told.next NOT IN ('upload_resumed', 'upload_started') THEN told.next_at
       END AS ended_at,
       CASE WHEN told.kind = 'deposited' THEN (told.content->>'bytes')::bigint
            WHEN told.kind = 'withdrawn' OR told.next IS NULL THEN 0
            ELSE greatest(coalesce(told.later->>'length', told.later->>'received', told.later->>'offset')::bigint
                          - coalesce((told.content->>'offset')::bigint, 0), 0)
       END AS bytes,
       CASE WHEN told.kind IN ('deposited', 'withdrawn') OR told.next IN ('upload_completed', 'upload_paused') THEN 'complete'
            WHEN told.next IS NULL THEN 'running'
            WHEN told.next = 'upload_removed' THEN 'removed'
            WHEN told.next = 'checksum_refused' THEN 'refused'
            ELSE coalesce(told.later->>'outcome', 'interrupted')
       END AS outcome,
       told.later->>'reason' AS reason
  FROM (SELECT id, bid, kind, at, content, sequence, lead(kind) OVER own AS next, lead(at) OVER own AS next_at,
               lead(content) OVER own AS later
          FROM evidence_fact
         WHERE (bid = $1 OR (procedure = $2 AND bid IS NOT NULL))
           AND kind IN ('upload_started', 'upload_resumed', 'upload_paused', 'upload_interrupted', 'checksum_refused',
                        'upload_completed', 'upload_removed', 'deposited', 'withdrawn')
        WINDOW own AS (PARTITION BY bid, coalesce(content->>'upload', id::text) ORDER BY sequence)) AS told
  JOIN bid ON bid.id = told.bid
 WHERE told.kind IN ('upload_started', 'upload_resumed', 'deposited', 'withdrawn')
 ORDER BY told.at, told.sequence

-- add_opening --
INSERT INTO opening (id, procedure, state, stage, key_fingerprint, statement, token, stamped_at, started_at)
VALUES ($1, $2, 'started', $3, $4, $5, $6, $7, $8)

-- find_opening --
SELECT id, version, procedure, state, stage, key_fingerprint, statement, token, stamped_at, started_at,
       completed_at, report, report_sha256
  FROM opening
 WHERE id = $1

-- lock_opening --
SELECT id, version, procedure, state, stage, key_fingerprint, statement, token, stamped_at, started_at,
       completed_at, report, report_sha256
  FROM opening
 WHERE id = $1
   FOR UPDATE

-- openings_of_procedure --
SELECT id, version, procedure, state, stage, key_fingerprint, statement, token, stamped_at, started_at,
       completed_at, report, report_sha256
  FROM opening
 WHERE procedure = $1
   AND state <> 'replaced'
 ORDER BY started_at, id

-- openings_begun --
SELECT EXISTS (SELECT FROM opening WHERE procedure = $1 AND state IN ('opening', 'completed'))

-- set_opening_state --
UPDATE opening
   SET version = version + 1, state = $2
 WHERE id = $1

-- complete_opening --
UPDATE opening
   SET version = version + 1, state = $2, completed_at = $3, report = $4, report_sha256 = $5
 WHERE id = $1
RETURNING version

-- add_opening_work --
INSERT INTO opening_work (opening, bid, envelope)
VALUES ($1, $2, $3)

-- opening_work_done --
UPDATE opening_work
   SET done_at = $4, outcome = $5
 WHERE opening = $1
   AND bid = $2
   AND envelope = $3
   AND done_at IS NULL

-- opening_works --
SELECT bid, envelope, outcome
  FROM opening_work
 WHERE opening = $1
 ORDER BY bid, envelope

-- opening_progress --
SELECT count(*) AS envelopes, count(done_at) AS done
  FROM opening_work
 WHERE opening = $1

-- add_presence --
INSERT INTO presence (opening, officer, presented_at, shares, deputy)
VALUES ($1, $2, $3, $4, $5)

-- presences --
SELECT officer, presented_at, shares, deputy
  FROM presence
 WHERE opening = $1
 ORDER BY presented_at, officer

-- presences_for_envelope --
-- The officers with the shares of one envelope only.
SELECT officer, presented_at, deputy,
       (SELECT jsonb_agg(share)
          FROM jsonb_array_elements(shares) AS share
         WHERE share->>'bid' = $2::text
           AND (share->>'envelope')::integer = $3) AS shares
  FROM presence
 WHERE opening = $1
 ORDER BY presented_at, officer

-- forget_shares --
UPDATE presence
   SET shares = NULL
 WHERE opening = $1

-- add_opened_file --
INSERT INTO opened_file (opening, bid, number, name, media_type, size, sha256, secrets, scan, threat, signatures)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING

-- opened_file --
SELECT f.name, f.media_type, f.size, f.sha256, f.secrets, f.scan, f.threat, f.signatures, b.envelope
  FROM opened_file AS f
  JOIN bid_file AS b ON b.bid = f.bid AND b.number = f.number
 WHERE f.opening = $1
   AND f.bid = $2
   AND f.number = $3

-- keep_wrapped_key --
UPDATE opening
   SET wrapped_key = $2
 WHERE id = $1

-- keep_report_paper --
-- The first one stays: a paper under a seal is drawn up once.
UPDATE opening
   SET report_paper = coalesce(report_paper, $2)
 WHERE id = $1
RETURNING report_paper

-- report_paper --
SELECT report_paper
  FROM opening
 WHERE id = $1

-- wrapped_key --
SELECT wrapped_key
  FROM opening
 WHERE id = $1

-- add_award --
INSERT INTO award (id, procedure, lot, bid, decision, decided_at, standstill_until, standstill_reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- awards_of_procedure --
SELECT id, lot, bid, decided_at, standstill_until, standstill_reason
  FROM award
 WHERE procedure = $1
 ORDER BY lot

-- add_letter --
INSERT INTO letter (id, procedure, lot, buyer, addressee, kind, subject, content, storage_key, sha256, sent_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- find_letter --
-- To its addressee, and the company that wrote it; to the buyer ($2 null) once the bids are opened, as who deposited is
-- secret until then, or what it wrote itself (those with a fact).
SELECT id, sequence, procedure, lot, buyer, addressee, kind, subject, content, storage_key, sha256, sent_at,
       first_read_at, read_by, sender, in_reply_to, answer_due_at, delivered_at, delivered_by, fact,
       undelivered_at, undelivered_state
  FROM letter
 WHERE id = $1
   AND (addressee = $2
        OR sender = $2
        OR ($2::text IS NULL AND (addressee = buyer OR fact IS NOT NULL))
        OR ($2::text IS NULL
            AND EXISTS (SELECT FROM opening WHERE opening.procedure = letter.procedure AND opening.state = 'completed')))

-- letters_of --
-- To a company ($1), or sent in the consultations that somebody reads for a buyer ($2 to $4: the buyer, its consultations,
-- null: all, those of others) once the bids are opened: who deposited is secret until then.
SELECT id, sequence, procedure, lot, buyer, addressee, kind, subject, content, storage_key, sha256, sent_at,
       first_read_at, read_by, sender, in_reply_to, answer_due_at, delivered_at, delivered_by, fact,
       undelivered_at, undelivered_state
  FROM letter
 WHERE (addressee = $1
        OR (((buyer = $2 AND ($3::uuid[] IS NULL OR procedure = ANY($3)))
             OR (procedure = ANY($4::uuid[])
                 AND buyer = ANY(ARRAY(SELECT c.buyer FROM consultation AS c WHERE c.procedure = ANY($4)))))
            AND (addressee = buyer
                 OR EXISTS (SELECT
                              FROM opening
                             WHERE opening.procedure = letter.procedure AND opening.state = 'completed'))))
   AND ($5::uuid IS NULL OR procedure = $5)
   AND ($6::bigint IS NULL OR sequence < $6)
 ORDER BY sequence DESC
 LIMIT $7

-- letter_read --
-- Reading is a delivery too, unless it is proved already.
UPDATE letter
   SET first_read_at = $2, read_by = $3, delivered_at = coalesce(delivered_at, $2),
       delivered_by = coalesce(delivered_by, 'inbox')
 WHERE id = $1
   AND first_read_at IS NULL

-- add_contract --
INSERT INTO contract (id, procedure, award, buyer, winner, number, state, content, standstill_until, prepared)
VALUES ($1, $2, $3, $4, $5, $6, 'prepared', $7, $8, $9)

-- number_taken --
SELECT EXISTS (SELECT 1 FROM contract WHERE buyer = $1 AND number = $2)

-- find_contract --
SELECT id, sequence, version, procedure, award, buyer, winner, number, state, content, standstill_until, prepared,
       winner_signed, signed, clearance, submitted_at, signed_at, notified_at, acknowledged_at
  FROM contract
 WHERE id = $1

-- lock_contract --
SELECT id, sequence, version, procedure, award, buyer, winner, number, state, content, standstill_until, prepared,
       winner_signed, signed, clearance, submitted_at, signed_at, notified_at, acknowledged_at
  FROM contract
 WHERE id = $1
   FOR UPDATE

-- contracts_of --
-- A winner sees its own ($1); who reads for a buyer ($2) those of its consultations ($3, null: all) and of others ($4).
SELECT id, sequence, version, procedure, award, buyer, winner, number, state, content, standstill_until, prepared,
       winner_signed, signed, clearance, submitted_at, signed_at, notified_at, acknowledged_at
  FROM contract
 WHERE (winner = $1 OR (buyer = $2 AND ($3::uuid[] IS NULL OR procedure = ANY($3))) OR procedure = ANY($4::uuid[]))
   AND ($5::uuid IS NULL OR procedure = $5)
   AND ($6::bigint IS NULL OR sequence < $6)
 ORDER BY sequence DESC
 LIMIT $7

-- contracts_of_procedure --
SELECT id, sequence, version, procedure, award, buyer, winner, number, state, content, standstill_until, prepared,
       winner_signed, signed, clearance, submitted_at, signed_at, notified_at, acknowledged_at
  FROM contract
 WHERE procedure = $1
 ORDER BY sequence

-- contracts_of_consultation --
-- Those whose award was decided where this one was: not those of other rounds.
SELECT k.id, k.sequence, k.version, k.procedure, k.award, k.buyer, k.winner, k.number, k.state, k.content, k.standstill_until,
       k.prepared, k.winner_signed, k.signed, k.clearance, k.submitted_at, k.signed_at, k.notified_at, k.acknowledged_at
  FROM award AS own
  JOIN award AS a ON a.procedure = own.procedure
  JOIN contract AS k ON k.award = a.id
 WHERE own.id = $1
 ORDER BY k.sequence

-- save_contract --
UPDATE contract
   SET version = version + 1, state = $2, winner_signed = $3, signed = $4, clearance = $5, submitted_at = $6,
       signed_at = $7, notified_at = $8, acknowledged_at = $9
 WHERE id = $1
RETURNING version
