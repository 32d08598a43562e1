-- Executions, their histories, and what is open in them. `@name` stands for a table of the
-- schema that the URL names.
-- A migration never changes once it is released: its checksum is stored with it.
--
-- Who migrates must be allowed to create the schema. Who only runs workflows needs no more than
--     GRANT USAGE ON SCHEMA s TO role;
--     GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA s TO role;
--     GRANT USAGE ON ALL SEQUENCES IN SCHEMA s TO role;

CREATE SEQUENCE @runs;

-- One row per run; to lock it is to lock all that belongs to the run. `progress` and
-- `revision` are what changes at every step; the columns beside them repeat what must be
-- searched. There is room left on each page, so that a step touches no index.
CREATE TABLE @executions (
    run         bigint PRIMARY KEY,
    domain      text   NOT NULL,
    workflow_id text   NOT NULL,
    previous    bigint NOT NULL,     -- the run of that workflow id before this one; 0: none
    run_id      text   NOT NULL,
    type_name   text   NOT NULL,
    status      smallint NOT NULL,
    revision    bigint NOT NULL,     -- that of `progress`
    started_at  float8 NOT NULL,
    tags        text[] NOT NULL,
    execution   bytea  NOT NULL,     -- msgpack of state.Execution
    progress    bytea  NOT NULL,     -- msgpack of state.Progress
    CHECK (previous < run)
) WITH (fillfactor = 60);

-- The newest run of a workflow id; and that a run is followed by one other at most, whoever
-- starts it, even if that one is closed by now.
CREATE UNIQUE INDEX executions_by_workflow ON @executions (domain, workflow_id, previous);
CREATE UNIQUE INDEX executions_open ON @executions (domain, workflow_id) WHERE status = 0;

-- The history: one row per run and transaction, holding that transaction's events.
CREATE TABLE @batches (
    run            bigint NOT NULL,
    first_event_id bigint NOT NULL,
    events         bytea  NOT NULL,  -- msgpack of list[history.Event]
    PRIMARY KEY (run, first_event_id)
);

-- Open decision tasks, activities, timers and children: an open thing is its row.
CREATE TABLE @items (
    run      bigint NOT NULL,
    kind     text   NOT NULL,
    id       text   NOT NULL,
    domain   text   NOT NULL,
    name     text   NOT NULL,        -- the type's key
    queue    text,                   -- the task list it waits in, if it waits
    priority integer NOT NULL,
    since    float8 NOT NULL,
    due      float8,                 -- when the rules must look at it again
    owner    text,                   -- the worker that holds it
    lane     text,                   -- the limited task list in which it takes a place
    body     bytea  NOT NULL,        -- msgpack of a state.OpenItem
    PRIMARY KEY (run, kind, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX items_queued ON @items (kind, domain, queue, priority DESC, since) WHERE queue IS NOT NULL;
CREATE INDEX items_due ON @items (due) WHERE due IS NOT NULL;
CREATE INDEX items_in_lane ON @items (domain, lane) WHERE lane IS NOT NULL;
-- What a dead worker held is found by a scan: rare, and an index would cost at every step.

-- Worker processes that may hold tasks.
CREATE TABLE @workers (
    id          text PRIMARY KEY,
    machine     text   NOT NULL,
    pid         bigint NOT NULL,
    born        text   NOT NULL,
    lease_until float8 NOT NULL
);

-- The types that some worker has registered, so that a child of an unknown one is refused.
CREATE TABLE @types (
    domain text NOT NULL,
    key    text NOT NULL,            -- name@version
    PRIMARY KEY (domain, key)
);

-- Search attributes; the values are also in executions.progress.
CREATE TABLE @attributes (
    run   bigint NOT NULL,
    name  text   NOT NULL,
    value text   NOT NULL,           -- JSON
    PRIMARY KEY (run, name)
);

CREATE INDEX attributes_by_value ON @attributes (name, value, run);

-- How many activities of a task list may run at a time, and how many may begin per second.
-- To lock the row is to lock the lane.
CREATE TABLE @limits (
    domain      text NOT NULL,
    task_list   text NOT NULL,
    concurrency bigint,              -- NULL: no limit
    per_second  float8,              -- NULL: no limit
    burst       float8 NOT NULL,     -- tokens that the bucket holds
    tokens      float8 NOT NULL,
    filled_at   float8 NOT NULL,
    PRIMARY KEY (domain, task_list)
);

-- Queries on their way to a worker in another process, and the answers on their way back.
CREATE TABLE @questions (
    id       text PRIMARY KEY,
    domain   text NOT NULL,
    run      bigint NOT NULL,
    type_key text NOT NULL,
    name     text NOT NULL,
    input    text,
    asked_at float8 NOT NULL,
    answer   text                    -- JSON of a store.Answer
);
