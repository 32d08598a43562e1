-- Executions, their histories, and what is open in them.
-- A migration never changes once it is released: its checksum is stored with it.

-- One row per run. `progress` is what changes at every step; the columns beside it
-- repeat what must be searched.
CREATE TABLE executions (
    run         INTEGER PRIMARY KEY,
    domain      TEXT    NOT NULL,
    workflow_id TEXT    NOT NULL,
    run_id      TEXT    NOT NULL,
    type_name   TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    started_at  REAL    NOT NULL,
    tags        TEXT    NOT NULL,   -- JSON list of strings
    execution   BLOB    NOT NULL,   -- msgpack of state.Execution
    progress    BLOB    NOT NULL    -- msgpack of state.Progress
) STRICT;

-- The newest run of a workflow id; and that two processes cannot start it twice.
CREATE INDEX executions_by_workflow ON executions (domain, workflow_id, run);
CREATE UNIQUE INDEX executions_open ON executions (domain, workflow_id) WHERE status = 0;

-- The history: one row per transaction, holding that transaction's events.
CREATE TABLE batches (
    run            INTEGER NOT NULL,
    first_event_id INTEGER NOT NULL,
    events         BLOB    NOT NULL, -- msgpack of list[history.Event]
    PRIMARY KEY (run, first_event_id)
) STRICT, WITHOUT ROWID;

-- Open decision tasks, activities, timers and children: an open thing is its row.
CREATE TABLE items (
    run      INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    domain   TEXT    NOT NULL,
    name     TEXT    NOT NULL,   -- the type's key
    queue    TEXT,               -- the task list it waits in, if it waits
    priority INTEGER NOT NULL,
    since    REAL    NOT NULL,
    due      REAL,               -- when the rules must look at it again
    owner    TEXT,               -- the worker that holds it
    body     BLOB    NOT NULL,   -- msgpack of a state.OpenItem
    PRIMARY KEY (run, kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX items_queued ON items (kind, domain, queue, priority DESC, since) WHERE queue IS NOT NULL;
CREATE INDEX items_due ON items (due) WHERE due IS NOT NULL;
-- What a dead worker held is found by a scan: rare, and an index would cost at every step.

-- Worker processes that may hold tasks.
CREATE TABLE workers (
    id          TEXT PRIMARY KEY,
    machine     TEXT    NOT NULL,
    pid         INTEGER NOT NULL,
    born        TEXT    NOT NULL,
    lease_until REAL    NOT NULL
) STRICT, WITHOUT ROWID;
