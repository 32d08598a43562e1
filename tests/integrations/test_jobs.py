"""Jobs of `.sync` tasks: moto's server has some, stubs of the SDK stand in for others."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from partita.errors import TaskFailedError
from partita.integrations.clients import Clients
from partita.integrations.job_kinds import JOBS
from partita.integrations.jobs import check_job, start_job, stop_job
from partita.integrations.naming import capitalized
from partita.integrations.optimized import FIRST_SDK, OPERATIONS
from partita.integrations.resources import JobStanding, Resource
from partita.integrations.services import Services
from partita.integrations.settings import ServiceSettings
from tests.integrations.moto import client


def job(service: str, action: str) -> Resource:
    return Resource(service, action)


class Stub:
    """A client whose answers are given."""

    def __init__(self, service: str) -> None:
        self.clients = Clients(ServiceSettings(endpoint="http://127.0.0.1:9"))
        self.stubber = Stubber(self.clients.client(service))

    def answer(self, operation: str, answer: dict[str, Any], asked: dict[str, Any]) -> None:
        self.stubber.add_response(operation, answer, asked)


@pytest.fixture
def stub(request: pytest.FixtureRequest) -> Iterator[Stub]:
    made = Stub(request.param)
    with made.stubber:
        yield made
    made.stubber.assert_no_pending_responses()


TASK = "arn:aws:ecs:us-east-1:123456789012:task/c/1"


@pytest.mark.parametrize("stub", ["ecs"], indirect=True)
@pytest.mark.parametrize("code", [0, 1])
def test_a_task_of_ecs_succeeds_if_its_containers_do(stub: Stub, code: int) -> None:
    resource = job("ecs", "runTask")
    arguments = {"TaskDefinition": "d", "Cluster": "c"}
    stub.answer("run_task", {"tasks": [{"taskArn": TASK}]}, {"taskDefinition": "d", "cluster": "c"})
    started = start_job(stub.clients, resource, arguments)
    asked = {"cluster": "c", "tasks": [TASK]}
    running = {"taskArn": TASK, "lastStatus": "RUNNING"}
    stub.answer("describe_tasks", {"tasks": [running]}, asked)
    assert check_job(stub.clients, resource, arguments, started) == JobStanding(is_done=False)
    stopped = {"taskArn": TASK, "lastStatus": "STOPPED", "containers": [{"exitCode": code}]}
    stub.answer("describe_tasks", {"tasks": [stopped]}, asked)
    shown = {"TaskArn": TASK, "LastStatus": "STOPPED", "Containers": [{"ExitCode": code}]}
    if code == 0:
        standing = check_job(stub.clients, resource, arguments, started)
        assert standing == JobStanding(is_done=True, output=shown)
        return
    with pytest.raises(TaskFailedError) as raised:
        check_job(stub.clients, resource, arguments, started)
    assert raised.value.error == "States.TaskFailed"
    assert json.loads(str(raised.value.cause)) == shown


@pytest.mark.parametrize("stub", ["ecs"], indirect=True)
def test_a_task_that_ecs_cannot_place(stub: Stub) -> None:
    answer = {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]}
    stub.answer("run_task", answer, {"taskDefinition": "d"})
    with pytest.raises(TaskFailedError) as raised:
        start_job(stub.clients, job("ecs", "runTask"), {"TaskDefinition": "d"})
    assert raised.value.error == "AmazonECS.Unknown"
    assert "RESOURCE:MEMORY" in str(raised.value.cause)


@pytest.mark.parametrize("stub", ["batch"], indirect=True)
def test_a_batch_job_is_stopped(stub: Stub) -> None:
    resource = job("batch", "submitJob")
    arguments = {"JobName": "n", "JobQueue": "q", "JobDefinition": "d"}
    stub.answer(
        "submit_job",
        {"jobName": "n", "jobId": "1"},
        {"jobName": "n", "jobQueue": "q", "jobDefinition": "d"},
    )
    started = start_job(stub.clients, resource, arguments)
    stub.answer("describe_jobs", {"jobs": [{"jobId": "1", **JOB}]}, {"jobs": ["1"]})
    assert not check_job(stub.clients, resource, arguments, started).is_done
    reason = "The state machine's task was stopped"
    stub.answer("terminate_job", {}, {"jobId": "1", "reason": reason})
    stop_job(stub.clients, resource, arguments, started)


JOB = {
    "jobName": "n",
    "jobQueue": "q",
    "jobDefinition": "d",
    "status": "RUNNABLE",
    "startedAt": 1,
}


@pytest.mark.parametrize("stub", ["emr"], indirect=True)
def test_a_step_of_emr(stub: Stub) -> None:
    resource = job("elasticmapreduce", "addStep")
    jar = {"Name": "s", "HadoopJarStep": {"Jar": "j"}}
    arguments = {"ClusterId": "c", "Step": jar}
    stub.answer("add_job_flow_steps", {"StepIds": ["1"]}, {"JobFlowId": "c", "Steps": [jar]})
    started = start_job(stub.clients, resource, arguments)
    assert started["StepId"] == "1"
    step = {"Step": {"Status": {"State": "COMPLETED"}}}
    stub.answer("describe_step", step, {"ClusterId": "c", "StepId": "1"})
    assert check_job(stub.clients, resource, arguments, started).output == step


@pytest.mark.parametrize("stub", ["eks"], indirect=True)
def test_a_cluster_of_eks(stub: Stub) -> None:
    resource = job("eks", "createCluster")
    arguments = {"Name": "c", "RoleArn": "r", "ResourcesVpcConfig": {}}
    asked = {"name": "c", "roleArn": "r", "resourcesVpcConfig": {}, "clientRequestToken": "key"}
    stub.answer("create_cluster", {"cluster": {"name": "c", "status": "CREATING"}}, asked)
    started = start_job(stub.clients, resource, arguments, idempotency_key="key")
    stub.answer("describe_cluster", {"cluster": {"name": "c", "status": "ACTIVE"}}, {"name": "c"})
    standing = check_job(stub.clients, resource, arguments, started)
    assert standing.output == {"Cluster": {"Name": "c", "Status": "ACTIVE"}}


@pytest.mark.parametrize("stub", ["codebuild"], indirect=True)
def test_a_build(stub: Stub) -> None:
    resource = job("codebuild", "startBuild")
    stub.answer("start_build", {"build": {"id": "p:1"}}, {"projectName": "p"})
    started = start_job(stub.clients, resource, {"ProjectName": "p"})
    done = {"builds": [{"id": "p:1", "buildStatus": "SUCCEEDED"}]}
    stub.answer("batch_get_builds", done, {"ids": ["p:1"]})
    standing = check_job(stub.clients, resource, {"ProjectName": "p"}, started)
    assert standing.output == {"Build": {"Id": "p:1", "BuildStatus": "SUCCEEDED"}}


EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:m:n"


@pytest.mark.parametrize("stub", ["stepfunctions"], indirect=True)
def test_a_nested_execution(stub: Stub) -> None:
    resource = job("states", "startExecution")
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
    begun = datetime(2025, 1, 1, tzinfo=UTC)
    stub.answer(
        "start_execution",
        {"executionArn": EXECUTION, "startDate": begun},
        {"stateMachineArn": machine, "input": '{"a":1}'},
    )
    arguments = {"StateMachineArn": machine, "Input": {"a": 1}}
    started = start_job(stub.clients, resource, arguments)
    known = {"executionArn": EXECUTION, "stateMachineArn": machine, "startDate": begun}
    asked = {"executionArn": EXECUTION}
    stub.answer("describe_execution", {**known, "status": "RUNNING"}, asked)
    assert not check_job(stub.clients, resource, arguments, started).is_done
    stub.answer("describe_execution", {**known, "status": "SUCCEEDED", "output": "[1]"}, asked)
    assert check_job(stub.clients, resource, arguments, started).output == {
        "ExecutionArn": EXECUTION,
        "StateMachineArn": machine,
        "StartDate": 1_735_689_600_000,
        "Status": "SUCCEEDED",
        "Output": "[1]",
    }


def test_a_run_of_glue(services: Services) -> None:
    name = f"job-{uuid.uuid4().hex}"
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}
    client("glue").create_job(Name=name, Role="r", Command=command)
    resource = job("glue", "startJobRun")
    started = services.start_job(resource, {"JobName": name})
    standing = services.check_job(resource, {"JobName": name}, started)
    assert standing.is_done
    assert standing.output["JobRunState"] == "SUCCEEDED"
    assert isinstance(standing.output["StartedOn"], int)


def test_a_query_of_athena(services: Services) -> None:
    resource = job("athena", "startQueryExecution")
    arguments = {"QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": "s3://b/"}}
    started = services.start_job(resource, arguments)
    standing = services.check_job(resource, arguments, started)
    assert standing.output["QueryExecution"]["Status"]["State"] == "SUCCEEDED"
    services.stop_job(resource, arguments, started)


@pytest.mark.parametrize("key", sorted(JOBS))
def test_the_operations_of_a_kind_of_job_exist(key: tuple[str, str], services: Services) -> None:
    service, action = key
    kind = JOBS[key]
    assert action in FIRST_SDK[service].actions
    sdk = Clients(services.settings).client(FIRST_SDK[service].sdk)
    names = set(sdk.meta.service_model.operation_names)
    assert {kind.describe, *([kind.stop] if kind.stop else [])} <= names


@pytest.mark.parametrize("service", sorted(FIRST_SDK))
def test_the_actions_of_a_service_exist(service: str, services: Services) -> None:
    sdk = Clients(services.settings).client(FIRST_SDK[service].sdk)
    names = {
        OPERATIONS.get((service, action), capitalized(action))
        for action in FIRST_SDK[service].actions
    }
    assert names <= set(sdk.meta.service_model.operation_names)


def test_what_is_no_job() -> None:
    for resource in (job("sqs", "sendMessage"), Resource("glue", "startJobRun", is_sdk=True)):
        with pytest.raises(TaskFailedError) as raised:
            Services().start_job(resource, {})
        assert raised.value.error == "States.Runtime"
