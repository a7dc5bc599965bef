-- Attempts are drawn from the facts of the evidence, which told the same all along.
-- halles: compatible
-- migrate:up
COMMENT ON TABLE attempt IS 'Neither written nor read any more: to be dropped once no process of an earlier release runs.';

-- migrate:down
COMMENT ON TABLE attempt IS 'The evidence: each attempt, its first and last byte (CE 23 September 2021, 449250).';
