"""Calls of AWS in workflows: in plain Python, on an engine and compiled; moto's server answers."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.utils import boto_client

from partita import WorkflowDefinition
from partita.asl import send_task_failure, send_task_success, use_services
from partita.asl.check import check_text
from partita.compile import CompileError, compile_workflow
from partita.errors import (
    InvalidInputError,
    InvalidOptionError,
    MachineFailedError,
    PartitaError,
    TaskFailedError,
    UnsupportedError,
    WorkflowCanceledError,
    WorkflowFailedError,
)
from partita.integrations import aws, aws_activities, aws_models, process_services
from partita.integrations.clients import service_name
from partita.integrations.resources import JobStanding, Resource
from partita.integrations.services import Services
from partita.integrations.settings import ServiceSettings
from partita.stepfunctions.compiled import compiled
from partita.stepfunctions.emitter import emit, express_errors
from partita.testing import Environment
from tests.compile.corpus import load
from tests.integrations import aws_workflows
from tests.integrations.moto import client, moto
from tests.stepfunctions.pysfn import moto_machine

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def at_moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    use_services(None)
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL", moto())
    yield
    use_services(None)


def served(definition: Any) -> Environment:
    """Return an environment of one workflow, and of the activities that call AWS for it."""
    return Environment(modules=[aws_activities], workflows=[definition])


def plain(definition: WorkflowDefinition[..., Any], *args: Any) -> Any:
    return definition(*args)


def on_engine(definition: WorkflowDefinition[..., Any], *args: Any) -> Any:
    with served(definition) as env:
        return env.run(definition, *args)


def as_machine(definition: WorkflowDefinition[..., Any], *args: Any) -> Any:
    made = compiled(definition)
    with served(made) as env:
        return env.run(made, *args)


@pytest.fixture(params=[plain, on_engine, as_machine])
def run(request: pytest.FixtureRequest) -> Run:
    found: Run = request.param
    return found


@pytest.fixture(scope="module")
def table() -> str:
    name = f"table-{uuid.uuid4().hex}"
    make_table(name)
    return name


def make_table(name: str) -> None:
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture
def queue() -> str:
    found: str = client("sqs").create_queue(QueueName=f"queue-{uuid.uuid4().hex}")["QueueUrl"]
    return found


def test_optimised_and_sdk_integrations(run: Run, table: str) -> None:
    id = uuid.uuid4().hex
    assert run(aws_workflows.put_once, table, id) == {"items": [{"id": {"S": id}}], "count": 1}
    assert run(aws_workflows.put_once, table, id) == {"is_there": id}


@pytest.mark.parametrize(("after", "count"), [(None, 1), ("one", 0)])
def test_dicts_in_conditions_and_comprehensions(run: Run, after: str | None, count: int) -> None:
    item = {"id": {"S": "one"}, "is_set": {"BOOL": True}}
    if "several" not in client("dynamodb").list_tables()["TableNames"]:
        make_table("several")
    client("dynamodb").put_item(TableName="several", Item=item)
    found = run(aws_workflows.several, "several", ["one"], after)
    assert found == {"found": [{"id": {"S": "one"}, "is_set": {"Bool": True}}], "count": count}


def test_calls_that_run_at_once(run: Run, table: str) -> None:
    assert run(aws_workflows.at_once, [table, "none", table]) == [
        "empty",
        "empty",
        "no table",
        "empty",
    ]


def test_all_refusals_are_client_errors(run: Run, table: str) -> None:
    assert run(aws_workflows.caught, table) == "found"
    assert run(aws_workflows.caught, "none") == "refused"


def test_an_error_that_is_not_caught(run: Run) -> None:
    with pytest.raises((ClientError, WorkflowFailedError, MachineFailedError)) as raised:
        run(aws_workflows.not_caught, "none-" + uuid.uuid4().hex)
    told = f"{type(raised.value).__name__} {getattr(raised.value, 'type', '')} {raised.value}"
    assert "ResourceNotFoundException" in told
    assert "Requested resource not found" in told


def test_texts_are_bodies_and_numbers_are_counts(run: Run) -> None:
    name = f"bucket-{uuid.uuid4().hex}"
    client("s3").create_bucket(Bucket=name)
    assert run(aws_workflows.upload, name, "hello") == {"body": '{"text":"hello"}', "count": 1}


def test_a_job_is_waited_for(run: Run) -> None:
    name = f"job-{uuid.uuid4().hex}"
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}
    client("glue").create_job(Name=name, Role="r", Command=command)
    found = run(aws_workflows.job, name)
    assert (found["JobName"], found["JobRunState"]) == (name, "SUCCEEDED")


class EndlessJob(Services):
    """Services whose job does not end by itself."""

    def __init__(self) -> None:
        super().__init__(ServiceSettings())
        self.stopped: list[Any] = []

    def start_job(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"JobRunId": "1"}

    def check_job(self, *_: Any) -> JobStanding:
        return JobStanding(is_done=False)

    def stop_job(self, resource: Any, arguments: Any, started: Any) -> None:
        self.stopped.append((str(resource), arguments, started))


@pytest.mark.parametrize("make", [lambda one: one, compiled])
def test_a_job_is_stopped_if_its_workflow_is_cancelled(make: Any) -> None:
    services = EndlessJob()
    process_services.use(services)
    made = make(aws_workflows.job)
    with served(made) as env:
        handle = env.start(made, "endless")
        env.sleep(100)
        handle.cancel()
        with pytest.raises(WorkflowCanceledError):
            handle.result()
    assert services.stopped == [
        ("glue:startJobRun", {"JobName": "endless"}, {"JobRunId": "1"}),
    ]


class UnstoppableJob(EndlessJob):
    """Services that refuse to stop their job."""

    def stop_job(self, resource: Any, arguments: Any, started: Any) -> None:
        super().stop_job(resource, arguments, started)
        raise TaskFailedError("Glue.AccessDeniedException", "no")


@pytest.mark.parametrize("make", [lambda one: one, compiled])
def test_a_workflow_is_cancelled_though_its_job_cannot_be_stopped(make: Any) -> None:
    services = UnstoppableJob()
    process_services.use(services)
    made = make(aws_workflows.job)
    with served(made) as env:
        handle = env.start(made, "endless")
        env.sleep(100)
        handle.cancel()
        with pytest.raises(WorkflowCanceledError):
            handle.result()
    assert len(services.stopped) == 1


@pytest.mark.parametrize("make", [lambda one: one, compiled])
def test_a_job_that_takes_longer_than_its_call_may_is_stopped(make: Any) -> None:
    services = EndlessJob()
    process_services.use(services)
    made = make(aws_workflows.limited_job)
    with served(made) as env:
        began = env.now()
        assert env.run(made, "endless") == "too late"
        assert 59 <= (env.now() - began).total_seconds() <= 61
    assert len(services.stopped) == 1


def test_express_machines_have_neither_jobs_nor_tokens() -> None:
    for definition in (aws_workflows.job, aws_workflows.ask):
        program = compile_workflow(definition)
        assert len(express_errors(program, emit(program))) == 1


@pytest.mark.parametrize("make", [lambda one: one, compiled])
def test_the_answer_to_a_token_is_the_result(make: Any, queue: str) -> None:
    made = make(aws_workflows.ask)
    with served(made) as env:
        for is_answered in (True, False):
            handle = env.start(made, queue, "why?")
            env.sleep(1)
            (message,) = client("sqs").receive_message(QueueUrl=queue)["Messages"]
            client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            sent = json.loads(message["Body"])
            assert sent["question"] == "why?"
            if is_answered:
                send_task_success(env.client, sent["token"], {"because": 42})
                assert handle.result() == {"because": 42}
            else:
                send_task_failure(env.client, sent["token"], "Unknown", "nobody knows")
                assert "nobody knows" in handle.result()["failed"]


@pytest.mark.parametrize("make", [lambda one: one, compiled])
def test_nobody_answers_a_token(make: Any, queue: str) -> None:
    made = make(aws_workflows.ask_in_time)
    with served(made) as env:
        assert env.run(made, queue) == "nobody"


def test_plain_python_has_nobody_who_answers(queue: str) -> None:
    with pytest.raises(PartitaError):
        aws.sqs.send_message.wait_for_task_token(QueueUrl=queue, MessageBody=aws.TASK_TOKEN)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: aws.dynamodb.get_item(Tablename="t"), InvalidInputError, "mean TableName?"),
        (lambda: aws.dynamodb.get_item(TableName="t"), InvalidInputError, "argument Key is miss"),
        (
            lambda: aws.dynamodb.get_item(TableName=1, Key={}),
            InvalidInputError,
            "TableName is string, not int; give str",
        ),
        (
            lambda: aws.dynamodb.get_item(TableName="t", Key={"id": {"X": "1"}}),
            InvalidInputError,
            "Key['id']: there is no argument X",
        ),
        (
            lambda: aws.dynamodb.get_item(TableName="t", Key={"id": {"L": [{"S": True}]}}),
            InvalidInputError,
            "Key['id'].L[0].S is string, not bool",
        ),
        (
            lambda: aws.s3.put_object(Bucket="b", Key="k", Body=b"1"),
            InvalidInputError,
            "Body is blob, not bytes",
        ),
        (
            lambda: aws.s3.list_objects_v2(Bucket="b", MaxKeys=1.5),
            InvalidInputError,
            "MaxKeys is integer, not float; give int",
        ),
        (lambda: aws.dynamo, AttributeError, "no service dynamo; did you mean dynamodb?"),
        (lambda: aws.dynamodb.getitem, AttributeError, "aws.dynamodb has no getitem; did you mean"),
        (lambda: aws.dynamodb.exceptions.NoneSuch, AttributeError, "dynamodb has no error NoneS"),
        (lambda: aws.sqs.send_message.map, AttributeError, "it has submit, sync, wait_for_task"),
        (lambda: aws.dynamodb.get_item.sync, UnsupportedError, "begins no job to wait for"),
        (
            lambda: aws.sqs.send_message(QueueUrl="u", MessageBody=aws.TASK_TOKEN),
            UnsupportedError,
            "TASK_TOKEN is for .wait_for_task_token",
        ),
        (
            lambda: aws.sqs.send_message.wait_for_task_token(
                QueueUrl="u", MessageBody=f"token {aws.TASK_TOKEN}"
            ),
            UnsupportedError,
            "aws.TASK_TOKEN is no text; give it by itself",
        ),
        (
            lambda: aws.sqs.send_message.wait_for_task_token(
                QueueUrl="u", MessageBody=json.dumps({"token": aws.TASK_TOKEN})
            ),
            TypeError,
            "not JSON serializable",
        ),
        (
            lambda: aws.sqs.send_message.options(start_to_close=-1),
            InvalidOptionError,
            "start_to_close",
        ),
    ],
)
def test_what_does_not_fit_is_told_at_the_call(call: Any, error: type, told: str) -> None:
    with pytest.raises(error) as raised:
        call()
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("aws.dynamodb.get_item(Table=x, Key={})", "there is no argument Table; did you mean"),
        ("aws.dynamodb.get_item(TableName=x)", "the argument Key is missing"),
        ("aws.dynamodb.get_item(TableName=n, Key={})", "it is string, not int; give str"),
        ("aws.dynamodb.get_item(TableName=x, Key={'id': {'X': x}})", "there is no argument X"),
        ("aws.dynamodb.get_item(TableName=x, Key={'id': {'S': n}})", "it is string, not int"),
        ("aws.dynamodb.get_item(TableName=x, Key={x: {'S': x}})", "a key is no text"),
        ("aws.dynamodb.get_item(TableName=x, Key=[x])", "it is map, not list[str]; give dict"),
        ("aws.dynamodb.get_item(x, d)", "its arguments have names"),
        ("aws.dynamodb.get_item(**d)", "its arguments have names"),
        ("aws.ecs.run_task(taskDefinition=x, overrides=d)", "spells names within it"),
        ("aws.dynamodb.getitem(TableName=x)", "aws.dynamodb has no getitem; did you mean"),
        ("aws.dynamodb.get_item.sync(TableName=x)", "begins no job to wait for"),
        ("aws.sqs.send_message(QueueUrl=x, MessageBody=aws.TASK_TOKEN)", "only a task that waits"),
        ("aws.nothing.at_all()", "AWS has no service nothing"),
        ("aws.sqs.send_message.map(QueueUrl=x)", "it has submit, sync, wait_for_task_token"),
        ("aws.sqs.send_message.submit(QueueUrl=x)", "the argument MessageBody is missing"),
        ("aws.sqs.send_message.options(start_to_close=-1)(QueueUrl=x)", "start_to_close"),
    ],
)
def test_what_does_not_fit_is_refused_by_the_compiler(code: str, told: str, tmp_path: Any) -> None:
    name = f"refused_{abs(hash(code)):x}"
    head = "from partita.integrations import aws\n@workflow\n"
    for number, body in enumerate((f"return {code}", f"found = {code}\n    return found")):
        source = f"{head}def main(x: str, n: int, d: dict[str, Any]) -> Any:\n    {body}\n"
        with pytest.raises(CompileError) as raised:
            compile_workflow(load(f"{name}_{number}", source, tmp_path), "f.py")
        (found,) = raised.value.diagnostics
        assert told in str(found)
        assert found.row == 7


def machine_of(definition: WorkflowDefinition[..., Any]) -> dict[str, Any]:
    machine = emit(compile_workflow(definition))
    assert [str(one) for one in check_text(json.dumps(machine)) if one.severity == "ERROR"] == []
    tasks = [one for one in machine["States"].values() if one["Type"] == "Task"]
    return {one["Resource"].removeprefix("arn:aws:states:::"): one for one in tasks}


def test_the_states() -> None:
    tasks = machine_of(aws_workflows.put_once)
    assert list(tasks) == ["dynamodb:putItem", "aws-sdk:dynamodb:query"]
    assert tasks["aws-sdk:dynamodb:query"]["TimeoutSeconds"] == 30
    assert tasks["aws-sdk:dynamodb:query"]["Retry"][0]["MaxAttempts"] == 1
    assert list(machine_of(aws_workflows.job)) == ["glue:startJobRun.sync"]
    (ask,) = machine_of(aws_workflows.ask).items()
    assert ask[0] == "sqs:sendMessage.waitForTaskToken"
    assert "$states.context.Task.Token" in ask[1]["Arguments"]["MessageBody"]


def test_motos_interpreter_agrees(table: str) -> None:
    port = mock.patch.object(boto_client, "moto_server_port", return_value=urlsplit(moto()).port)
    with moto_machine.interpreter(lambda *_: None), port:

        def run(definition: WorkflowDefinition[..., Any], **given: str) -> Any:
            return moto_machine.run(emit(compile_workflow(definition)), given)

        id = uuid.uuid4().hex
        put = {"items": [{"id": {"S": id}}], "count": 1}
        assert run(aws_workflows.put_once, table=table, id=id) == put
        assert run(aws_workflows.put_once, table=table, id=id) == {"is_there": id}
        assert run(aws_workflows.caught, table=table) == "found"
        assert run(aws_workflows.caught, table="none") == "refused"
        error, _ = run(aws_workflows.not_caught, table="none")
        assert error == "DynamoDB.ResourceNotFoundException"


def test_names_are_spelled_as_task_states_have_them(tmp_path: Any) -> None:
    source = """from partita.integrations import aws, aws_models, process_services
from partita.integrations.clients import service_name
from partita.integrations.resources import JobStanding, Resource
from partita.integrations.services import Services
from partita.integrations.settings import ServiceSettings
@workflow
def main(x: str) -> Any:
    aws.rds.describe_db_instances(DBInstanceIdentifier=x)
    aws.ecs.run_task(taskDefinition=x, overrides={"containerOverrides": [{"name": x}]})
    aws.logs.create_log_group(logGroupName=x)
    aws.lambda_.invoke(FunctionName=x, Payload={"a": x})
"""
    tasks = machine_of(load("spelled", source, tmp_path))
    assert {name: list(one["Arguments"]) for name, one in tasks.items()} == {
        "aws-sdk:rds:describeDBInstances": ["DbInstanceIdentifier"],
        "ecs:runTask": ["TaskDefinition", "Overrides"],
        "aws-sdk:cloudwatchlogs:createLogGroup": ["LogGroupName"],
        "aws-sdk:lambda:invoke": ["FunctionName", "Payload"],
    }
    assert (
        '{"ContainerOverrides": [{"Name": $x}]}' in tasks["ecs:runTask"]["Arguments"]["Overrides"]
    )


def test_the_users_settings_do_not_matter_to_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "AWS_PROFILE", "none-such")
    aws_models.services.cache_clear()
    assert aws.dynamodb.name == "dynamodb"


def test_the_resources_of_all_services_lead_back_to_them() -> None:
    aliases = {"pinpoint-sms-voice": "sms-voice"}  # two names of one API
    for name in aws_models.services().values():
        resource = Resource(aws_models.sdk_name(name), "anything", is_sdk=True)
        assert service_name(resource) == aliases.get(name, name)


def test_an_error_has_both_names_of_state_machines() -> None:
    kind: Any = aws.dynamodb.exceptions.ConditionalCheckFailedException
    assert issubclass(kind, ClientError)
    assert kind.state_names == (
        "DynamoDB.ConditionalCheckFailedException",
        "DynamoDb.ConditionalCheckFailedException",
    )
