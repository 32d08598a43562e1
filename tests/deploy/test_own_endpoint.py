"""Deploy to our own endpoint, which has no Lambda API, and start executions there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.asl.tasks.lambdas import forget_lambda, register_lambda
from partita.cli.machines import lambda_function
from partita.errors import InvalidOptionError
from partita.stepfunctions.bundle import zipped
from tests.asl.corpus import ACCOUNT
from tests.deploy.shop import Ran, Shop, partita
from tests.stepfunctions.endpoint import Endpoint, endpoint

ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as found:
        yield found


class Remote:
    """Commands to the endpoint."""

    def __init__(self, shop: Shop, url: str) -> None:
        self.shop, self.url = shop, url

    def deploy(self, *options: str, target: str = "shop.py:checkout") -> Ran:
        where = ["--endpoint", self.url, "--name", self.shop.name, "--role", ROLE]
        return partita(
            self.shop.folder, "deploy", target, "--to", "stepfunctions", *where, *options
        )

    def __call__(self, *arguments: str) -> Ran:
        machine = f"&machine={self.shop.name}"
        backend = f"stepfunctions://us-east-1?endpoint={self.url}{machine}"
        return partita(self.shop.folder, "--backend", backend, *arguments)


@pytest.fixture
def remote(shop: Shop, served: Endpoint) -> Iterator[Remote]:
    register_lambda(*lambda_function(f"{shop.name}={shop.file}"))
    yield Remote(shop, served.url)
    forget_lambda(shop.name)


def test_without_a_function_the_way_out_is_told(remote: Remote) -> None:
    ran = remote.deploy()
    assert ran.status == 2
    assert ran.error == (
        f"partita: {remote.url} has no Lambda API; give --function NAME for the machine to call, "
        "and run that there: `partita serve --lambda NAME=FILE` [UNSUPPORTED]"
    )


def test_a_machine_is_deployed_and_updated(remote: Remote) -> None:
    name = remote.shop.name
    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{name}"
    assert remote.deploy("--function", name).out == f"created machine {arn} (version 1)\n"
    assert remote.deploy("--function", name).out.startswith("nothing changed")
    remote.shop.edit("refused: {error}", "refused {error}")
    assert "refused " in remote.deploy("--function", name, "--dry-run").out
    assert remote.deploy("--function", name).out == f"updated machine {arn} (version 2)\n"


def test_drift_is_told_and_mended(remote: Remote, served: Endpoint) -> None:
    name = remote.shop.name
    remote.deploy("--function", name)
    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{name}"
    text = served.client.describe_state_machine(stateMachineArn=arn)["definition"]
    changed = text.replace("charge(card, lines)", "changed")
    served.client.update_state_machine(stateMachineArn=arn, definition=changed)
    ran = remote.deploy("--function", name)
    assert ran.err == f"partita: machine {name} was changed since it was deployed from here\n"
    assert ran.out.startswith("updated machine")
    found = served.client.describe_state_machine(stateMachineArn=arn)["definition"]
    assert json.loads(found) == json.loads(text)


def test_a_machine_that_is_refused_changes_nothing(remote: Remote) -> None:
    other = "arn:aws:iam::123456789012:user/me"
    ran = remote.deploy("--function", remote.shop.name, "--role", other)
    assert ran.status == 2
    assert "is no role" in ran.error
    assert "no state machine" in remote("start", "shop.py:greet", "--input", '["x"]').error


@pytest.mark.parametrize(
    "input", ['["v", [{"name": "a", "cents": 5}]]', '{"args": ["v"], "kwargs": {"lines": []}}']
)
def test_it_is_started_with_the_arguments_of_the_workflow(remote: Remote, input: str) -> None:
    remote.deploy("--function", remote.shop.name)
    started = remote("start", "shop.py:checkout", "--input", input, "--output", "json")
    id = json.loads(started.out)["workflow_id"]
    assert id.startswith(f"{remote.shop.name}:")
    cents = 5 if "cents" in input else 0
    assert remote("result", id).out == f'"v paid {cents}, shipped"\n'
    assert "COMPLETED" in remote("show", id).out
    assert "TaskSucceeded" in remote("history", id).out
    assert id.partition(":")[2][:8] in remote("list").out


def test_handlers_get_the_errors_of_activities(remote: Remote) -> None:
    remote.deploy("--function", remote.shop.name)
    given = '["v", [{"name": "a", "cents": 5000}]]'
    remote("start", "shop.py:checkout", "--input", given, "--id", "two")
    assert remote("result", f"{remote.shop.name}:two").out == '"refused: too much, 5000"\n'


def test_an_error_that_nobody_catches_is_the_result(remote: Remote) -> None:
    remote.shop.edit("except Refused", "except LookupError")
    remote.shop.edit(", {error.code}", "")
    remote.deploy("--function", remote.shop.name)
    given = '["v", [{"name": "a", "cents": 5000}]]'
    remote("start", "shop.py:checkout", "--input", given, "--id", "three")
    ran = remote("result", f"{remote.shop.name}:three")
    assert ran.error == "partita: MachineFailedError: Refused: too much [WORKFLOW_FAILED]"


def test_arguments_that_do_not_fit_are_refused_before_they_are_sent(remote: Remote) -> None:
    remote.deploy("--function", remote.shop.name)
    ran = remote("start", "shop.py:checkout", "--input", '["v", [{"name": "a"}]]')
    assert ran.status == 2
    assert "cents" in ran.error


def test_an_execution_that_waits_is_cancelled(remote: Remote, served: Endpoint) -> None:
    """It waits for a task token that nobody has."""
    task: dict[str, object] = {"Type": "Task"}
    task["Resource"] = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    task |= {"Parameters": {"FunctionName": "take", "Payload.$": "$$.Task.Token"}, "End": True}
    wait = {"StartAt": "w", "States": {"w": task}}
    text = json.dumps(wait)
    register_lambda("take", lambda _: None)
    made = served.client.create_state_machine(name=remote.shop.name, definition=text, roleArn=ROLE)
    assert made["stateMachineArn"]
    file = Path(remote.shop.folder) / "wait.asl.json"
    file.write_text(text)
    remote("start", "wait.asl.json", "--id", "long", "--input", "{}")
    assert remote("cancel", f"{remote.shop.name}:long").status == 0
    assert "TERMINATED" in remote("show", f"{remote.shop.name}:long").out
    forget_lambda("take")


def test_a_bundle_runs_there_as_on_lambda(remote: Remote) -> None:
    shop = remote.shop
    (shop.folder / "tidy.py").write_text(OUTLINED, "utf-8")
    assert partita(shop.folder, "bundle", "tidy.py:tidy", "-o", "tidy.zip", "--outline").status == 0
    register_lambda(*lambda_function(f"{shop.name}={shop.folder / 'tidy.zip'}"))
    remote.deploy("--function", shop.name, "--outline", target="tidy.py:tidy")
    for text, expected in (("a1b22", '"aXbX (5)"'), ("", '"empty: no text, 7"')):
        remote("start", "tidy.py:tidy", "--input", json.dumps([text]), "--id", f"i{len(text)}")
        assert remote("result", f"{shop.name}:i{len(text)}").out == f"{expected}\n"
    remote("start", "tidy.py:tidy", "--input", '["die"]', "--id", "died")
    assert "status 3" in remote("result", f"{shop.name}:died").error


OUTLINED = """
import os
import re
from partita import activity, workflow


class Empty(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@activity
def length(text: str) -> int:
    print("told on stderr")
    if not text:
        raise Empty("no text", 7)
    if text == "die":
        os._exit(3)
    return len(text)


@workflow
def tidy(text: str) -> str:
    try:
        found = length(text)
    except Empty as error:
        return f"empty: {error}, {error.code}"
    plain = re.sub("[0-9]+", "X", text)
    return f"{plain} ({found})"
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("f=none.zip", "none.zip cannot be read: [Errno 2] No such file"),
        ("f=broken.zip", "broken.zip cannot be read: File is not a zip file"),
        ("f=other.zip", "other.zip cannot be read: it is no bundle; `partita bundle` makes one"),
    ],
)
def test_what_is_no_bundle_is_refused(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.zip").write_bytes(b"PK")
    Path("other.zip").write_bytes(zipped({"a.py": b""}))
    with pytest.raises(InvalidOptionError, match=re.escape(message)):
        lambda_function(text)


def test_a_distributed_map_runs_there(remote: Remote) -> None:
    remote.deploy("--function", remote.shop.name, target="shop.py:ship_all")
    remote("start", "shop.py:ship_all", "--input", '[["a", "b"]]', "--id", "all")
    found = remote("result", f"{remote.shop.name}:all").out
    assert json.loads(found) == ["a, shipped", "b, shipped"]


def until_waits(served: Endpoint, id: str, signal: str) -> None:
    """Wait until an execution waits for a signal."""
    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:{id}"
    found = False
    while not found:
        events = served.client.get_execution_history(executionArn=arn)["events"]
        asked = json.dumps(events, default=str).replace("\\", "")
        found = events[-1]["type"] == "TaskSubmitted" and f'"{signal}"' in asked


@pytest.mark.parametrize(("answer", "result"), [("true", "v paid 0, shipped"), ("false", "denied")])
def test_signals_come_back_with_the_token_of_the_wait(
    remote: Remote, served: Endpoint, answer: str, result: str
) -> None:
    remote.deploy("--function", remote.shop.name, target="shop.py:ask")
    remote("start", "shop.py:ask", "--input", '["v"]', "--id", "one")
    id = f"{remote.shop.name}:one"
    until_waits(served, id, "approved")
    ran = remote("signal", id, "paid", "--input", "5")
    assert ran.status == 5
    assert ran.error == (
        f"partita: {id} waits for no signal paid now (it waits for: approved), and AWS Step "
        "Functions keeps none for later; send it again when it waits [OPERATION_REFUSED]"
    )
    assert remote("signal", id, "approved", "--input", answer).status == 0
    assert remote("result", id).out == f'"{result}"\n'
    assert "waits for: none" in remote("signal", id, "approved", "--input", answer).error


def test_executions_of_express_machines_are_not_followed(remote: Remote) -> None:
    remote.deploy("--function", remote.shop.name, "--express")
    ran = remote("start", "shop.py:checkout", "--input", '["v", []]', "--id", "fast")
    assert ran.status == 0
    assert "is an Express machine, whose executions" in remote("result", ran.out.split()[0]).error


def test_a_machine_that_is_not_deployed_is_told(remote: Remote) -> None:
    ran = remote("start", "shop.py:checkout", "--input", '["v", []]')
    assert ran.status == 2
    assert f"has no state machine {remote.shop.name}; `partita deploy` makes one" in ran.error


TOLD = """
from partita import activity, workflow


class Unfit(ValueError):
    def __init__(self, message: str, rows: list[int]) -> None:
        super().__init__(message)
        self.rows = rows


@activity
def check(kind: str) -> int:
    if kind == "rows":
        raise Unfit("unfit", [1, 2])
    if kind == "arguments":
        raise KeyError("key")
    if kind == "large attribute":
        raise Unfit("unfit", [2**60])
    return 2**60


@workflow
def told(kind: str) -> int:
    return check(kind)
"""


@pytest.mark.parametrize("kind", ["rows", "arguments", "large attribute", "large result"])
def test_a_workflows_file_tells_errors_as_its_bundle_does(kind: str, tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(TOLD, "utf-8")
    assert partita(tmp_path, "bundle", "told.py:told", "-o", "told.zip").status == 0
    found = []
    for file in ("told.py", "told.zip"):
        _, handler = lambda_function(f"told={tmp_path / file}")
        with pytest.raises(Exception) as raised:  # noqa: PT011 - its class is made for the error
            handler({"activity": "check", "arguments": {"kind": kind}}, None)
        text, _, more = str(raised.value).partition("\n\nPartita: ")
        guard = text.rpartition(" ")[2] if "beyond 2**53" in text else text
        found.append((type(raised.value).__name__, guard, more))
    assert found[0] == found[1]
