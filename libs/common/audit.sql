-- write --
INSERT INTO journal_pending (at, actor, organisation, action, subject, event_id)
VALUES ($1, $2, $3, $4, $5, $6);

-- lock_head --
SELECT position, hash
  FROM journal_head
   FOR UPDATE;

-- take --
-- Committed entries only; one that commits late is simply chained late.
DELETE FROM journal_pending
 WHERE id IN (SELECT id FROM journal_pending ORDER BY id LIMIT $1)
RETURNING id, at, recorded_at, actor, organisation, action, subject, event_id;

-- append --
INSERT INTO journal (position, at, recorded_at, actor, organisation, action, subject, event_id, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- move_head --
UPDATE journal_head
   SET position = $1, hash = $2;

-- entries_after --
SELECT position, at, recorded_at, actor, organisation, action, subject, event_id, hash
  FROM journal
 WHERE position > $1
 ORDER BY position
 LIMIT $2;

-- head --
SELECT position, hash
  FROM journal_head;
