-- phase --
SELECT phase
  FROM procedure_phase
 WHERE procedure = $1

-- set_phase --
INSERT INTO procedure_phase (procedure, phase)
VALUES ($1, $2)
ON CONFLICT (procedure) DO UPDATE
   SET phase = excluded.phase

-- opened_bids --
-- Companies of which an envelope for these lots was opened in a consultation, with those lots.
SELECT b.depositor AS organisation, max(b.depositor_name) AS name, array_agg(DISTINCT lot ORDER BY lot) AS lots
  FROM bid AS b
  JOIN envelope AS e ON e.bid = b.id
 CROSS JOIN unnest(e.lots) AS lot
 WHERE b.procedure = $1
   AND e.kind = $2
   AND e.state = 'opened'
 GROUP BY b.depositor
 ORDER BY b.depositor

-- add_selection --
INSERT INTO selection (id, procedure, decided_at, decided_by, decision)
VALUES ($1, $2, $3, $4, $5)

-- select --
-- Who was refused in a dynamic purchasing system may apply again.
INSERT INTO selected (procedure, organisation, lot, name, selected, selection)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (procedure, organisation, lot) DO UPDATE
   SET name = excluded.name, selected = excluded.selected, selection = excluded.selection

-- selections --
SELECT id, decided_at, decided_by, decision
  FROM selection
 WHERE procedure = $1
 ORDER BY decided_at

-- selected_companies --
SELECT organisation, max(name) AS name, array_agg(lot ORDER BY lot) AS lots
  FROM selected
 WHERE procedure = $1
   AND selected
 GROUP BY organisation
 ORDER BY organisation

-- holders --
-- Of a framework agreement concluded in the procedure or a round of it, by lot: once it is notified.
SELECT k.winner AS organisation, max(k.content #>> '{winners,0,name}') AS name,
       array_agg(DISTINCT k.content ->> 'lot_id') AS lots
  FROM contract AS k
  JOIN consultation AS c ON c.procedure = k.procedure
 WHERE (c.procedure = $1 OR c.principal = $1)
   AND k.content -> 'framework' = 'true'
   AND k.state IN ('notified', 'acknowledged')
 GROUP BY k.winner
 ORDER BY k.winner

-- add_consultation --
INSERT INTO consultation (procedure, buyer, deadline, notice, keys, opened_at, principal)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- add_round --
INSERT INTO round (id, principal, number, kind, opened_at, opened_by, terms, until)
SELECT $1, $2, 1 + count(*), $3, $4, $5, $6, $7
  FROM round
 WHERE principal = $2
RETURNING number

-- invite --
INSERT INTO round_invited (round, organisation, name, lots, letter)
VALUES ($1, $2, $3, $4, $5)

-- invitation --
SELECT lots
  FROM round_invited
 WHERE round = $1
   AND organisation = $2

-- rounds --
-- Those of a procedure, newest first; of a company ($2) those to which it was invited, in any procedure ($1 null).
SELECT r.id, r.principal, r.sequence, r.number, r.kind, r.opened_at, r.terms, c.deadline, c.keys ->> 'fingerprint' AS fingerprint,
       ARRAY(SELECT lot ->> 'lot_id' FROM jsonb_array_elements(c.notice -> 'lots') AS lot) AS lots, r.until
  FROM round AS r
  JOIN consultation AS c ON c.procedure = r.id
 WHERE ($1::uuid IS NULL OR r.principal = $1)
   AND ($2::text IS NULL OR EXISTS (SELECT FROM round_invited AS i WHERE i.round = r.id AND i.organisation = $2))
   AND ($3::bigint IS NULL OR r.sequence < $3)
 ORDER BY r.sequence DESC
 LIMIT $4

-- open_at --
SELECT r.id
  FROM round AS r
  JOIN consultation AS c ON c.procedure = r.id
 WHERE r.principal = $1
   AND r.kind <> 'application'
   AND c.deadline > $2
 ORDER BY r.sequence

-- invited --
SELECT organisation, name, lots
  FROM round_invited
 WHERE round = $1
 ORDER BY organisation

-- previous --
-- The last round whose offers are negotiated further.
SELECT id
  FROM round
 WHERE principal = $1
   AND kind IN ('tender', 'negotiation')
 ORDER BY number DESC
 LIMIT 1

-- kind_of --
SELECT kind
  FROM round
 WHERE id = $1

-- get_round --
SELECT r.id, r.principal, r.sequence, r.number, r.kind, r.opened_at, r.terms, c.deadline, c.keys ->> 'fingerprint' AS fingerprint,
       ARRAY(SELECT lot ->> 'lot_id' FROM jsonb_array_elements(c.notice -> 'lots') AS lot) AS lots, r.until
  FROM round AS r
  JOIN consultation AS c ON c.procedure = r.id
 WHERE r.id = $1

-- move_deadline --
UPDATE consultation
   SET version = version + 1, deadline = $2, notice = $3
 WHERE procedure = $1

-- ending_windows --
-- The last window of each system, where it ends before $1 and the system goes on after it.
SELECT r.principal, ARRAY(SELECT lot ->> 'lot_id' FROM jsonb_array_elements(c.notice -> 'lots') AS lot) AS lots,
       r.opened_at, r.opened_by, c.deadline, r.terms, r.until
  FROM round AS r
  JOIN consultation AS c ON c.procedure = r.id
 WHERE r.kind = 'application'
   AND c.deadline <= $1
   AND c.deadline < r.until
   AND NOT EXISTS (SELECT FROM round AS later
                    WHERE later.principal = r.principal AND later.kind = 'application' AND later.number > r.number)
 ORDER BY c.deadline
 LIMIT $2
   FOR UPDATE OF r SKIP LOCKED

-- open_window --
SELECT r.id
  FROM round AS r
  JOIN consultation AS c ON c.procedure = r.id
 WHERE r.principal = $1
   AND r.kind = 'application'
   AND c.deadline >= $2
 ORDER BY c.deadline DESC
 LIMIT 1

-- is_judged --
SELECT EXISTS (SELECT FROM selection WHERE procedure = $1 AND decision ->> 'window' = $2)
