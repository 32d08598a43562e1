"""Return the permission that a call of AWS's SDK needs: `aws-sdk:SERVICE:ACTION`.

Actions are named after operations, with the exceptions in `_ACTIONS`. The resource is that of the
argument which names it; `*` where none does.

Source: AWS Service Authorization Reference.
"""

from __future__ import annotations

import functools
import re

import botocore.loaders

from partita.integrations.naming import SDK_NAMES

_ACTIONS = {
    ("s3", "ListObjects"): "ListBucket",
    ("s3", "ListObjectsV2"): "ListBucket",
    ("s3", "HeadBucket"): "ListBucket",
    ("s3", "HeadObject"): "GetObject",
    ("s3", "ListBuckets"): "ListAllMyBuckets",
    ("s3", "ListObjectVersions"): "ListBucketVersions",
    ("lambda", "Invoke"): "InvokeFunction",
    ("lambda", "InvokeAsync"): "InvokeFunction",
}
_PREFIXES = {
    "monitoring": "cloudwatch",
    "email": "ses",
    "elasticloadbalancing": "elasticloadbalancing",
}
_NAMED: dict[str, tuple[tuple[str, str], ...]] = {  # by prefix: an argument, and the ARN's end
    "dynamodb": (("TableName", "table/{}"),),
    "lambda": (("FunctionName", "function:{}"),),
    "ssm": (("Name", "parameter/{}"),),
    "kinesis": (("StreamName", "stream/{}"),),
    "secretsmanager": (("SecretId", "secret:{}-??????"),),
    "logs": (("LogGroupName", "log-group:{}:*"),),
    "states": (("Name", "stateMachine:{}"),),
    "codebuild": (("ProjectName", "project/{}"),),
    "glue": (("JobName", "job/{}"), ("Name", "job/{}")),
}
_QUEUE = re.compile(r"https?://[\w-]+\.([\w-]+)\.[\w.]+/(\d+)/([\w.-]+)")


def sdk_permission(service: str, action: str, given: dict[str, str]) -> tuple[list[str], str]:
    """Return the actions and the resource of a call; `given` are its constant arguments."""
    prefix = _prefix(service)
    operation = action[:1].upper() + action[1:]
    named = _ACTIONS.get((prefix, operation), operation)
    return [f"{prefix}:{named}"], _resource(prefix, named, given)


@functools.cache
def _prefix(service: str) -> str:
    """Return the prefix of a service's actions in policies."""
    loader = botocore.loaders.Loader()
    names = {one.replace("-", ""): one for one in loader.list_available_services("service-2")}
    name = SDK_NAMES.get(service, names.get(service, service))
    if name not in names.values():
        return service
    metadata = loader.load_service_model(name, "service-2")["metadata"]
    prefix = str(metadata.get("signingName", metadata["endpointPrefix"]))
    return _PREFIXES.get(prefix, prefix)


def _resource(prefix: str, action: str, given: dict[str, str]) -> str:
    if prefix == "s3" and "Bucket" in given:
        bucket = f"arn:{{partition}}:s3:::{given['Bucket']}"
        is_object = "Object" in action or "Multipart" in action
        return f"{bucket}/{given.get('Key', '*')}" if is_object else bucket
    queue = queue_arn(given)
    if queue is not None:
        return queue
    for key, end in _NAMED.get(prefix, ()):
        if key in given and not given[key].startswith("arn:"):
            return f"arn:{{partition}}:{prefix}:{{region}}:{{account}}:{end.format(given[key])}"
    arns = [one for one in given.values() if one.startswith("arn:")]
    return arns[0] if arns else "*"


def queue_arn(given: dict[str, str]) -> str | None:
    """Return the ARN of the queue that an argument names by its URL."""
    found = _QUEUE.fullmatch(given.get("QueueUrl", ""))
    return found and "arn:{{partition}}:sqs:{}:{}:{}".format(*found.groups())
