"""Call outside services for state machines: AWS by boto3, HTTP endpoints, objects of S3.

Everything here is plain data in, JSON out, and meant to run inside activities: nothing here knows
a workflow, a state or an engine. A call that the service refuses is a `TaskFailedError` with the
error name and the cause that AWS Step Functions gives it.

`service_calls` is the entry for `aws-sdk:*` and the optimised integrations, `jobs` for `.sync`,
`http_tasks` for `http:invoke`, `objects` for data sets. boto3 is imported when the first client
is made.
"""
