-- Workers, types, limits, retentions and questions move into the catalogue: bodies are JSON of
-- the structs in `ports.catalogue`. To lock the entry of a limit is to lock the limit.

INSERT INTO @catalogue
SELECT 'worker', '', id, json_build_object(
    'id', id, 'machine', machine, 'pid', pid, 'born', born, 'lease_until', lease_until)::text
FROM @workers;

INSERT INTO @catalogue SELECT 'type', domain, key, 'true' FROM @types;

INSERT INTO @catalogue
SELECT 'limit', domain, task_list, json_build_object(
    'domain', domain, 'task_list', task_list, 'concurrency', concurrency,
    'per_second', per_second, 'burst', burst, 'tokens', tokens, 'filled_at', filled_at)::text
FROM @limits;

INSERT INTO @catalogue
SELECT 'retention', '', domain, json_build_object(
    'domain', domain, 'seconds', seconds, 'next_at', next_at)::text
FROM @retentions;

INSERT INTO @catalogue
SELECT 'question', domain, id, json_build_object(
    'id', id, 'domain', domain, 'run', run, 'type_key', type_key, 'name', name,
    'input', input, 'asked_at', asked_at, 'answer', answer::json)::text
FROM @questions;

DROP TABLE @workers, @types, @limits, @retentions, @questions;
