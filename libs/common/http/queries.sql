-- lock_key --
-- Held until the transaction ends: whoever has it sees what the one before committed.
SELECT pg_try_advisory_xact_lock($1);

-- find_answer --
SELECT fingerprint, status, headers, body
  FROM idempotency
 WHERE principal = $1
   AND key = $2;

-- keep_answer --
INSERT INTO idempotency (principal, key, fingerprint, status, headers, body)
VALUES ($1, $2, $3, $4, $5, $6);

-- forget_old --
DELETE FROM idempotency
 WHERE kept_at < now() - $1::interval
RETURNING key;
