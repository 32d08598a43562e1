"""Machines whose tasks call AWS and HTTP endpoints; moto's server is AWS."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from partita.asl import machine, register_integration, send_task_success, use_services
from partita.asl.tasks import outside
from partita.asl.tasks.integrations import forget_integration
from partita.cli import machines
from partita.errors import (
    InvalidOptionError,
    MachineFailedError,
    TaskFailedError,
    WorkflowFailedError,
)
from partita.integrations.resources import JobStanding
from partita.integrations.settings import ServiceSettings
from partita.testing import Environment, crash_at_every_step
from tests.asl.corpus import Case, Matcher, executions
from tests.integrations.moto import client, moto

MOTO_ACCOUNT = "123456789012"


@pytest.fixture
def aws() -> Iterator[None]:
    use_services(ServiceSettings(endpoint=moto()))
    yield
    use_services(None)


def run(definition: dict[str, Any], input: Any = None) -> Any:
    """Return a machine's output, or the MachineFailedError that it ends with."""
    made = machine(definition, f"machine-{uuid.uuid4().hex}")
    with Environment(workflows=[made], activities=()) as env:
        try:
            return env.run(made, input)
        except WorkflowFailedError as error:
            return error.__cause__


def task(resource: str, arguments: Any, **fields: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "End": True, **fields}
    if arguments is not None:
        state["Parameters"] = arguments
    return {"StartAt": "Call", "States": {"Call": state}}


RUNNABLE = ("dynamodb", "s3", "sqs", "sns")
NOT_AS_MOTO = {
    "test_put_item_invalid_table_name": "moto does not check the pattern of a table's name",
    "test_publish_base_error_topic_arn": "moto words the missing topic in its own way",
    "test_sqs_failure_in_wait_for_task_tok": "the test answers the task token",
    "test_heartbeat_no_timeout": "the test waits for the token's heartbeat",
    "test_heartbeat_timeout": "the test waits for the token's heartbeat",
}


def _recorded() -> dict[str, Case]:
    """Return the recorded cases whose services moto has."""
    found = {}
    for case in executions("integrations"):
        services = {
            name.removeprefix("aws-sdk:").partition(":")[0] for name in case.data["integrations"]
        }
        name = case.name.rpartition("::")[2].partition("[")[0]
        if services <= {*RUNNABLE} and name not in NOT_AS_MOTO:
            found[case.name] = case
    return found


RECORDED = _recorded()


def _prepare(case: Case, input: Any) -> None:
    """Make the tables, topics, queues and objects that a case needs."""
    for bucket, objects in (case.data.get("s3") or {}).items():
        client("s3").create_bucket(Bucket=bucket)
        for key, text in objects.items():
            client("s3").put_object(Bucket=bucket, Key=key, Body=text)
    if "TopicArn" in input and "error" not in case.name:
        client("sns").create_topic(Name=input["TopicArn"].rpartition(":")[2])
    if "QueueUrl" in input:
        client("sqs").create_queue(QueueName=input["QueueUrl"].rpartition("/")[2])
    if "TableName" in input and "no_such" not in input["TableName"]:
        client("dynamodb").create_table(
            TableName=input["TableName"],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


def _remove(case: Case, input: Any) -> None:
    if "TopicArn" in input:
        client("sns").delete_topic(TopicArn=input["TopicArn"])
    for bucket, objects in (case.data.get("s3") or {}).items():
        for key in objects:
            client("s3").delete_object(Bucket=bucket, Key=key)
        client("s3").delete_bucket(Bucket=bucket)
    if "TableName" in input and "no_such" not in input["TableName"]:
        client("dynamodb").delete_table(TableName=input["TableName"])


def _without_extras(value: Any) -> Any:
    """Return an output without what only moto, or only AWS, has in its answers."""
    if isinstance(value, dict):
        left_out = {"ConsumedCapacity", "AllHttpHeaders", "HttpHeaders", "ServerSideEncryption"}
        return {name: _without_extras(part) for name, part in value.items() if name not in left_out}
    return value


@pytest.mark.parametrize("name", list(RECORDED))
def test_services_answer_as_aws_recorded(name: str, aws: None) -> None:
    case = RECORDED[name]
    text = json.dumps(case.data["input"]).replace("111111111111", MOTO_ACCOUNT)
    input = json.loads(text)
    _prepare(case, input)
    try:
        found = run(case.data["definition"], input)
    finally:
        _remove(case, input)
    matcher, expect = Matcher(case), case.expect
    if expect["status"] == "SUCCEEDED":
        expected = _without_extras(expect["output"])
        expected = json.loads(json.dumps(expected).replace("111111111111", MOTO_ACCOUNT))
        assert not isinstance(found, MachineFailedError), (found.error, found.cause)
        assert matcher.matches(expected, _without_extras(found)), matcher.difference
    else:
        assert isinstance(found, MachineFailedError)
        assert matcher.matches(expect["error"], found.error), matcher.difference
        assert matcher.matches(expect["cause"], found.cause), matcher.difference


def test_a_failure_is_caught_by_its_name(aws: None) -> None:
    definition = task(
        "aws-sdk:sqs:sendMessage",
        {"QueueUrl": "http://localhost/123456789012/nothing", "MessageBody": "x"},
        Catch=[{"ErrorEquals": ["Sqs.QueueDoesNotExistException"], "Next": "Caught"}],
    )
    definition["States"]["Caught"] = {"Type": "Pass", "Result": "caught", "End": True}
    assert run(definition) == "caught"


def test_a_token_is_sent_and_comes_back(aws: None) -> None:
    url = client("sqs").create_queue(QueueName=f"queue-{uuid.uuid4().hex}")["QueueUrl"]
    body = {"text": "hello", "token.$": "$$.Task.Token"}
    send = {"QueueUrl": url, "MessageBody": body}
    made = machine(task("sqs:sendMessage.waitForTaskToken", send), f"machine-{uuid.uuid4().hex}")
    with Environment(workflows=[made], activities=()) as env:
        handle = env.start(made, None)
        env.sleep(1)
        (message,) = client("sqs").receive_message(QueueUrl=url)["Messages"]
        sent = json.loads(message["Body"])
        assert sent["text"] == "hello"
        send_task_success(env.client, sent["token"], {"a": 1})
        assert handle.result() == {"a": 1}


def test_a_job_is_waited_for(aws: None) -> None:
    name = f"job-{uuid.uuid4().hex}"
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}
    client("glue").create_job(Name=name, Role="r", Command=command)
    output = run(task("glue:startJobRun.sync", {"JobName": name}))
    assert output["JobName"] == name
    assert output["JobRunState"] == "SUCCEEDED"


def test_a_callable_goes_before_the_service(aws: None) -> None:
    register_integration("glue:startJobRun.sync", lambda parameters: {"own": parameters})
    try:
        assert run(task("glue:startJobRun.sync", {"JobName": "x"})) == {"own": {"JobName": "x"}}
    finally:
        forget_integration("glue:startJobRun.sync")


def test_nothing_is_called_without_configuration() -> None:
    use_services(None)  # whatever a command has configured in this process
    failed = run(task("sqs:sendMessage", {"QueueUrl": "u", "MessageBody": "b"}))
    assert failed.error == "States.TaskFailed"
    assert "and calls no services of AWS" in failed.cause


class _Jobs:
    """Stands in for services with jobs."""

    settings = ServiceSettings()

    def __init__(self, standings: list[Any]) -> None:
        self.standings = standings
        self.calls: list[str] = []

    def start_job(self, resource: Any, arguments: Any, *, idempotency_key: str) -> Any:
        self.calls.append("start")
        return {"RunId": idempotency_key}

    def check_job(self, resource: Any, arguments: Any, started: Any) -> Any:
        self.calls.append("check")
        standing = self.standings.pop(0) if len(self.standings) > 1 else self.standings[0]
        if isinstance(standing, Exception):
            raise standing
        return standing

    def stop_job(self, resource: Any, arguments: Any, started: Any) -> None:
        self.calls.append("stop")


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> _Jobs:
    made = _Jobs([JobStanding(is_done=False)] * 6 + [JobStanding(is_done=True, output={"a": 1})])
    monkeypatch.setattr("partita.integrations.process_services._configured", [made])
    return made


def test_a_job_is_asked_for_until_it_is_done(jobs: _Jobs) -> None:
    assert run(task("batch:submitJob.sync", {"JobName": "n"})) == {"a": 1}
    assert jobs.calls == ["start", *["check"] * 7]


def test_a_job_is_not_started_again_after_a_crash(jobs: _Jobs) -> None:
    standings = [*jobs.standings]
    counts = []

    def begin() -> None:
        counts.append(jobs.calls.count("start"))
        jobs.calls.clear()
        jobs.standings[:] = standings

    made = machine(task("batch:submitJob.sync", {"JobName": "n"}), f"machine-{uuid.uuid4().hex}")
    report = crash_at_every_step(made, None, before_each=begin, workflows=[made], activities=())
    assert report.outcome.value == {"a": 1}
    assert set(counts[1:]) == {1, 2}  # 2: the crash was between the call and its record
    assert counts.count(2) <= 2


def test_a_job_that_takes_too_long_is_stopped(jobs: _Jobs) -> None:
    del jobs.standings[1:]
    failed = run(task("batch:submitJob.sync", {"JobName": "n"}, TimeoutSeconds=10))
    assert failed.error == "States.Timeout"
    assert jobs.calls[-1] == "stop"
    assert jobs.calls.count("start") == 1


@pytest.mark.parametrize(("pattern", "output"), [("sync", '{"b":1}'), ("sync:2", {"b": 1})])
def test_the_output_of_a_nested_execution(jobs: _Jobs, pattern: str, output: Any) -> None:
    done = {"Status": "SUCCEEDED", "Output": '{"b":1}'}
    jobs.standings[:] = [JobStanding(is_done=True, output=done)]
    found = run(task(f"states:startExecution.{pattern}", {"StateMachineArn": "arn:x"}))
    assert found == {"Status": "SUCCEEDED", "Output": output}


def test_a_job_that_fails_fails_the_task(jobs: _Jobs) -> None:
    jobs.standings[:] = [TaskFailedError("States.TaskFailed", '{"Status":"FAILED"}')]
    failed = run(task("batch:submitJob.sync", {"JobName": "n"}))
    assert (failed.error, failed.cause) == ("States.TaskFailed", '{"Status":"FAILED"}')


def test_the_job_of_a_branch_that_is_cancelled_is_stopped(jobs: _Jobs) -> None:
    del jobs.standings[1:]
    fail = {
        "StartAt": "Wait",
        "States": {
            "Wait": {"Type": "Wait", "Seconds": 5, "Next": "Fail"},
            "Fail": {"Type": "Fail", "Error": "Other"},
        },
    }
    branches = [task("batch:submitJob.sync", {"JobName": "n"}), fail]
    failed = run(
        {
            "StartAt": "Both",
            "States": {"Both": {"Type": "Parallel", "Branches": branches, "End": True}},
        }
    )
    assert failed.error == "Other"
    assert jobs.calls[-1] == "stop"


class _Teapot(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/tea" else 418)
        self.send_header("Content-Length", "8")
        self.end_headers()
        self.wfile.write(b'{"tea":1}'[:8] if self.path != "/tea" else b'{"t": 1}')

    def log_message(self, *_: Any) -> None:
        """Be silent."""


@pytest.fixture
def teapot() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Teapot)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    host = f"127.0.0.1:{server.server_address[1]}"
    use_services(ServiceSettings(http_hosts=(host,)))
    yield f"http://{host}"
    use_services(None)
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_http_task(teapot: str) -> None:
    output = run(task("http:invoke", {"ApiEndpoint": f"{teapot}/tea", "Method": "GET"}))
    assert (output["StatusCode"], output["ResponseBody"]) == (200, {"t": 1})
    failed = run(task("http:invoke", {"ApiEndpoint": f"{teapot}/coffee", "Method": "GET"}))
    assert failed.error == "States.Http.StatusCode.418"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"aws": "eu-west-1"}, {"region": "eu-west-1", "endpoint": None, "is_aws_used": True}),
        (
            {"aws": "http://localhost:4566"},
            {"region": "us-east-1", "endpoint": "http://localhost:4566", "is_aws_used": True},
        ),
        ({"s3_folder": "data"}, {"folder": "data", "is_aws_used": False}),
        ({"http_hosts": ("a", "b:1")}, {"http_hosts": ("a", "b:1"), "is_aws_used": False}),
    ],
)
def test_options_of_commands(
    given: dict[str, Any], expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    machines.use(**given)
    settings = outside.services().settings
    use_services(None)
    assert {name: getattr(settings, name) for name in expected} == expected


def test_connections_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "connections.json"
    file.write_text('{"billing": {"AuthParameters": {}}}')
    machines.use(connections=str(file))
    assert outside.services().settings.connections == {"billing": {"AuthParameters": {}}}
    use_services(None)
    file.write_text("[1]")
    for path in (file, tmp_path / "missing"):
        with pytest.raises(InvalidOptionError, match="--connections"):
            machines.use(connections=str(path))
