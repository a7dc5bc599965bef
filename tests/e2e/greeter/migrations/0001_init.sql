-- Nothing but what every service has.
-- migrate:up
CREATE TABLE greeting (id uuid PRIMARY KEY);
-- migrate:down
DROP TABLE greeting;
