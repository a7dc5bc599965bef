-- A person follows a procedure as an organisation does; and what people asked of rows that exist already is checked.
-- halles: compatible
-- migrate:up
ALTER TABLE follow DROP CONSTRAINT follow_pkey;
ALTER TABLE follow ALTER COLUMN organisation DROP NOT NULL;
ALTER TABLE follow ADD CONSTRAINT follow_owner CHECK (num_nonnulls(organisation, subscriber_id) = 1) NOT VALID;
ALTER TABLE search VALIDATE CONSTRAINT search_frequency;
ALTER TABLE search VALIDATE CONSTRAINT search_owner;
ALTER TABLE search VALIDATE CONSTRAINT search_subscriber;
ALTER TABLE mail VALIDATE CONSTRAINT mail_subscriber;
ALTER TABLE follow VALIDATE CONSTRAINT follow_subscriber;
ALTER TABLE follow VALIDATE CONSTRAINT follow_owner;

-- migrate:down
DELETE FROM follow WHERE organisation IS NULL;
ALTER TABLE follow DROP CONSTRAINT follow_owner;
ALTER TABLE follow ALTER COLUMN organisation SET NOT NULL;
ALTER TABLE follow ADD PRIMARY KEY (organisation, procedure);
