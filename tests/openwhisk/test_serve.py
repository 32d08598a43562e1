"""`partita serve --protocol openwhisk`: who may ask."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from partita.errors import OpenWhiskError
from partita.openwhisk import composer, conductor

SERVE = [sys.executable, "-m", "partita", "serve", "--port", "0", "--backend", "memory://"]


def announced(
    server: subprocess.Popen[str], keys: str = "unsigned requests", protocols: str = "openwhisk"
) -> str:
    """Return the URL of a server once it serves."""
    assert server.stderr is not None
    said = server.stderr.readline()
    found = re.match(rf"partita: {protocols} on (\S+); {keys}", said)
    assert found is not None, said
    return found[1]


def test_requests_need_a_key_of_the_file(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# ours\nkey:secret\n")
    server = subprocess.Popen([*SERVE, "--auth-file", str(keys)], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        url = announced(server, "1 access key")
        for key in ("key:wrong", "other:secret", "key"):
            client = conductor.openwhisk({"apihost": url, "api_key": key})
            with pytest.raises(OpenWhiskError, match=r"401.*check --auth"):
                client.actions.list()
        client = conductor.openwhisk({"apihost": url, "api_key": "key:secret"})
        assert client.actions.list() == []
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
        server.stderr.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--protocol", "openwhisk"], "no access keys"),
        (["--protocol", "openwhisk", "--host", "0.0.0.0", "--insecure-local"], "nothing listens"),
        (["--auth-file", "absent"], "--auth-file absent"),
    ],
)
def test_without_keys_nothing_is_served(options: list[str], said: str) -> None:
    done = subprocess.run([*SERVE, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr


def test_one_port_serves_openwhisk_and_amazons_protocols() -> None:
    command = [*SERVE, "--protocol", "swf", "--protocol", "openwhisk", "--insecure-local"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        url = announced(server, "unsigned requests", "swf and openwhisk")
        wsk = conductor.openwhisk({"apihost": url, "api_key": "any:key"})
        assert wsk.actions.list() == []
        headers = {
            "X-Amz-Target": "SimpleWorkflowService.ListDomains",
            "Content-Type": "application/x-amz-json-1.0",
        }
        body = b'{"registrationStatus": "REGISTERED"}'
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            assert "domainInfos" in json.load(answer)
    finally:
        server.terminate()
        server.wait()
        assert server.stderr is not None
        server.stderr.close()


def test_branches_run_behind_a_certificate_of_its_own(tmp_path: Path) -> None:
    options = ["--protocol", "openwhisk", "--insecure-local", "--tls-self-signed", str(tmp_path)]
    server = subprocess.Popen([*SERVE, *options], stderr=subprocess.PIPE, text=True)
    try:
        settings = {"apihost": announced(server), "api_key": "any:key", "ignore_certs": True}
        wsk = conductor.openwhisk(settings)
        wsk.actions.create({"name": "echo", "action": "def main(p):\n    return p\n"})
        made = composer.parallel("echo", "echo").compile()
        wsk.compositions.deploy({"name": "branches", **made})
        assert wsk.result_of("branches", {"n": 1}) == {"value": [{"n": 1}, {"n": 1}]}
    finally:
        server.terminate()
        server.wait()
        assert server.stderr is not None
        server.stderr.close()
