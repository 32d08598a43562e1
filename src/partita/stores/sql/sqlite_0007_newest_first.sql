-- Lists are in the order of starts, so that those of a time are found by the same indexes;
-- `run`, the row's id, is the last part of each.

DROP INDEX executions_by_domain;
DROP INDEX executions_by_type;
DROP INDEX executions_by_status;

CREATE INDEX executions_by_type ON executions (domain, type_name, started_at);
CREATE INDEX executions_by_status ON executions (domain, status, started_at);
