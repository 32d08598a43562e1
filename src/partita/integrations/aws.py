"""Give AWS's services as attributes, by boto3's names: `aws.dynamodb.update_item(TableName=...)`.

A name that Python keeps for itself ends in `_`: `aws.lambda_`. A hyphen is `_`: `aws.cognito_idp`.
"""

from __future__ import annotations

from partita.integrations import aws_calls as _aws_calls
from partita.integrations import task_tokens as _task_tokens

TASK_TOKEN = _task_tokens.TASK_TOKEN
is_namespace = True  # whose attributes the compiler may follow


def __getattr__(name: str) -> _aws_calls.Service:
    if name.startswith("_"):
        raise AttributeError(name)
    return _aws_calls.service(name)
