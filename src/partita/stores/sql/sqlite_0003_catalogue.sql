-- What the wire protocols keep besides executions: domains, types with their defaults.

CREATE TABLE catalogue (
    kind   TEXT NOT NULL,       -- such as `domain` or `activity`
    domain TEXT NOT NULL,       -- empty for what belongs to none
    key    TEXT NOT NULL,
    body   TEXT NOT NULL,       -- JSON
    PRIMARY KEY (kind, domain, key)
) STRICT, WITHOUT ROWID;
