"""Sequences of calls that tools make: Terraform's provider, CDK's custom resources, the AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.stepfunctions.endpoint import Endpoint
from tests.stepfunctions.test_executions import GREETING, ROLE
from tests.stepfunctions.test_limits import refused
from tests.swf.aws_cli import aws_cli

PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
LOGS = "arn:aws:logs:us-east-1:111111111111:log-group:machines:*"


def test_a_terraform_shaped_sequence(sfn: Endpoint) -> None:
    client = sfn.client
    given = {
        "name": "terraformed",
        "definition": json.dumps(PASS),
        "roleArn": ROLE,
        "type": "STANDARD",
        "publish": True,
        "loggingConfiguration": {
            "level": "ALL",
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": LOGS}}],
        },
        "tracingConfiguration": {"enabled": True},
        "tags": [{"key": "stage", "value": "test"}],
    }
    checked = client.validate_state_machine_definition(definition=given["definition"])
    assert checked["result"] == "OK"
    created = client.create_state_machine(**given)
    arn = created["stateMachineArn"]
    assert created["stateMachineVersionArn"] == f"{arn}:1"
    assert client.create_state_machine(**given)["stateMachineArn"] == arn
    found = client.describe_state_machine(stateMachineArn=arn)
    assert found["status"] == "ACTIVE"
    assert found["tracingConfiguration"] == {"enabled": True}
    assert found["loggingConfiguration"]["includeExecutionData"] is False
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == given["tags"]
    updated = client.update_state_machine(
        stateMachineArn=arn, definition=json.dumps(GREETING), publish=True
    )
    assert updated["stateMachineVersionArn"] == f"{arn}:2"
    found = client.describe_state_machine(stateMachineArn=arn)
    assert (json.loads(found["definition"]), found["revisionId"]) == (
        GREETING,
        updated["revisionId"],
    )
    client.tag_resource(resourceArn=arn, tags=[{"key": "stage", "value": "live"}])
    client.untag_resource(resourceArn=arn, tagKeys=["stage"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == []
    routes = [{"stateMachineVersionArn": f"{arn}:2", "weight": 100}]
    alias = client.create_state_machine_alias(name="live", routingConfiguration=routes)
    alias_arn = alias["stateMachineAliasArn"]
    version = {"stateMachineVersionArn": f"{arn}:2"}
    assert refused(client.delete_state_machine_version, **version)[0] == "ConflictException"
    started = client.start_execution(stateMachineArn=alias_arn)
    found = client.describe_execution(executionArn=started["executionArn"])
    assert (found["stateMachineAliasArn"], found["stateMachineVersionArn"]) == (
        alias_arn,
        f"{arn}:2",
    )
    client.delete_state_machine_alias(stateMachineAliasArn=alias_arn)
    client.delete_state_machine(stateMachineArn=arn)
    gone = refused(client.describe_state_machine, stateMachineArn=arn)
    assert gone == ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
    assert sfn.wait(started["executionArn"])["status"] == "SUCCEEDED"


def test_a_cdk_shaped_sequence(sfn: Endpoint) -> None:
    """Begin, ask until it has ended, stop what is left: what CDK's waiter machines are used for."""
    client = sfn.client
    arn = client.create_state_machine(
        name="cdk-waiter", definition=json.dumps(GREETING), roleArn=ROLE
    )["stateMachineArn"]
    activity = client.create_activity(name="cdk-activity")["activityArn"]
    assert client.create_activity(name="cdk-activity")["activityArn"] == activity
    one, other = (
        client.start_execution(stateMachineArn=arn, name=name)["executionArn"]
        for name in ("one", "other")
    )
    client.stop_execution(executionArn=other, error="Rollback", cause="the stack is deleted")
    assert sfn.wait(one)["status"] == "SUCCEEDED"
    found = client.describe_execution(executionArn=other)
    assert (found["status"], found["error"]) == ("ABORTED", "Rollback")
    last = client.get_execution_history(executionArn=other, reverseOrder=True)["events"][0]
    assert last["executionAbortedEventDetails"] == {
        "error": "Rollback",
        "cause": "the stack is deleted",
    }
    statuses = [one["status"] for one in client.list_executions(stateMachineArn=arn)["executions"]]
    assert statuses == ["ABORTED", "SUCCEEDED"]
    client.delete_activity(activityArn=activity)
    client.delete_state_machine(stateMachineArn=arn)


SCRIPT = """
sfn() { aws stepfunctions "$@"; }
arn=$(sfn create-state-machine --name cli --role-arn "$ROLE" --definition "$DEFINITION" --publish \
    --query stateMachineArn --output text)
activity=$(sfn create-activity --name cli-work --query activityArn --output text)
alias=$(sfn create-state-machine-alias --name live --query stateMachineAliasArn --output text \
    --routing-configuration "stateMachineVersionArn=$arn:1,weight=100")
execution=$(sfn start-execution --state-machine-arn "$alias" --name x --query executionArn \
    --output text)
token=$(sfn get-activity-task --activity-arn "$activity" --worker-name me --query taskToken \
    --output text)
sfn send-task-heartbeat --task-token "$token"
sfn send-task-failure --task-token "$token" --error Busy --cause later
sfn describe-execution --execution-arn "$execution" --query status
sfn redrive-execution --execution-arn "$execution"
token=$(sfn get-activity-task --activity-arn "$activity" --query taskToken --output text)
sfn send-task-success --task-token "$token" --task-output '{"done": true}'
sfn describe-execution --execution-arn "$execution" --query output --output text
sfn get-execution-history --execution-arn "$execution" --query 'events[-1].type' --output text
sfn list-map-runs --execution-arn "$execution"
sfn update-state-machine --state-machine-arn "$arn" --definition "$MAP"
second=$(sfn publish-state-machine-version --state-machine-arn "$arn" \
    --query stateMachineVersionArn --output text)
sfn update-state-machine-alias --state-machine-alias-arn "$alias" --routing-configuration \
    "stateMachineVersionArn=$arn:1,weight=10" "stateMachineVersionArn=$second,weight=90"
sfn describe-state-machine-alias --state-machine-alias-arn "$alias" \
    --query 'routingConfiguration[1].weight'
mapped=$(sfn start-execution --state-machine-arn "$second" --input '[1, 2]' \
    --query executionArn --output text)
until sfn describe-execution --execution-arn "$mapped" --query status | grep -q SUCCEEDED
do :; done
run=$(sfn list-map-runs --execution-arn "$mapped" --query 'mapRuns[0].mapRunArn' --output text)
sfn describe-map-run --map-run-arn "$run" --query '[status,itemCounts.succeeded]' --output text
sfn list-executions --map-run-arn "$run" --query 'length(executions)' --output text
sfn update-map-run --map-run-arn "$run" --max-concurrency 3 2>&1 | grep -o ValidationException
sfn delete-state-machine-alias --state-machine-alias-arn "$alias"
sfn delete-state-machine-version --state-machine-version-arn "$second"
synchronously() {
    HTTP_PROXY="$AWS_ENDPOINT_URL" AWS_ENDPOINT_URL="http://localhost:${AWS_ENDPOINT_URL##*:}" \
        aws stepfunctions "$@"
}
synchronously test-state --role-arn "$ROLE" --definition '{"Type": "Pass", "End": true}' \
    --input '{"tested": 1}' --query output --output text
quick=$(sfn create-state-machine --name cli-quick --role-arn "$ROLE" --type EXPRESS \
    --definition "$PASS" --query stateMachineArn --output text)
synchronously start-sync-execution --state-machine-arn "$quick" --input '{"quick": 2}' \
    --query output --output text
sfn list-state-machine-versions --state-machine-arn "$arn" --query 'length(stateMachineVersions)'
sfn stop-execution --execution-arn "$(sfn start-execution --state-machine-arn "$arn" \
    --query executionArn --output text)"
"""


@pytest.mark.timeout(120)
def test_the_aws_cli(sfn: Endpoint, tmp_path: Path) -> None:
    resource = "arn:aws:states:us-east-1:111111111111:activity:cli-work"
    state = {"Type": "Task", "Resource": resource, "End": True}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    mapped = {"Type": "Map", "ItemProcessor": {**PASS, "ProcessorConfig": config}, "End": True}
    with aws_cli(tmp_path) as aws:
        environment = {
            **os.environ,
            "PATH": f"{aws.parent}{os.pathsep}{os.environ['PATH']}",
            "AWS_PAGER": "",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": sfn.url,
            "ROLE": ROLE,
            "DEFINITION": json.dumps({"StartAt": "A", "States": {"A": state}}),
            "MAP": json.dumps({"StartAt": "Each", "States": {"Each": mapped}}),
            "PASS": json.dumps(PASS),
        }
        done = subprocess.run(
            ["sh", "-eu", "-c", SCRIPT], env=environment, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    assert '"FAILED"' in lines
    assert '{"done":true}' in lines
    assert "ExecutionSucceeded" in lines
    assert [one for one in ("90", "SUCCEEDED\t2", "2", "ValidationException") if one in lines] == [
        "90",
        "SUCCEEDED\t2",
        "2",
        "ValidationException",
    ]
    assert '{"tested":1}' in lines
    assert '{"quick":2}' in lines
