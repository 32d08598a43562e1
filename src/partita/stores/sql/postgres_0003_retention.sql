-- How long closed executions are kept, and what finds those that may go.

-- By domain; a domain without a row keeps everything.
CREATE TABLE @retentions (
    domain  text PRIMARY KEY,
    seconds float8 NOT NULL,         -- from an execution's end
    next_at float8 NOT NULL          -- when an engine is to look again
);

CREATE INDEX executions_closed ON @executions (domain, started_at, run) WHERE status <> 0;

-- Open runs that reuse what others have recorded: the key `origin` is in their msgpack.
CREATE INDEX executions_forked ON @executions (run)
    WHERE status = 0 AND position('\xa66f726967696e'::bytea IN execution) > 0;
