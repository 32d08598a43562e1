"""Lambda functions: run here, or passed on; what they return, and how they fail."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from partita.aws.lambda_functions import RESULT_LIMIT
from tests.swf.conftest import Story, decision, serving


class Lambda(BaseHTTPRequestHandler):
    """An endpoint of AWS Lambda, as far as it is asked here."""

    def do_POST(self) -> None:
        name = self.path.removeprefix("/2015-03-31/functions/").removesuffix("/invocations")
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status, headers, answer = {
            "echo": (200, {}, text),
            "cut": (200, {"Content-Length": "1000"}, "less"),
            "cuterror": (500, {"Content-Length": "1000"}, "less"),
            "broken": (200, {"X-Amz-Function-Error": "Unhandled"}, '{"errorMessage": "no"}'),
        }.get(name, (404, {"X-Amzn-Errortype": "ResourceNotFoundException"}, f"no {name}"))
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_: Any) -> None:
        pass


def explode(event: Any, context: Any) -> None:
    raise ValueError(f"not {event}")


FUNCTIONS = {
    "same": lambda event, context: [event, context.function_name],
    "explode": explode,
    "quit": lambda event, context: sys.exit("no more"),
    "long": lambda event, context: "x" * RESULT_LIMIT,
    "strange": lambda event, context: object(),
}


@pytest.fixture
def remote() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Lambda)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def both(tmp_path: Path, remote: str) -> Iterator[Story]:
    with serving(tmp_path, functions=FUNCTIONS, lambda_url=remote) as made:
        yield Story(made)


def invoke(story: Story, name: str, input: str | None = None) -> tuple[str, dict[str, Any]]:
    """Have a function invoked; return the last event about it."""
    story.start(lambdaRole="role")
    given = {} if input is None else {"input": input}
    story.decide(decision("ScheduleLambdaFunction", id="f", name=name, **given))
    event = story.poll()["events"][6]
    kind = event["eventType"]
    return kind, event[f"{kind[0].lower()}{kind[1:]}EventAttributes"]


@pytest.mark.parametrize(
    ("input", "event"), [('{"a": 1}', {"a": 1}), ("plain text", "plain text"), (None, {})]
)
def test_a_function_that_is_here(both: Story, input: str | None, event: Any) -> None:
    kind, told = invoke(both, "same", input)
    assert kind == "LambdaFunctionCompleted"
    assert json.loads(told["result"]) == [event, "same"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("explode", "ValueError"),
        ("quit", "SystemExit"),
        ("long", "ResponseSizeTooLarge"),
        ("strange", "TypeError"),
        ("broken", "Unhandled"),
        ("cut", "ServiceException"),
        ("cuterror", "ServiceException"),
        ("missing", "ResourceNotFoundException"),
    ],
)
def test_functions_that_fail(both: Story, name: str, reason: str) -> None:
    kind, told = invoke(both, name)
    assert kind == "LambdaFunctionFailed"
    assert told["reason"] == reason
    assert told["details"]


def test_a_function_that_is_elsewhere(both: Story) -> None:
    kind, told = invoke(both, "echo", '{"b": 2}')
    assert (kind, told["result"]) == ("LambdaFunctionCompleted", '{"b": 2}')


def test_an_endpoint_that_is_not_there(tmp_path: Path, remote: str) -> None:
    with serving(tmp_path, lambda_url="http://127.0.0.1:1") as made:
        kind, told = invoke(Story(made), "echo")
    assert kind == "LambdaFunctionFailed"
    assert told["reason"] == "ServiceException"


def test_a_function_that_nobody_has(tmp_path: Path) -> None:
    with serving(tmp_path, functions={}) as made:
        kind, told = invoke(Story(made), "echo")
    assert (kind, told["reason"]) == ("LambdaFunctionFailed", "ResourceNotFoundException")


def test_a_function_that_takes_too_long(tmp_path: Path) -> None:
    gate = threading.Event()
    with serving(tmp_path, functions={"slow": lambda event, context: gate.wait(60)}) as made:
        story = Story(made)
        story.start(lambdaRole="role")
        slow = decision("ScheduleLambdaFunction", id="f", name="slow", startToCloseTimeout="1")
        story.decide(slow)
        assert story.poll()["events"][6]["eventType"] == "LambdaFunctionTimedOut"
        gate.set()  # its result comes too late, and is not used
    assert story.endpoint.engine is made.engine


def test_many_at_a_time(tmp_path: Path) -> None:
    together = threading.Barrier(5)
    with serving(tmp_path, functions={"meet": lambda event, context: together.wait(60)}) as made:
        story = Story(made)
        story.start(lambdaRole="role")
        story.decide(
            *(decision("ScheduleLambdaFunction", id=str(n), name="meet") for n in range(5))
        )
        done = 0
        while done < 5:
            task = story.poll()
            kinds = [event["eventType"] for event in task["events"]]
            done = kinds.count("LambdaFunctionCompleted")
            story.client.respond_decision_task_completed(taskToken=task["taskToken"])
