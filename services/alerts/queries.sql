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
 WHERE organisation = $1;

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

-- count_searches --
SELECT count(*)
  FROM search
 WHERE organisation = $1 OR subscriber_id = $2;

-- lock_holder --
SELECT pg_advisory_xact_lock(hashtextextended('search ' || $1, 0));

-- insert_search --
INSERT INTO search (search_id, organisation, subscriber_id, name, criteria_id, frequency, paused, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- searches --
-- Those that an organisation shares, those of a person, or both; with what their holder says of what they found.
SELECT search_id, organisation, subscriber_id, name, definition, summary, summary_en, search.created_at, frequency, paused,
       generation, feed, said.more, said.less
  FROM search
  JOIN criteria USING (criteria_id)
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE relevant) AS more, count(*) FILTER (WHERE NOT relevant) AS less
                       FROM feedback
                      WHERE feedback.search_id = search.search_id) AS said
 WHERE (organisation = $1 OR subscriber_id = $2) AND (search.created_at, search_id) > ($3::timestamptz, $4::uuid)
 ORDER BY search.created_at, search_id
 LIMIT $5;

-- search --
SELECT search_id, organisation, subscriber_id, name, definition, summary, summary_en, search.created_at, frequency, paused,
       generation, feed, said.more, said.less
  FROM search
  JOIN criteria USING (criteria_id)
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE relevant) AS more, count(*) FILTER (WHERE NOT relevant) AS less
                       FROM feedback
                      WHERE feedback.search_id = search.search_id) AS said
 WHERE search_id = $1;

-- change_search --
-- A search that is resumed is a new wish: links that stopped it before no longer act.
UPDATE search
   SET name = $2, frequency = $3, paused = $4, criteria_id = $5, organisation = $6, subscriber_id = $7,
       generation = generation + (paused AND NOT $4)::integer
 WHERE search_id = $1;

-- criteria_of_search --
SELECT criteria_id
  FROM search
 WHERE search_id = $1
   FOR UPDATE;

-- stop_search --
UPDATE search
   SET paused = true
 WHERE search_id = $1 AND generation = $2
RETURNING search_id;

-- set_feed --
UPDATE search
   SET feed = abs(feed) + 1
 WHERE search_id = $1
RETURNING feed;

-- end_feed --
-- The next address is yet another one.
UPDATE search
   SET feed = -abs(feed)
 WHERE search_id = $1;

-- give_feedback --
INSERT INTO feedback (search_id, notice_id, relevant, given_at)
SELECT search_id, notice_id, $3, $4
  FROM search
  JOIN match USING (criteria_id)
 WHERE search_id = $1 AND notice_id = $2
ON CONFLICT (search_id, notice_id) DO UPDATE
   SET relevant = EXCLUDED.relevant, given_at = EXCLUDED.given_at
RETURNING notice_id;

-- take_feedback_back --
DELETE FROM feedback
 WHERE search_id = $1 AND notice_id = $2;

-- delete_search --
DELETE FROM search
 WHERE search_id = $1;

-- followed_by_feed --
-- What a search found last, as its feeds tell it.
SELECT coalesce(about, notice_id) AS shown, notice_id, notice.procedure, title, buyer_name, departments, cpv, deadline, published_at, matched_at
  FROM search
  JOIN match USING (criteria_id)
  JOIN notice USING (notice_id)
 WHERE search_id = $1
 ORDER BY matched_at DESC, notice_id DESC
 LIMIT $2;

-- matches --
-- Newest first.
SELECT match.notice_id, about, title, reasons, matched_at, relevant, mail.state AS mail_state, mail.sent_at, mail.mail_id
  FROM search
  JOIN match USING (criteria_id)
  JOIN notice USING (notice_id)
  LEFT JOIN feedback USING (search_id, notice_id)
  LEFT JOIN mail ON (mail.organisation = search.organisation OR mail.subscriber_id = search.subscriber_id)
                AND mail.kind = 'alert' AND mail.subject_id = match.notice_id
 WHERE search_id = $1 AND (matched_at, match.notice_id) < ($2::timestamptz, $3::uuid)
 ORDER BY matched_at DESC, match.notice_id DESC
 LIMIT $4;

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
 WHERE (state IN ('undeliverable', 'refused', 'failed', 'bounced') OR (state = 'suppressed' AND priority = 0)) AND ($1::text IS NULL OR sender = $1)
   AND (created_at, mail_id) < ($2::timestamptz, $3::uuid)
 ORDER BY created_at DESC, mail_id DESC
 LIMIT $4;

-- set_follow --
INSERT INTO follow (organisation, subscriber_id, procedure, since)
VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;

-- count_follows --
SELECT count(*)
  FROM follow
 WHERE (organisation = $1 OR subscriber_id = $2) AND procedure <> $3;

-- delete_follow --
DELETE FROM follow
 WHERE (organisation = $1 OR subscriber_id = $2) AND procedure = $3;

-- follows --
-- Newest first, with the title of the last notice.
SELECT procedure, since, last.title, last.deadline
  FROM follow
  LEFT JOIN LATERAL (SELECT title, deadline
                       FROM notice
                      WHERE notice.procedure = follow.procedure AND about IS NULL
                      ORDER BY published_at DESC
                      LIMIT 1) AS last ON true
 WHERE (organisation = $1 OR subscriber_id = $2) AND (since, procedure) < ($3::timestamptz, $4::uuid)
 ORDER BY since DESC, procedure DESC
 LIMIT $5;

-- known_procedure --
SELECT EXISTS (SELECT 1 FROM notice WHERE procedure = $1);

-- keep_abandonment --
-- Lots given up together, each named once.
INSERT INTO news (news_id, procedure, kind, told, occurred_at)
VALUES ($1, $2, 'abandonment', $3 || E'\nLots : ' || $4, $5)
ON CONFLICT (news_id) DO UPDATE
   SET told = news.told || ', ' || $4
 WHERE NOT string_to_array(split_part(news.told, E'\nLots : ', 2), ', ') @> ARRAY[$4];

-- put_off_news --
UPDATE mail
   SET due_at = $2
 WHERE subject_id = $1 AND kind = 'news' AND state = 'due' AND attempts = 0;

-- keep_news --
INSERT INTO news (news_id, procedure, kind, question, told, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (news_id) DO NOTHING;
