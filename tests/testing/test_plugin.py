"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

FLOW = """
from datetime import timedelta
from partita import activity, sleep, wait_signal, workflow

@activity
def add(a: int, b: int) -> int:
    return a + b

@workflow
def flow(n: int) -> int:
    sleep(timedelta(days=30))
    return add(n, 1)

@workflow
def listen() -> str:
    return wait_signal("answer", str)

calls = []

@activity
def count() -> int:
    calls.append(1)
    return len(calls)

@workflow
def fragile() -> int:
    return count()

@workflow
def broken() -> int:
    return object()
"""

PASSING = """
from flow import add, broken, flow, fragile, listen

def test_environment(partita_environment, partita_clock):
    begun = partita_clock()
    assert partita_environment.run(flow, 1) == 2
    assert partita_clock() == begun + 30 * 86400

def test_mock(partita_environment):
    charged = partita_environment.mock(add, return_value=7)
    assert partita_environment.run(flow, 1) == 7
    charged.assert_called_once_with(1, 1)

def test_crashes(partita_crashes):
    assert partita_crashes(flow, 1).crashes > 4

def test_endpoints(partita_stepfunctions, partita_swf, partita_openwhisk):
    from urllib.request import urlopen
    for url in (partita_stepfunctions, partita_swf):
        with urlopen(f"{url}/healthz") as answer:
            assert answer.status == 200
    with urlopen(f"{partita_openwhisk}/api/v1/namespaces") as answer:
        assert answer.read() == b'["guest"]'
"""

FAILING = """
from flow import broken, flow, fragile, listen

def test_unnoticed(partita_environment):
    partita_environment.start(broken)
    partita_environment.worker.stop()

def test_stuck(partita_environment):
    partita_environment.run(listen)

def test_crashes(partita_crashes):
    partita_crashes(fragile)
"""

EXPORTING = """
from flow import flow

def test_export(partita_environment, pytestconfig):
    handle = partita_environment.start(flow, 1)
    handle.result()
    history = partita_environment.client.export_history(handle.workflow_id)
    folder = pytestconfig.rootpath / "histories"
    folder.mkdir()
    (folder / "flow.json").write_text(history.dump())
"""

REPLAYING = """
import pathlib
import flow

def test_replay(partita_replay, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the folder is below the rootdir nevertheless
    (fit,) = partita_replay("histories")
    assert fit.error is None

def test_of_some_workflows(partita_replay, pytestconfig):
    folder = pytestconfig.rootpath / "histories" / "flow.json"
    assert len(partita_replay(folder, workflows=[flow.flow])) == 1
    partita_replay(folder, [flow.listen])
"""


@pytest.fixture
def flow(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(flow=FLOW)
    pytester.syspathinsert()
    return pytester


def run(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    options = ["-p", "no:randomly", "-p", "no:cacheprovider", "-W", "error"]
    return pytester.runpytest_subprocess(*options, *args, timeout=60)


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_all_fixtures(flow: pytest.Pytester, store: str) -> None:
    flow.makepyfile(test_it=PASSING)
    run(flow, f"--partita-store={store}").assert_outcomes(passed=4)


COMPILED = """
import asyncio
import pytest
from flow import add
from partita import activity, sleep, workflow
from partita.errors import MachineFailedError

@workflow
def flow(n: int) -> int:
    sleep(30 * 86400)
    return add(n, 1)

@activity
async def later(n: int) -> int:
    return n * 2

@workflow
async def twice(n: int) -> int:
    await asyncio.sleep(3600)
    return await later(n)

@workflow
def large(n: int) -> int:
    return n * n

def test_machines_run(partita_compiled, partita_environment, partita_clock):
    assert partita_compiled == [flow, twice, large]
    begun = partita_clock()
    added = partita_environment.mock(add, return_value=7)
    assert partita_environment.run(flow, 1) == 7
    assert partita_clock() == begun + 30 * 86400
    added.assert_called_once_with(1, 1)
    assert partita_environment.run(twice, 4) == 8
    with pytest.raises(MachineFailedError, match="Partita.Guard: .*:23:12: an integer beyond"):
        large(2**40)

def test_without_it():
    assert large(2**40) == 2**80
"""

REFUSED = """
from flow import broken

def test_refused(partita_compiled):
    raise AssertionError("not reached")
"""


def test_workflows_are_compiled(flow: pytest.Pytester) -> None:
    flow.makepyfile(test_it=COMPILED, test_refused=REFUSED)
    result = run(flow, "-p", "no:asyncio")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["*flow.py:*: object: a state machine has values of JSON, and no objects; *"]
    )


def test_failures_say_what_is_wrong(flow: pytest.Pytester) -> None:
    flow.makepyfile(test_it=FAILING)
    flow.makeini("[pytest]\npartita_patience = 0.05\npartita_store = sqlite\n")
    result = run(flow)
    result.assert_outcomes(passed=1, failed=2, errors=1)
    result.stdout.fnmatch_lines_random(
        [
            "*DecisionTaskFailedError: *cannot go on; mend the workflow's code*",
            "*WaitTimeoutError: *for signal 'answer', for what will not come*",
            "*a crash just before commit*of workflow fragile changes its outcome*",
        ]
    )


def test_histories_are_replayed(flow: pytest.Pytester) -> None:
    flow.makepyfile(test_export=EXPORTING)
    run(flow).assert_outcomes(passed=1)
    flow.makepyfile(test_replay=REPLAYING)
    result = run(flow, "test_replay.py")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*flow.json: no history of these workflows*"])


def test_code_that_changed_fails_the_replay(flow: pytest.Pytester) -> None:
    flow.makepyfile(test_export=EXPORTING)
    run(flow).assert_outcomes(passed=1)
    flow.makepyfile(flow=FLOW.replace("sleep(timedelta(days=30))", ""), test_replay=REPLAYING)
    result = run(flow, "test_replay.py", "-k", "test_replay")
    result.stdout.fnmatch_lines(["*flow.json: *flow.py:*the code asks for*but the history holds*"])


def test_options_that_cannot_be_meant(flow: pytest.Pytester) -> None:
    flow.makepyfile(test_it=PASSING)
    flow.makeini("[pytest]\npartita_store = oracle\n")
    result = run(flow)
    result.stdout.fnmatch_lines(["*partita_store = oracle: give memory or sqlite*"])


def test_it_can_be_turned_off(flow: pytest.Pytester) -> None:
    flow.makepyfile(test_it=PASSING)
    result = run(flow, "-p", "no:partita")
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(["*fixture 'partita_environment' not found*"])


def test_its_import_costs_nothing_but_the_package() -> None:
    code = (
        "import sys, partita; before = set(sys.modules); import partita.testing.plugin;"
        "print(sorted(m for m in set(sys.modules) - before if m.startswith('partita')))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "['partita.testing', 'partita.testing.plugin']"
