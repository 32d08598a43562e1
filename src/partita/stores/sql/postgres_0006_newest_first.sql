-- Lists are in the order of starts, so that those of a time are found by the same indexes.

DROP INDEX @executions_by_domain;
DROP INDEX @executions_by_type;
DROP INDEX @executions_by_status;

CREATE INDEX executions_by_type ON @executions (domain, type_name, started_at, run);
CREATE INDEX executions_by_status ON @executions (domain, status, started_at, run);

-- What the beginnings of ids are looked up in, in whatever order texts are.
CREATE INDEX executions_by_id ON @executions (domain, workflow_id text_pattern_ops);
