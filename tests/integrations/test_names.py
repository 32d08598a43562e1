"""How AWS names what state machines see of its services."""

from __future__ import annotations

import pytest

from partita.errors import TaskFailedError
from partita.integrations.naming import exception_name, java_name
from partita.integrations.resources import Resource, parse_resource
from partita.integrations.services import Services


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DynamoDB", "DynamoDb"),
        ("SFN", "Sfn"),
        ("S3", "S3"),
        ("CloudWatch Logs", "CloudWatchLogs"),
        ("Elastic Load Balancing v2", "ElasticLoadBalancingV2"),
        ("IoT", "Iot"),
        ("ACM PCA", "AcmPca"),
        ("ETag", "ETag"),
        ("DBInstanceIdentifier", "DbInstanceIdentifier"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("MD5OfMessageBody", "Md5OfMessageBody"),
        ("stateMachineArn", "StateMachineArn"),
        ("VPCId", "VpcId"),
    ],
)
def test_names_are_those_of_the_sdk_for_java(name: str, expected: str) -> None:
    assert java_name(name) == expected


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("NoSuchKey", "NoSuchKeyException"),
        ("ConditionalCheckFailedException", "ConditionalCheckFailedException"),
        ("DBInstanceNotFoundFault", "DBInstanceNotFoundException"),
    ],
)
def test_exceptions(shape: str, expected: str) -> None:
    assert exception_name(shape) == expected


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("sqs:sendMessage", Resource("sqs", "sendMessage")),
        ("aws-sdk:s3:getObject", Resource("s3", "getObject", is_sdk=True)),
    ],
)
def test_actions(name: str, resource: Resource) -> None:
    assert parse_resource(name) == resource
    assert str(resource) == name


@pytest.mark.parametrize(
    "resource",
    [
        Resource("sqs", "receiveMessage"),
        Resource("kitchen", "cook"),
        Resource("kitchen", "cook", is_sdk=True),
        Resource("sqs", "cook", is_sdk=True),
    ],
)
def test_actions_that_there_are_not(resource: Resource) -> None:
    with pytest.raises(TaskFailedError) as raised:
        Services().call(resource, {})
    assert raised.value.error == "States.Runtime"
