-- keep_resealed --
-- The last one holds.
INSERT INTO resealed (opening, officer, deputy, deputy_key_sha256, resealed_at, deposited_at, paper)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (opening, officer) DO UPDATE
   SET deputy = excluded.deputy, deputy_key_sha256 = excluded.deputy_key_sha256, resealed_at = excluded.resealed_at,
       deposited_at = excluded.deposited_at, paper = excluded.paper

-- resealed --
SELECT officer, deputy, deputy_key_sha256, resealed_at, deposited_at
  FROM resealed
 WHERE opening = $1
 ORDER BY officer

-- resealed_paper --
SELECT paper
  FROM resealed
 WHERE opening = $1
   AND officer = $2

-- forget_resealed --
UPDATE resealed
   SET paper = NULL
 WHERE opening = $1
