"""The policy of a machine's role: each statement is needed, and none is too wide."""

from __future__ import annotations

from typing import Any

import pytest

from partita.stepfunctions.deploy.permissions import permissions_of
from partita.stepfunctions.deploy.policies import missing, policy, statements_of, unknown

OWN = "arn:{partition}:"
PLACE = "{region}:{account}"


def task(resource: str, **arguments: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments}


def mapped(**fields: Any) -> dict[str, Any]:
    inner = {"StartAt": "x", "States": {"x": {"Type": "Pass", "End": True}}}
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **inner}
    return {"Type": "Map", "ItemProcessor": processor, **fields}


QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
CHILD = (
    '{% $substringBefore($states.context.StateMachine.Id, ":stateMachine:") & '
    '":stateMachine:child" %}'
)
START = [
    ("states:StartExecution", f"{OWN}states:{PLACE}:stateMachine:shop"),
    ("states:DescribeExecution", f"{OWN}states:{PLACE}:execution:shop:*"),
    ("states:StopExecution", f"{OWN}states:{PLACE}:execution:shop:*"),
]
RULE = f"{OWN}events:{PLACE}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
READER = {"Resource": "arn:aws:states:::s3:getObject", "Arguments": {"Bucket": "b", "Key": "k.csv"}}
LISTER = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"Bucket": "b"}}
WRITER = {
    "Resource": "arn:aws:states:::s3:putObject",
    "Arguments": {"Bucket": "out", "Prefix": "results/"},
}
WRITING = ("PutObject", "GetObject", "ListMultipartUploadParts", "AbortMultipartUpload")
ROWS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (
        task("lambda:invoke", FunctionName="@function@", Payload={}),
        [("lambda:InvokeFunction", f"{OWN}lambda:{PLACE}:function:shop:*")],
    ),
    (
        task("lambda:invoke", FunctionName="other"),
        [("lambda:InvokeFunction", f"{OWN}lambda:{PLACE}:function:other")],
    ),
    (
        task("lambda:invoke", FunctionName="arn:aws:lambda:us-east-1:123456789012:function:f:live"),
        [("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:f:live")],
    ),
    (
        task("dynamodb:updateItem", TableName="orders", Key={}),
        [("dynamodb:UpdateItem", f"{OWN}dynamodb:{PLACE}:table/orders")],
    ),
    (
        task("dynamodb:getItem", TableName="{% $table %}"),
        [("dynamodb:GetItem", f"{OWN}dynamodb:{PLACE}:table/*")],
    ),
    (
        task("sns:publish", TopicArn="arn:aws:sns:us-east-1:123456789012:news"),
        [("sns:Publish", "arn:aws:sns:us-east-1:123456789012:news")],
    ),
    (task("sns:publish", PhoneNumber="{% $phone %}"), [("sns:Publish", "*")]),
    (
        task("sqs:sendMessage.waitForTaskToken", QueueUrl=QUEUE),
        [("sqs:SendMessage", f"{OWN}sqs:eu-west-1:123456789012:orders")],
    ),
    (
        task("events:putEvents", Entries=[{"EventBusName": "shop"}, {"Source": "x"}]),
        [
            ("events:PutEvents", f"{OWN}events:{PLACE}:event-bus/shop"),
            ("events:PutEvents", f"{OWN}events:{PLACE}:event-bus/default"),
        ],
    ),
    (
        task("states:startExecution.sync:2", StateMachineArn=CHILD),
        [
            ("states:StartExecution", f"{OWN}states:{PLACE}:stateMachine:child"),
            ("states:DescribeExecution", f"{OWN}states:{PLACE}:execution:child:*"),
            ("states:StopExecution", f"{OWN}states:{PLACE}:execution:child:*"),
            ("events:PutTargets", RULE),
            ("events:PutRule", RULE),
            ("events:DescribeRule", RULE),
        ],
    ),
    (
        task("states:startExecution", StateMachineArn=CHILD),
        [("states:StartExecution", f"{OWN}states:{PLACE}:stateMachine:child")],
    ),
    (
        task("glue:startJobRun", JobName="sum"),
        [("glue:StartJobRun", f"{OWN}glue:{PLACE}:job/sum")],
    ),
    (
        task("aws-sdk:s3:getObject", Bucket="b", Key="k"),
        [("s3:GetObject", f"{OWN}s3:::b/k")],
    ),
    (
        task("aws-sdk:s3:listObjectsV2", Bucket="b"),
        [("s3:ListBucket", f"{OWN}s3:::b")],
    ),
    (
        task("aws-sdk:dynamodb:query", TableName="orders"),
        [("dynamodb:Query", f"{OWN}dynamodb:{PLACE}:table/orders")],
    ),
    (
        task("aws-sdk:sfn:describeExecution", ExecutionArn="{% $arn %}"),
        [("states:DescribeExecution", "*")],
    ),
    (
        task("aws-sdk:secretsmanager:getSecretValue", SecretId="key"),
        [("secretsmanager:GetSecretValue", f"{OWN}secretsmanager:{PLACE}:secret:key-??????")],
    ),
    (
        task("aws-sdk:cloudwatch:putMetricData", Namespace="shop"),
        [("cloudwatch:PutMetricData", "*")],
    ),
    (mapped(), START),
    (mapped(ItemReader=READER), [*START, ("s3:GetObject", f"{OWN}s3:::b/k.csv")]),
    (mapped(ItemReader=LISTER), [*START, ("s3:ListBucket", f"{OWN}s3:::b")]),
    (
        mapped(ResultWriter=WRITER),
        [*START, *((f"s3:{one}", f"{OWN}s3:::out/results/*") for one in WRITING)],
    ),
    ({"Type": "Pass"}, []),
]


def machine(*states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "s0", "States": {f"s{i}": one for i, one in enumerate(states)}}


@pytest.mark.parametrize(("state", "expected"), ROWS, ids=lambda one: str(one)[:50])
def test_a_state_needs(state: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = permissions_of(machine(state), "shop", "@function@")
    pairs = [(action, one.resource) for one in found for action in one.actions]
    assert pairs == expected


def test_each_statement_is_needed_by_a_state() -> None:
    whole = machine(*(state for state, _ in ROWS))
    permissions = permissions_of(whole, "shop", "@function@")
    statements = statements_of(permissions)
    assert missing(permissions, statements) == []
    for number, statement in enumerate(statements):
        others = [*statements[:number], *statements[number + 1 :]]
        assert {one.state for one in missing(permissions, others)} <= set(statement.states)
        assert missing(permissions, others) != []
        assert statement.states


def test_states_of_branches_and_maps_count() -> None:
    inner = {"StartAt": "a", "States": {"a": task("dynamodb:putItem", TableName="t")}}
    outer = machine({"Type": "Parallel", "Branches": [inner]}, {"Type": "Map", "Iterator": inner})
    found = permissions_of(outer, "shop", "f")
    assert [one.state for one in found] == ["a", "a"]


def test_a_policy_names_the_place_of_its_deployment() -> None:
    found = permissions_of(machine(ROWS[0][0]), "shop", "@function@")
    place = {"partition": "aws", "region": "us-east-1", "account": "123456789012"}
    assert policy(statements_of(found), place)["Statement"] == [
        {
            "Sid": "LambdaInvokeFunction",
            "Effect": "Allow",
            "Action": ["lambda:InvokeFunction"],
            "Resource": ["arn:aws:lambda:us-east-1:123456789012:function:shop:*"],
        }
    ]


def test_permissions_that_are_not_known_are_told() -> None:
    found = permissions_of(machine(task("eks:call", ClusterName="c")), "shop", "f")
    assert statements_of(found) == []
    assert unknown(found) == [
        "state 's0' needs permissions that are not known here (eks:Call, at least); "
        "add them to the machine's role"
    ]
