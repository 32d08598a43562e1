-- What lists and counts of executions are looked up in.

CREATE INDEX executions_by_domain ON @executions (domain, run);
CREATE INDEX executions_by_type ON @executions (domain, type_name, run);
CREATE INDEX executions_by_status ON @executions (domain, status, run);
CREATE INDEX executions_by_start ON @executions (domain, started_at, run);
CREATE INDEX executions_by_tag ON @executions USING gin (tags) WHERE tags <> '{}';
