-- How long closed executions are kept, and what finds those that may go.

-- By domain; a domain without a row keeps everything.
CREATE TABLE retentions (
    domain  TEXT PRIMARY KEY,
    seconds REAL NOT NULL,      -- from an execution's end
    next_at REAL NOT NULL       -- when an engine is to look again
) STRICT, WITHOUT ROWID;

-- The greatest key of a run that was removed: keys are never used again. One row.
CREATE TABLE removed (
    id  INTEGER PRIMARY KEY CHECK (id = 0),
    run INTEGER NOT NULL
) STRICT;

CREATE INDEX executions_closed ON executions (domain, started_at, run) WHERE status <> 0;

-- Open runs that reuse what others have recorded: the key `origin` is in their msgpack.
CREATE INDEX executions_forked ON executions (run)
    WHERE status = 0 AND instr(execution, x'A66F726967696E') > 0;
