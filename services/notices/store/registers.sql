-- registrant_add --
INSERT INTO registrant (registrant_id, procedure_id, company, name, email, consent, registered_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
RETURNING registrant_id, procedure_id, organisation, company, name, email, consent, generation

-- registrant_set --
-- The same person of the same organisation again: what is said last counts; consent given again makes older links useless.
INSERT INTO registrant (registrant_id, procedure_id, company, name, email, consent, registered_at, changed_at, organisation, person)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)
ON CONFLICT (procedure_id, organisation, person) DO UPDATE
   SET company = EXCLUDED.company, name = EXCLUDED.name, email = EXCLUDED.email, consent = EXCLUDED.consent,
       changed_at = EXCLUDED.changed_at,
       generation = registrant.generation + (EXCLUDED.consent AND NOT registrant.consent)::integer
RETURNING registrant_id, procedure_id, organisation, company, name, email, consent, generation

-- registrant_ensure --
INSERT INTO registrant (registrant_id, procedure_id, company, name, consent, registered_at, changed_at, organisation, person)
VALUES ($1, $2, $3, $4, false, $5, $5, $6, $7)
ON CONFLICT (procedure_id, organisation, person) DO NOTHING

-- registrant_of_person --
SELECT registrant_id, procedure_id, organisation, company, name, email, consent, generation
  FROM registrant
 WHERE procedure_id = $1 AND organisation = $2 AND person = $3

-- registrant_get --
SELECT registrant_id, procedure_id, organisation, company, name, email, consent, generation
  FROM registrant
 WHERE registrant_id = $1

-- consent_withdraw --
-- For whoever has this address in this procedure, and the address is forgotten: it served nothing else.
UPDATE registrant
   SET consent = false, email = NULL, changed_at = $3
  FROM registrant AS asked
 WHERE asked.registrant_id = $1 AND asked.generation = $2 AND asked.consent
   AND registrant.procedure_id = asked.procedure_id AND lower(registrant.email) = lower(asked.email)

-- download_add --
INSERT INTO download (download_id, procedure_id, registrant_id, name, version, sha256, at)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- downloads --
-- The register of a procedure, newest first.
SELECT download_id, at, download.name AS document, version, sha256, organisation, company, registrant.name, email, consent
  FROM download
  JOIN registrant USING (registrant_id)
 WHERE download.procedure_id = $1 AND (at, download_id) < ($2::timestamptz, $3::uuid)
 ORDER BY at DESC, download_id DESC
 LIMIT $4

-- forget_old --
-- The names of a register, so long after the deadline (else after the registration); its downloads and mails go with them.
DELETE FROM registrant
 WHERE registrant_id = ANY (ARRAY (SELECT registrant_id
                                     FROM registrant
                                     JOIN procedure USING (procedure_id)
                                    WHERE greatest(coalesce(deadline, registered_at), registered_at) < $1
                                    LIMIT $2))

-- mails_queue --
-- One to each address that asked to be told, whatever number of times it did.
INSERT INTO mail (mail_id, registrant_id, kind, subject_id, subject_version, state, created_at)
SELECT gen_random_uuid(), registrant_id, $2::text, $3::uuid, $4::integer, 'due', $5::timestamptz
  FROM (SELECT DISTINCT ON (lower(email)) registrant_id
          FROM registrant
         WHERE procedure_id = $1 AND consent
         ORDER BY lower(email), registered_at, registrant_id) AS told
ON CONFLICT (registrant_id, kind, subject_id, subject_version) DO NOTHING
RETURNING mail_id

-- mail_get --
SELECT mail_id, kind, subject_id, subject_version, registrant_id, procedure_id, organisation, company, name, email, consent,
       generation
  FROM mail
  JOIN registrant USING (registrant_id)
 WHERE mail_id = $1 AND state = 'due'

-- mail_registrant --
SELECT registrant_id, procedure_id, organisation, company, name, email, consent, generation
  FROM registrant
  JOIN mail USING (registrant_id)
 WHERE mail_id = $1

-- mail_returned --
-- What came back once did; a report that is repeated finds nothing.
UPDATE mail
   SET state = 'bounced', reason = $2, sent_at = NULL
 WHERE mail_id = $1 AND state = 'sent'

-- mail_close --
UPDATE mail
   SET state = $2, reason = $3, sent_at = $4
 WHERE mail_id = $1 AND state = 'due'
