-- adopt --
-- The row of an address, made if it is new. Never learned from: who asks may not be who reads the address.
INSERT INTO subscriber (email, language, created_at)
VALUES ($1, $2, $3)
ON CONFLICT ((lower(email))) DO UPDATE
   SET email = subscriber.email
RETURNING subscriber_id, email, language, zone, digest_hour, working_days, organisation, account, confirmed_at, alerts,
          generation, paused_until, created_at;

-- subscriber --
SELECT subscriber_id, email, language, zone, digest_hour, working_days, organisation, account, confirmed_at, alerts,
       generation, paused_until, created_at
  FROM subscriber
 WHERE subscriber_id = $1;

-- subscriber_of_account --
SELECT subscriber_id, email, language, zone, digest_hour, working_days, organisation, account, confirmed_at, alerts,
       generation, paused_until, created_at
  FROM subscriber
 WHERE account = $1 AND organisation = $2;

-- add_request --
INSERT INTO request (request_id, subscriber_id, purpose, wish, language, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- count_requests --
-- In the name of one address, lately.
SELECT count(*) FILTER (WHERE created_at > $2) AS hour, count(*) FILTER (WHERE created_at > $3) AS day
  FROM request
 WHERE subscriber_id = $1;

-- request --
SELECT request_id, subscriber_id, purpose, wish, language, expires_at, used_at
  FROM request
 WHERE request_id = $1;

-- use_request --
-- Once, however many press the button.
UPDATE request
   SET used_at = $2
 WHERE request_id = $1 AND used_at IS NULL
RETURNING request_id;

-- confirm_person --
-- Alerts are wanted, again maybe: then links of before no longer act.
UPDATE subscriber
   SET confirmed_at = COALESCE(confirmed_at, $2), generation = generation + (NOT alerts)::integer, alerts = true
 WHERE subscriber_id = $1
RETURNING subscriber_id, email, language, zone, digest_hour, working_days, organisation, account, confirmed_at, alerts,
          generation, paused_until, created_at;

-- change_person --
UPDATE subscriber
   SET language = $2, zone = $3, digest_hour = $4, working_days = $5, paused_until = $6
 WHERE subscriber_id = $1
RETURNING subscriber_id, email, language, zone, digest_hour, working_days, organisation, account, confirmed_at, alerts,
          generation, paused_until, created_at;

-- release_account --
-- The account had another address.
UPDATE subscriber
   SET account = NULL, organisation = NULL
 WHERE account = $1 AND organisation = $2 AND subscriber_id <> $3
RETURNING subscriber_id;

-- move_searches --
UPDATE search
   SET subscriber_id = $2
 WHERE subscriber_id = $1;

-- bind_account --
UPDATE subscriber
   SET account = $2, organisation = $3
 WHERE subscriber_id = $1;

-- renew_links --
UPDATE subscriber
   SET generation = generation + 1
 WHERE subscriber_id = $1;

-- unsubscribe_person --
UPDATE subscriber
   SET alerts = false
 WHERE subscriber_id = $1 AND generation = $2
RETURNING email;

-- unsubscribe_contacts --
-- The same reader, under the name of organisations.
UPDATE contact
   SET alerts = false, changed_at = $2
 WHERE lower(email) = lower($1);

-- set_muted --
INSERT INTO muted (organisation, subscriber_id, kind, subject, since)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING;

-- count_muted --
SELECT count(*)
  FROM muted
 WHERE organisation = $1 OR subscriber_id = $2;

-- delete_muted --
DELETE FROM muted
 WHERE (organisation = $1 OR subscriber_id = $2) AND kind = $3 AND subject = $4;

-- muted --
-- Newest first.
SELECT kind, subject, since
  FROM muted
 WHERE (organisation = $1 OR subscriber_id = $2) AND (since, kind, subject) < ($3::timestamptz, $4::text, $5::text)
 ORDER BY since DESC, kind DESC, subject DESC
 LIMIT $6;

-- silence_of_notice --
-- What is muted with a notice: all of its procedure.
SELECT COALESCE(procedure, notice_id)::text
  FROM notice
 WHERE notice_id = $1;

-- known_buyer --
SELECT EXISTS (SELECT 1 FROM notice WHERE buyer = $1);

-- forget_requests --
DELETE FROM request
 WHERE expires_at < $1;

-- forget_unconfirmed --
-- Nobody confirmed these addresses, and no organisation named them as its own.
DELETE FROM subscriber
 WHERE confirmed_at IS NULL AND created_at < $1
   AND NOT EXISTS (SELECT 1 FROM request WHERE request.subscriber_id = subscriber.subscriber_id)
   AND NOT EXISTS (SELECT 1 FROM contact WHERE lower(contact.email) = lower(subscriber.email));

-- adopt_contacts --
-- Addresses of organisations that code before this one wrote.
INSERT INTO subscriber (email, language, created_at)
SELECT email, language, changed_at
  FROM contact
 WHERE NOT EXISTS (SELECT 1 FROM subscriber WHERE lower(subscriber.email) = lower(contact.email))
ON CONFLICT DO NOTHING;

-- searches_of_person --
SELECT search.search_id, name, definition AS criteria, summary, frequency, paused, search.created_at
  FROM search
  JOIN criteria USING (criteria_id)
 WHERE subscriber_id = $1
 ORDER BY search.created_at, search_id;

-- feedback_of_person --
SELECT search_id, notice_id, relevant, given_at
  FROM feedback
  JOIN search USING (search_id)
 WHERE subscriber_id = $1
 ORDER BY given_at, notice_id;

-- follows_of_person --
SELECT procedure, since
  FROM follow
 WHERE subscriber_id = $1
 ORDER BY since, procedure;

-- muted_of_person --
SELECT kind, subject, since
  FROM muted
 WHERE subscriber_id = $1
 ORDER BY since, kind, subject;

-- requests_of_person --
SELECT request_id, purpose, wish, created_at, expires_at, used_at
  FROM request
 WHERE subscriber_id = $1
 ORDER BY created_at, request_id;

-- mails_of_person --
SELECT mail_id, kind, subject, state, created_at, sent_at
  FROM mail
 WHERE subscriber_id = $1
 ORDER BY created_at, mail_id;

-- contacts_of_address --
SELECT organisation, email, language, alerts, changed_at
  FROM contact
 WHERE lower(email) = lower($1)
 ORDER BY organisation;

-- criteria_of_person --
SELECT DISTINCT criteria_id
  FROM search
 WHERE subscriber_id = $1;

-- erase_person --
DELETE FROM subscriber
 WHERE subscriber_id = $1
RETURNING email;

-- erase_contacts --
DELETE FROM contact
 WHERE lower(email) = lower($1);

-- erase_criteria --
-- What nobody else searches for, with what it found. One that somebody saves just now is kept.
DELETE FROM criteria
 WHERE criteria_id IN (SELECT criteria_id
                         FROM criteria
                        WHERE criteria_id = ANY ($1::uuid[])
                          AND NOT EXISTS (SELECT 1 FROM search WHERE search.criteria_id = criteria.criteria_id)
                          FOR UPDATE SKIP LOCKED);

-- forget_adopted --
-- An address that only an organisation named, once it is not its own any more.
DELETE FROM subscriber
 WHERE lower(email) = lower($1) AND confirmed_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM request WHERE request.subscriber_id = subscriber.subscriber_id)
   AND NOT EXISTS (SELECT 1 FROM contact WHERE lower(contact.email) = lower(subscriber.email));
