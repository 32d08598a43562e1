-- What the wire protocols keep besides executions: domains, types with their defaults.

CREATE TABLE @catalogue (
    kind   text NOT NULL,            -- such as `domain` or `activity`
    domain text NOT NULL,            -- empty for what belongs to none
    key    text NOT NULL,
    body   text NOT NULL,            -- JSON
    PRIMARY KEY (kind, domain, key)
);
