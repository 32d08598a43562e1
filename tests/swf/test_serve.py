"""`partita serve`: what it takes, and what it refuses to do."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from partita.cli import main
from partita.server import process
from partita.server.routes import Router
from partita.telemetry import server_log
from tests.swf.command import served
from tests.swf.conftest import DOMAIN, Story, decision
from tests.swf.test_operations import refused

HANDLER = """
def double(event, context):
    return {"twice": event["n"] * 2, "name": context.function_name}
"""


def refuses(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Run `serve` with options that it refuses; return what it says."""
    assert main(["--backend", "memory://", "serve", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARTITA_ACCESS_KEYS", raising=False)


def test_it_does_not_listen_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--insecure-local" in refuses(capsys)
    assert "without authentication" in refuses(capsys, "--host", "0.0.0.0")
    assert "without authentication" in refuses(capsys, "--host", "0.0.0.0", "--insecure-local")


def test_keys_that_are_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "ID:SECRET" in refuses(capsys, "--access-key", "justanid")
    said = refuses(capsys, "--access-key", "id:hush", "--access-key", ":hush")
    assert "hush" not in said
    assert "no such file" in refuses(capsys, "--access-key-file", str(tmp_path / "x")).lower()


def test_functions_that_are_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "swf_handlers.py"
    file.write_text(HANDLER)
    local = "--insecure-local"
    assert "NAME=FILE:HANDLER" in refuses(capsys, local, "--lambda", "double")
    assert "no function triple" in refuses(capsys, local, "--lambda", f"x={file}:triple")


def test_an_address_that_is_taken(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with served("memory://") as endpoint:
        said = refuses(capsys, "--insecure-local", "--port", str(endpoint.port))
        file = tmp_path / "x.db"
        taken = ["--insecure-local", "--port", str(endpoint.port)]
        assert main(["--backend", f"sqlite:///{file}", "serve", *taken]) == 2
    assert "choose another --port" in said
    assert not file.exists()


def test_keys_of_a_file(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# those of the team\n\nFILE:other\n")
    with served("memory://", "--access-key-file", str(keys), "--access-key", "GIVEN:x") as made:
        for id, secret in (("AKID", "secret"), ("FILE", "other"), ("GIVEN", "x")):
            made.new_client(id, secret).list_domains(registrationStatus="REGISTERED")
        with refused("UnrecognizedClientException"):
            made.new_client("NOBODY", "x").list_domains(registrationStatus="REGISTERED")
        assert made.stop() == 0


def test_functions_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text(HANDLER)
    with served("memory://", "--lambda", "double=handlers.py:double", folder=tmp_path) as made:
        story = Story(made)
        run_id = story.start(lambdaRole="role")
        story.decide(decision("ScheduleLambdaFunction", id="f", name="double", input='{"n": 4}'))
        kinds = [event["eventType"] for event in story.poll()["events"]]
        assert "LambdaFunctionCompleted" in kinds
        answer = story.client.get_workflow_execution_history(
            domain=DOMAIN, execution={"workflowId": "w", "runId": run_id}
        )
        completed = answer["events"][kinds.index("LambdaFunctionCompleted")]
        result = completed["lambdaFunctionCompletedEventAttributes"]["result"]
        assert result == '{"twice":8,"name":"double"}'


def test_help_is_there_without_a_server() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "partita", "serve", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "--access-key-file" in shown


def test_what_is_not_http_is_answered_and_not_complained_of() -> None:
    with served("memory://") as made, socket.create_connection(("127.0.0.1", made.port)) as wire:
        wire.sendall(b"garbage\r\n\r\n")
        assert wire.recv(1000).startswith(b"HTTP/1.1 400")
        assert made.stop() == 0
        assert made.process.stderr is not None
        assert made.process.stderr.read() == ""


class Slow:
    """A protocol that waits for a body for ever."""

    path, methods, target = "/", ["POST"], "Slow"

    def __init__(self) -> None:
        self.waits = threading.Event()

    async def answer(self, request: Request) -> Response:
        self.waits.set()
        return Response(await request.body())

    def close(self) -> None: ...


def test_who_waits_for_too_long_at_the_end_is_told_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    slow = Slow()
    with process.in_background(Router([slow]), shutdown_seconds=0) as url:
        wire = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))
        head = "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: Slow.Do\r\nContent-Length: 9\r\n\r\n"
        wire.sendall(head.encode())
        assert slow.waits.wait(20)
    with wire:
        assert wire.recv(1000).startswith(b"HTTP/1.1 503")
    assert not [record for record in caplog.records if record.exc_info]


def test_the_servers_own_words_are_ours(caplog: pytest.LogCaptureFixture) -> None:
    def passes(text: str) -> bool:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, text, (1,), None)
        return server_log.translate_record(record)

    assert passes("%d thing happened")
    assert not passes("Cancel %s running task(s), timeout graceful shutdown exceeded")
    assert "within 5 s of the signal are cut off" in caplog.text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--insecure-local"], "unsigned requests of this machine are taken"),
        (["--access-key", "A:b"], "1 access key;"),
        (["--access-key", "A:b", "--access-key", "C:d"], "2 access keys;"),
    ],
)
def test_it_says_who_may_speak(
    options: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("partita.cli.serve.serve_on", lambda *_: None)
    assert main(["--backend", "memory://", "serve", "--port", "0", *options]) == 0
    assert said in capsys.readouterr().err
