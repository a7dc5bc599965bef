-- lock_notice --
-- Shards that match the same notice tell of it one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('tell ' || $1::uuid::text, 0));

-- queue_alerts --
-- One mail for each person with a search that matched and is told at once, whatever number of them; none twice for a notice.
INSERT INTO mail (organisation, subscriber_id, kind, subject_id, procedure, subject, state, created_at, priority)
SELECT DISTINCT ON (subscriber_id) addressee.organisation, subscriber_id, 'alert', $1::uuid, $2::uuid, $3::text, 'due',
       $4::timestamptz, 2
  FROM addressee
  JOIN subscriber USING (subscriber_id)
 WHERE criteria_id = ANY ($5::uuid[]) AND frequency = 'at_once' AND (paused_until IS NULL OR paused_until <= $4)
   AND NOT EXISTS (SELECT 1
                     FROM muted
                    WHERE (muted.subscriber_id = addressee.subscriber_id OR muted.organisation = addressee.organisation)
                      AND (kind, muted.subject) IN (('notice', $1::uuid::text), ('notice', $2::uuid::text), ('buyer', $6::text)))
   AND NOT EXISTS (SELECT 1
                     FROM digest_entry AS told
                    WHERE told.subscriber_id = addressee.subscriber_id AND notice_id = $1 AND mail_id IS NOT NULL)
 ORDER BY subscriber_id, addressee.organisation NULLS LAST
ON CONFLICT DO NOTHING;

-- tell_at_once --
-- What was told at once is in no digest.
DELETE FROM digest_entry
 USING mail
 WHERE digest_entry.notice_id = $1 AND digest_entry.mail_id IS NULL
   AND mail.subscriber_id = digest_entry.subscriber_id AND mail.kind = 'alert' AND mail.subject_id = $1;

-- rhythms --
SELECT DISTINCT zone, digest_hour, working_days, frequency
  FROM addressee
  JOIN subscriber USING (subscriber_id)
 WHERE criteria_id = ANY ($1::uuid[]) AND frequency <> 'at_once';

-- queue_entries --
-- One entry for each person, at the first run of all their searches that matched; what was told at once is told.
INSERT INTO digest_entry (subscriber_id, notice_id, due_at)
SELECT subscriber_id, $1::uuid, min(rhythm.due_at)
  FROM addressee
  JOIN subscriber USING (subscriber_id)
  JOIN unnest($5::text[], $6::smallint[], $7::boolean[], $8::text[], $9::timestamptz[])
       AS rhythm (zone, digest_hour, working_days, frequency, due_at) USING (zone, digest_hour, working_days, frequency)
 WHERE criteria_id = ANY ($4::uuid[])
   AND NOT EXISTS (SELECT 1
                     FROM mail
                    WHERE mail.subscriber_id = addressee.subscriber_id AND kind = 'alert' AND subject_id = $1)
   AND NOT EXISTS (SELECT 1
                     FROM muted
                    WHERE (muted.subscriber_id = addressee.subscriber_id OR muted.organisation = addressee.organisation)
                      AND (kind, muted.subject) IN (('notice', $1::uuid::text), ('notice', $2::uuid::text), ('buyer', $3::text)))
 GROUP BY subscriber_id
ON CONFLICT (subscriber_id, notice_id) DO UPDATE
   SET due_at = least(digest_entry.due_at, EXCLUDED.due_at)
 WHERE digest_entry.mail_id IS NULL;

-- run_digests --
-- One mail for each of so many people with entries that are due; those whose alerts are paused wait for their end. Who only
-- reads the address of an organisation is written to as its contact: that is what the mail's link stops.
WITH person AS MATERIALIZED (
    SELECT subscriber_id,
           CASE WHEN confirmed_at IS NULL
                THEN (SELECT min(organisation) FROM contact WHERE lower(contact.email) = lower(subscriber.email)) END AS organisation
      FROM subscriber
     WHERE subscriber_id IN (SELECT DISTINCT subscriber_id
                               FROM digest_entry
                               JOIN subscriber USING (subscriber_id)
                              WHERE mail_id IS NULL AND due_at <= $1 AND (paused_until IS NULL OR paused_until <= $1)
                              LIMIT $2)
       FOR UPDATE SKIP LOCKED
), run AS (
    INSERT INTO mail (organisation, subscriber_id, kind, subject_id, subject, state, created_at, priority)
    SELECT organisation, subscriber_id, 'digest', gen_random_uuid(), $3::text, 'due', $1::timestamptz, 3
      FROM person
    RETURNING mail_id, subscriber_id
), told AS (
    UPDATE digest_entry
       SET mail_id = run.mail_id
      FROM run
     WHERE digest_entry.subscriber_id = run.subscriber_id AND digest_entry.mail_id IS NULL AND due_at <= $1
)
SELECT count(*)
  FROM run;

-- digest_items --
-- The notices of digests, with the searches of each person that found them.
SELECT mail_id, notice_id, coalesce(about, notice_id) AS shown, notice.procedure, kind, title, buyer_name, departments, deadline, addressee.name, summary,
       summary_en, reasons, addressee.organisation
  FROM digest_entry
  JOIN notice USING (notice_id)
  JOIN match USING (notice_id)
  JOIN addressee USING (criteria_id, subscriber_id)
  JOIN criteria USING (criteria_id)
 WHERE mail_id = ANY ($1::uuid[])
   AND NOT EXISTS (SELECT 1
                     FROM muted
                    WHERE (muted.subscriber_id = addressee.subscriber_id OR muted.organisation = addressee.organisation)
                      AND (muted.kind, subject) IN (('notice', notice_id::text), ('notice', notice.procedure::text), ('buyer', buyer)))
 ORDER BY deadline NULLS LAST, published_at, notice_id, addressee.created_at, search_id;

-- queue_mail --
-- A mail that an event asks for: it waits for an address where there is none.
INSERT INTO mail (organisation, kind, topic, subject_id, procedure, sender, subject, state, reason, created_at, due_at,
                  priority, cause)
SELECT $1::text, $2::text, $3::text, $4::uuid, $5::uuid, $6::text, $7::text,
       CASE WHEN known THEN 'due' ELSE 'undeliverable' END, CASE WHEN known THEN NULL ELSE 'no contact' END,
       $8::timestamptz, coalesce($9::timestamptz, '-infinity'), 0, $10::jsonb
  FROM (SELECT EXISTS (SELECT 1 FROM contact WHERE organisation = $1) AS known) AS contact
ON CONFLICT (organisation, kind, subject_id) DO NOTHING
RETURNING mail_id, organisation, kind, procedure, subject_id, sender, priority, state, reason, cause;

-- requeue_letter --
-- A reminder: the same mail again, to the address of now; one without an address waits for one.
UPDATE mail
   SET state = 'due', reason = NULL, sent_at = NULL, requeued = requeued + 1, attempts = 0, not_before = '-infinity'
 WHERE subject_id = $1 AND kind = 'letter' AND state <> 'due'
   AND EXISTS (SELECT 1 FROM contact WHERE contact.organisation = mail.organisation);

-- requeue_letters --
-- Transactional mails that waited for an address leave as soon as there is one; alerts are stale by then.
UPDATE mail
   SET state = 'due', reason = NULL, sent_at = NULL, requeued = requeued + 1, attempts = 0, not_before = '-infinity'
 WHERE organisation = $1 AND priority = 0 AND state IN ('undeliverable', 'refused', 'failed', 'bounced');

-- withdraw_mail --
-- What it was to tell is no longer so. Of the lowest priority: nobody needs to know that it did not leave.
INSERT INTO mail (organisation, kind, topic, subject_id, procedure, subject, state, reason, created_at, priority)
VALUES ($1, 'service', $2, $3, $4, $5, 'suppressed', 'no longer so', $6, 3)
ON CONFLICT (organisation, kind, subject_id) DO UPDATE
   SET state = 'suppressed', reason = 'no longer so', priority = 3
 WHERE mail.state IN ('due', 'undeliverable');

-- wake_mails --
SELECT pg_notify('mail', '');

-- claim_mails --
-- Mails that are due, by priority then age, leased to us; safe with any number of workers.
WITH due AS MATERIALIZED (
    SELECT mail_id
      FROM mail
     WHERE state = 'due' AND due_at <= $1 AND not_before <= now()
     ORDER BY priority, created_at, mail_id
     LIMIT $2
       FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE mail
       SET lease = $3, not_before = now() + $4, attempts = attempts + 1
      FROM due
     WHERE mail.mail_id = due.mail_id
    RETURNING mail.*
)
SELECT mail_id, claimed.organisation, claimed.subscriber_id, kind, topic, subject_id, procedure, subject, state, attempts,
       needed, priority,
       CASE WHEN by_contact THEN contact.email ELSE person.email END AS email,
       CASE WHEN by_contact THEN contact.language ELSE person.language END AS language,
       CASE WHEN by_contact THEN contact.alerts ELSE coalesce(person.alerts, false) END AS alerts,
       CASE WHEN by_contact THEN contact.contact_id ELSE person.subscriber_id END AS contact_id,
       CASE WHEN by_contact THEN contact.generation ELSE person.generation END AS generation,
       by_contact
  FROM claimed
 CROSS JOIN LATERAL (SELECT claimed.organisation IS NOT NULL AS by_contact) AS way
  LEFT JOIN contact USING (organisation)
  LEFT JOIN subscriber AS person ON person.subscriber_id = claimed.subscriber_id
 ORDER BY priority, claimed.created_at, mail_id;

-- keep_leases --
UPDATE mail
   SET not_before = now() + $3
 WHERE mail_id = ANY ($1::uuid[]) AND lease = $2 AND state = 'due';

-- postpone_mails --
-- Back to the queue after their delays; those that were not tried (`tried` false) lose no attempt.
UPDATE mail
   SET lease = NULL, not_before = now() + later.delay, attempts = attempts - (NOT later.tried)::integer
  FROM unnest($1::uuid[], $2::interval[], $3::boolean[]) AS later (mail_id, delay, tried)
 WHERE mail.mail_id = later.mail_id AND lease = $4 AND state = 'due';

-- close_mails --
-- What became of mails in our hands; one that another worker took over is left to it.
UPDATE mail
   SET state = done.state, reason = done.reason, sent_at = CASE WHEN done.state = 'sent' THEN $5::timestamptz END, lease = NULL
  FROM unnest($1::uuid[], $2::text[], $3::text[]) AS done (mail_id, state, reason)
 WHERE mail.mail_id = done.mail_id AND lease = $4 AND mail.state = 'due'
RETURNING mail.mail_id, organisation, kind, procedure, subject_id, sender, priority, mail.state, mail.reason, cause;

-- why --
-- The notices of alerts, and the searches of each addressee that matched.
SELECT mail_id, notice_id, coalesce(about, notice_id) AS shown, notice.procedure, notice.kind, title, buyer_name, departments, deadline, addressee.name, summary,
       summary_en, reasons
  FROM mail
  JOIN notice ON notice_id = subject_id
  JOIN match USING (notice_id)
  JOIN addressee USING (criteria_id, subscriber_id)
  JOIN criteria USING (criteria_id)
 WHERE mail_id = ANY ($1::uuid[])
 ORDER BY addressee.created_at, search_id;

-- queue_followers --
-- Those who follow the procedure and want mails; one each.
INSERT INTO mail (organisation, subscriber_id, kind, subject_id, procedure, subject, state, created_at, priority)
SELECT organisation, NULL::uuid, 'news', $1::uuid, $2::uuid, $3::text, 'due', $4::timestamptz, 1
  FROM follow
  JOIN contact USING (organisation)
 WHERE procedure = $2 AND alerts
 UNION ALL
SELECT NULL, subscriber_id, 'news', $1::uuid, $2::uuid, $3::text, 'due', $4::timestamptz, 1
  FROM follow
  JOIN subscriber USING (subscriber_id)
 WHERE procedure = $2 AND alerts AND confirmed_at IS NOT NULL AND (paused_until IS NULL OR paused_until <= $4)
ON CONFLICT DO NOTHING;

-- queue_depositor --
-- A service mail; where the same news is queued or sent already, it is not told again.
INSERT INTO mail (organisation, kind, subject_id, procedure, subject, state, reason, created_at, needed, priority, cause)
SELECT $1::text, 'news', $2::uuid, $3::uuid, $4::text,
       CASE WHEN known THEN 'due' ELSE 'undeliverable' END, CASE WHEN known THEN NULL ELSE 'no contact' END,
       $5::timestamptz, true, 0, $6::jsonb
  FROM (SELECT EXISTS (SELECT 1 FROM contact WHERE organisation = $1) AS known) AS contact
ON CONFLICT (organisation, kind, subject_id) DO UPDATE
   SET needed = true, priority = 0, state = CASE WHEN mail.state = 'suppressed' THEN 'due' ELSE mail.state END,
       requeued = mail.requeued + (mail.state = 'suppressed')::integer
RETURNING mail_id, organisation, kind, procedure, subject_id, sender, priority, state, reason, cause;

-- news --
-- The news of mails, with the title and the buyer of the procedure's last notice.
SELECT mail_id, news_id, news.procedure, news.kind, question, told, needed, last.title, last.buyer_name, last.deadline
  FROM mail
  JOIN news ON news_id = subject_id
  LEFT JOIN LATERAL (SELECT title, buyer_name, deadline
                       FROM notice
                      WHERE notice.procedure = news.procedure AND about IS NULL
                      ORDER BY published_at DESC
                      LIMIT 1) AS last ON true
 WHERE mail_id = ANY ($1::uuid[]);

-- suppressed --
-- Which of these addresses mails do not go to; what bounced softly is tried again after a while.
SELECT digest, reason
  FROM suppression
 WHERE digest = ANY ($1::bytea[]) AND (reason <> 'soft' OR since > $2);

-- held --
SELECT reason, since
  FROM suppression
 WHERE digest = $1;

-- suppress --
INSERT INTO suppression (digest, reason, status, since)
VALUES ($1, $2, $3, $4)
ON CONFLICT (digest) DO UPDATE
   SET reason = EXCLUDED.reason, status = EXCLUDED.status, since = EXCLUDED.since
 WHERE suppression.reason <> 'hard' OR EXCLUDED.reason = 'hard';

-- lift_suppression --
DELETE FROM suppression
 WHERE digest = $1;

-- address_of --
SELECT CASE WHEN mail.organisation IS NOT NULL THEN contact.email ELSE person.email END
  FROM mail
  LEFT JOIN contact USING (organisation)
  LEFT JOIN subscriber AS person ON person.subscriber_id = mail.subscriber_id
 WHERE mail_id = $1;

-- address_of_request --
-- Of a mail that asks to confirm; once it was used, its address is known to be read, whatever is reported.
SELECT email
  FROM request
  JOIN subscriber USING (subscriber_id)
 WHERE request_id = $1 AND used_at IS NULL;

-- keep_return --
INSERT INTO mail_return (mail_id, kind, digest, status, at)
SELECT mail_id, $2, $3, $4, $5
  FROM mail
 WHERE mail_id = $1
ON CONFLICT DO NOTHING;

-- bounce_mail --
UPDATE mail
   SET state = 'bounced', reason = $2
 WHERE mail_id = $1 AND state = 'sent'
RETURNING mail_id, organisation, kind, procedure, subject_id, sender, priority, state, reason, cause;

-- count_soft --
SELECT count(*)
  FROM mail_return
 WHERE digest = $1 AND kind = 'soft' AND at > $2;

-- waiting --
-- Mails that could leave: how many of each priority, and since when the oldest. Neither those in hand nor those that failed lately.
SELECT priority, count(*) AS mails, extract(epoch FROM $1 - min(greatest(created_at, due_at)))::float8 AS seconds
  FROM mail
 WHERE state = 'due' AND due_at <= $1 AND not_before <= now()
 GROUP BY priority;

-- overdue --
-- Digests whose hour has come and that are not queued: what a run missed.
SELECT count(*) AS mails, coalesce(extract(epoch FROM $1 - min(due_at)), 0)::float8 AS seconds
  FROM digest_entry
  JOIN subscriber USING (subscriber_id)
 WHERE mail_id IS NULL AND due_at <= $1 AND (paused_until IS NULL OR paused_until <= $1);
