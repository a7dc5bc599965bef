-- The SQL of retention and archive.

-- alone --
SELECT pg_try_advisory_lock(hashtext('halles.archive'));

-- patience --
-- A reader of hours (a backup) must not make everybody wait behind us: the next turn comes.
SELECT set_config('lock_timeout', '2s', false);

-- oldest --
SELECT coalesce((SELECT extract(epoch FROM now() - numbered_at) FROM event ORDER BY position LIMIT 1), 0)::float8;

-- ahead --
SELECT event_make_room(position + $1) FROM event_head;

-- is_old_enough_to_cut --
-- The partition that is being filled began more than $1 days ago.
SELECT EXISTS (SELECT
                 FROM event_head AS h
                 JOIN event_part AS p ON h.position >= p.starts AND h.position < p.ends
                 JOIN event AS e ON e.position = greatest(p.starts, 1)
                WHERE e.numbered_at < now() - make_interval(days => $1));

-- cut --
SELECT event_cut();

-- due --
-- The oldest partition, once it is full, old enough, and nothing of it is still to be published.
SELECT p.starts, p.ends, p.written_at
  FROM (SELECT starts, ends, written_at FROM event_part WHERE dropped_at IS NULL ORDER BY starts LIMIT 1) AS p
  JOIN event AS e ON e.position = p.ends - 1 AND e.numbered_at < now() - make_interval(days => $1)
 WHERE NOT EXISTS (SELECT FROM publisher WHERE position < p.ends - 1)
   AND NOT EXISTS (SELECT FROM set_aside WHERE position < p.ends);

-- is_written --
SELECT EXISTS (SELECT FROM event_archive WHERE audience = $1 AND first = $2);

-- began --
-- $3: the types of the file; none: all. When the others were numbered is not for its readers: a file of none tells days.
SELECT coalesce(min(numbered_at) FILTER (WHERE $3::text[] IS NULL OR type = ANY ($3)),
                date_trunc('day', min(numbered_at))) AS from_time,
       coalesce(max(numbered_at) FILTER (WHERE $3::text[] IS NULL OR type = ANY ($3)),
                date_trunc('day', max(numbered_at))) AS to_time
  FROM event
 WHERE position BETWEEN $1 AND $2;

-- bodies --
SELECT body FROM event WHERE position BETWEEN $1 AND $2 ORDER BY position;

-- bodies_of --
SELECT body FROM event WHERE position BETWEEN $1 AND $2 AND type = ANY ($3) ORDER BY position;

-- add --
INSERT INTO event_archive (name, audience, part, first, last, events, from_time, to_time, size, sha256, storage_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- written --
-- Only where the internal files hold every event of the partition.
UPDATE event_part AS p
   SET written_at = now()
 WHERE p.starts = $1
   AND (SELECT sum(events) FROM event_archive WHERE part = p.starts AND audience = 'internal')
     = (SELECT count(*) FROM event WHERE position >= p.starts AND position < p.ends)
RETURNING 1;

-- files_of --
SELECT storage_key, size FROM event_archive WHERE part = $1;

-- keep --
-- What a buyer is told only when it is opened, and is not opened yet in what leaves; and all that opens.
INSERT INTO event_kept (position, type, organisation, buyer, procedure, body)
SELECT e.position, e.type, e.organisation, e.buyer, e.procedure, e.body
  FROM event AS e
 WHERE e.position >= $1 AND e.position < $2
   AND (e.type = ANY ($4::text[])
        OR (e.type = ANY ($3::text[])
            AND NOT EXISTS (SELECT
                              FROM unnest($3::text[], $4::text[]) AS g (type, gate)
                              JOIN event_known AS o ON o.type = g.gate
                             WHERE g.type = e.type AND o.procedure = e.procedure AND o.organisation = e.buyer
                               AND o.position < $2)))
ON CONFLICT DO NOTHING;

-- release --
-- What was kept, and told at the place of an event that leaves now.
DELETE FROM event_kept AS k
 WHERE k.type <> ALL ($3::text[])
   AND EXISTS (SELECT
                 FROM unnest($2::text[], $3::text[]) AS g (type, gate)
                 JOIN event_known AS o ON o.type = g.gate
                WHERE g.type = k.type AND o.procedure = k.procedure AND o.organisation = k.buyer AND o.position < $1);

-- drop --
SELECT event_drop($1);

-- prune_inbox --
DELETE FROM inbox
 WHERE ctid = ANY (ARRAY (SELECT ctid FROM inbox WHERE handled_at < now() - make_interval(days => $1) LIMIT $2));

-- files --
-- $4: those that hold something behind this place of the feed.
SELECT name, audience, first, last, events, from_time, to_time, size, sha256, storage_key
  FROM event_archive
 WHERE audience = $1 AND first > $2 AND last > $4
 ORDER BY first
 LIMIT $3;

-- file --
SELECT name, audience, first, last, events, from_time, to_time, size, sha256, storage_key
  FROM event_archive
 WHERE audience = $1 AND name = $2;
