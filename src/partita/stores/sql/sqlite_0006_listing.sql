-- What lists and counts of executions are looked up in; `run`, the row's id, is in each of them.

CREATE INDEX executions_by_domain ON executions (domain);
CREATE INDEX executions_by_type ON executions (domain, type_name);
CREATE INDEX executions_by_status ON executions (domain, status);
CREATE INDEX executions_by_start ON executions (domain, started_at);

-- The tags of executions that have some.
CREATE TABLE tags (
    tag TEXT    NOT NULL,
    run INTEGER NOT NULL,
    PRIMARY KEY (tag, run)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO tags
SELECT t.value, e.run FROM executions e, json_each(e.tags) t WHERE e.tags <> '[]';

CREATE TRIGGER tags_of_new AFTER INSERT ON executions WHEN new.tags <> '[]' BEGIN
    INSERT OR IGNORE INTO tags SELECT value, new.run FROM json_each(new.tags);
END;

CREATE TRIGGER tags_of_removed AFTER DELETE ON executions WHEN old.tags <> '[]' BEGIN
    DELETE FROM tags WHERE run = old.run AND tag IN (SELECT value FROM json_each(old.tags));
END;
