-- What the workflow language needs besides histories: known types, attributes to search by,
-- limits of task lists, and questions from one process to another.

-- The types that some worker has registered, so that a child of an unknown one is refused.
CREATE TABLE types (
    domain TEXT NOT NULL,
    key    TEXT NOT NULL,       -- name@version
    PRIMARY KEY (domain, key)
) STRICT, WITHOUT ROWID;

-- Search attributes; the values are also in executions.progress.
CREATE TABLE attributes (
    run   INTEGER NOT NULL,
    name  TEXT    NOT NULL,
    value TEXT    NOT NULL,     -- JSON
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX attributes_by_value ON attributes (name, value, run);

-- How many activities of a task list may run at a time, and how many may begin per second.
CREATE TABLE limits (
    domain      TEXT NOT NULL,
    task_list   TEXT NOT NULL,
    concurrency INTEGER,        -- NULL: no limit
    per_second  REAL,           -- NULL: no limit
    burst       REAL NOT NULL,  -- tokens that the bucket holds
    tokens      REAL NOT NULL,
    filled_at   REAL NOT NULL,
    PRIMARY KEY (domain, task_list)
) STRICT, WITHOUT ROWID;

-- The limited task list in which a running activity takes a place.
ALTER TABLE items ADD COLUMN lane TEXT;

CREATE INDEX items_in_lane ON items (domain, lane) WHERE lane IS NOT NULL;

-- Queries on their way to a worker in another process, and the answers on their way back.
CREATE TABLE questions (
    id          TEXT PRIMARY KEY,
    domain      TEXT NOT NULL,
    run         INTEGER NOT NULL,
    type_key    TEXT NOT NULL,
    name        TEXT NOT NULL,
    input       TEXT,
    asked_at    REAL NOT NULL,
    answer      TEXT,           -- JSON of a store.Answer
    answered_by TEXT
) STRICT, WITHOUT ROWID;
