-- add_rehearsal --
INSERT INTO rehearsal (procedure, started_at)
VALUES ($1, $2)

-- is_rehearsal --
SELECT EXISTS (SELECT FROM rehearsal WHERE procedure = $1)

-- add_officer_rehearsal --
INSERT INTO officer_rehearsal (procedure, fingerprint, officer, statement, recorded_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (procedure, fingerprint, officer) DO UPDATE
   SET statement = excluded.statement, recorded_at = excluded.recorded_at

-- officers_rehearsed --
SELECT officer, recorded_at
  FROM officer_rehearsal
 WHERE procedure = $1
   AND fingerprint = $2
 ORDER BY officer

-- due_reminders --
-- Consultations whose deadline is near, that were not reminded so near yet, and where an officer has not rehearsed.
SELECT c.procedure
  FROM consultation AS c
  LEFT JOIN procedure_note AS n USING (procedure)
 WHERE greatest(c.deadline, n.deadline) > $1
   AND greatest(c.deadline, n.deadline) <= $1 + make_interval(days => $2)
   AND NOT EXISTS (SELECT FROM rehearsal AS r WHERE r.procedure = c.procedure)
   AND NOT EXISTS (SELECT FROM rehearsal_reminder AS r WHERE r.procedure = c.procedure AND r.days <= $2)
   AND EXISTS (SELECT
                 FROM jsonb_array_elements(c.keys->'officers') AS named
                WHERE NOT EXISTS (SELECT
                                    FROM officer_rehearsal AS o
                                   WHERE o.procedure = c.procedure
                                     AND o.fingerprint = c.keys->>'fingerprint'
                                     AND o.officer = named->>'officer'))
 ORDER BY c.procedure
 LIMIT 100

-- note_reminder --
INSERT INTO rehearsal_reminder (procedure, days, sent_at)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
RETURNING true
