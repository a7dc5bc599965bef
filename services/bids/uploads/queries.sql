-- add_upload --
INSERT INTO upload (id, bid, file, kind, length, part, metadata, concat, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- find_upload --
SELECT u.id, u.bid, u.file, u.kind, u.length, u.received, u.part, u.metadata, u.concat, u.created_at,
       u.expires_at, u.completed_at, b.depositor, b.procedure, b.state AS bid_state, b.sealed_by
  FROM upload AS u
  JOIN bid AS b ON b.id = u.bid
 WHERE u.id = $1

-- announced_file --
-- Held: two creations for one file number their segments one after the other.
SELECT f.size, b.sealed_by
  FROM bid_file AS f
  JOIN bid AS b ON b.id = f.bid
 WHERE f.bid = $1
   AND f.number = $2
   FOR UPDATE OF f

-- announced_in_parts --
-- Bytes of a file announced in parts that are under way or could still be joined.
SELECT coalesce(sum(length), 0)::bigint
  FROM upload
 WHERE bid = $1
   AND file = $2
   AND kind = 'partial'
   AND (expires_at > $3 OR completed_at IS NOT NULL)

-- highest_part --
SELECT max(part)
  FROM upload
 WHERE bid = $1

-- end_others --
-- A new start takes the place of what was left unfinished, but not of what is being received now.
UPDATE upload
   SET expires_at = $4
 WHERE bid = $1
   AND file = $2
   AND kind = 'whole'
   AND id <> $3
   AND completed_at IS NULL
   AND expires_at > $4
   AND (held_until IS NULL OR held_until < clock_timestamp())

-- take_lease --
UPDATE upload
   SET epoch = epoch + 1, held_until = clock_timestamp() + $2, wanted = false
 WHERE id = $1
   AND (held_until IS NULL OR held_until < clock_timestamp())
RETURNING epoch

-- want_lease --
UPDATE upload
   SET wanted = true
 WHERE id = $1
   AND held_until >= clock_timestamp()
   AND NOT wanted

-- is_held --
SELECT held_until IS NOT NULL AND held_until >= clock_timestamp()
  FROM upload
 WHERE id = $1

-- renew_leases --
UPDATE upload
   SET held_until = clock_timestamp() + $3
  FROM unnest($1::uuid[], $2::bigint[]) AS mine (id, epoch)
 WHERE upload.id = mine.id
   AND upload.epoch = mine.epoch
RETURNING upload.id, upload.wanted

-- release_lease --
UPDATE upload
   SET held_until = NULL, wanted = false
 WHERE id = $1
   AND epoch = $2

-- advance --
-- Only whoever holds the lease, and only from where the client said it was.
UPDATE upload
   SET received = received + $4, expires_at = $5,
       completed_at = CASE WHEN received + $4 = length THEN $6::timestamptz END
 WHERE id = $1
   AND epoch = $2
   AND received = $3
RETURNING received, length

-- add_part --
INSERT INTO upload_part (upload, place, part, segment, size, stored, sha256, storage_key, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- count_parts --
SELECT count(*)
  FROM upload_part
 WHERE upload = $1

-- parts_of_upload --
SELECT place, part, segment, size, stored, sha256, storage_key, sealed
  FROM upload_part
 WHERE upload = $1
 ORDER BY place

-- parts_of_file --
SELECT p.place, p.part, p.segment, p.size, p.stored, p.sha256, p.storage_key, p.sealed
  FROM bid_file AS f
  JOIN upload_part AS p ON p.upload = f.upload
 WHERE f.bid = $1
   AND f.number = $2
 ORDER BY p.place

-- lock_parts_to_join --
SELECT u.id, u.bid, u.file, u.kind, u.length, u.completed_at IS NOT NULL AS complete
  FROM upload AS u
 WHERE u.id = ANY ($1::uuid[])
 ORDER BY u.id
   FOR UPDATE

-- join_parts --
INSERT INTO upload_part (upload, place, part, segment, size, stored, sha256, storage_key, sealed)
SELECT $1, row_number() OVER (ORDER BY wanted.place, p.place), p.part, p.segment, p.size, p.stored, p.sha256, p.storage_key,
       p.sealed
  FROM unnest($2::uuid[]) WITH ORDINALITY AS wanted (upload, place)
  JOIN upload_part AS p ON p.upload = wanted.upload

-- remove_uploads --
DELETE FROM upload
 WHERE id = ANY ($1::uuid[])

-- complete_final --
UPDATE upload
   SET length = $2, received = $2, completed_at = $3
 WHERE id = $1

-- file_received --
UPDATE bid_file
   SET upload = $3, sha256 = $4, uploaded_at = $5
 WHERE bid = $1
   AND number = $2

-- former_upload --
SELECT upload
  FROM bid_file
 WHERE bid = $1
   AND number = $2

-- touch_bid --
UPDATE bid
   SET version = version + 1
 WHERE id = $1

-- undigested_files --
SELECT number
  FROM bid_file
 WHERE bid = $1
   AND upload IS NOT NULL
   AND sha256 IS NULL
 ORDER BY number

-- keep_digest --
UPDATE bid_file
   SET sha256 = $3
 WHERE bid = $1
   AND number = $2
   AND upload = $4

-- envelope_of_file --
SELECT envelope
  FROM bid_file
 WHERE bid = $1
   AND number = $2

-- known_keys --
SELECT storage_key
  FROM upload_part
 WHERE storage_key = ANY ($1::text[])

-- expired_uploads --
SELECT id, bid, file
  FROM upload
 WHERE completed_at IS NULL
   AND expires_at <= $1
   AND (held_until IS NULL OR held_until < clock_timestamp())
   AND EXISTS (SELECT FROM upload_part AS p WHERE p.upload = upload.id)
 LIMIT 100

-- forget_parts --
DELETE FROM upload_part
 WHERE upload = $1
