-- What digests will tell a person: each notice once.
-- halles: compatible
-- migrate:up
CREATE TABLE digest_entry (
    subscriber_id  uuid        NOT NULL REFERENCES subscriber ON DELETE CASCADE,
    notice_id      uuid        NOT NULL REFERENCES notice,
    due_at         timestamptz NOT NULL,
    mail_id        uuid        REFERENCES mail ON DELETE SET NULL,
    PRIMARY KEY (subscriber_id, notice_id)
);
COMMENT ON TABLE  digest_entry        IS 'A notice that a digest tells a person, whatever number of their searches found it.';
COMMENT ON COLUMN digest_entry.due_at IS 'The run that tells it: the hour that the person chose, of a day that they want.';
CREATE INDEX digest_entry_due ON digest_entry (due_at) WHERE mail_id IS NULL;
CREATE INDEX digest_entry_mail ON digest_entry (mail_id) WHERE mail_id IS NOT NULL;
CREATE INDEX digest_entry_notice ON digest_entry (notice_id);

UPDATE mail
   SET subscriber_id = person.subscriber_id
  FROM contact
  JOIN subscriber AS person ON lower(person.email) = lower(contact.email)
 WHERE mail.organisation = contact.organisation AND mail.kind = 'alert' AND mail.state = 'due' AND mail.subscriber_id IS NULL
   AND NOT EXISTS (SELECT 1 FROM mail AS other
                    WHERE other.subscriber_id = person.subscriber_id AND other.kind = 'alert' AND other.subject_id = mail.subject_id);

-- migrate:down
DROP TABLE digest_entry;
