-- set_contact --
-- Asking again after an unsubscription starts a new generation: links in older mails no longer act.
INSERT INTO contact (organisation, email, language, changed_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (organisation) DO UPDATE
   SET email = EXCLUDED.email, language = EXCLUDED.language, alerts = true, changed_at = EXCLUDED.changed_at,
       generation = contact.generation + (NOT contact.alerts)::integer
RETURNING contact_id, email, language, alerts, generation;

-- contact --
SELECT contact_id, email, language, alerts, generation
  FROM contact
 WHERE organisation = $1;

-- forget_contact --
DELETE FROM contact
 WHERE organisation = $1
RETURNING contact_id;

-- unsubscribe --
UPDATE contact
   SET alerts = false, changed_at = $3
 WHERE contact_id = $1 AND generation = $2
RETURNING organisation;

-- keep_criteria --
INSERT INTO criteria (digest, definition, summary, summary_en, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (digest) DO NOTHING
RETURNING criteria_id;

-- criteria_by_digest --
SELECT criteria_id
  FROM criteria
 WHERE digest = $1;

-- frequency --
SELECT key, count(*) AS searches
  FROM anchor
 WHERE key = ANY ($1::text[])
 GROUP BY key;

-- keep_anchors --
INSERT INTO anchor (key, criteria_id)
SELECT key, $2::uuid
  FROM unnest($1::text[]) AS key;

-- count_searches --
SELECT count(*)
  FROM search
 WHERE organisation = $1;

-- lock_organisation --
SELECT pg_advisory_xact_lock(hashtextextended('search ' || $1, 0));

-- insert_search --
INSERT INTO search (search_id, organisation, name, criteria_id, created_at)
VALUES ($1, $2, $3, $4, $5);

-- searches --
SELECT search_id, organisation, name, definition, summary, summary_en, search.created_at
  FROM search
  JOIN criteria USING (criteria_id)
 WHERE organisation = $1 AND (search.created_at, search_id) > ($2::timestamptz, $3::uuid)
 ORDER BY search.created_at, search_id
 LIMIT $4;

-- search --
SELECT search_id, organisation, name, definition, summary, summary_en, search.created_at
  FROM search
  JOIN criteria USING (criteria_id)
 WHERE search_id = $1;

-- delete_search --
DELETE FROM search
 WHERE search_id = $1 AND organisation = $2;

-- matches --
-- Newest first.
SELECT match.notice_id, title, reasons, matched_at, mail.state AS mail_state, mail.sent_at, mail.mail_id
  FROM search
  JOIN match USING (criteria_id)
  JOIN notice USING (notice_id)
  LEFT JOIN mail ON mail.organisation = search.organisation AND mail.kind = 'alert' AND mail.subject_id = match.notice_id
 WHERE search_id = $1 AND (matched_at, match.notice_id) < ($2::timestamptz, $3::uuid)
 ORDER BY matched_at DESC, match.notice_id DESC
 LIMIT $4;

-- keep_notice --
-- An older version never replaces a newer one.
INSERT INTO notice (notice_id, version, procedure, kind, title, buyer_name, cpv, departments, deadline, published_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (notice_id) DO UPDATE
   SET version = EXCLUDED.version, kind = EXCLUDED.kind, title = EXCLUDED.title, buyer_name = EXCLUDED.buyer_name,
       cpv = EXCLUDED.cpv, departments = EXCLUDED.departments, deadline = EXCLUDED.deadline
 WHERE notice.version < EXCLUDED.version;

-- candidates --
-- Distinct criteria filed under a term of the notice, and that somebody still searches for.
SELECT criteria_id, definition
  FROM criteria
 WHERE criteria_id IN (SELECT criteria_id FROM anchor WHERE key = ANY ($1::text[]))
   AND EXISTS (SELECT 1 FROM search WHERE search.criteria_id = criteria.criteria_id)
 ORDER BY criteria_id;

-- keep_matches --
INSERT INTO match (criteria_id, notice_id, notice_version, reasons, matched_at)
SELECT criteria_id, $2::uuid, $3::integer, reasons::jsonb, $5::timestamptz
  FROM unnest($1::uuid[], $4::text[]) AS found (criteria_id, reasons)
ON CONFLICT DO NOTHING;

-- queue_alerts --
-- One mail for each organisation with a search that matched, whatever number of them; none twice for a notice.
INSERT INTO mail (organisation, kind, subject_id, procedure, subject, state, reason, created_at)
SELECT DISTINCT search.organisation, 'alert', $1::uuid, $2::uuid, $3::text,
       CASE WHEN contact.organisation IS NULL THEN 'undeliverable' WHEN alerts THEN 'due' ELSE 'suppressed' END,
       CASE WHEN contact.organisation IS NULL THEN 'no contact' WHEN alerts THEN NULL ELSE 'unsubscribed' END,
       $4::timestamptz
  FROM search
  LEFT JOIN contact USING (organisation)
 WHERE criteria_id = ANY ($5::uuid[])
ON CONFLICT (organisation, kind, subject_id) DO NOTHING
RETURNING mail_id, organisation, state;

-- queue_letter --
INSERT INTO mail (organisation, kind, subject_id, procedure, sender, subject, state, reason, created_at)
SELECT $1::text, 'letter', $2::uuid, $3::uuid, $4::text, $5::text,
       CASE WHEN known THEN 'due' ELSE 'undeliverable' END, CASE WHEN known THEN NULL ELSE 'no contact' END, $6::timestamptz
  FROM (SELECT EXISTS (SELECT 1 FROM contact WHERE organisation = $1) AS known) AS contact
ON CONFLICT (organisation, kind, subject_id) DO NOTHING
RETURNING mail_id, organisation, state;

-- requeue_letter --
-- A reminder: the same mail again, to the address of now; one without an address waits for one.
UPDATE mail
   SET state = 'due', reason = NULL, sent_at = NULL, requeued = requeued + 1
 WHERE subject_id = $1 AND kind = 'letter' AND state <> 'due'
   AND EXISTS (SELECT 1 FROM contact WHERE contact.organisation = mail.organisation)
RETURNING mail_id, requeued;

-- requeue_letters --
-- Letters that waited for an address leave as soon as there is one; alerts are stale by then.
UPDATE mail
   SET state = 'due', reason = NULL, requeued = requeued + 1
 WHERE organisation = $1 AND kind = 'letter' AND state IN ('undeliverable', 'refused', 'failed')
RETURNING mail_id, requeued;

-- mail --
SELECT mail_id, mail.organisation, kind, subject_id, procedure, subject, state, created_at,
       email, language, alerts, contact_id, generation
  FROM mail
  LEFT JOIN contact USING (organisation)
 WHERE mail_id = $1;

-- why --
-- The notice of an alert, and the searches of its addressee that matched.
SELECT notice_id, notice.procedure, title, buyer_name, departments, deadline, name, summary, summary_en, reasons
  FROM mail
  JOIN notice ON notice_id = subject_id
  JOIN match USING (notice_id)
  JOIN search USING (criteria_id, organisation)
  JOIN criteria USING (criteria_id)
 WHERE mail_id = $1
 ORDER BY search.created_at, search_id;

-- close_mail --
UPDATE mail
   SET state = $2, reason = $3, sent_at = $4
 WHERE mail_id = $1 AND state = 'due'
RETURNING organisation, kind, procedure, subject_id;

-- mails --
-- Newest first.
SELECT mail_id, organisation, kind, subject, state, reason, created_at, sent_at
  FROM mail
 WHERE organisation = $1 AND (created_at, mail_id) < ($2::timestamptz, $3::uuid)
 ORDER BY created_at DESC, mail_id DESC
 LIMIT $4;

-- undelivered --
-- Newest first; those of one sender, or all.
SELECT mail_id, organisation, kind, subject, state, reason, created_at, sent_at
  FROM mail
 WHERE state IN ('undeliverable', 'refused', 'failed') AND ($1::text IS NULL OR sender = $1)
   AND (created_at, mail_id) < ($2::timestamptz, $3::uuid)
 ORDER BY created_at DESC, mail_id DESC
 LIMIT $4;

-- insert_endpoint --
INSERT INTO endpoint (webhook_id, organisation, url, types, cpv, departments, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- endpoints --
SELECT webhook_id, organisation, url, types, cpv, departments, state, disabled_reason, created_at
  FROM endpoint
 WHERE organisation = $1 AND (created_at, webhook_id) > ($2::timestamptz, $3::uuid)
 ORDER BY created_at, webhook_id
 LIMIT $4;

-- endpoint --
SELECT webhook_id, organisation, url, types, cpv, departments, state, disabled_reason, created_at
  FROM endpoint
 WHERE webhook_id = $1;

-- count_endpoints --
SELECT count(*)
  FROM endpoint
 WHERE organisation = $1;

-- delete_endpoint --
DELETE FROM endpoint
 WHERE webhook_id = $1 AND organisation = $2;

-- enabled_endpoints --
SELECT webhook_id, organisation, url, types, cpv, departments, state, disabled_reason, created_at
  FROM endpoint
 WHERE state = 'enabled' AND (types = '{}' OR $1 = ANY (types))
 ORDER BY webhook_id;

-- codes_of_procedure --
SELECT cpv, departments
  FROM notice
 WHERE procedure = $1
 ORDER BY published_at DESC
 LIMIT 1;

-- keep_outgoing --
INSERT INTO outgoing (event_id, type, body, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;

-- queue_deliveries --
INSERT INTO delivery (webhook_id, event_id, created_at)
SELECT webhook_id, $2::uuid, $3::timestamptz
  FROM unnest($1::uuid[]) AS webhook_id
ON CONFLICT DO NOTHING
RETURNING delivery_id;

-- delivery --
SELECT delivery_id, delivery.event_id, delivery.attempts, body, endpoint.webhook_id, url, organisation
  FROM delivery
  JOIN endpoint USING (webhook_id)
  JOIN outgoing USING (event_id)
 WHERE delivery_id = $1 AND delivery.state = 'waiting' AND endpoint.state = 'enabled';

-- count_attempt --
UPDATE delivery
   SET attempts = $2, state = $3
 WHERE delivery_id = $1 AND attempts < $2;

-- keep_attempt --
INSERT INTO attempt (delivery_id, number, at, status, error, milliseconds)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING;

-- disable_endpoint --
UPDATE endpoint
   SET state = 'disabled', disabled_reason = $2
 WHERE webhook_id = $1;

-- attempts --
-- Newest first.
SELECT attempt_id, event_id, type, number, at, status, error, milliseconds, delivery.state
  FROM delivery
  JOIN attempt USING (delivery_id)
  JOIN outgoing USING (event_id)
 WHERE webhook_id = $1 AND attempt_id < $2
 ORDER BY attempt_id DESC
 LIMIT $3;

-- set_follow --
INSERT INTO follow (organisation, procedure, since)
VALUES ($1, $2, $3)
ON CONFLICT (organisation, procedure) DO NOTHING;

-- count_follows --
SELECT count(*)
  FROM follow
 WHERE organisation = $1 AND procedure <> $2;

-- delete_follow --
DELETE FROM follow
 WHERE organisation = $1 AND procedure = $2;

-- follows --
-- Newest first, with the title of the last notice.
SELECT procedure, since, last.title, last.deadline
  FROM follow
  LEFT JOIN LATERAL (SELECT title, deadline
                       FROM notice
                      WHERE notice.procedure = follow.procedure
                      ORDER BY published_at DESC
                      LIMIT 1) AS last ON true
 WHERE organisation = $1 AND (since, procedure) < ($2::timestamptz, $3::uuid)
 ORDER BY since DESC, procedure DESC
 LIMIT $4;

-- known_procedure --
SELECT EXISTS (SELECT 1 FROM notice WHERE procedure = $1);

-- keep_news --
INSERT INTO news (news_id, procedure, kind, question, told, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (news_id) DO NOTHING;

-- queue_followers --
-- Those who follow the procedure and want mails; one each.
INSERT INTO mail (organisation, kind, subject_id, procedure, subject, state, created_at)
SELECT organisation, 'news', $1::uuid, $2::uuid, $3::text, 'due', $4::timestamptz
  FROM follow
  JOIN contact USING (organisation)
 WHERE procedure = $2 AND alerts
ON CONFLICT (organisation, kind, subject_id) DO NOTHING
RETURNING mail_id, organisation, state;

-- queue_depositor --
-- A service mail; where the same news is queued or sent already, it is not told again.
INSERT INTO mail (organisation, kind, subject_id, procedure, subject, state, reason, created_at, needed)
SELECT $1::text, 'news', $2::uuid, $3::uuid, $4::text,
       CASE WHEN known THEN 'due' ELSE 'undeliverable' END, CASE WHEN known THEN NULL ELSE 'no contact' END, $5::timestamptz, true
  FROM (SELECT EXISTS (SELECT 1 FROM contact WHERE organisation = $1) AS known) AS contact
ON CONFLICT (organisation, kind, subject_id) DO UPDATE
   SET needed = true, state = CASE WHEN mail.state = 'suppressed' THEN 'due' ELSE mail.state END,
       requeued = mail.requeued + (mail.state = 'suppressed')::integer
RETURNING mail_id, organisation, state, requeued;

-- news --
-- The news of a mail, with the title and the buyer of the procedure's last notice.
SELECT news_id, news.procedure, news.kind, question, told, needed, last.title, last.buyer_name, last.deadline
  FROM mail
  JOIN news ON news_id = subject_id
  LEFT JOIN LATERAL (SELECT title, buyer_name, deadline
                       FROM notice
                      WHERE notice.procedure = news.procedure
                      ORDER BY published_at DESC
                      LIMIT 1) AS last ON true
 WHERE mail_id = $1;
