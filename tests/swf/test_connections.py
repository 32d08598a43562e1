"""TLS, and connections of one request each, for clients that fork."""

from __future__ import annotations

import http.client
import os
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

from partita.cli import main
from partita.errors import InvalidOptionError
from partita.server.connections import Connections, self_signed
from partita.server.process import in_background
from partita.server.routes import Router
from tests.swf.command import served

FORKING = """
import os, sys, boto3

swf = boto3.client("swf", endpoint_url=sys.argv[1], region_name="us-east-1",
                   aws_access_key_id="AKID", aws_secret_access_key="secret")
swf.register_domain(name="d", workflowExecutionRetentionPeriodInDays="1")
swf.register_workflow_type(
    domain="d", name="flow", version="1", defaultTaskList={"name": "l"},
    defaultChildPolicy="TERMINATE", defaultExecutionStartToCloseTimeout="60",
    defaultTaskStartToCloseTimeout="60")
polls = [os.fork() for _ in range(1)]
if not polls[0]:
    task = swf.poll_for_decision_task(domain="d", taskList={"name": "l"})
    os._exit(0 if task["workflowExecution"]["workflowId"] == "w" else 1)
for _ in range(20):
    swf.list_domains(registrationStatus="REGISTERED")
swf.start_workflow_execution(
    domain="d", workflowId="w", workflowType={"name": "flow", "version": "1"})
_, status = os.waitpid(polls[0], 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Deciders of one program: a connection was open before it forked."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Connections:
    return self_signed(tmp_path_factory.mktemp("tls"))


def test_clients_that_fork_do_not_wait_for_each_other() -> None:
    with served("memory://", "--keep-alive", "0") as made:
        command = [sys.executable, "-c", FORKING, made.url]
        assert subprocess.run(command, check=False, timeout=60).returncode == 0


def ask(url: str, certificate: str | None = None) -> bool:
    """Ask an endpoint whether it serves; return whether it ends the connection after that."""
    port = int(url.rpartition(":")[2])
    connection: http.client.HTTPConnection
    if certificate is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    else:
        context = ssl.create_default_context(cafile=certificate)
        connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=30)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert answer.read() == b"ok\n"
        return answer.will_close
    finally:
        connection.close()


@pytest.mark.parametrize("keep_alive", [75, 1, 0])
def test_a_connection_serves_one_request_if_it_is_not_kept(keep_alive: int) -> None:
    with in_background(Router([]), connections=Connections(keep_alive=keep_alive)) as url:
        assert ask(url) is not bool(keep_alive)


def test_https_by_files(certificate: Connections, tmp_path: Path) -> None:
    assert certificate.certificate
    assert certificate.key
    both = tmp_path / "both.pem"
    both.write_text(Path(certificate.certificate).read_text() + Path(certificate.key).read_text())
    for given in (certificate, Connections(certificate=str(both))):
        given.check()
        with in_background(Router([]), connections=given) as url:
            assert url.startswith("https://127.0.0.1:")
            assert not ask(url, certificate.certificate)


def test_https_with_a_certificate_that_is_made_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    with served("memory://", "--tls-self-signed", str(folder)) as made:
        assert made.url.startswith("https://")
        assert not ask(made.url, str(folder / "cert.pem"))
        swf = boto3.client(
            "swf",
            endpoint_url=made.url,
            verify=str(folder / "cert.pem"),
            region_name="us-east-1",
            aws_access_key_id="AKID",
            aws_secret_access_key="secret",
        )
        assert swf.list_domains(registrationStatus="REGISTERED")["domainInfos"] == []


def test_a_self_signed_certificate_is_private_and_made_once(tmp_path: Path) -> None:
    made = self_signed(tmp_path / "new" / "tls")
    assert made.key
    assert stat.S_IMODE(os.stat(made.key).st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new" / "tls").stat().st_mode) == 0o700
    before = Path(made.key).read_bytes()
    assert self_signed(tmp_path / "new" / "tls") == made
    assert Path(made.key).read_bytes() == before


def test_a_self_signed_certificate_that_is_about_to_expire_is_made_anew(tmp_path: Path) -> None:
    made = self_signed(tmp_path)
    assert made.certificate
    old = Path(made.certificate).read_bytes()
    year_ago = time.time() - 365 * 86_400
    os.utime(made.certificate, (year_ago, year_ago))
    assert self_signed(tmp_path) == made
    assert Path(made.certificate).read_bytes() != old
    made.check()


def refusal(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["--backend", "memory://", "serve", "--insecure-local", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.endswith("[INVALID_OPTION]\n")
    return said


def test_what_cannot_be_used_is_refused(
    capsys: pytest.CaptureFixture[str], certificate: Connections, tmp_path: Path
) -> None:
    assert certificate.certificate
    text = tmp_path / "text"
    text.write_text("no certificate")
    missing, chain = str(tmp_path / "missing"), certificate.certificate
    assert "No such file" in refusal(capsys, "--tls-cert", missing)
    assert "no TLS with" in refusal(capsys, "--tls-cert", str(text))
    assert "no TLS with" in refusal(capsys, "--tls-cert", chain)
    assert "no TLS with" in refusal(capsys, "--tls-cert", chain, "--tls-key", str(text))
    assert "needs --tls-cert" in refusal(capsys, "--tls-key", str(text))
    assert "give either" in refusal(capsys, "--tls-self-signed", "x", "--tls-cert", chain)
    assert "cannot write" in refusal(capsys, "--tls-self-signed", str(text / "tls"))


def test_without_openssl_files_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidOptionError, match="--tls-cert"):
        self_signed(tmp_path / "tls")
