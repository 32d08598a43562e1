"""State machines by the command line."""

from __future__ import annotations

import http.server
import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.asl import forget_lambda
from partita.asl.tasks.lambdas import forward_lambdas
from tests.cli.conftest import Partita, begin

STEP = "arn:aws:lambda:us-east-1:123456789012:function:double"
MACHINE = {
    "StartAt": "Double",
    "States": {
        "Double": {"Type": "Task", "Resource": STEP, "ResultPath": "$.result", "Next": "Check"},
        "Check": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.result", "NumericGreaterThan": 100, "Next": "Much"}],
            "Default": "Done",
        },
        "Done": {"Type": "Succeed"},
        "Much": {"Type": "Fail", "Error": "TooMuch", "Cause": "over 100"},
    },
}
CODE = "def double(event):\n    return event['n'] * 2\n"


@pytest.fixture(autouse=True)
def functions() -> Iterator[None]:
    """Forget what a command has registered in this process."""
    yield
    forget_lambda("double")
    forward_lambdas(None)


@pytest.fixture
def machines(folder: Path) -> Path:
    (folder / "m.asl.json").write_text(json.dumps(MACHINE))
    (folder / "code.py").write_text(CODE)
    return folder


LAMBDA = ("--lambda", "double=code.py:double")


@pytest.mark.usefixtures("machines")
@pytest.mark.parametrize("command", ["run", "standalone"])
def test_the_input_is_the_document(partita: Partita, command: str) -> None:
    done = partita(command, "m.asl.json", *LAMBDA, "--input", '{"n": 21, "args": []}')
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == {"n": 21, "args": [], "result": 42}


@pytest.mark.usefixtures("machines")
def test_a_failure_has_its_error_and_cause(partita: Partita) -> None:
    done = partita("run", "m.asl.json", *LAMBDA, "--input", '{"n": 51}')
    done.is_error(1, "TooMuch: over 100", "WORKFLOW_FAILED")


@pytest.mark.usefixtures("machines")
def test_a_worker_serves_a_machine(partita: Partita, machines: Path) -> None:
    assert partita("start", "m.asl.json", "--input", '{"n": 1}', "--id", "a").status == 0
    worker = begin(machines, "worker", "m.asl.json", *LAMBDA)
    assert json.loads(partita("result", "a", "--timeout", "30").out) == {"n": 1, "result": 2}
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=30)
    row = json.loads(partita("list", "-o", "json").out)[0]
    assert (row["workflow_id"], row["status"]) == ("a", "COMPLETED")


@pytest.mark.usefixtures("machines")
def test_a_finished_machine_is_not_run_again(partita: Partita) -> None:
    first = partita("run", "m.asl.json", *LAMBDA, "--input", '{"n": 1}', "--id", "x")
    again = partita("run", "m.asl.json", "--id", "x")
    assert first.out == again.out


@pytest.mark.usefixtures("machines")
def test_a_test_case_mocks_the_tasks(partita: Partita, folder: Path) -> None:
    config = {
        "StateMachines": {"m": {"TestCases": {"big": {"Double": "big"}}}},
        "MockedResponses": {"big": {"0": {"Return": {"StatusCode": 200, "Payload": 7}}}},
    }
    (folder / "mocks.json").write_text(json.dumps(config))
    env = {"SFN_MOCK_CONFIG": "mocks.json"}
    done = partita("run", "m.asl.json", "--test-case", "big", "--input", '{"n": 1}', env=env)
    assert json.loads(done.out) == {"n": 1, "result": 7}


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["nowhere.asl.json"], "nowhere.asl.json cannot be read", "LOAD_FAILED"),
        (["broken.json"], "broken.json: the definition is not JSON", "INVALID_DEFINITION"),
        (["m.asl.json", "--input", "{"], "write one JSON value", "INVALID_INPUT"),
        (["m.asl.json", "--lambda", "x"], "write NAME=FILE:HANDLER", "INVALID_OPTION"),
        (["m.asl.json", "--lambda", "x=code.py:y"], "has no function y", "INVALID_OPTION"),
        (["m.asl.json", "--lambda", "x=bad.py:y"], "bad.py cannot be imported", "LOAD_FAILED"),
        (["m.asl.json", "--test-case", "x"], "SFN_MOCK_CONFIG", "LOAD_FAILED"),
    ],
)
def test_what_cannot_be_run(
    partita: Partita, machines: Path, arguments: list[str], said: str, code: str
) -> None:
    (machines / "broken.json").write_text("{")
    (machines / "bad.py").write_text("1 / 0")
    partita("run", *arguments).is_error(2, said, code)


class _Lambda(http.server.BaseHTTPRequestHandler):
    """A Lambda endpoint with one function, which fails for negative numbers."""

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer: Any = event["n"] * 2
        self.send_response(200)
        if event["n"] < 0:
            self.send_header("X-Amz-Function-Error", "Unhandled")
            answer = {"errorType": "Negative", "errorMessage": "below 0"}
        body = json.dumps(answer).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Lambda)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("machines")
def test_other_functions_are_at_an_endpoint(partita: Partita, endpoint: str) -> None:
    there = ("--lambda-endpoint", endpoint)
    done = partita("run", "m.asl.json", *there, "--input", '{"n": 3}')
    assert json.loads(done.out) == {"n": 3, "result": 6}
    partita("run", "m.asl.json", *there, "--input", '{"n": -1}').is_error(1, "Negative")
