-- Workers, types, limits, retentions and questions move into the catalogue: bodies are JSON of
-- the structs in `ports.catalogue`. `printf`: all digits of a number, where JSON alone has 15.

INSERT OR REPLACE INTO catalogue
SELECT 'worker', '', id, json_object(
    'id', id, 'machine', machine, 'pid', pid, 'born', born,
    'lease_until', json(printf('%!.17g', lease_until)))
FROM workers;

INSERT OR REPLACE INTO catalogue SELECT 'type', domain, key, 'true' FROM types;

INSERT OR REPLACE INTO catalogue
SELECT 'limit', domain, task_list, json_object(
    'domain', domain, 'task_list', task_list, 'concurrency', concurrency,
    'per_second', iif(per_second IS NULL, NULL, json(printf('%!.17g', per_second))),
    'burst', json(printf('%!.17g', burst)), 'tokens', json(printf('%!.17g', tokens)),
    'filled_at', json(printf('%!.17g', filled_at)))
FROM limits;

INSERT OR REPLACE INTO catalogue
SELECT 'retention', '', domain, json_object(
    'domain', domain, 'seconds', json(printf('%!.17g', seconds)),
    'next_at', json(printf('%!.17g', next_at)))
FROM retentions;

INSERT OR REPLACE INTO catalogue
SELECT 'question', domain, id, json_object(
    'id', id, 'domain', domain, 'run', run, 'type_key', type_key, 'name', name,
    'input', input, 'asked_at', json(printf('%!.17g', asked_at)),
    'answer', json(answer))
FROM questions;

DROP TABLE workers;
DROP TABLE types;
DROP TABLE limits;
DROP TABLE retentions;
DROP TABLE questions;
