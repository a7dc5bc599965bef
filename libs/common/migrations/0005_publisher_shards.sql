-- Eight shards of publication: the processes of a relay share them.
-- halles: compatible
-- migrate:up
INSERT INTO publisher (shard, position)
SELECT more.shard, old.position FROM publisher AS old, generate_series(1, 7) AS more (shard) WHERE old.shard = 0;

-- The same function of the key as in the publisher's window, for ever.
UPDATE set_aside SET shard = get_byte(sha256(convert_to(key, 'UTF8')), 0) % 8;

-- migrate:down
UPDATE publisher SET position = (SELECT min(position) FROM publisher) WHERE shard = 0;
UPDATE set_aside SET shard = 0;
DELETE FROM publisher WHERE shard > 0;
