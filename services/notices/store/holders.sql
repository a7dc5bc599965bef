-- hold --
INSERT INTO held_contract (contract_id, procedure_id, lot_id, contract, notified_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (contract_id) DO NOTHING
RETURNING contract_id

-- held --
SELECT contract, told
  FROM held_contract
 WHERE procedure_id = $1
   AND lot_id = $2
 ORDER BY notified_at, contract_id

-- tell --
UPDATE held_contract
   SET told = true
 WHERE procedure_id = $1
   AND lot_id = $2
