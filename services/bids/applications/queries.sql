-- put_application --
INSERT INTO application (bid, content, said_at)
VALUES ($1, $2, $3)
ON CONFLICT (bid) DO UPDATE
   SET content = excluded.content, said_at = excluded.said_at

-- find_application --
SELECT content
  FROM application
 WHERE bid = $1

-- applications_of_opened --
SELECT application.bid, application.content
  FROM application
  JOIN bid ON bid.id = application.bid
 WHERE bid.procedure = $1
   AND bid.state = 'opened'
