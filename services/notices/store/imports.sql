-- procedures_ensure --
-- The procedures of imported notices, those that are new.
INSERT INTO procedure (procedure_id, organisation, state, version, title, created_at)
SELECT made.procedure_id, made.organisation, 'draft', 1, made.title, $4
  FROM unnest($1::uuid[], $2::text[], $3::text[]) AS made (procedure_id, organisation, title)
ON CONFLICT (procedure_id) DO NOTHING

-- procedures_owners --
SELECT procedure_id, organisation
  FROM procedure
 WHERE procedure_id = ANY ($1)
