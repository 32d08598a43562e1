"""Verdicts and pauses in Python, on every store, by both kinds of client."""

from __future__ import annotations

import asyncio

import pytest

from partita import Retry, activity, sleep, wait_signal, workflow
from partita.client import AsyncClient
from partita.errors import InvalidOptionError, UnsupportedError, WaitTimeoutError
from partita.ports.service import PauseKind
from partita.server.local import swf_endpoint
from tests.conftest import Rig, until
from tests.why.conftest import connected

CALLS: list[int] = []


@activity
def counted() -> int:
    CALLS.append(1)
    return len(CALLS)


@workflow
def gated() -> int:
    wait_signal("go")
    return counted()


@workflow
def nested() -> int:
    return gated()


@workflow
def waits() -> None:
    sleep(3600)


def test_a_handle_is_paused_and_explained(rig: Rig) -> None:
    CALLS.clear()
    with rig.worker(gated, counted):
        handle = rig.client.start(gated)
        until(lambda: handle.why().code == "SIGNAL")
        assert handle.why().evidence["function"] == "gated"
        handle.pause("a recall")
        handle.signal("go")
        found = handle.why()
        assert (found.code, found.evidence["pause_reason"]) == ("PAUSED", "a recall")
        with pytest.raises(WaitTimeoutError, match=r"it is paused since .*; next: partita resume"):
            handle.result(timeout=0.05)
        assert CALLS == []
        handle.resume()
        assert handle.result(timeout=60) == 1
        assert handle.why().code == "COMPLETED"


def test_pauses_by_type_and_list(rig: Rig) -> None:
    client = rig.client
    client.pause_type(gated, "a recall")
    client.pause_type("gated")
    client.pause_task_list("default")
    found = {(one.kind, one.name, one.reason) for one in client.pauses()}
    assert found == {
        (PauseKind.TYPE, "gated", "a recall"),
        (PauseKind.TASK_LIST, "default", None),
    }
    client.set_limits("default", concurrency=2)
    assert client.limits()["default"].concurrency == 2
    client.set_limits("default")
    assert len(client.pauses()) == 2
    assert client.resume_type(gated)
    assert client.resume_task_list("default")
    assert not client.resume_task_list("default")
    assert client.pauses() == []
    for name in ("", "\0", "x" * 3000):
        with pytest.raises(InvalidOptionError):
            client.pause_task_list(name)
        with pytest.raises(InvalidOptionError):
            client.pause_type(name)


def test_an_asynchronous_client(rig: Rig) -> None:
    async def use() -> list[str]:
        client = AsyncClient(rig.client)
        handle = await client.start(waits)
        await handle.pause()
        codes = [(await handle.why()).code]
        await handle.resume()
        await client.pause_type(waits)
        codes.append((await client.why(handle.workflow_id)).code)
        assert await client.resume_type(waits)
        assert await client.pauses() == []
        codes.append((await client.why(handle.workflow_id)).code)
        return codes

    assert asyncio.run(use()) == ["PAUSED", "TYPE_PAUSED", "NO_WORKER"]


def test_children_are_followed_through_a_pause(rig: Rig) -> None:
    with rig.worker(nested, gated, counted):
        handle = rig.client.start(nested)
        until(lambda: handle.why().root.code == "SIGNAL")
        rig.client.pause_type(gated)
        found = handle.why()
        assert (found.code, found.root.code) == ("CHILD", "TYPE_PAUSED")
        assert found.next == "partita resume --type gated"
        rig.client.resume_type(gated)


def test_amazon_swf_pauses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "tests")
    with swf_endpoint() as address, connected(address) as client:
        for call in (lambda: client.pause("x"), lambda: client.pause_type("x"), client.pauses):
            with pytest.raises(UnsupportedError, match="Amazon SWF cannot pause executions"):
                call()


def test_ids_that_a_shell_would_take_apart(rig: Rig) -> None:
    id = "it's a $(test) -x"
    handle = rig.client.start_with(waits, workflow_id=id)
    found = handle.why()
    assert found.workflow_id == id
    handle.pause("two\nlines\x1b[31m")
    found = handle.why()
    assert found.next == """partita resume 'it'"'"'s a $(test) -x'"""
    assert "\n" not in found.sentence
    assert "\x1b" not in found.reason


@activity(retry=Retry(max_attempts=9, initial_interval=600, max_interval=600))
def refused() -> int:
    raise ValueError("no")


@workflow
def beside() -> str:
    submitted = refused.submit()
    wait_signal("go")
    return str(submitted.result())


@activity
def breaks_twice() -> int:
    raise ExceptionGroup("both", [KeyError("a"), ValueError("b")])


@workflow
def breaks() -> int:
    return breaks_twice()


def test_what_the_code_waits_for_comes_before_what_is_open_besides(rig: Rig) -> None:
    with rig.worker(beside, refused):
        handle = rig.client.start(beside)
        until(lambda: "tried again" in str(handle.why().others))
        assert handle.why().code == "SIGNAL"
        handle.signal("go")
        until(lambda: handle.why().code == "RETRIES")


def test_a_group_of_exceptions(rig: Rig) -> None:
    with rig.worker(breaks, breaks_twice):
        handle = rig.client.start(breaks)
        until(lambda: handle.why().code == "FAILED")
        found = handle.why()
    assert found.evidence["error"] == "KeyError"
    assert found.evidence["function"] == "breaks_twice"
    assert found.evidence["became"][0].startswith("ExceptionGroup: both")
