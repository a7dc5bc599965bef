-- add_receipt --
INSERT INTO receipt (id, bid, act, statement, sha256, fact)
VALUES ($1, $2, $3, $4, $5, $6)

-- find_receipt --
SELECT statement, fact
  FROM receipt
 WHERE bid = $1
   AND act = $2

-- receipt_by_id --
SELECT statement, fact
  FROM receipt
 WHERE id = $1

-- fact_of_receipt --
SELECT fact
  FROM receipt
 WHERE id = $1

-- receipts_left_pending --
-- Real time: those whose depositor is no longer waiting for the answer.
SELECT count(*)
  FROM (SELECT
          FROM receipt
          JOIN evidence_fact AS fact ON fact.id = receipt.fact
          LEFT JOIN evidence_batch AS batch ON batch.id = fact.batch
         WHERE batch.token IS NULL
           AND receipt.recorded_at < now() - interval '30 seconds'
         LIMIT 100) AS pending
