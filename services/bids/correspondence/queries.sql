-- tell_letter --
UPDATE letter
   SET sender = $2, in_reply_to = $3, answer_due_at = $4, fact = $5
 WHERE id = $1

-- known_companies --
-- The companies that a buyer knows of in a procedure: their bids were opened, or it invited them to a round.
SELECT organisation, max(name) AS name
  FROM (SELECT b.depositor AS organisation, b.depositor_name AS name
          FROM consultation AS c
          JOIN bid AS b ON b.procedure = c.procedure
         WHERE (c.procedure = $1 OR c.principal = $1)
           AND b.state <> 'draft'
           AND EXISTS (SELECT FROM opening AS o WHERE o.procedure = c.procedure AND o.state = 'completed')
        UNION ALL
        SELECT i.organisation, i.name
          FROM round AS r
          JOIN round_invited AS i ON i.round = r.id
         WHERE r.principal = $1) AS known
 GROUP BY organisation
 ORDER BY organisation

-- add_attachment --
INSERT INTO letter_attachment (id, procedure, organisation, name, media_type, size, sha256, storage_key, uploaded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- own_attachments --
SELECT id, name, media_type, size, sha256, storage_key
  FROM letter_attachment
 WHERE id = ANY($1::uuid[])
   AND procedure = $2
   AND organisation = $3

-- enclose --
INSERT INTO letter_enclosure (letter, place, attachment)
VALUES ($1, $2, $3)

-- enclosures --
SELECT e.letter, a.id, a.name, a.media_type, a.size, a.sha256, a.storage_key
  FROM letter_enclosure AS e
  JOIN letter_attachment AS a ON a.id = e.attachment
 WHERE e.letter = ANY($1::uuid[])
 ORDER BY e.letter, e.place

-- letters_of_thread --
-- To a company itself ($3) all it has, of one procedure or of all ($1 null). To the buyer of a procedure those with one
-- company ($2) or all that it may know of: receipts stay the company's, and nothing is told before the bids are opened.
SELECT l.id, l.sequence, l.procedure, l.lot, l.buyer, l.addressee, l.kind, l.subject, l.content, l.storage_key, l.sha256,
       l.sent_at, l.first_read_at, l.read_by, l.sender, l.in_reply_to, l.answer_due_at, l.delivered_at, l.delivered_by,
       l.fact, l.undelivered_at, l.undelivered_state
  FROM letter AS l
  JOIN consultation AS c ON c.procedure = l.procedure
 WHERE ($1::uuid IS NULL OR c.procedure = $1 OR c.principal = $1)
   AND ($2::text IS NULL OR l.addressee = $2 OR l.sender = $2)
   AND ($3 OR (l.kind <> 'receipt'
               AND (l.fact IS NOT NULL
                    OR EXISTS (SELECT FROM opening AS o WHERE o.procedure = c.procedure AND o.state = 'completed'))))
   AND ($4::bigint IS NULL OR l.sequence < $4)
 ORDER BY l.sequence DESC
 LIMIT $5

-- shown --
-- The first proof of delivery stays.
UPDATE letter
   SET delivered_at = $3, delivered_by = $4
 WHERE id = ANY($1::uuid[])
   AND addressee = $2
   AND delivered_at IS NULL

-- mail_taken --
-- The first proof of delivery stays. A mail known since not to have arrived proves nothing, in whatever order one learns of it.
UPDATE letter
   SET delivered_at = coalesce(delivered_at, $2), delivered_by = coalesce(delivered_by, 'mail'), undelivered_at = NULL,
       undelivered_state = NULL
 WHERE id = $1
   AND (delivered_at IS NULL OR undelivered_at IS NOT NULL)
   AND (undelivered_at IS NULL OR undelivered_at < $2)

-- mail_lost --
-- What the mail server took and gave back later was not delivered; what was shown, was. An older fate tells nothing new.
UPDATE letter
   SET undelivered_at = $2, undelivered_state = $3,
       delivered_at = CASE WHEN delivered_by = 'mail' THEN NULL ELSE delivered_at END,
       delivered_by = nullif(delivered_by, 'mail')
 WHERE id = $1
   AND (undelivered_at IS NULL OR undelivered_at < $2)
   AND (delivered_by IS DISTINCT FROM 'mail' OR delivered_at <= $2)
RETURNING id, procedure, buyer, addressee, kind

-- unread --
-- Letters of buyers to companies that nobody read in time, and of which nobody was reminded; receipts need no reading.
-- In time: some days, or half of the time to answer where that is shorter.
SELECT id, procedure, buyer, addressee, kind, sha256
  FROM letter
 WHERE first_read_at IS NULL
   AND reminded_at IS NULL
   AND (sent_at <= $1 OR sent_at + (answer_due_at - sent_at) / 2 <= $2)
   AND addressee <> buyer
   AND kind <> 'receipt'
 ORDER BY sent_at
 LIMIT 100
   FOR UPDATE SKIP LOCKED

-- reminded --
UPDATE letter
   SET reminded_at = $2
 WHERE id = ANY($1::uuid[])
